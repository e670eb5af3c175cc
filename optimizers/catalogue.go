package optimizers

import (
	"github.com/gradflow/gradflow/catalogue"
	"gorgonia.org/gorgonia"
)

// Catalogue lists the optimizers that a study or a flag can name.
var Catalogue = catalogue.New("optimizer",
	row("sgd", "stochastic gradient descent, with optional momentum and Nesterov look-ahead", NewSGD),
	row("rmsprop", "the gradient divided by its running root mean square", NewRMSProp),
	row("rmsprop-hinton", "rmsprop as in Hinton's slides, without eps", NewRMSPropHinton),
	row("rmsprop-graves", "rmsprop with the standard deviation, and momentum", NewRMSPropGraves),
	row("smorms3", "rmsprop whose memory and rate adapt to each weight", NewSMORMS3),
	row("irprop-minus", "the sign of the gradient, with a step size per weight", NewIRpropMinus).Cite("igel2003"),
	row("irprop-plus", "irprop-minus that undoes steps when the loss rose", NewIRpropPlus).Cite("igel2003"),
	row("rprop-minus", "rprop that keeps stepping when the sign changes", NewRpropMinus).Cite("igel2003"),
	row("rprop-plus", "rprop that undoes the last step when the sign changes", NewRpropPlus).Cite("igel2003"),
	row("vsgd-l", "a rate per weight, from the variance of the gradient and the curvature", NewVSGDL).Cite("schaul2013"),
	row("vsgd-b", "vsgd with one rate per parameter", NewVSGDB).Cite("schaul2013"),
	row("vsgd-g", "vsgd with a single rate", NewVSGDG).Cite("schaul2013"),
	row("vsgd-fd", "vsgd-l with curvature from a second gradient, and outlier detection", NewVSGDFD).Cite("schaul2013"),
	row("adam", "running mean of the gradient divided by its running root mean square", NewAdam).Cite("kingma2015"),
	row("adamw", "adam with decoupled weight decay", NewAdamW),
	row("nadamw", "adamw with Nesterov's momentum", NewNAdamW),
	row("schedule-free-sgd", "sgd that returns an average of its iterates instead of using a schedule", NewScheduleFreeSGD),
	row("schedule-free-adamw", "adamw that returns an average of its iterates instead of using a schedule", NewScheduleFreeAdamW),
	row("adagrad", "the gradient divided by the root of the sum of its squares", NewAdaGrad),
	row("adadelta", "steps in units of earlier steps", NewAdaDelta),
	row("signsgd", "the sign of the gradient, or of its running mean", NewSignSGD),
	row("lion", "the sign of the gradient mixed with its running mean", NewLion),
	row("lars", "steps proportional to each parameter's norm", NewLARS),
	row("lamb", "adam's direction, scaled to each parameter's norm", NewLAMB),
	row("muon", "orthogonalised momentum of each layer", NewMuon),
	row("kfac", "each layer's gradient, preconditioned by a Kronecker-factored curvature", NewKFAC).Cite("martens2015"),
	row("normalized-gradient", "the direction of each parameter's gradient", NewNormalized),
	row("partition", "different optimizers for parameters selected by name", NewPartition),
	row("chain", "an optimizer with links before and after it", NewChain),
)

func row[C any, S gorgonia.Solver](name, doc string, build func(C) (S, error)) catalogue.Entry[gorgonia.Solver] {
	return catalogue.Row(name, doc, func(c C) (gorgonia.Solver, error) {
		s, err := build(c)
		if err != nil {
			return nil, err // not a nil S in a Solver
		}
		return s, nil
	})
}

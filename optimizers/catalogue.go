package optimizers

import (
	"github.com/gradflow/gradflow/catalogue"
	"gorgonia.org/gorgonia"
)

// Catalogue has the optimizers that text can ask for by name.
var Catalogue = catalogue.New("optimizer",
	row("sgd", "stochastic gradient descent, with momentum and Nesterov's look ahead", NewSGD),
	row("rmsprop", "the gradient over its running root mean square", NewRMSProp),
	row("rmsprop-hinton", "rmsprop as on the slides, without eps", NewRMSPropHinton),
	row("rmsprop-graves", "rmsprop by the standard deviation, with momentum", NewRMSPropGraves),
	row("smorms3", "rmsprop whose memory and rate adapt to each weight", NewSMORMS3),
	row("irprop-minus", "the sign of the gradient with a step of its own for each weight", NewIRpropMinus),
	row("irprop-plus", "irprop-minus that takes steps back where the loss rose", NewIRpropPlus),
	row("rprop-minus", "rprop that steps on where the sign turns", NewRpropMinus),
	row("rprop-plus", "rprop that takes the last step back where the sign turns", NewRpropPlus),
	row("vsgd-l", "a rate for each weight from the variance of the gradient and the curvature", NewVSGDL),
	row("vsgd-b", "vsgd with one rate for each parameter", NewVSGDB),
	row("vsgd-g", "vsgd with one rate", NewVSGDG),
	row("vsgd-fd", "vsgd-l with the curvature from a second gradient, and outliers detected", NewVSGDFD),
	row("adam", "running mean of the gradient over its running root mean square", NewAdam),
	row("adamw", "adam with decoupled weight decay", NewAdamW),
	row("nadamw", "adamw with Nesterov's momentum", NewNAdamW),
	row("schedule-free-sgd", "sgd whose result is an average of its steps, in place of a schedule", NewScheduleFreeSGD),
	row("schedule-free-adamw", "adamw whose result is an average of its steps, in place of a schedule", NewScheduleFreeAdamW),
	row("adagrad", "the gradient over the root of the sum of its squares", NewAdaGrad),
	row("adadelta", "steps in units of earlier steps", NewAdaDelta),
	row("signsgd", "the sign of the gradient, or of its running mean", NewSignSGD),
	row("lion", "the sign of the gradient mixed with its running mean", NewLion),
	row("lars", "steps that are a share of each parameter's norm", NewLARS),
	row("lamb", "adam's direction with each parameter's norm", NewLAMB),
	row("muon", "the velocity of each layer, orthogonalised", NewMuon),
	row("kfac", "the gradient of each layer over a Kronecker product that approximates its curvature", NewKFAC),
	row("normalized-gradient", "the direction of each parameter's gradient", NewNormalized),
	row("partition", "an optimizer for each parameter, by its name", NewPartition),
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

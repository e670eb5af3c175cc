package optimizers

import (
	"github.com/gradflow/gradflow/internal/catalogue"
	"gorgonia.org/gorgonia"
)

// Catalogue has the optimizers that text can ask for by name.
var Catalogue = catalogue.New("optimizer",
	row("sgd", "stochastic gradient descent, with momentum and Nesterov's look ahead", NewSGD),
	row("rmsprop", "the gradient over its running root mean square", NewRMSProp),
	row("smorms3", "rmsprop whose memory and rate adapt to each weight", NewSMORMS3),
	row("irprop-minus", "the sign of the gradient with a step of its own for each weight", NewIRpropMinus),
	row("irprop-plus", "irprop-minus that takes steps back where the loss rose", NewIRpropPlus),
	row("rprop-minus", "rprop that steps on where the sign turns", NewRpropMinus),
	row("rprop-plus", "rprop that takes the last step back where the sign turns", NewRpropPlus),
	row("vsgd-fd", "a rate for each weight from the variance of gradient and curvature", NewVSGDFD),
	row("adam", "running mean of the gradient over its running root mean square", NewAdam),
	row("adamw", "adam with decoupled weight decay", NewAdamW),
	row("adagrad", "the gradient over the root of the sum of its squares", NewAdaGrad),
	row("adadelta", "steps in units of earlier steps", NewAdaDelta),
	row("partition", "an optimizer for each parameter, by its name", NewPartition),
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

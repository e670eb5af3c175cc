package normalization

import (
	"fmt"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Site is the place in a layer at which a normalisation acts.
type Site int

const (
	PreActivation Site = iota // z = x·W + b, before f: of shape (batch, units)
	Activation                // f(z), after it: of shape (batch, units)
	Weight                    // W: of shape (inputs, units)
	Distance                  // the squared distances ‖x - c‖² of an RBF layer: of shape (batch, units)
)

func (s Site) String() string {
	if s < PreActivation || s > Distance {
		return fmt.Sprintf("site %d", int(s))
	}
	return [...]string{"pre-activations", "activations", "weights", "squared distances"}[s]
}

// Normalization normalises one thing in each layer of a network. It is plain data that
// any number of layers and networks share.
type Normalization interface {
	// Name is lower-case and hyphenated.
	Name() string
	// Site is what is normalised.
	Site() Site
	// Normalize returns the normalised x, of x's shape. The names of its parameters and
	// statistics start with that of the layer and a slash.
	Normalize(b Builder, layer string, x *G.Node) (*G.Node, error)
}

// BiasRemover is a [Normalization] that takes away what is added to all examples
// alike. Where it follows x·W + b, the bias has no effect: models leave it out. (Its
// gradient would be rounding errors, which optimizers that disregard a gradient's size
// would follow.)
type BiasRemover interface {
	Normalization
	RemovesBias()
}

// Restarter is a [Normalization] of weights with parameters that start from the weights'
// values. An initialiser that changes weights to fit data, such as LSUV, needs it: only
// then do the normalised weights, which are what the layer multiplies by, follow.
type Restarter interface {
	Normalization
	// Restart returns a function that sets the layer's parameters anew, as they would
	// start from the values that the weights then have. It is an error if the settings
	// say what they start from instead. It is called after Normalize.
	Restart(b Builder, layer string, weights *G.Node) (func() error, error)
}

// Grouped is an optional interface of a [Normalization] over groups of units, which must divide
// the units of a layer.
type Grouped interface {
	Normalization
	// Groups returns their number.
	Groups() int
}

// Builder is what a normalisation needs of the graph under construction.
type Builder interface {
	// Learnable returns the node of the parameter with this name and shape, the same
	// each time. fill sets the first values of a new one, zeros before; nil leaves these.
	Learnable(name string, fill func(x []float64), shape ...int) (*G.Node, error)
	// Statistic returns the node of a tensor that is not learned. Its elements are value
	// at first; the training and the evaluation graph of a model share it.
	Statistic(name string, value float64, shape ...int) (*G.Node, error)
	// Training reports whether the graph is for training.
	Training() bool
	// AfterStep has update called once for each training step, with the nodes needed
	// bound to the values of the step's batch.
	AfterStep(update func() error, needs ...*G.Node)
}

// Placement says on which side of f a normalisation acts.
type Placement string

const (
	Before Placement = "before"
	After  Placement = "after"
)

func (p Placement) site() Site {
	if p == After {
		return Activation
	}
	return PreActivation
}

func (p Placement) check() error {
	if p != Before && p != After {
		return catalogue.Invalid("placement", "%q: want before or after", p)
	}
	return nil
}

// all returns a fill of one value.
func all(value float64) func([]float64) {
	return func(x []float64) {
		for i := range x {
			x[i] = value
		}
	}
}

// float are the types of a network's numbers.
type float interface{ float32 | float64 }

// scaleAndShift returns the parameters γ and β of a layer, and where they start.
func scaleAndShift(b Builder, layer string, units int, scale, shift float64) (gamma, beta *G.Node, err error) {
	if gamma, err = b.Learnable(layer+"/gamma", all(scale), units); err != nil {
		return nil, nil, err
	}
	beta, err = b.Learnable(layer+"/beta", all(shift), units)
	return gamma, beta, err
}

// columns returns the second dimension of a matrix.
func columns(x *G.Node) (int, error) {
	if x == nil || x.Dims() != 2 {
		return 0, errors.Errorf("%v is not a matrix", x)
	}
	return x.Shape()[1], nil
}

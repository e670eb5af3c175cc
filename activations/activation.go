package activations

import (
	"github.com/gradflow/gradflow/internal/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Activation is the nonlinearity of a layer, applied to each of its pre-activations.
type Activation interface {
	// Name is lower-case and hyphenated, the same in code, text and plots.
	Name() string
	// F returns f(z).
	F(z float64) float64
	// Derivative returns f'(z).
	Derivative(z float64) float64
	// Node returns the node f(z), of z's shape, float32 or float64, with a symbolic
	// derivative.
	Node(z *G.Node) (*G.Node, error)
}

// Elementwise makes an activation of f and its derivative df. Both must be pure
// functions, defined for every number; networks of float32 round their results.
// Several activations of one name, such as closures over different parameters, can
// be used side by side.
func Elementwise(name string, f, df func(z float64) float64) Activation {
	return &elementwise{name: name, f: f, df: df, function: func() *ops.Function { return ops.FunctionOf(name, f, df) }}
}

type elementwise struct {
	name     string
	f, df    func(float64) float64
	function func() *ops.Function                                        // a new one for each node, as it may have memory of its own
	rounding func(z float64, t tensor.Dtype) (value, derivative float64) // nil: no steps that cancel
}

func (e *elementwise) Name() string                 { return e.name }
func (e *elementwise) F(z float64) float64          { return e.f(z) }
func (e *elementwise) Derivative(z float64) float64 { return e.df(z) }

// RoundingError implements activationtest.Rounding.
func (e *elementwise) RoundingError(z float64, t tensor.Dtype) (value, derivative float64) {
	if e.rounding == nil {
		return 0, 0
	}
	return e.rounding(z, t)
}

func (e *elementwise) Node(z *G.Node) (*G.Node, error) {
	if e.f == nil || e.df == nil {
		return nil, errors.Errorf("activation %q: the function or its derivative is nil", e.name)
	}
	y, err := ops.Pointwise(e.function(), z)
	return y, errors.Wrapf(err, "activation %q", e.name)
}

// vectorised makes an activation of the catalogue, with kernels for its values and
// for dy·f'(z).
func vectorised(name string, f, df func(float64) float64,
	f32 func(dst, z []float32), grad32 func(dst, z, dy []float32),
	f64 func(dst, z []float64), grad64 func(dst, z, dy []float64)) Activation {
	return &elementwise{name: name, f: f, df: df, function: func() *ops.Function {
		return &ops.Function{Name: name, F32: f32, Grad32: grad32, F64: f64, Grad64: grad64}
	}}
}

package activations

import (
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Activation is the nonlinearity of a layer. It maps the pre-activations z, of shape
// (batch, units), to the activations y. Most are one function of each element: see
// [Scalar]. Others, such as a softmax or the norm of a row, read a whole row; what changes
// the number of columns implements [Resizer], too.
type Activation interface {
	// Name is lower-case and hyphenated, the same in code, text and plots.
	Name() string
	// Node returns the node of y for the matrix z, float32 or float64, with a symbolic
	// derivative. Unless the activation is a [Resizer], y is of z's shape.
	Node(z *G.Node) (*G.Node, error)
}

// Scalar is an [Activation] that is one function of one variable, y = f(z) for each element.
// Only these have a mean-field theory, a gain, a critical initialisation and regions of
// saturation. Node takes a z of any shape.
type Scalar interface {
	Activation
	// F returns f(z).
	F(z float64) float64
	// Derivative returns f'(z).
	Derivative(z float64) float64
}

// ScalarOf returns a as a [Scalar], or an error which says that theory has nothing to say of
// a, because it is not element-wise.
func ScalarOf(a Activation) (Scalar, error) {
	if f, ok := a.(Scalar); ok {
		return f, nil
	}
	if a == nil {
		return nil, errors.New("the activation is nil")
	}
	return nil, errors.Errorf("activation %s has no mean-field theory: not element-wise", a.Name())
}

// Resizer is an [Activation] that changes the number of columns: from columns of z become
// to columns of y. A maxout of k pieces is (k, 1), a gated linear unit (2, 1), a concatenated
// ReLU (1, 2). A layer has as many pre-activations as its units require.
type Resizer interface {
	Activation
	Resize() (from, to int)
}

// PreActivations returns the number of pre-activations of a layer whose activations f are
// units, both per example.
func PreActivations(f Activation, units int) (int, error) {
	from, to, err := resize(f)
	if err == nil && units%to != 0 {
		err = errors.Errorf("activation %s makes %d columns of each %d: the number of units must be a multiple of %d, not %d", f.Name(), to, from, to, units)
	}
	return units / max(to, 1) * from, err
}

// Units is the inverse of [PreActivations].
func Units(f Activation, preActivations int) (int, error) {
	from, to, err := resize(f)
	if err == nil && preActivations%from != 0 {
		err = errors.Errorf("activation %s makes %d columns of each %d: the number of pre-activations must be a multiple of %d, not %d", f.Name(), to, from, from, preActivations)
	}
	return preActivations / max(from, 1) * to, err
}

func resize(f Activation) (from, to int, err error) {
	r, ok := f.(Resizer)
	if !ok {
		return 1, 1, nil
	}
	if from, to = r.Resize(); from < 1 || to < 1 {
		return 1, 1, errors.Errorf("activation %s makes %d columns of each %d: both must be at least 1", f.Name(), to, from)
	}
	return from, to, nil
}

// Elementwise makes an activation of f and its derivative df. Both must be pure
// functions, defined for every number; networks of float32 round their results.
// Several activations of one name, such as closures over different parameters, can
// be used side by side.
func Elementwise(name string, f, df func(z float64) float64) Scalar {
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
	f64 func(dst, z []float64), grad64 func(dst, z, dy []float64)) Scalar {
	return &elementwise{name: name, f: f, df: df, function: func() *ops.Function {
		return &ops.Function{Name: name, F32: f32, Grad32: grad32, F64: f64, Grad64: grad64}
	}}
}

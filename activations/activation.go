package activations

import (
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/internal/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
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
	function func() *ops.Function // a new one for each node, as it may have memory of its own
}

func (e *elementwise) Name() string                 { return e.name }
func (e *elementwise) F(z float64) float64          { return e.f(z) }
func (e *elementwise) Derivative(z float64) float64 { return e.df(z) }

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

// stretched makes a·f(b·z) of an activation of the catalogue.
func stretched(name string, a, b float64, inner Activation) Activation {
	in := inner.(*elementwise)
	return &elementwise{
		name: name,
		f:    func(z float64) float64 { return a * in.f(b*z) },
		df:   func(z float64) float64 { return a * b * in.df(b*z) },
		function: func() *ops.Function {
			f := in.function()
			return &ops.Function{
				Name:   name,
				F32:    stretch(a, b, f.F32),
				F64:    stretch(a, b, f.F64),
				Grad32: stretchGradient(a, b, f.Grad32),
				Grad64: stretchGradient(a, b, f.Grad64),
			}
		},
	}
}

func stretch[T kernels.Float](a, b float64, f func(dst, z []T)) func(dst, z []T) {
	return func(dst, z []T) {
		kernels.Scale(dst, z, T(b))
		f(dst, dst)
		kernels.Scale(dst, dst, T(a))
	}
}

func stretchGradient[T kernels.Float](a, b float64, grad func(dst, z, dy []T)) func(dst, z, dy []T) {
	const block = 512
	inner := make([]T, block) // b·z, a piece at a time: dst may be dy
	return func(dst, z, dy []T) {
		for len(z) > 0 {
			n := min(block, len(z))
			kernels.Scale(inner[:n], z[:n], T(b))
			grad(dst[:n], inner[:n], dy[:n])
			kernels.Scale(dst[:n], dst[:n], T(a*b))
			dst, z, dy = dst[n:], z[n:], dy[n:]
		}
	}
}

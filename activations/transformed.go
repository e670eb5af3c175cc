package activations

import (
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/internal/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Transformed is γ·(f(αz + β) + δ), with the derivative αγ f'(αz + β).
type Transformed struct {
	Alpha, Beta, Gamma, Delta float64

	name string
	f    Activation
}

// transform makes a transformed activation.
func transform(name string, f Activation, alpha, beta, gamma, delta float64) *Transformed {
	return &Transformed{alpha, beta, gamma, delta, name, f}
}

// Name is that of the method: "dks".
func (t *Transformed) Name() string { return t.name }

// Of returns f.
func (t *Transformed) Of() Activation { return t.f }

// F returns γ·(f(αz + β) + δ).
func (t *Transformed) F(z float64) float64 { return t.Gamma * (t.f.F(t.Alpha*z+t.Beta) + t.Delta) }

// Derivative returns αγ f'(αz + β).
func (t *Transformed) Derivative(z float64) float64 {
	return t.Gamma * t.Alpha * t.f.Derivative(t.Alpha*z+t.Beta)
}

// Node implements [Activation], by f's kernels if it has them.
func (t *Transformed) Node(z *G.Node) (*G.Node, error) {
	function := ops.FunctionOf(t.name, t.F, t.Derivative)
	if in, ok := t.f.(*elementwise); ok && in.f != nil && in.df != nil {
		function = t.function(in.function())
	}
	y, err := ops.Pointwise(function, z)
	return y, errors.Wrapf(err, "activation %q", t.name)
}

// function computes by f's kernels for float64, also for float32: γ and δ are such
// that f(αz + β) + δ cancels by as many digits as γ has. In float64 the values are
// F's, as two ways to compute f differ by what is left of the digits.
func (t *Transformed) function(f *ops.Function) *ops.Function {
	const block = 512
	u, y, g := make([]float64, block), make([]float64, block), make([]float64, block)
	inner := func(z []float64) []float64 { // αz + β
		for i, v := range z {
			y[i] = t.Alpha*v + t.Beta
		}
		return y[:len(z)]
	}
	slopes := func(z, dy []float64) { // y = dy·f̂'(z)
		in := inner(z)
		f.Grad64(in, in, dy)
		kernels.Scale(in, in, t.Alpha*t.Gamma)
	}
	return &ops.Function{
		Name: t.name,
		F64: func(dst, z []float64) {
			for i, v := range z {
				dst[i] = t.F(v)
			}
		},
		F32: func(dst, z []float32) {
			for len(z) > 0 {
				n := min(block, len(z))
				convert(u[:n], z[:n])
				in := inner(u[:n])
				f.F64(in, in)
				for i, v := range in {
					dst[i] = float32(t.Gamma * (v + t.Delta))
				}
				dst, z = dst[n:], z[n:]
			}
		},
		Grad64: func(dst, z, dy []float64) {
			for len(z) > 0 {
				n := min(block, len(z))
				slopes(z[:n], dy[:n])
				copy(dst, y[:n])
				dst, z, dy = dst[n:], z[n:], dy[n:]
			}
		},
		Grad32: func(dst, z, dy []float32) {
			for len(z) > 0 {
				n := min(block, len(z))
				convert(u[:n], z[:n])
				convert(g[:n], dy[:n])
				slopes(u[:n], g[:n])
				convert(dst[:n], y[:n])
				dst, z, dy = dst[n:], z[n:], dy[n:]
			}
		},
	}
}

// convert sets dst to x in another precision.
func convert[A, B kernels.Float](dst []A, x []B) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = A(v)
	}
}

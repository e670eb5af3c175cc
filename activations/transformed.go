package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Transformed is γ·(f(αz + β) + δ), with the derivative αγ f'(αz + β).
type Transformed struct {
	Alpha, Beta, Gamma, Delta float64

	name string
	f    Scalar
}

// transform makes a transformed activation.
func transform(name string, f Scalar, alpha, beta, gamma, delta float64) *Transformed {
	return &Transformed{alpha, beta, gamma, delta, name, f}
}

// Name is that of the method: "dks".
func (t *Transformed) Name() string { return t.name }

// Of returns f.
func (t *Transformed) Of() Scalar { return t.f }

// F returns γ·(f(αz + β) + δ).
func (t *Transformed) F(z float64) float64 { return t.Gamma * (t.f.F(t.Alpha*z+t.Beta) + t.Delta) }

// Derivative returns αγ f'(αz + β).
func (t *Transformed) Derivative(z float64) float64 {
	return t.Gamma * t.Alpha * t.f.Derivative(t.Alpha*z+t.Beta)
}

// Node implements [Activation], by f's kernels if it has them.
func (t *Transformed) Node(z *G.Node) (*G.Node, error) {
	var function *ops.Function
	switch in := t.f.(type) {
	case *elementwise:
		if in.f != nil && in.df != nil {
			function = t.function(in.function())
		}
	case *formula:
		function = t.function(in.function())
	}
	if function == nil {
		function = ops.FunctionOf(t.name, t.F, t.Derivative)
	}
	y, err := ops.Pointwise(function, z)
	return y, errors.Wrapf(err, "activation %q", t.name)
}

// function computes in float64 for float32, too: γ and δ are such that f(αz + β) + δ
// cancels by as many digits as γ has.
func (t *Transformed) function(f *ops.Function) *ops.Function {
	inner := make([]float64, block) // αz + β, a piece at a time: dst may be dy
	own := &ops.Function{
		Name: t.name,
		F64: func(dst, z []float64) {
			for i, v := range z {
				dst[i] = t.Alpha*v + t.Beta
			}
			f.F64(dst, dst)
			for i, v := range dst[:len(z)] {
				dst[i] = t.Gamma * (v + t.Delta)
			}
		},
		Grad64: func(dst, z, dy []float64) {
			for len(z) > 0 {
				n := min(block, len(z))
				for i, v := range z[:n] {
					inner[i] = t.Alpha*v + t.Beta
				}
				f.Grad64(dst[:n], inner[:n], dy[:n])
				kernels.Scale(dst[:n], dst[:n], t.Alpha*t.Gamma)
				dst, z, dy = dst[n:], z[n:], dy[n:]
			}
		},
	}
	own.F32, own.Grad32 = widened(own.F64, own.Grad64)
	return own
}

// RoundingError implements activationtest.Rounding: the last digit of f and of its
// argument, times γ.
func (t *Transformed) RoundingError(z float64, of tensor.Dtype) (value, derivative float64) {
	const last = 0x1p-52
	u := t.Alpha*z + t.Beta
	if r, ok := t.f.(interface {
		RoundingError(float64, tensor.Dtype) (float64, float64)
	}); ok {
		value, derivative = r.RoundingError(u, tensor.Float64)
	}
	argument := last * (math.Abs(t.Alpha*z) + math.Abs(t.Beta))
	value += 2*last*(math.Abs(t.f.F(u))+math.Abs(t.Delta)) + argument*math.Abs(t.f.Derivative(u))
	if math.IsNaN(value) {
		value = math.Inf(1)
	}
	return math.Abs(t.Gamma) * value, math.Abs(t.Alpha*t.Gamma) * derivative
}

// convert sets dst to x in another precision.
func convert[A, B kernels.Float](dst []A, x []B) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = A(v)
	}
}

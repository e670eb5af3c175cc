package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// Tanh is the hyperbolic tangent: f'(z) = 1/cosh²z, of which a saturated unit still
// has 4e^-2|z|.
func Tanh() Scalar {
	return vectorised("tanh", math.Tanh, sech2,
		kernels.Tanh[float32], kernels.TanhGrad[float32],
		kernels.Tanh[float64], kernels.TanhGrad[float64])
}

// sech2 returns 1/cosh²z = 4u/(1+u)² with u = e^-2|z|, which neither overflows nor
// cancels.
func sech2(z float64) float64 {
	u := math.Exp(-2 * math.Abs(z))
	return 4 * u / ((1 + u) * (1 + u))
}

// ScaledTanh is 1.7159 tanh(2z/3), which maps ±1 to ±1 and has its largest second
// derivative there (Y. LeCun, L. Bottou, G. Orr, K.-R. Müller: Efficient BackProp, 1998).
func ScaledTanh() Scalar {
	return composed(composition{name: "scaled-tanh", text: "1.7159*tanh(2/3*z)",
		f:  func(z float64) float64 { return 1.7159 * math.Tanh(2./3*z) },
		df: func(z float64) float64 { return 1.7159 * 2 / 3 * sech2(2./3*z) }})
}

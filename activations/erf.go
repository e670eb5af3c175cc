package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// Erf is the error function, 2/√π ∫₀ᶻ e^(-t²) dt: f'(z) = 2/√π e^(-z²).
func Erf() Scalar {
	return vectorised("erf", math.Erf,
		func(z float64) float64 {
			h := math.Exp(-z * z / 2) // in two factors, so that only the result underflows
			return 2 / math.SqrtPi * h * h
		},
		kernels.Erf[float32], kernels.ErfGrad[float32],
		kernels.Erf[float64], kernels.ErfGrad[float64])
}

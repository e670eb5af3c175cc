package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// Gaussian is e^(-z²): f'(z) = -2z e^(-z²), which is 0 at the top as well as in
// the tails.
func Gaussian() Scalar {
	return vectorised("gaussian",
		func(z float64) float64 { return math.Exp(-z * z) },
		func(z float64) float64 {
			if math.IsInf(z, 0) {
				return math.Copysign(0, -z)
			}
			h := math.Exp(-z * z / 2) // in two factors, so that only the result underflows
			return -2 * z * h * h
		},
		kernels.Gaussian[float32], kernels.GaussianGrad[float32],
		kernels.Gaussian[float64], kernels.GaussianGrad[float64])
}

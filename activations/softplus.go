package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// Softplus is log(1 + e^z): f'(z) = 1/(1 + e^-z). It saturates to the left only, and
// its values are all positive.
func Softplus() Scalar {
	return vectorised("softplus",
		func(z float64) float64 { return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) },
		logistic,
		kernels.Softplus[float32], kernels.SoftplusGrad[float32],
		kernels.Softplus[float64], kernels.SoftplusGrad[float64])
}

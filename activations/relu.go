package activations

import "github.com/gradflow/gradflow/internal/kernels"

// ReLU is max(z, 0), f'(z) = 1 for z > 0 and 0 elsewhere: the baseline that does not
// saturate where it is active.
func ReLU() Scalar {
	return vectorised("relu",
		func(z float64) float64 { return max(z, 0) },
		func(z float64) float64 {
			switch {
			case z > 0:
				return 1
			case z <= 0:
				return 0
			}
			return z // NaN
		},
		kernels.ReLU[float32], kernels.ReLUGrad[float32],
		kernels.ReLU[float64], kernels.ReLUGrad[float64])
}

package activations

import "github.com/gradflow/gradflow/internal/kernels"

// HardTanh is z between -1 and 1, and the nearer of these beyond: f'(z) = 1 for |z| < 1,
// and exactly 0 elsewhere.
func HardTanh() Activation {
	return vectorised("hard-tanh",
		hardTanh[float64], func(z float64) float64 { return hardTanhGradient(z, 1) },
		mapped(hardTanh[float32]), mappedGradient(hardTanhGradient[float32]),
		mapped(hardTanh[float64]), mappedGradient(hardTanhGradient[float64]))
}

func hardTanh[F kernels.Float](z F) F { return max(-1, min(z, 1)) }

func hardTanhGradient[F kernels.Float](z, dy F) F {
	if z >= 1 || z <= -1 {
		return 0
	}
	return dy
}

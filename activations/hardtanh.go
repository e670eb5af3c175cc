package activations

import "github.com/gradflow/gradflow/internal/kernels"

// HardTanh is z between -1 and 1, and the nearer of these beyond: f'(z) = 1 for |z| < 1,
// and exactly 0 elsewhere.
func HardTanh() Scalar {
	return vectorised("hard-tanh", hardTanh[float64], func(z float64) float64 { return hardTanhGradient(z, 1) },
		hardTanhs[float32], hardTanhGradients[float32],
		hardTanhs[float64], hardTanhGradients[float64])
}

func hardTanh[F kernels.Float](z F) F {
	if z > 1 {
		return 1
	}
	if z < -1 {
		return -1
	}
	return z
}

func hardTanhGradient[F kernels.Float](z, dy F) F {
	switch {
	case z >= 1 || z <= -1:
		return 0
	case z != z:
		return z // NaN
	}
	return dy
}

func hardTanhs[F kernels.Float](dst, z []F) {
	for i, v := range z {
		dst[i] = hardTanh(v)
	}
}

func hardTanhGradients[F kernels.Float](dst, z, dy []F) {
	for i, v := range z {
		dst[i] = hardTanhGradient(v, dy[i])
	}
}

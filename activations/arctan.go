package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// Arctan is the inverse tangent, between ±π/2: f'(z) = 1/(1 + z²). Its tails fall off as
// a power, not exponentially.
func Arctan() Scalar {
	return vectorised("arctan", math.Atan, func(z float64) float64 { return arctanGradient(z, 1) },
		arctans[float32], arctanGradients[float32],
		arctans[float64], arctanGradients[float64])
}

func arctans[F kernels.Float](dst, z []F) {
	for i, v := range z {
		dst[i] = F(math.Atan(float64(v)))
	}
}

// arctanGradient divides by z twice where z² overflows, and 1 is nothing beside it.
func arctanGradient[F kernels.Float](z, dy F) F {
	if z > 0x1p60 || z < -0x1p60 {
		return dy / z / z
	}
	return dy / (1 + z*z)
}

func arctanGradients[F kernels.Float](dst, z, dy []F) {
	for i, v := range z {
		dst[i] = arctanGradient(v, dy[i])
	}
}

package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// Arctan is the inverse tangent, between ±π/2: f'(z) = 1/(1 + z²). Its tails fall off as
// a power, not exponentially.
func Arctan() Activation {
	atan := func(z float32) float32 { return float32(math.Atan(float64(z))) }
	return vectorised("arctan", math.Atan, func(z float64) float64 { return arctanGradient(z, 1) },
		mapped(atan), mappedGradient(arctanGradient[float32]),
		mapped(math.Atan), mappedGradient(arctanGradient[float64]))
}

// arctanGradient divides by z twice where z² overflows, and 1 is nothing beside it.
func arctanGradient[F kernels.Float](z, dy F) F {
	if absolute(z) > 0x1p60 {
		return dy / z / z
	}
	return dy / (1 + z*z)
}

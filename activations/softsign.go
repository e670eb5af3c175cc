package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// Softsign is z/(1 + |z|): f'(z) = 1/(1 + |z|)². Its tails fall off as a power, not
// exponentially (X. Glorot, Y. Bengio: Understanding the difficulty of training deep
// feedforward neural networks, 2010).
func Softsign() Scalar {
	return vectorised("softsign", softsign, func(z float64) float64 { return 1 / (1 + math.Abs(z)) / (1 + math.Abs(z)) },
		softsigns[float32], softsignGradients[float32],
		softsigns[float64], softsignGradients[float64])
}

func softsign(z float64) float64 {
	if math.IsInf(z, 0) {
		return math.Copysign(1, z)
	}
	return z / (1 + math.Abs(z))
}

func softsigns[F kernels.Float](dst, z []F) {
	for i, v := range z {
		y := v / (1 + F(math.Abs(float64(v))))
		if y != y {
			y = F(softsign(float64(v)))
		}
		dst[i] = y
	}
}

func softsignGradients[F kernels.Float](dst, z, dy []F) {
	for i, v := range z {
		r := 1 + F(math.Abs(float64(v)))
		dst[i] = dy[i] / r / r // not by r², which overflows
	}
}

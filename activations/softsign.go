package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// Softsign is z/(1 + |z|): f'(z) = 1/(1 + |z|)². Its tails fall off as a power, not
// exponentially (X. Glorot, Y. Bengio: Understanding the difficulty of training deep
// feedforward neural networks, 2010).
func Softsign() Activation {
	return vectorised("softsign", softsign[float64], func(z float64) float64 { return softsignGradient(z, 1) },
		mapped(softsign[float32]), mappedGradient(softsignGradient[float32]),
		mapped(softsign[float64]), mappedGradient(softsignGradient[float64]))
}

func softsign[F kernels.Float](z F) F {
	if math.IsInf(float64(z), 0) {
		return F(math.Copysign(1, float64(z)))
	}
	return z / (1 + absolute(z))
}

// softsignGradient divides twice, as the square overflows.
func softsignGradient[F kernels.Float](z, dy F) F { return dy / (1 + absolute(z)) / (1 + absolute(z)) }

func absolute[F kernels.Float](z F) F {
	if z < 0 {
		return -z
	}
	return z
}

package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// Sigmoid is the logistic function 1/(1 + e^-z): f'(z) = f(z)·f(-z), at most 1/4.
func Sigmoid() Scalar {
	return vectorised("sigmoid", logistic,
		func(z float64) float64 { return logistic(z) * logistic(-z) },
		kernels.Sigmoid[float32], kernels.SigmoidGrad[float32],
		kernels.Sigmoid[float64], kernels.SigmoidGrad[float64])
}

func logistic(z float64) float64 {
	if z < 0 {
		u := math.Exp(z)
		return u / (1 + u)
	}
	return 1 / (1 + math.Exp(-z))
}

// timesLogistic returns x·s(z), of which s(z) alone may underflow.
func timesLogistic(x, z float64) float64 {
	if z < -700 {
		h := math.Exp(z / 2)
		return x * h * h
	}
	return x * logistic(z)
}

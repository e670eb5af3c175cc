package activations

import "github.com/gradflow/gradflow/internal/kernels"

// LeakyReLU is z for z > 0 and slope·z elsewhere: f'(z) = 1 or slope (A. Maas, A. Hannun,
// A. Ng: Rectifier nonlinearities improve neural network acoustic models, 2013). With a
// learned slope it is Formula("max(z,0) + a*min(z,0)", …), PReLU.
func LeakyReLU(slope float64) Activation {
	return vectorised("leaky-relu",
		func(z float64) float64 { return leakyGradient(slope)(z, z) },
		func(z float64) float64 { return leakyGradient(slope)(z, 1) },
		leakyValues[float32](slope), mappedGradient(leakyGradient(float32(slope))),
		leakyValues[float64](slope), mappedGradient(leakyGradient(slope)))
}

// leakyGradient is dy·f'(z); with dy = z it is f(z).
func leakyGradient[F kernels.Float](slope F) func(z, dy F) F {
	return func(z, dy F) F {
		if z <= 0 {
			dy *= slope
		}
		return dy
	}
}

func leakyValues[F kernels.Float](slope float64) func(dst, z []F) {
	f := leakyGradient(F(slope))
	return mapped(func(z F) F { return f(z, z) })
}

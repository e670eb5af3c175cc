package activations

// far is where e^-|z| and z e^-|z| are 0 in double precision: what is beyond counts as
// there, so that -Inf·0 does not come about.
const far = 1500

// SiLU is z/(1 + e^-z), also named swish: f'(z) = s(z)·(1 + z s(-z)), s being the
// sigmoid. Its least value is -0.278, at z = -1.278 (S. Elfwing, E. Uchibe, K. Doya:
// Sigmoid-weighted linear units for neural network function approximation, 2018).
func SiLU() Scalar {
	return composed(composition{
		name:      "silu",
		text:      "max(z, -2*far)*sigmoid(z)",
		constants: map[string]float64{"far": far},
		reach:     far,
		f:         func(z float64) float64 { return timesLogistic(max(z, -far), z) },
		df: func(z float64) float64 {
			z = min(max(z, -far), far)
			return timesLogistic(1+z*logistic(-z), z)
		},
	})
}

package activations

// Mish is z·tanh(log(1 + e^z)). It is computed as z s (1 + t)/(1 + t²) with s = s(z), the
// sigmoid, and t = 1 - s, which is the same and loses nothing where s is small (D. Misra:
// Mish: a self regularized non-monotonic activation function, 2020). Its least value is
// -0.309, at z = -1.192.
func Mish() Scalar {
	return composed(composition{
		name:      "mish",
		text:      "max(z, -2*far)*sigmoid(z)*((1 + sigmoid(-z))/(1 + sigmoid(-z)^2))",
		constants: map[string]float64{"far": far},
		reach:     far,
		f: func(z float64) float64 {
			t := logistic(-z)
			return timesLogistic(max(z, -far), z) * ((1 + t) / (1 + t*t))
		},
		df: func(z float64) float64 {
			z = min(max(z, -far), far)
			s, t := logistic(z), logistic(-z)
			u := 1 + t*t
			return timesLogistic((1+t)/u+z*t*((1+t)/u-s*(1-2*t-t*t)/(u*u)), z)
		},
	})
}

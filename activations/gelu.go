package activations

import "math"

// GELU is z·Φ(z), Φ being the normal distribution function, erfc(-z/√2)/2: f'(z) = Φ(z) +
// z φ(z), with the density φ. Its least value is -0.170, at z = -0.752 (D. Hendrycks, K.
// Gimpel: Gaussian error linear units, 2016).
func GELU() Scalar {
	return composed(composition{
		name:      "gelu",
		text:      "max(z, -2*far)*(erfc(-z/sqrt(2))/2)",
		constants: map[string]float64{"far": far},
		reach:     far,
		wide:      true,
		f:         func(z float64) float64 { return max(z, -far) * normal(z) },
		df: func(z float64) float64 {
			z = min(max(z, -far), far)
			h := math.Exp(-z * z / 4)
			return normal(z) + z*(h*h)/math.Sqrt(2*math.Pi)
		},
	})
}

func normal(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// GELUTanh is z/2·(1 + tanh u), u = √(2/π)(z + 0.044715z³), the authors' approximation of
// [GELU], within 0.0005: f'(z) = s(2u) (1 + 2u' z s(-2u)), s being the sigmoid.
func GELUTanh() Scalar {
	const c, d = 0.79788456080286535588, 0.044715 // √(2/π)
	return composed(composition{
		name:      "gelu-tanh",
		text:      "max(z, -2*far)*sigmoid(2*c*(z + d*z^3))",
		constants: map[string]float64{"far": far, "c": c, "d": d},
		reach:     far,
		wide:      true,
		f:         func(z float64) float64 { return timesLogistic(max(z, -far), 2*c*(z+d*z*z*z)) },
		df: func(z float64) float64 {
			z = min(max(z, -far), far)
			u := c * (z + d*z*z*z)
			return timesLogistic(1+2*c*(1+3*d*z*z)*z*logistic(-2*u), 2*u)
		},
	})
}

package activations

import "math"

// ELU is z for z > 0 and alpha·(e^z - 1) elsewhere: f'(z) = 1 or alpha·e^z (D.-A. Clevert,
// T. Unterthiner, S. Hochreiter: Fast and accurate deep network learning by exponential
// linear units, 2016). It saturates to the left, at -alpha.
func ELU(alpha float64) Scalar { return elu("elu", alpha, 1) }

// SELU is 1.0507·ELU(1.6733): with weights of variance 1/fan-in it has q = 1 as a stable
// fixed point (G. Klambauer et al.: Self-normalizing neural networks, 2017).
func SELU() Scalar { return elu("selu", 1.6732632423543772, 1.0507009873554805) }

func elu(name string, alpha, scale float64) Scalar {
	return composed(composition{
		name:      name,
		text:      "l*max(z, 0) + a*expm1(min(z, 0))",
		constants: map[string]float64{"l": scale, "a": scale * alpha},
		f: func(z float64) float64 {
			if z > 0 {
				return scale * z
			}
			return scale * alpha * math.Expm1(z)
		},
		df: func(z float64) float64 {
			if z > 0 {
				return scale
			}
			return scale * alpha * math.Exp(z)
		},
	})
}

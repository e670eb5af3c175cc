package activations

// LeakyReLU is z for z > 0 and slope·z elsewhere: f'(z) = 1 or slope (A. Maas, A. Hannun,
// A. Ng: Rectifier nonlinearities improve neural network acoustic models, 2013). With a
// learned slope it is Formula("max(z, 0) + a*min(z, 0)", …), PReLU.
func LeakyReLU(slope float64) Scalar {
	at := func(z, above, below float64) float64 {
		switch {
		case z > 0:
			return above
		case z <= 0:
			return below
		}
		return z // NaN
	}
	return composed(composition{
		name:      "leaky-relu",
		text:      "max(z, 0) + slope*min(z, 0)",
		constants: map[string]float64{"slope": slope},
		f:         func(z float64) float64 { return at(z, z, slope*z) },
		df:        func(z float64) float64 { return at(z, 1, slope) },
	})
}

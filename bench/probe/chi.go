package probe

import "math"

// Chi is log10 of χ, by which the squared norm of the gradient is multiplied on its way back
// from one layer to the one below,
//
//	χ_l = ‖∂L/∂z_l‖² / ‖∂L/∂z_(l+1)‖²
//
// of sums, not of means per unit, which would change where the width does. NaN in the last
// layer, and where layers don't follow each other, such as the last time step of a recurrent
// layer and the first of the next.
const Chi Quantity = "chi"

var chi = row(Chi, "log10 of the factor of the squared gradient from the layer above", Measure{
	Unit: "log10", Of: []Source{PreActivationGradients}, Map: true,
	Value: func(v *Values) float64 {
		norm, above := v.Norm(), v.NormAbove()
		if math.IsInf(above, -1) {
			return math.NaN()
		}
		return 2 * (norm - above)
	},
})

package probe

import "math"

// Saturated is the share of units in saturation (see activations.Saturation), 0 to 1. The output
// layer, which is linear, has 0; a layer whose function has no regions of saturation, such as an
// LSTM, has NaN.
const Saturated Quantity = "saturated"

var saturated = row(Saturated, "share of the units in saturation", Measure{
	Unit: "share", Of: []Source{PreActivations}, Map: true,
	Value: func(v *Values) float64 {
		n, defined := v.Saturated()
		if !defined {
			return math.NaN()
		}
		return float64(n) / float64(v.Len())
	},
})

package probe

// Units that don't distinguish the examples of the batch, as shares of the layer's units. NaN
// where saturation is not defined for the layer's function.
const (
	// SaturatedBelow is the share of units saturated for every example on the left of the
	// function, such as a sigmoid near 0 or a rectified linear unit that is off; SaturatedAbove
	// on its right. A region around 0, such as the top of a Gaussian, is on neither side.
	SaturatedBelow Quantity = "units-saturated-below"
	SaturatedAbove Quantity = "units-saturated-above"
	// DeadUnits is the share of units whose ∂L/∂z is exactly 0 for every example: their
	// incoming weights don't learn from this batch.
	DeadUnits Quantity = "dead-units"
)

var (
	saturatedBelow = row(SaturatedBelow, "share of the units that are saturated on the left for every example", Measure{
		Unit: "share", Of: []Source{PreActivations}, Value: func(v *Values) float64 { return v.unitsSaturated(true) },
	})
	saturatedAbove = row(SaturatedAbove, "share of the units that are saturated on the right for every example", Measure{
		Unit: "share", Of: []Source{PreActivations}, Value: func(v *Values) float64 { return v.unitsSaturated(false) },
	})
	deadUnits = row(DeadUnits, "share of the units whose ∂L/∂z is exactly 0 for every example", Measure{
		Unit: "share", Of: []Source{PreActivationGradients},
		Value: func(v *Values) float64 {
			return v.UnitsWhere(func(x float64) bool { return x == 0 })
		},
	})
)

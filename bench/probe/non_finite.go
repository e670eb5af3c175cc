package probe

// NonFinite is the number of elements of z, y, ∂L/∂z and ∂L/∂W that are NaN or infinite.
const NonFinite Quantity = "non-finite"

var nonFinite = row(NonFinite, "number of elements of z, y, ∂L/∂z and ∂L/∂W that are NaN or infinite", Measure{
	Unit: "count", Of: []Source{PreActivations, Activations, PreActivationGradients, WeightGradients},
	Value: func(v *Values) float64 { return float64(v.NonFinite()) },
})

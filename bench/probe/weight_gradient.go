package probe

// WeightGradient is log10 of the norm of ∂L/∂W; -Inf where it is 0.
const WeightGradient Quantity = "weight-gradient"

var weightGradient = row(WeightGradient, "log10 of the norm of ∂L/∂W", Measure{
	Unit: "log10", Of: []Source{WeightGradients}, Value: (*Values).Norm,
})

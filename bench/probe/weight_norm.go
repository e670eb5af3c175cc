package probe

// WeightNorm is log10 of the norm of W before the update.
const WeightNorm Quantity = "weight-norm"

var weightNorm = row(WeightNorm, "log10 of the norm of W before the update", Measure{
	Unit: "log10", Of: []Source{Weights}, Value: (*Values).Norm,
})

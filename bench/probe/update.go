package probe

// Update is log10 of the ratio of the norms of the step's change of W and of W.
const Update Quantity = "update"

var update = row(Update, "log10 of the norm of the step's change of W over that of W", Measure{
	Unit: "log10", Of: []Source{Updates}, Map: true,
	Value: func(v *Values) float64 { return v.Norm() - v.WeightNorm() },
})

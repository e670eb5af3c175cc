package probe

// ZeroGradient is the share of elements of ∂L/∂z that are exactly 0.
const ZeroGradient Quantity = "zero-gradient"

var zeroGradient = row(ZeroGradient, "share of the elements of ∂L/∂z that are exactly 0", Measure{
	Unit: "share", Of: []Source{PreActivationGradients},
	Value: func(v *Values) float64 { return float64(v.Zeros()) / float64(v.Len()) },
})

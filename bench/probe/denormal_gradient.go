package probe

// DenormalGradient is the share of elements of ∂L/∂z that are denormal.
const DenormalGradient Quantity = "denormal-gradient"

var denormalGradient = row(DenormalGradient, "share of the elements of ∂L/∂z that are denormal", Measure{
	Unit: "share", Of: []Source{PreActivationGradients},
	Value: func(v *Values) float64 { return float64(v.Denormals()) / float64(v.Len()) },
})

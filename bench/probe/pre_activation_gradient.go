package probe

// PreActivationGradient is log10 of the norm of ∂L/∂z over the batch; -Inf where it is 0.
const PreActivationGradient Quantity = "pre-activation-gradient"

var preActivationGradient = row(PreActivationGradient, "log10 of the norm of ∂L/∂z over the batch", Measure{
	Unit: "log10", Of: []Source{PreActivationGradients}, Value: (*Values).Norm, Map: true,
})

package probe

// Decorrelation is log10(1 - c), with c the mean correlation of two examples of the batch in
// a layer's pre-activations, and that of their gradients ∂L/∂z,
//
//	1 - c = Σ_i ‖z_i - m‖² / ((B-1) mean_i ‖z_i‖²)
//
// for B examples z_i of mean m: 0 where examples are uncorrelated, -8 where they agree to eight
// digits and the forward signal is practically dead. It is the correlation that mean-field
// theory follows from layer to layer. It is -Inf if examples are equal to the last bit, NaN for
// one example or all zeros. Below [Floor] it is rounding.
const (
	Decorrelation         Quantity = "decorrelation"
	GradientDecorrelation Quantity = "gradient-decorrelation"
)

// Floor is the least log10(1 - c) that an element type can show: below it, differences between
// examples are rounding.
func Floor(dtype string) float64 {
	if dtype == "float32" {
		return -13
	}
	return -30
}

var (
	decorrelation = row(Decorrelation, "log10 of 1 - c, the correlation of two examples in z", Measure{
		Unit: "log10", Of: []Source{PreActivations}, Value: (*Values).Apart, Map: true,
	})
	gradientDecorrelation = row(GradientDecorrelation, "log10 of 1 - c, the correlation of two examples in ∂L/∂z", Measure{
		Unit: "log10", Of: []Source{PreActivationGradients}, Value: (*Values).Apart,
	})
)

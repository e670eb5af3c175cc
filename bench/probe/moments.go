package probe

// Mean and standard deviation of z and of y = f(z), over units and batch.
const (
	PreActivationMean      Quantity = "pre-activation-mean"
	PreActivationDeviation Quantity = "pre-activation-deviation"
	ActivationMean         Quantity = "activation-mean"
	ActivationDeviation    Quantity = "activation-deviation"
)

var (
	preActivationMean = row(PreActivationMean, "mean of z over units and batch", Measure{
		Of: []Source{PreActivations}, Value: (*Values).Mean,
	})
	preActivationDeviation = row(PreActivationDeviation, "standard deviation of z over units and batch", Measure{
		Of: []Source{PreActivations}, Value: (*Values).Deviation,
	})
	activationMean = row(ActivationMean, "mean of f(z) over units and batch", Measure{
		Of: []Source{Activations}, Value: (*Values).Mean,
	})
	activationDeviation = row(ActivationDeviation, "standard deviation of f(z) over units and batch", Measure{
		Of: []Source{Activations}, Value: (*Values).Deviation,
	})
)

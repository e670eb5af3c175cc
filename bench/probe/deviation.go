package probe

// The deviation of z over units and batch has two parts: differences between examples, and
// differences between units only, which carry no signal. Their squares add up to the square of
// [PreActivationDeviation].
const (
	// ExampleDeviation is the root mean square over units of a unit's deviation over the
	// batch.
	ExampleDeviation Quantity = "example-deviation"
	// UnitDeviation is the deviation over units of their means over the batch.
	UnitDeviation Quantity = "unit-deviation"
)

var (
	exampleDeviation = row(ExampleDeviation, "deviation of z over examples, root mean square over units", Measure{
		Of: []Source{PreActivations}, Value: (*Values).ExampleDeviation,
	})
	unitDeviation = row(UnitDeviation, "deviation over units of their mean z over examples", Measure{
		Of: []Source{PreActivations}, Value: (*Values).UnitDeviation,
	})
)

package probe

import "github.com/gradflow/gradflow/catalogue"

// Quantity is the name of what is measured of each layer in a step: a name in [Catalogue].
type Quantity string

func (q Quantity) String() string { return string(q) }

// Source is the tensor of which a quantity is measured.
type Source int

const (
	// PreActivations are z, a row for each example.
	PreActivations Source = iota
	// Activations are y = f(z).
	Activations
	// PreActivationGradients are ∂L/∂z.
	PreActivationGradients
	// WeightGradients are ∂L/∂W. Layers that share a weight, as time steps do, have one
	// measurement of this and of the next two.
	WeightGradients
	// Weights are W before the update.
	Weights
	// Spectra are of the Jacobian from each hidden layer to the last: see [Values.Spectrum].
	Spectra
	// Updates are W before the update less W after it.
	Updates
	sources
)

// Measure is how a quantity is measured, and where it is shown: a row of [Catalogue].
//
//	probe.Catalogue.Add(catalogue.Row("largest-gradient", "log10 of the largest |∂L/∂z|",
//		func(struct{}) (probe.Measure, error) {
//			return probe.Measure{
//				Unit: "log10", Head: "largest", Map: true,
//				Of:   []probe.Source{probe.PreActivationGradients},
//				Value: func(v *probe.Values) float64 {
//					largest := 0.
//					for i := range v.Len() {
//						largest = max(largest, math.Abs(v.At(i)))
//					}
//					return math.Log10(largest)
//				},
//			}, nil
//		}))
type Measure struct {
	Unit string // "log10", "share", "count", or "" for the unit of z
	// Of lists the sources of the quantity. The values of several sources are added up; the
	// first one must come first in a step, whose order is that of the constants.
	Of []Source
	// Value returns the measurement; NaN if the layer does not have the quantity. It is called
	// in training steps: it must not change anything, keep v, or allocate.
	Value func(v *Values) float64
	// Head is that of the quantity's column in the table of `gradflow profile`, where it
	// has one beside those that the table always has; "" for none.
	Head string
	// Memory returns how many numbers [Values.Memory] keeps from one sample to the next for a
	// layer of the given size; nil: none.
	Memory func(examples, units int) int
	// OnRequest quantities cost too much to be measured unless they are asked for by name.
	OnRequest bool
	// Map is whether the report draws the quantity as a heat map of layers by steps. Over
	// runs, reports take medians.
	Map bool
}

// Catalogue lists the quantities that are measured.
var Catalogue = catalogue.New("quantity",
	weightGradient, preActivationGradient, update,
	preActivationMean, preActivationDeviation, activationMean, activationDeviation,
	saturated, zeroGradient, denormalGradient, nonFinite, weightNorm,
	decorrelation, gradientDecorrelation, chi, exampleDeviation, unitDeviation, drift,
	saturatedBelow, saturatedAbove, deadUnits, effectiveRank,
	jacobianLargest, jacobianMedian, jacobianSmallest, jacobianMeanSquare, jacobianVariance, partialJacobian,
)

// row makes a row of the catalogue.
func row(name Quantity, doc string, m Measure) catalogue.Entry[Measure] {
	if m.OnRequest {
		doc += "; on request"
	}
	return catalogue.Row(string(name), doc, func(struct{}) (Measure, error) { return m, nil })
}

// Names are the names of this package's own quantities.
var Names = Catalogue.Names()

// OnRequest are the names of those that are measured only on request.
func OnRequest() (list []string) {
	for _, name := range Catalogue.Names() {
		if m, err := Catalogue.Make(catalogue.Choice{Name: name}); err == nil && m.OnRequest {
			list = append(list, name)
		}
	}
	return list
}

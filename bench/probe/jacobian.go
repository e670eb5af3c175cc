package probe

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// Quantities of the Jacobian ∂z_L/∂z_l, from a hidden layer to the last, in float64: log10 of its
// singular values s for one example, and the partial Jacobian norm, a mean over the batch. Both
// take a network of their own and many backward passes, and are measured only on request.
//
// They are NaN for the output layer and where the layers do not form a chain, as in recurrent
// networks. With a normalisation over the batch, which couples its examples, single examples have
// no Jacobian: only the partial norm is measured.
const (
	JacobianLargest    Quantity = "jacobian-largest"
	JacobianMedian     Quantity = "jacobian-median"
	JacobianSmallest   Quantity = "jacobian-smallest"
	JacobianMeanSquare Quantity = "jacobian-mean-square"
	// JacobianVariance is Var(s²)/mean(s²)², 0 where all directions are stretched alike.
	JacobianVariance Quantity = "jacobian-relative-variance"
	// PartialJacobian is log10 of E 1/n_L Σ_ij (∂z^L_i/∂z^l_j)²: see jacobian.Partial.
	PartialJacobian Quantity = "partial-jacobian"
)

// Spectrum is what is known of the Jacobian from a layer to the last hidden one. All but
// RelativeVariance are log10.
type Spectrum struct {
	Largest, Median, Smallest, MeanSquare float64
	RelativeVariance                      float64
	Partial                               float64
}

// UnknownSpectrum has nothing.
func UnknownSpectrum() Spectrum {
	nan := math.NaN()
	return Spectrum{nan, nan, nan, nan, nan, nan}
}

// Spectrum returns the layer's, of the source [Spectra].
func (v *Values) Spectrum() Spectrum { return v.spectrum }

var (
	jacobianLargest = ofSpectrum(JacobianLargest, "log10 of the largest singular value of ∂z_L/∂z_l", "log10", func(s Spectrum) float64 { return s.Largest })
	jacobianMedian  = ofSpectrum(JacobianMedian, "log10 of the median singular value of ∂z_L/∂z_l", "log10", func(s Spectrum) float64 { return s.Median })

	jacobianSmallest   = ofSpectrum(JacobianSmallest, "log10 of the smallest singular value of ∂z_L/∂z_l", "log10", func(s Spectrum) float64 { return s.Smallest })
	jacobianMeanSquare = ofSpectrum(JacobianMeanSquare, "log10 of the mean of s² of ∂z_L/∂z_l", "log10", func(s Spectrum) float64 { return s.MeanSquare })
	jacobianVariance   = ofSpectrum(JacobianVariance, "Var(s²)/mean(s²)² of ∂z_L/∂z_l", "", func(s Spectrum) float64 { return s.RelativeVariance })
	partialJacobian    = ofSpectrum(PartialJacobian, "log10 of E 1/n_L Σ (∂z_L/∂z_l)², by random vectors", "log10", func(s Spectrum) float64 { return s.Partial })
)

func ofSpectrum(name Quantity, doc, unit string, of func(Spectrum) float64) catalogue.Entry[Measure] {
	return row(name, doc, Measure{
		Unit: unit, Of: []Source{Spectra}, OnRequest: true, Map: true,
		Value: func(v *Values) float64 { return of(v.spectrum) },
	})
}

package profile

import (
	"context"
	"fmt"
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/bench/jacobian"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/normalization"
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"
)

// Jacobian is the spectrum of ∂z_L/∂z_1, from the first hidden layer to the last, of single
// examples at initialisation, in float64.
type Jacobian struct {
	jacobian.Spectrum
	// PredictedRelativeVariance is that of infinitely wide layers, from the batch's own size
	// on; null if there is no theory.
	PredictedRelativeVariance record.Number `json:"relative_variance_predicted"`
	// AtWidth is what a linear network of normal weights has at this width and depth, and Width
	// the least at which that is within a tenth of infinite width's; 0 of other weights.
	AtWidth record.Number `json:"relative_variance_at_width,omitzero"`
	Width   int           `json:"width_for_theory,omitempty"`
	// Layers are the spectra from each layer to the last, of the first example.
	Layers []jacobian.Layer `json:"layers"`
}

// jacobianExamples is how many examples of the batch are measured.
const jacobianExamples = 3

// CheckJacobian returns an error if single examples have no Jacobian in a network.
func CheckJacobian(c record.Config) error {
	if norm, err := normalization.Catalogue.Make(c.Normalization); err == nil && norm != nil && norm.Name() == "batch-norm" {
		return errors.New("--jacobian: batch norm couples the examples of a batch, so that in training a single example has no Jacobian: measure the network with layer-norm or without a norm")
	}
	return nil
}

// MeasureJacobian adds the spectrum of the Jacobian to a profile.
func MeasureJacobian(ctx context.Context, p *Profile) error {
	c := p.Config
	c.DType, c.FlushToZero = "float64", false
	if err := CheckJacobian(c); err != nil {
		return err
	}
	a, err := study.Assemble(c)
	if err != nil {
		return err
	}
	if _, err := a.Start(); err != nil {
		return err
	}
	if _, err := a.Network(); err != nil {
		return err
	}
	if len(a.Parameters.Statistics()) > 0 { // of the batch, in training
		return errors.Errorf("--jacobian: %s couples the examples of a batch, so that in training a single example has no Jacobian", c.Normalization.Name)
	}
	shape := a.Shape(min(jacobianExamples, c.Batch))
	x, t := make([]float64, shape.Batch*shape.Inputs), make([]float64, shape.Batch*shape.Outputs)
	if err := a.Task.Train().Batches(c.Seed, shape.Batch).Next64(x, t); err != nil {
		return errors.Wrap(err, "--jacobian")
	}
	var examples [][]float64
	for i := range shape.Batch {
		examples = append(examples, x[i*shape.Inputs:(i+1)*shape.Inputs])
	}
	r, err := jacobian.Measure(ctx, func(batch int) (*models.Network, error) {
		return models.Build(a.Model, a.Shape(batch), a.Parameters, false)
	}, examples, true)
	if err != nil {
		return errors.Wrap(err, "--jacobian")
	}
	p.Jacobian = &Jacobian{Spectrum: r.Hidden, PredictedRelativeVariance: record.Number(math.NaN()), Layers: r.Layers}
	p.Jacobian.Log10 = nil // those of the first example: Layers has them
	return p.predictIsometry(a)
}

// predictIsometry adds what theory says of a plain network: the sum over layers of what f'
// adds and of what the weights do, whose own spread is taken from the second layer's.
func (p *Profile) predictIsometry(a *study.Assembly) error {
	m, plain := a.Model.(models.MLP)
	scalar, err := activations.ScalarOf(a.Activation)
	if !plain || !m.Widths.IsZero() || m.Normalization != nil || m.Depth < 2 || err != nil || p.Theory == nil {
		return nil
	}
	field, err := meanfield.New(scalar)
	if err != nil {
		return nil
	}
	t, layers := p.Theory, m.Depth-1
	q := float64(p.Start[0].PredictedPreActivation * p.Start[0].PredictedPreActivation)
	v := meanfield.Variances{Weight: float64(t.WeightVariance), Bias: float64(t.BiasVariance)}
	own := weightSpread(a.Parameters.Tensor(models.LayerName(1) + "/weight"))
	spread := field.Isometry(v, q, layers, true).RelativeVariance
	if own > 0.5 { // normal or uniform entries: 1 at infinite width, each
		spread += float64(layers)
		p.Jacobian.AtWidth, p.Jacobian.Width = record.Number(meanfield.NormalSpread(m.Width, layers)), meanfield.NormalWidth(layers)
	} else {
		spread += own * float64(layers)
	}
	p.Jacobian.PredictedRelativeVariance = record.Number(spread)
	return nil
}

// weightSpread returns the relative variance of a matrix's squared singular values: 0 of an
// orthogonal one.
func weightSpread(w *tensor.Dense) float64 {
	x := mat.NewDense(w.Shape()[0], w.Shape()[1], w.Float64s())
	var gram mat.SymDense
	gram.SymOuterK(1, x.T())
	trace, square := mat.Trace(&gram), mat.Norm(&gram, 2)
	return float64(gram.SymmetricDim())*square*square/(trace*trace) - 1
}

// Sentence says in words what the spectrum is.
func (j *Jacobian) Sentence() string {
	of := "one example"
	if j.Examples > 1 {
		of = fmt.Sprintf("the mean of %d examples", j.Examples)
	}
	s := fmt.Sprintf("The Jacobian from the first hidden layer to the last (%s): ", of)
	if j.Vectors > 0 {
		s += fmt.Sprintf("by %d random directions of %d, ", j.Vectors, j.Directions)
	} else {
		s += fmt.Sprintf("log10 of its singular values is %s of the largest, %s of the median and %s of the smallest; ", decimal(j.Max), decimal(j.Median), decimal(j.Min))
	}
	s += fmt.Sprintf("log10 of their mean square is %s, their squares' relative variance %.3g", decimal(j.MeanSquare), float64(j.RelativeVariance))
	if !j.PredictedRelativeVariance.IsNaN() {
		s += fmt.Sprintf(" (theory %.3g", float64(j.PredictedRelativeVariance))
		if j.Width > 0 {
			s += fmt.Sprintf(" at infinite width; a linear network has %.3g on average at this one, and comes within a tenth from %d units on", float64(j.AtWidth), j.Width)
		}
		s += ")"
	}
	return s + "."
}

func decimal(n record.Number) string {
	switch x := float64(n); {
	case math.IsInf(x, -1):
		return "-∞"
	case x != x:
		return "unknown"
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

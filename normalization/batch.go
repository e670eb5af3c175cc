package normalization

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// BatchNormConfig are the settings of [NewBatchNorm].
type BatchNormConfig struct {
	Momentum  float64   `json:"momentum" default:"0.1" range:"(0,1]" doc:"weight of a batch in the running statistics"`
	Eps       float64   `json:"eps" default:"1e-5" range:"(0,)" doc:"added to the variance"`
	Placement Placement `json:"placement" default:"before" doc:"before or after the activation"`
	Gamma     float64   `json:"gamma" omit:"default" default:"1" range:"(0,)" doc:"initial value of γ"`
	Beta      float64   `json:"beta" omit:"default" default:"0" doc:"initial value of β"`
	// WorkingPoint chooses Gamma and Beta for a network: see [WorkingPoint].
	WorkingPoint bool `json:"working-point" omit:"default" default:"false" doc:"initialise gamma and beta so that the activation is nearly linear"`
	catalogue.Given
}

// NewBatchNorm returns batch normalisation: of each unit, over the batch of B examples,
//
//	y = γ (x - mean)/√(variance + eps) + β,  variance = Σ(x - mean)²/B
//
// with γ = gamma and β = beta at first, learned, as layer/gamma and layer/beta. With
// working-point they start where [WorkingPoint] says for the network: see [For].
//
// In training mean and variance are the batch's, and the gradient passes through
// them. In evaluation they are running statistics, layer/running-mean and
// layer/running-variance, which start at 0 and 1 and after each training step become
//
//	running ← (1 - momentum)·running + momentum·batch
//
// with Σ(x - mean)²/(B-1) as the batch's variance. This is torch.nn.BatchNorm1d. A
// batch of one example can't be trained on. (With two, x is always ±1 and the gradient
// nearly 0.)
//
// Source: S. Ioffe, C. Szegedy: Batch Normalization (2015).
func NewBatchNorm(c BatchNormConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "batch-norm")
	}
	if err := c.Placement.check(); err != nil {
		return nil, errors.Wrap(err, "batch-norm")
	}
	if !c.WorkingPoint {
		return batchNorm{c}, nil
	}
	if err := checkWorkingPoint(c.Placement, c.Gamma, c.Beta); err != nil {
		return nil, errors.Wrap(err, "batch-norm")
	}
	return pendingWithoutBias{pending{batchNorm{c}, WorkingPoint, func(gamma, beta float64) Normalization {
		c := c
		c.Gamma, c.Beta = gamma, beta
		return batchNorm{c}
	}}}, nil
}

// pendingWithoutBias is a pending [BiasRemover].
type pendingWithoutBias struct{ pending }

func (pendingWithoutBias) RemovesBias() {}

type batchNorm struct{ config BatchNormConfig }

func (batchNorm) Name() string { return "batch-norm" }
func (n batchNorm) Site() Site { return n.config.Placement.site() }
func (batchNorm) RemovesBias() {}

// Unshapes implements [activations.Unshaping].
func (batchNorm) Unshapes() string {
	return "batch-norm takes away what the examples of a batch have in common, and changes the correlations that are shaped"
}

func (n batchNorm) Normalize(b Builder, layer string, x *G.Node) (*G.Node, error) {
	units, err := columns(x)
	if err != nil {
		return nil, err
	}
	s, how, err := batchStatistics(b, layer, x, n.config.Momentum, ops.Normalization{Centred: true, Eps: n.config.Eps})
	if err != nil {
		return nil, err
	}
	gamma, beta, err := scaleAndShift(b, layer, units, n.config.Gamma, n.config.Beta)
	if err != nil {
		return nil, err
	}
	return ops.Normalize(x, s, gamma, beta, how)
}

// batchStatistics returns the statistics of x's columns: in training the batch's, which
// it has averaged, in evaluation these averages; and the normalisation with these.
func batchStatistics(b Builder, layer string, x *G.Node, momentum float64, how ops.Normalization) (*G.Node, ops.Normalization, error) {
	batch, units := x.Shape()[0], x.Shape()[1]
	if b.Training() && batch < 2 {
		return nil, how, errors.Errorf("%s can't be normalised over a batch of 1: whatever its one example is, it would become a constant, without a gradient; train with a batch of at least 2, or normalise over the units (layer-norm, rms-norm)", layer)
	}
	fail := func(err error) (*G.Node, ops.Normalization, error) { return nil, how, err }
	first := 0.
	if how.Divisor == ops.Mean {
		first = 1
	}
	mean, err := b.Statistic(layer+"/running-mean", first, units)
	if err != nil {
		return fail(err)
	}
	var variance *G.Node
	if how.Centred {
		if variance, err = b.Statistic(layer+"/running-variance", 1, units); err != nil {
			return fail(err)
		}
	}
	if !b.Training() {
		how.Fixed = true
		if how.Divisor == ops.Mean {
			s, err := ops.GivenStatistics(nil, mean, how)
			return s, how, err
		}
		s, err := ops.GivenStatistics(mean, variance, how)
		return s, how, err
	}
	s, err := ops.Statistics(x, how)
	if err != nil {
		return fail(err)
	}
	b.AfterStep(func() error {
		r := running{momentum, float64(batch)}
		// Of the statistics' two rows the second is the divisor: the mean where that is it.
		if how.Divisor == ops.Mean {
			return r.update(s.Value(), mean.Value(), nil)
		}
		return r.update(s.Value(), mean.Value(), variance.Value())
	}, s)
	return s, how, nil
}

// running averages statistics.
type running struct{ momentum, batch float64 }

// update moves the running mean and variance towards a batch's statistics: rows of
// means and deviations, or, without a variance, of zeros and means.
func (r running) update(statistics, mean, variance G.Value) error {
	s, ok := statistics.(*tensor.Dense)
	m, ok2 := mean.(*tensor.Dense)
	v, ok3 := variance.(*tensor.Dense)
	if !ok || !ok2 || variance != nil && !ok3 {
		return errors.Errorf("running statistics: a %T, a %T and a %T, want tensors", statistics, mean, variance)
	}
	if s.Dtype() == tensor.Float32 {
		if variance == nil {
			moveMeans(r, s.Float32s()[m.Shape()[0]:], m.Float32s())
		} else {
			moveMeans(r, s.Float32s(), m.Float32s())
			moveVariances(r, s.Float32s()[m.Shape()[0]:], v.Float32s())
		}
		return nil
	}
	if variance == nil {
		moveMeans(r, s.Float64s()[m.Shape()[0]:], m.Float64s())
	} else {
		moveMeans(r, s.Float64s(), m.Float64s())
		moveVariances(r, s.Float64s()[m.Shape()[0]:], v.Float64s())
	}
	return nil
}

func moveMeans[F float](r running, batch, mean []F) {
	for i := range mean {
		mean[i] = F((1-r.momentum)*float64(mean[i]) + r.momentum*float64(batch[i]))
	}
}

func moveVariances[F float](r running, deviation, variance []F) {
	unbiased := r.momentum * r.batch / (r.batch - 1)
	for i := range variance {
		d := float64(deviation[i])
		variance[i] = F((1-r.momentum)*float64(variance[i]) + unbiased*(d*d))
	}
}

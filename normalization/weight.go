package normalization

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// NewWeightNorm returns weight normalisation: the weights of each unit, w, are
//
//	w = g v/‖v‖
//
// with the learned direction v, which the initialiser fills, as layer/weight, and the
// learned length g, as layer/gain, which is ‖v‖ at first: the network starts as
// without it. This is torch.nn.utils.weight_norm with dim=0 of PyTorch's (units, inputs).
//
// The length of v has no effect on w. A v of zeros stays one: w is 0 then, and so is
// the gradient.
//
// Source: T. Salimans, D. Kingma: Weight Normalization (2016).
func NewWeightNorm() Normalization {
	return weightNorm{name: "weight-norm", how: ops.Normalization{Divisor: ops.Norm}}
}

// WeightStandardizationConfig are the settings of [NewWeightStandardization].
type WeightStandardizationConfig struct {
	Gain float64 `json:"gain" default:"0" range:"[0,)" doc:"initial length of each unit's weights; 0: as initialised"`
}

// NewWeightStandardization returns scaled weight standardisation: the weights of each
// unit, w, of N inputs, are
//
//	w = g (v - mean v)/(√N deviation v)
//
// with the learned v, which the initialiser fills, as layer/weight, and the learned
// length g, as layer/gain. Their sum is 0, so that a mean of the inputs that all share
// does not reach the pre-activations, and their variance g²/N.
//
// At first g is the setting gain: in the source it makes up for the nonlinearity, as
// 1/√Var f(z), z ~ N(0, 1): 1.71 for ReLU, 1.59 for tanh. The initialiser's scale has no
// effect then. Without the setting g is √N deviation v: the weights start as the
// initialiser made them, less their mean.
//
// Source: A. Brock, S. De, S. Smith: Characterizing signal propagation to close the
// performance gap in unnormalized ResNets (2021).
func NewWeightStandardization(c WeightStandardizationConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "weight-standardization")
	}
	return weightNorm{"weight-standardization", ops.Normalization{Centred: true, Divisor: ops.Norm}, c.Gain}, nil
}

type weightNorm struct {
	name string
	how  ops.Normalization
	gain float64 // the first length; 0: that of v
}

func (n weightNorm) Name() string { return n.name }
func (weightNorm) Site() Site     { return Weight }

func (n weightNorm) Normalize(b Builder, layer string, v *G.Node) (*G.Node, error) {
	units, err := columns(v)
	if err != nil {
		return nil, err
	}
	if inputs := v.Shape()[0]; inputs < 2 && n.how.Centred {
		return nil, errors.Errorf("%s has one input: after subtracting its mean, a unit's only weight is 0; want at least 2 inputs", layer)
	}
	fill := all(n.gain)
	if n.gain == 0 {
		fill = func(gain []float64) { n.lengths(gain, v.Value().(*tensor.Dense)) }
	}
	gain, err := b.Learnable(layer+"/gain", fill, units)
	if err != nil {
		return nil, err
	}
	s, err := ops.Statistics(v, n.how)
	if err != nil {
		return nil, err
	}
	return ops.Normalize(v, s, gain, nil, n.how)
}

// Restart implements [Restarter]: the gains become the lengths of the columns of v.
func (n weightNorm) Restart(b Builder, layer string, v *G.Node) (func() error, error) {
	if n.gain != 0 {
		return nil, errors.Errorf("its setting gain, %g, is their length at first, whatever the initialiser does; leave it out", n.gain)
	}
	units, err := columns(v)
	if err != nil {
		return nil, err
	}
	gain, err := b.Learnable(layer+"/gain", nil, units)
	if err != nil {
		return nil, err
	}
	return func() error {
		lengths := make([]float64, units)
		n.lengths(lengths, v.Value().(*tensor.Dense))
		t := gain.Value().(*tensor.Dense)
		for j, x := range lengths {
			if t.Dtype() == tensor.Float64 {
				t.Float64s()[j] = x
			} else {
				t.Float32s()[j] = float32(x)
			}
		}
		return nil
	}, nil
}

// lengths sets dst to ‖v‖, or ‖v - mean v‖, of each column.
func (n weightNorm) lengths(dst []float64, t *tensor.Dense) {
	at := func(i int) float64 { return t.Float64s()[i] }
	if t.Dtype() == tensor.Float32 {
		at = func(i int) float64 { return float64(t.Float32s()[i]) }
	}
	rows, cols := t.Shape()[0], t.Shape()[1]
	for j := range cols {
		var mean float64
		if n.how.Centred {
			for i := range rows {
				mean += at(i*cols+j) / float64(rows)
			}
		}
		dst[j] = 0
		for i := range rows {
			dst[j] = math.Hypot(dst[j], at(i*cols+j)-mean)
		}
	}
}

package normalization

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// DistanceScaleConfig are the settings of [NewDistanceScale].
type DistanceScaleConfig struct {
	Momentum float64 `json:"momentum" default:"0.1" range:"(0,1]" doc:"weight of a batch in the running mean"`
	Eps      float64 `json:"eps" default:"1e-8" range:"(0,)" doc:"added to the mean"`
	catalogue.Given
}

// NewDistanceScale returns the scaling of an RBF layer's squared distances: of each
// center, over the batch,
//
//	d² ← d²/(mean d² + eps)
//
// which stay positive; the layer's width, which multiplies them, is the factor γ. In
// evaluation the mean is a running one, layer/running-mean, as in [NewBatchNorm].
//
// It keeps the mean of the distances where the activation has a slope, whatever becomes of
// the centers. The relative spread of the distances of n units, which falls as 1/√n, it
// leaves as it is: for that there is [NewDistanceStandardize].
func NewDistanceScale(c DistanceScaleConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "distance-scale")
	}
	return distanceScale{c}, nil
}

type distanceScale struct{ config DistanceScaleConfig }

func (distanceScale) Name() string { return "distance-scale" }
func (distanceScale) Site() Site   { return Distance }

func (n distanceScale) Normalize(b Builder, layer string, x *G.Node) (*G.Node, error) {
	if _, err := columns(x); err != nil {
		return nil, err
	}
	s, how, err := batchStatistics(b, layer, x, n.config.Momentum, ops.Normalization{Divisor: ops.Mean, Eps: n.config.Eps})
	if err != nil {
		return nil, err
	}
	return ops.Normalize(x, s, nil, nil, how)
}

// DistanceStandardizeConfig are the settings of [NewDistanceStandardize].
type DistanceStandardizeConfig struct {
	Momentum float64 `json:"momentum" default:"1" range:"(0,1]" doc:"weight of a batch in the running statistics"`
	Eps      float64 `json:"eps" default:"1e-8" range:"(0,)" doc:"added to the variance"`
	Shift    float64 `json:"shift" default:"2" doc:"initial value of the shift, in deviations"`
	catalogue.Given
}

// NewDistanceStandardize returns the standardisation of an RBF layer's squared distances:
// of each center, over the batch,
//
//	d² ← (d² - mean)/√(variance + eps) + β
//
// with the learned shift β, as layer/shift; the layer's width, which multiplies them, is
// the factor γ. The result may be negative, and the activation then above 1: at first
// for the share of examples that are nearer than shift deviations below the mean. Deep networks
// need a working point as well, which models.RBF describes: kappa and center-variance.
//
// Statistics are as in [NewBatchNorm], but for the momentum: those of the last batch are
// taken for evaluation. The deviation of squared distances is small beside their mean, so
// that a mean that lags a few steps behind the parameters is many deviations wrong, and
// more so in each further layer.
func NewDistanceStandardize(c DistanceStandardizeConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "distance-standardize")
	}
	return distanceStandardize{c}, nil
}

type distanceStandardize struct{ config DistanceStandardizeConfig }

func (distanceStandardize) Name() string { return "distance-standardize" }
func (distanceStandardize) Site() Site   { return Distance }

func (n distanceStandardize) Normalize(b Builder, layer string, x *G.Node) (*G.Node, error) {
	units, err := columns(x)
	if err != nil {
		return nil, err
	}
	s, how, err := batchStatistics(b, layer, x, n.config.Momentum, ops.Normalization{Centred: true, Eps: n.config.Eps})
	if err != nil {
		return nil, err
	}
	shift, err := b.Learnable(layer+"/shift", all(n.config.Shift), units)
	if err != nil {
		return nil, err
	}
	return ops.Normalize(x, s, nil, shift, how)
}

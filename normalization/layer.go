package normalization

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// LayerNormConfig are the settings of [NewLayerNorm].
type LayerNormConfig struct {
	Eps       float64   `json:"eps" default:"1e-5" range:"(0,)" doc:"added to the variance"`
	Placement Placement `json:"placement" default:"before" doc:"before or after the activation"`
	Gamma     float64   `json:"gamma" omit:"default" default:"1" range:"(0,)" doc:"initial value of γ"`
	Beta      float64   `json:"beta" omit:"default" default:"0" doc:"initial value of β"`
	catalogue.Given
}

// RMSNormConfig are the settings of [NewRMSNorm].
type RMSNormConfig struct {
	Eps       float64   `json:"eps" default:"1e-5" range:"(0,)" doc:"added to the mean square"`
	Placement Placement `json:"placement" default:"before" doc:"before or after the activation"`
	Gamma     float64   `json:"gamma" omit:"default" default:"1" range:"(0,)" doc:"initial value of γ"`
	catalogue.Given
}

// NewLayerNorm returns layer normalisation: of each example, over the n units,
//
//	y = γ (x - mean)/√(variance + eps) + β,  variance = Σ(x - mean)²/n
//
// with γ = gamma and β = beta at first, learned for each unit, as layer/gamma and
// layer/beta. Training and evaluation are the same. This is torch.nn.LayerNorm.
//
// Source: J. Ba, J. Kiros, G. Hinton: Layer Normalization (2016).
func NewLayerNorm(c LayerNormConfig) (Normalization, error) {
	return newLayerNorm("layer-norm", c, true)
}

// NewRMSNorm returns layer normalisation without the mean: of each example, over the n
// units,
//
//	y = γ x/√(Σx²/n + eps)
//
// with γ = gamma at first, learned for each unit, as layer/gamma. This is torch.nn.RMSNorm.
//
// Source: B. Zhang, R. Sennrich: Root Mean Square Layer Normalization (2019).
func NewRMSNorm(c RMSNormConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "rms-norm")
	}
	return newLayerNorm("rms-norm", LayerNormConfig{Eps: c.Eps, Placement: c.Placement, Gamma: c.Gamma}, false)
}

func newLayerNorm(name string, c LayerNormConfig, centred bool) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, name)
	}
	if err := c.Placement.check(); err != nil {
		return nil, errors.Wrap(err, name)
	}
	return layerNorm{name, c, centred}, nil
}

type layerNorm struct {
	name    string
	config  LayerNormConfig
	centred bool
}

func (n layerNorm) Name() string { return n.name }
func (n layerNorm) Site() Site   { return n.config.Placement.site() }

func (n layerNorm) Normalize(b Builder, layer string, x *G.Node) (*G.Node, error) {
	units, err := columns(x)
	if err != nil {
		return nil, err
	}
	if units < 2 {
		return nil, errors.Errorf("%s has one unit: %s would make it constant, without a gradient; want a width of at least 2", layer, n.name)
	}
	how := ops.Normalization{Rows: true, Centred: n.centred, Eps: n.config.Eps}
	s, err := ops.Statistics(x, how)
	if err != nil {
		return nil, err
	}
	gamma, beta, err := n.parameters(b, layer, units)
	if err != nil {
		return nil, err
	}
	return ops.Normalize(x, s, gamma, beta, how)
}

func (n layerNorm) parameters(b Builder, layer string, units int) (gamma, beta *G.Node, err error) {
	if n.centred {
		return scaleAndShift(b, layer, units, n.config.Gamma, n.config.Beta)
	}
	gamma, err = b.Learnable(layer+"/gamma", all(n.config.Gamma), units)
	return gamma, nil, err
}

package normalization

import (
	"fmt"

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
	// WorkingPoint chooses Gamma and Beta for a network: see [WorkingPointOfUnits].
	WorkingPoint bool `json:"working-point" omit:"default" default:"false" doc:"initialise gamma and beta so that the network starts critical"`
	catalogue.Given
}

// RMSNormConfig are the settings of [NewRMSNorm].
type RMSNormConfig struct {
	Eps       float64   `json:"eps" default:"1e-5" range:"(0,)" doc:"added to the mean square"`
	Placement Placement `json:"placement" default:"before" doc:"before or after the activation"`
	Gamma     float64   `json:"gamma" omit:"default" default:"1" range:"(0,)" doc:"initial value of γ"`
	Beta      float64   `json:"beta" omit:"default" default:"0" doc:"initial value of a shift β; 0: there is none"`
	// WorkingPoint chooses Gamma and Beta for a network: see [WorkingPointOfUnits].
	WorkingPoint bool `json:"working-point" omit:"default" default:"false" doc:"initialise gamma and beta so that the network starts critical"`
	catalogue.Given
}

// GroupNormConfig are the settings of [NewGroupNorm].
type GroupNormConfig struct {
	Groups       int       `json:"groups" default:"8" range:"[1,]" doc:"groups of neighbouring units, which must divide them"`
	Eps          float64   `json:"eps" default:"1e-5" range:"(0,)" doc:"added to the variance"`
	Placement    Placement `json:"placement" default:"before" doc:"before or after the activation"`
	Gamma        float64   `json:"gamma" default:"1" range:"(0,)" doc:"initial value of γ"`
	Beta         float64   `json:"beta" default:"0" doc:"initial value of β"`
	WorkingPoint bool      `json:"working-point" default:"false" doc:"initialise gamma and beta so that the network starts critical"`
	catalogue.Given
}

// NewLayerNorm returns layer normalisation: of each example, over the n units,
//
//	y = γ (x - mean)/√(variance + eps) + β,  variance = Σ(x - mean)²/n
//
// with γ = gamma and β = beta at first, learned for each unit, as layer/gamma and
// layer/beta. Training and evaluation are the same. This is torch.nn.LayerNorm. With
// working-point γ and β start where [WorkingPointOfUnits] says for the network: see [For].
//
// Source: J. Ba, J. Kiros, G. Hinton: Layer Normalization (2016).
func NewLayerNorm(c LayerNormConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "layer-norm")
	}
	return overUnits{name: "layer-norm", groups: 1, centred: true, shifted: true, eps: c.Eps, placement: c.Placement, gamma: c.Gamma, beta: c.Beta}.make(c.WorkingPoint)
}

// NewGroupNorm returns group normalisation: of each example, over each of some groups of n
// neighbouring units,
//
//	y = γ (x - mean)/√(variance + eps) + β,  variance = Σ(x - mean)²/n
//
// with γ and β as in [NewLayerNorm], which is group normalisation of one group; 8 are the default.
// This is torch.nn.GroupNorm on a matrix. A group needs two units or more, and few in a group
// quantise what is left: of two it is ±1. Groups of 8 are too small for depth, as recorded in the
// study newer-remedies: Gaussians of 30 layers stay at chance with 8 groups of 64 units.
//
// Source: Y. Wu, K. He: Group Normalization (2018), where units are the channels of images.
func NewGroupNorm(c GroupNormConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "group-norm")
	}
	return overUnits{name: "group-norm", groups: c.Groups, centred: true, shifted: true, eps: c.Eps, placement: c.Placement, gamma: c.Gamma, beta: c.Beta}.make(c.WorkingPoint)
}

// NewRMSNorm returns layer normalisation without the mean: of each example, over the n
// units,
//
//	y = γ x/√(Σx²/n + eps)
//
// with γ = gamma at first, learned for each unit, as layer/gamma. This is torch.nn.RMSNorm.
// If beta is not 0 a learned shift β, layer/beta, is added, which starts there. With
// working-point γ and β start where [WorkingPointOfUnits] says for the network: see [For].
//
// Source: B. Zhang, R. Sennrich: Root Mean Square Layer Normalization (2019).
func NewRMSNorm(c RMSNormConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "rms-norm")
	}
	return overUnits{name: "rms-norm", groups: 1, shifted: c.Beta != 0, eps: c.Eps, placement: c.Placement, gamma: c.Gamma, beta: c.Beta}.make(c.WorkingPoint)
}

// overUnits normalises each example over its units, all or those of each group.
type overUnits struct {
	name             string
	groups           int
	centred, shifted bool
	eps              float64
	placement        Placement
	gamma, beta      float64
}

// make checks the settings that the struct's tags can't.
func (n overUnits) make(workingPoint bool) (Normalization, error) {
	if err := n.placement.check(); err != nil {
		return nil, errors.Wrap(err, n.name)
	}
	if !workingPoint {
		return n, nil
	}
	if err := checkWorkingPoint(n.placement, n.gamma, n.beta); err != nil {
		return nil, errors.Wrap(err, n.name)
	}
	return pending{n, WorkingPointOfUnits, func(gamma, beta float64) Normalization {
		n := n
		n.gamma, n.beta, n.shifted = gamma, beta, n.shifted || beta != 0
		return n
	}}, nil
}

func (n overUnits) Name() string { return n.name }
func (n overUnits) Site() Site   { return n.placement.site() }

// Unshapes implements [activations.Unshaping]: at γ = 1 and β = 0 the variance that is shaped for
// is what it sets.
func (n overUnits) Unshapes() string {
	if n.gamma == 1 && n.beta == 0 {
		return ""
	}
	return fmt.Sprintf("%s has gamma %.3g and beta %.3g at first, and the variance that is shaped for is 1 about 0", n.name, n.gamma, n.beta)
}

// Groups implements [Grouped].
func (n overUnits) Groups() int { return n.groups }

func (n overUnits) Normalize(b Builder, layer string, x *G.Node) (*G.Node, error) {
	units, err := columns(x)
	if err != nil {
		return nil, err
	}
	switch {
	case units%n.groups != 0:
		return nil, errors.Errorf("%s has %d units, which %d groups do not divide: choose another number of groups or units", layer, units, n.groups)
	case units == 1:
		return nil, errors.Errorf("%s has one unit: %s would make it constant, without a gradient; want a width of at least 2", layer, n.name)
	case units == n.groups:
		return nil, errors.Errorf("%s has groups of one unit: %s would make it constant, without a gradient; want at most %d groups", layer, n.name, units/2)
	}
	how := ops.Normalization{Rows: true, Groups: n.groups, Centred: n.centred, Eps: n.eps}
	s, err := ops.Statistics(x, how)
	if err != nil {
		return nil, err
	}
	gamma, err := b.Learnable(layer+"/gamma", all(n.gamma), units)
	if err != nil {
		return nil, err
	}
	var beta *G.Node
	if n.shifted {
		if beta, err = b.Learnable(layer+"/beta", all(n.beta), units); err != nil {
			return nil, err
		}
	}
	return ops.Normalize(x, s, gamma, beta, how)
}

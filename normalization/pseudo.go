package normalization

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Spaced is an optional interface of a [Normalization] that stands in some of a network's layers:
// the first, and from there on every k-th.
type Spaced interface {
	Normalization
	// Every returns k, at least 1.
	Every() int
}

// PseudoNormConfig are the settings of [NewPseudoNorm].
type PseudoNormConfig struct {
	Every     int       `json:"every" default:"5" range:"[1,]" doc:"it stands in the first layer, and in every so many from there on"`
	Eps       float64   `json:"eps" default:"1e-12" range:"(0,)" doc:"added to the mean square"`
	Placement Placement `json:"placement" default:"after" doc:"before or after the activation"`
	catalogue.Given
}

// NewPseudoNorm returns the division of each example by its root mean square over the n units,
//
//	y = x/√(Σx²/n + eps)
//
// in every k-th layer, without parameters. Between two of them the signal shrinks or grows as it
// would without, so that what float32 can hold and where f has a slope are kept, and the
// gradient passes: a division by the root mean square undoes, backward, what the layers between
// have lost forward. What the layers lose backward by the slope of f it does not restore: in the
// recorded study newer-remedies no difference from plain networks is shown.
//
// Theory has one norm in each layer, and does not follow this.
//
// Source: the pseudo-normalisation of Entropy 28, 57 (e28010057), from a description of it: the
// paper was not read, and where it divides, and how often, are our choice.
func NewPseudoNorm(c PseudoNormConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "pseudo-norm")
	}
	if err := c.Placement.check(); err != nil {
		return nil, errors.Wrap(err, "pseudo-norm")
	}
	return pseudoNorm{c}, nil
}

type pseudoNorm struct{ config PseudoNormConfig }

func (pseudoNorm) Name() string { return "pseudo-norm" }
func (n pseudoNorm) Site() Site { return n.config.Placement.site() }
func (n pseudoNorm) Every() int { return n.config.Every }

func (n pseudoNorm) Normalize(_ Builder, layer string, x *G.Node) (*G.Node, error) {
	units, err := columns(x)
	if err != nil {
		return nil, err
	}
	if units < 2 {
		return nil, errors.Errorf("%s has one unit: pseudo-norm would make it ±1, without a gradient; want a width of at least 2", layer)
	}
	how := ops.Normalization{Rows: true, Eps: n.config.Eps}
	s, err := ops.Statistics(x, how)
	if err != nil {
		return nil, err
	}
	return ops.Normalize(x, s, nil, nil, how)
}

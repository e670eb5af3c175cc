package models

import (
	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/pkg/errors"
)

// Plan is what all architectures have in common.
type Plan struct {
	Depth         int // hidden layers
	Width         int // units of each; with Widths, of the largest
	Activation    activations.Activation
	Initializer   initializers.Initializer
	Normalization normalization.Normalization // nil: none
	Widths        Widths                      // units of the layers where these differ; not with every architecture
}

// Model returns the network of the plan with this architecture. Widths that differ by layer
// are an error unless the architecture is [ByLayer].
func (p Plan) Model(a Architecture) (Model, error) {
	if p.Widths.IsZero() {
		return a.Model(p)
	}
	if _, ok := a.(ByLayer); !ok {
		return nil, errors.Errorf("the layers of this model have one width: give a number, not %s", p.Widths)
	}
	if _, err := p.Widths.Of(p.Depth, p.Width); err != nil {
		return nil, err
	}
	return a.Model(p)
}

// ByLayer is an [Architecture] whose layers can differ in width: it does as Plan.Widths says.
type ByLayer interface {
	Architecture
	WidthsByLayer()
}

// OwnActivation is an [Architecture] whose layers have one nonlinearity, so that no other can be
// asked for: commands take it where none is given.
type OwnActivation interface {
	Architecture
	// OwnActivation returns its name in the catalogue of activations.
	OwnActivation() string
}

// Architecture is a kind of network with its own settings. [Plan.Model] asks it for a model.
type Architecture interface {
	// Model returns the network of a plan, or an error that says why there is none.
	Model(Plan) (Model, error)
}

// Catalogue has the architectures that text can ask for by name.
var Catalogue = catalogue.New("model",
	catalogue.Row("mlp", "plain feed-forward layers f(x·W + b)", func(struct{}) (Architecture, error) { return mlp{}, nil }),
	catalogue.Row("deep-linear", "layers x·W + b without a nonlinearity", func(struct{}) (Architecture, error) { return deepLinear{}, nil }),
	catalogue.Row("residual", "blocks x + s·F(x) with a shortcut", func(s residual) (Architecture, error) { return s, nil }).Cite("he2016", "de2020", "bachlechner2020", "zhang2019fixup", "dey2025"),
	catalogue.Row("highway", "layers T∘f(x·W + b) + (1-T)∘x with a learned gate T", func(s highway) (Architecture, error) { return s, nil }).Cite("srivastava2015"),
	catalogue.Row("autoencoder", "layers that narrow to a code and widen again", func(s autoencoder) (Architecture, error) { return s, nil }),
	catalogue.Row("rnn", "recurrent layers f(x·W + b + h·U), for sequences", func(s rnn) (Architecture, error) { return s, nil }),
	catalogue.Row("irnn", "rnn of ReLU units, with U initialised to the identity", func(s irnn) (Architecture, error) { return s, nil }).Cite("le2015"),
	catalogue.Row("lstm", "recurrent layers of long short-term memory cells, for sequences", func(s lstm) (Architecture, error) { return s, nil }).Cite("hochreiter1997"),
	catalogue.Row("gru", "recurrent layers of gated recurrent units, for sequences", func(s gru) (Architecture, error) { return s, nil }).Cite("cho2014"),
	catalogue.Row("rbf", "layers exp(-b‖x - c‖²) of radial basis functions", func(s rbf) (Architecture, error) { return s, s.check() }),
)

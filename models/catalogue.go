package models

import (
	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/catalogue"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
)

// Plan is what all architectures have in common.
type Plan struct {
	Depth         int // hidden layers
	Width         int // units of each
	Activation    activations.Activation
	Initializer   initializers.Initializer
	Normalization normalization.Normalization // nil: none
}

// Architecture is a kind of network with its own settings.
type Architecture interface {
	// Model returns the network of a plan, or an error that says why there is none.
	Model(Plan) (Model, error)
}

// Catalogue has the architectures that text can ask for by name.
var Catalogue = catalogue.New("model",
	catalogue.Row("mlp", "plain feed-forward layers f(x·W + b)", func(struct{}) (Architecture, error) { return mlp{}, nil }),
	catalogue.Row("deep-linear", "layers x·W + b without a nonlinearity", func(struct{}) (Architecture, error) { return deepLinear{}, nil }),
	catalogue.Row("rbf", "layers exp(-b‖x - c‖²) of radial basis functions", func(s rbf) (Architecture, error) { return s, s.check() }),
)

package models

import (
	"fmt"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// MLP is a plain feed-forward network: Depth layers y = f(x·W + b) of Width units, or of
// Widths, named layer01, layer02, …, and a linear output layer, named output.
type MLP struct {
	Depth       int // hidden layers; 0 makes a linear model
	Width       int // units of each
	Activation  activations.Activation
	Initializer initializers.Initializer // of all weights; biases start at 0
	// Normalization of the hidden layers; nil: none.
	Normalization normalization.Normalization
	Widths        Widths // units of the layers where these differ, instead of Width
}

// Layout implements [Model].
func (m MLP) Layout(b *Builder, x *G.Node) (*G.Node, error) {
	units, err := m.Widths.Of(m.Depth, m.Width)
	if err != nil {
		return nil, errors.Wrap(err, "MLP")
	}
	for i, n := range units {
		if x, err = b.Dense(LayerName(i), x, n, m.Activation, m.Initializer, m.Normalization); err != nil {
			return nil, err
		}
	}
	return b.Output(x, m.Initializer)
}

// LayerName returns the name of a hidden layer counted from 0: layer01, layer02, …
// It does not depend on the network's depth, and so neither do a layer's first weights.
func LayerName(i int) string { return fmt.Sprintf("layer%02d", i+1) }

// mlp is the architecture of [MLP]s.
type mlp struct{}

func (mlp) Model(p Plan) (Model, error) {
	return MLP(p), nil
}

func (mlp) WidthsByLayer() {}

// deepLinear is that of MLPs without a nonlinearity (A. Saxe, J. McClelland, S. Ganguli:
// Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, 2014).
type deepLinear struct{}

func (deepLinear) Model(p Plan) (Model, error) {
	if p.Activation == nil || p.Activation.Name() != "identity" {
		return nil, errors.New("a deep linear network has no nonlinearity: its activation is identity; with another one the model is mlp")
	}
	return mlp{}.Model(p)
}

func (deepLinear) WidthsByLayer() {}

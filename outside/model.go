package main

import (
	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

type gatedSkipConfig struct {
	Start float64 `json:"start" default:"0.5" range:"[0,1]" doc:"of a"`
}

func newGatedSkip(c gatedSkipConfig) (models.Architecture, error) { return c, nil }

// Model implements models.Architecture.
func (c gatedSkipConfig) Model(p models.Plan) (models.Model, error) {
	return gatedSkip{p, c.Start}, nil
}

// gatedSkip mixes what a layer makes with what it was given:
//
//	y = x + a∘(f(x·W + b) - x)
//
// with a learned a of each unit, layer02/a. layer01 has the width to make.
type gatedSkip struct {
	models.Plan
	start float64
}

// Layout implements models.Model.
func (m gatedSkip) Layout(b *models.Builder, x *gorgonia.Node) (*gorgonia.Node, error) {
	for l := range m.Depth {
		name := models.LayerName(l)
		if l == 0 {
			var err error
			if x, err = b.Dense(name, x, m.Width, m.Activation, m.Initializer, m.Normalization); err != nil {
				return nil, err
			}
			continue
		}
		// A layer of parts, made visible by hand.
		columns, err := activations.PreActivations(m.Activation, m.Width)
		if err != nil {
			return nil, errors.Wrap(err, name)
		}
		init, err := initializers.For(m.Initializer, m.Activation)
		if err != nil {
			return nil, errors.Wrap(err, name)
		}
		z, weight, bias, err := b.Affine(name, x, columns, init, m.Normalization)
		if err != nil {
			return nil, err
		}
		h, _, err := b.Activate(name, m.Activation, z)
		if err != nil {
			return nil, err
		}
		a, err := b.Learnable(name+"/a", func(v []float64) {
			for i := range v {
				v[i] = m.start
			}
		}, m.Width)
		if err != nil {
			return nil, err
		}
		err = b.AddLayer(models.Layer{Name: name, Function: m.Activation.Name(), PreActivation: z, Activation: h, Weight: weight, Bias: bias})
		if err != nil {
			return nil, err
		}
		if h, err = gorgonia.Sub(h, x); err == nil {
			a, err = gorgonia.Reshape(a, tensor.Shape{1, m.Width})
		}
		if err == nil {
			h, err = gorgonia.BroadcastHadamardProd(h, a, nil, []byte{0})
		}
		if err == nil {
			x, err = gorgonia.Add(x, h)
		}
		if err != nil {
			return nil, errors.Wrap(err, name)
		}
	}
	return b.Output(x, m.Initializer)
}

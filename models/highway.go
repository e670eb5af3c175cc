package models

import (
	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Highway is a network of layers that let their input pass:
//
//	y = T∘h + (1-T)∘x,   h = f(x·W + b),   T = σ(x·W_T + b_T)
//
// named layer02, layer03, …, after a plain layer01, which brings the inputs to Width, and
// before a linear output layer. The transform gate T has the parameters layer02/gate/weight and
// layer02/gate/bias; its biases start at GateBias, so that with a negative one the layers
// at first carry most of x. The pre-activation and activation of a layer are those of h;
// T is its gate, named transform.
//
// h and T are two products: at the widths of this package's studies one product of twice
// the width is no faster, and each of theirs can be looked at by itself.
//
// Source: R. Srivastava, K. Greff, J. Schmidhuber: Training very deep networks, 2015.
type Highway struct {
	Depth         int // hidden layers, the plain one included
	Width         int // units of each
	Activation    activations.Activation
	Initializer   initializers.Initializer    // of all weights
	Normalization normalization.Normalization // of the hidden layers' h; nil: none
	GateBias      float64
}

// Layout implements [Model].
func (m Highway) Layout(b *Builder, x *G.Node) (*G.Node, error) {
	if m.Depth < 1 || m.Width < 1 {
		return nil, errors.Errorf("a highway network of depth %d and width %d: want at least 1 each", m.Depth, m.Width)
	}
	x, err := b.Dense(LayerName(0), x, m.Width, m.Activation, m.Initializer, m.Normalization)
	if err != nil {
		return nil, err
	}
	gateInit, err := initializers.For(m.Initializer, activations.Sigmoid())
	if err != nil {
		return nil, err
	}
	for i := 1; i < m.Depth; i++ {
		name := LayerName(i)
		h, err := b.Dense(name, x, m.Width, m.Activation, m.Initializer, m.Normalization)
		if err != nil {
			return nil, err
		}
		weight, err := b.Parameter(name+"/gate/weight", gateInit, m.Width, m.Width)
		if err != nil {
			return nil, err
		}
		bias, err := b.Learnable(name+"/gate/bias", func(x []float64) {
			for k := range x {
				x[k] = m.GateBias
			}
		}, m.Width)
		if err != nil {
			return nil, err
		}
		z, err := ops.Affine(x, weight, bias)
		if err != nil {
			return nil, errors.Wrap(err, name)
		}
		if err := b.AddGate(name, Gate{Name: "transform", Function: activations.Sigmoid().Name(), PreActivation: z, To: m.Width}); err != nil {
			return nil, err
		}
		if x, err = ops.Carry(z, h, x); err != nil {
			return nil, errors.Wrap(err, name)
		}
	}
	return b.Output(x, m.Initializer)
}

// highway is the architecture of [Highway] networks.
type highway struct {
	GateBias float64 `json:"gate-bias" default:"-2" doc:"initial value of the transform gates' biases"`
}

func (a highway) Model(p Plan) (Model, error) {
	return Highway{p.Depth, p.Width, p.Activation, p.Initializer, p.Normalization, a.GateBias}, nil
}

// Unshapes implements [activations.Unshaping].
func (highway) Unshapes() string {
	return "a highway layer adds T∘f and (1-T)∘x, of which the squares of the factors do not add to 1, and its variance shrinks"
}

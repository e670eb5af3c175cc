package models

import (
	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/ops"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Builder lays out the layers of one network. Models use it.
type Builder struct {
	network *Network
	nodes   map[string]*G.Node
}

// Shape returns what the network must fit.
func (b *Builder) Shape() Shape { return b.network.Shape }

// Parameter returns the node of the parameter with this name and shape: the same
// node each time, so that layers can share one. A new one is filled by init, or
// with zeros if that is nil.
func (b *Builder) Parameter(name string, init initializers.Initializer, shape ...int) (*G.Node, error) {
	n := b.network
	value, err := n.Parameters.get(name, init, shape...)
	if err != nil {
		return nil, err
	}
	if node := b.nodes[name]; node != nil {
		return node, nil
	}
	node := G.NewTensor(n.Graph, n.Parameters.dtype, len(shape), G.WithName(name), G.WithShape(shape...))
	if err := G.Let(node, value); err != nil {
		return nil, errors.Wrapf(err, "parameter %s", name)
	}
	b.nodes[name] = node
	n.Learnables = append(n.Learnables, node)
	return node, nil
}

// Affine returns z = x·W + b with the parameters name/weight, filled by init, and
// name/bias, zeros at first.
func (b *Builder) Affine(name string, x *G.Node, units int, init initializers.Initializer) (z, weight, bias *G.Node, err error) {
	if init == nil {
		return nil, nil, nil, errors.Errorf("%s has no initialiser", name)
	}
	if weight, err = b.Parameter(name+"/weight", init, x.Shape()[1], units); err != nil {
		return nil, nil, nil, err
	}
	if bias, err = b.Parameter(name+"/bias", nil, units); err != nil {
		return nil, nil, nil, err
	}
	z, err = ops.Affine(x, weight, bias)
	return z, weight, bias, errors.Wrap(err, name)
}

// Dense adds the layer y = f(x·W + b) and returns y.
func (b *Builder) Dense(name string, x *G.Node, units int, f activations.Activation, init initializers.Initializer) (*G.Node, error) {
	if f == nil {
		return nil, errors.Errorf("%s has no activation", name)
	}
	z, weight, bias, err := b.Affine(name, x, units, init)
	if err != nil {
		return nil, err
	}
	y, err := f.Node(z)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	b.network.Layers = append(b.network.Layers, Layer{Name: name, PreActivation: z, Activation: y, Weight: weight, Bias: bias, Function: f.Name()})
	return y, nil
}

// Output adds the output layer y = x·W + b.
func (b *Builder) Output(x *G.Node, init initializers.Initializer) (*G.Node, error) {
	const name = "output"
	z, weight, bias, err := b.Affine(name, x, b.Shape().Outputs, init)
	if err != nil {
		return nil, err
	}
	b.network.Layers = append(b.network.Layers, Layer{Name: name, PreActivation: z, Activation: z, Weight: weight, Bias: bias})
	return z, nil
}

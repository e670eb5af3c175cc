package activations

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Network is what an activation may depend on of the network that it is for.
type Network struct {
	Depth int // nonlinear layers, one after the other
	Width int // units of each
	// Unshapes is why the variance and correlations between its layers are not those that shapes
	// such as DKS are for, a sentence without an end; "": they are.
	Unshapes string
}

// Unshaping is an optional interface of parts that stand between the nonlinear layers of a
// network: its architecture, and its normalisation.
type Unshaping interface {
	// Unshapes returns why pre-activations of variance 1, and their correlations, do not pass as
	// they do through x·W: a sentence without an end; "" if they do.
	Unshapes() string
}

// Adaptable is an [Activation] that is to be fitted to a network before it is used: the
// shape of DKS depends on the depth, say. It has no nodes of its own.
type Adaptable interface {
	Activation
	// For returns the activation for a network.
	For(Network) (Activation, error)
}

// For returns a as it is in a network: fitted to it, if it is [Adaptable], else a itself.
func For(a Activation, n Network) (Activation, error) {
	o, ok := a.(Adaptable)
	if !ok {
		return a, nil
	}
	fitted, err := o.For(n)
	return fitted, errors.Wrapf(err, "for %d layers of %d units", n.Depth, n.Width)
}

// adaptable is an activation of the catalogue that is fitted to a network.
type adaptable struct {
	name string
	fit  func(Network) (Activation, error)
}

func (a adaptable) Name() string { return a.name }

func (a adaptable) For(n Network) (Activation, error) { return a.fit(n) }

func (a adaptable) Node(*G.Node) (*G.Node, error) {
	return nil, errors.Errorf("activation %s is to be fitted to a network first: see activations.For", a.name)
}

package models

import (
	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Activate returns y = f(z), of as many columns as f makes of z's ([activations.Resizer]).
// What f learns becomes parameters of the layer with this name,
// such as layer03/a, of shape (1), or of one for each column of z; they are returned
// too, the same ones each time. Their penalties are terms of the loss of a network built
// for training.
func (b *Builder) Activate(name string, f activations.Activation, z *G.Node) (y *G.Node, params G.Nodes, err error) {
	switch {
	case f == nil:
		return nil, nil, errors.Errorf("%s has no activation", name)
	case z == nil || z.Dims() != 2:
		return nil, nil, errors.Errorf("%s: the activation %s is applied to %v, want a matrix", name, f.Name(), z)
	}
	p, ok := f.(activations.Parametric)
	if !ok {
		if y, err = f.Node(z); err == nil {
			err = fits(f, z, y)
		}
		return y, nil, errors.Wrap(err, name)
	}
	var penalised []penalty
	for _, a := range p.Parameters() {
		path := name + "/" + a.Name
		if b.nodes[path] != nil && !b.network.ofActivations[path] {
			return nil, nil, errors.Errorf("%s is a parameter of the layer already: give the activation's another name", path)
		}
		size := 1
		if a.Learn == activations.PerUnit {
			size = z.Shape()[z.Dims()-1]
		}
		node, err := b.parameter(path, func(x []float64) error {
			for i := range x {
				x[i] = a.Start
			}
			return nil
		}, size)
		if err != nil {
			return nil, nil, err
		}
		params = append(params, node)
		if a.Penalty != nil && !b.network.ofActivations[path] {
			penalised = append(penalised, penalty{path, a.Penalty, node, nil})
		}
		b.network.ofActivations[path] = true
	}
	if y, err = p.NodeWith(z, params...); err == nil {
		err = fits(f, z, y)
	}
	if err != nil {
		return nil, nil, errors.Wrap(err, name)
	}
	for _, p := range penalised {
		p.y = y
		b.network.penalties = append(b.network.penalties, p)
	}
	return y, params, nil
}

// fits returns an error unless y has the shape that f makes of z's.
func fits(f activations.Activation, z, y *G.Node) error {
	if y == nil {
		return errors.Errorf("activation %s made no node", f.Name())
	}
	columns, err := activations.Units(f, z.Shape()[1])
	if err != nil {
		return err
	}
	if want := (tensor.Shape{z.Shape()[0], columns}); y.Dims() != 2 || !y.Shape().Eq(want) || y.Dtype() != z.Dtype() {
		return errors.Errorf("activation %s made %v of shape %v of %v of shape %v, want shape %v (an activation that changes the number of columns must implement activations.Resizer)",
			f.Name(), y.Dtype(), y.Shape(), z.Dtype(), z.Shape(), want)
	}
	return nil
}

// penalty is a term of the training loss.
type penalty struct {
	name string
	activations.Penalty
	parameter, y *G.Node
}

// term is a term of the training loss that a model has added.
type term struct {
	name        string
	coefficient float64
	scalar      *G.Node
}

// penalise returns the loss with the penalties.
func (n *Network) penalise(loss *G.Node) (*G.Node, error) {
	for _, p := range n.penalties {
		term, err := p.Node(p.parameter, n.readers[p.y]...)
		if err == nil {
			loss, err = ops.Plus(loss, p.Coefficient(), term)
		}
		if err != nil {
			return nil, errors.Wrapf(err, "penalty of %s", p.name)
		}
	}
	for _, t := range n.terms {
		var err error
		if loss, err = ops.Plus(loss, t.coefficient, t.scalar); err != nil {
			return nil, errors.Wrapf(err, "penalty %s", t.name)
		}
	}
	return loss, nil
}

// ParameterValues returns the values that the layer's learned parameters of the
// activation have now, by their names there.
func (l Layer) ParameterValues() map[string][]float64 {
	list := map[string][]float64{}
	for _, p := range l.Parameters {
		list[p.Name()[len(l.Name)+1:]] = values(p.Value().(*tensor.Dense))
	}
	return list
}

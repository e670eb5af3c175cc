package models

import (
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Start says what a data-dependent start measured and did in a layer.
type Start struct {
	Layer  string             `json:"layer"`
	Values map[string]float64 `json:"values"`         // by name, finite
	Note   string             `json:"note,omitempty"` // what the user should know, a sentence
}

// start is one that a layer has asked for.
type start struct {
	node *G.Node
	do   func(*Data) (Start, error)
}

// OnData has a layer's parameters start from data: [Prepare] calls do, which can compute
// the node as training does, with the parameters as they are: those of the layers before
// have had their starts. do sets parameters, computes anew if it needs to, and reports.
func (b *Builder) OnData(node *G.Node, do func(d *Data) (Start, error)) {
	b.network.starts = append(b.network.starts, start{node, do})
}

// Data is what a data-dependent start has: batches of the training data, of which the
// first one is in place when it begins, whatever the starts before have looked at.
type Data struct {
	evaluate func() ([]float64, error)
	*batches
}

// Evaluate computes the start's node on the batch in place and returns its elements.
func (d *Data) Evaluate() ([]float64, error) { return d.evaluate() }

// Next puts the next batch in place. Streams of training data do not end: those of finite
// data begin again, in another order.
func (d *Data) Next() error { return d.batches.next() }

// Get returns the values of a parameter.
func (d *Data) Get(parameter *G.Node) []float64 {
	return values(parameter.Value().(*tensor.Dense))
}

// Set sets the values of a parameter, which are rounded to its type.
func (d *Data) Set(parameter *G.Node, x []float64) error {
	t := parameter.Value().(*tensor.Dense)
	if n := t.Shape().TotalSize(); n != len(x) {
		return errors.Errorf("%d values for the parameter %s of %d", len(x), parameter.Name(), n)
	}
	setValues(t, x)
	return nil
}

// Examples gives batches of inputs x and targets t, row-major; a train.Stream is one.
type Examples interface {
	Next32(x, t []float32) error
	Next64(x, t []float64) error
}

// batches puts batches of examples where the network reads them, and keeps the first.
type batches struct {
	examples      Examples
	input, target *tensor.Dense // of the network
	first         [2][]float64
	moved         bool
}

func (b *batches) next() error {
	b.moved = true
	if b.input.Dtype() == tensor.Float32 {
		return errors.Wrap(b.examples.Next32(b.input.Float32s(), b.target.Float32s()), "examples")
	}
	return errors.Wrap(b.examples.Next64(b.input.Float64s(), b.target.Float64s()), "examples")
}

// rewind puts the first batch in place.
func (b *batches) rewind() error {
	switch {
	case b.first[0] == nil:
		if err := b.next(); err != nil {
			return err
		}
		b.first = [2][]float64{values(b.input), values(b.target)}
	case b.moved:
		setValues(b.input, b.first[0])
		setValues(b.target, b.first[1])
	}
	b.moved = false
	return nil
}

// Prepare gives the parameters of a model their data-dependent starts, layer by layer,
// on batches of s.Batch examples: one, but for those that ask for more, such as the centers
// of an [RBF]. It returns what was done: nothing, and reads no examples, for a model
// without. It is called once, before training. The time it takes grows with the square
// of the number of starts.
func Prepare(m Model, s Shape, p *Parameters, examples Examples) ([]Start, error) {
	n, err := layout(m, s, p, true)
	if err != nil {
		return nil, errors.Wrap(err, "prepare")
	}
	if len(n.starts) == 0 {
		return nil, nil
	}
	if examples == nil {
		return nil, errors.New("prepare: the model is initialised from data, but there are no examples")
	}
	source := &batches{examples: examples, input: n.Input.Value().(*tensor.Dense), target: n.Target.Value().(*tensor.Dense)}
	var report []Start
	for _, start := range n.starts {
		evaluate, err := n.evaluator(start.node)
		if err == nil {
			err = source.rewind()
		}
		if err != nil {
			return nil, errors.Wrap(err, "prepare")
		}
		r, err := start.do(&Data{evaluate, source})
		if err != nil {
			return nil, errors.Wrapf(err, "prepare %s", r.Layer)
		}
		report = append(report, r)
	}
	return report, nil
}

// evaluator returns a function that computes a node.
func (n *Network) evaluator(node *G.Node) (func() ([]float64, error), error) {
	run := func() error { return nil }
	if node.Op() != nil {
		m, err := vm.Compile(n.Graph, node)
		if err != nil {
			return nil, err
		}
		run = m.RunAll
	}
	return func() ([]float64, error) {
		if err := run(); err != nil {
			return nil, err
		}
		return values(node.Value().(*tensor.Dense)), nil
	}, nil
}

// values returns a copy of the elements of t.
func values(t *tensor.Dense) []float64 {
	x := make([]float64, t.Shape().TotalSize())
	if t.Dtype() == tensor.Float64 {
		copy(x, t.Float64s())
		return x
	}
	for i, v := range t.Float32s() {
		x[i] = float64(v)
	}
	return x
}

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
	Values map[string]float64 `json:"values"` // by name, finite
}

// start is one that a layer has asked for.
type start struct {
	node *G.Node
	do   func(evaluate func() ([]float64, error)) (Start, error)
}

// OnData has a layer's parameters start from data: [Prepare] calls do with a function
// that computes the node on its batch, as training does, with the parameters as they are:
// those of the layers before have had their starts. do sets parameters, computes anew
// if it needs to, and reports.
func (b *Builder) OnData(node *G.Node, do func(evaluate func() ([]float64, error)) (Start, error)) {
	b.network.starts = append(b.network.starts, start{node, do})
}

// Examples gives batches of inputs x and targets t, row-major; a train.Stream is one.
type Examples interface {
	Next32(x, t []float32) error
	Next64(x, t []float64) error
}

// Prepare gives the parameters of a model their data-dependent starts, layer by layer,
// on one batch of s.Batch examples, and returns what was done: nothing, and reads no
// examples, for a model without. It is called once, before training. The time it takes
// grows with the square of the number of starts.
func Prepare(m Model, s Shape, p *Parameters, examples Examples) ([]Start, error) {
	n, err := layout(m, s, p, true)
	if err != nil {
		return nil, errors.Wrap(err, "prepare")
	}
	if len(n.starts) == 0 {
		return nil, nil
	}
	x, t := n.Input.Value().(*tensor.Dense), n.Target.Value().(*tensor.Dense)
	if p.dtype == tensor.Float32 {
		err = examples.Next32(x.Float32s(), t.Float32s())
	} else {
		err = examples.Next64(x.Float64s(), t.Float64s())
	}
	if err != nil {
		return nil, errors.Wrap(err, "prepare: examples")
	}
	var report []Start
	for _, start := range n.starts {
		evaluate, err := n.evaluator(start.node)
		if err != nil {
			return nil, errors.Wrap(err, "prepare")
		}
		r, err := start.do(evaluate)
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

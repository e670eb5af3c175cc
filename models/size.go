package models

import (
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// Size is how much a network has of everything, in elements.
type Size struct {
	Parameters int // what is learned
	Largest    int // the largest parameter
	Statistics int // tensors that are averaged over the steps instead
	Values     int // all values of the forward pass: a training step keeps most of them
	Nodes      int // operations, parameters and inputs of the forward pass
}

// Measure returns the size of a network without asking for the memory of its parameters
// and values.
func Measure(m Model, s Shape, dtype tensor.Dtype) (Size, error) {
	p, err := NewParameters(dtype, 0)
	if err != nil {
		return Size{}, err
	}
	p.shapes = map[string]tensor.Shape{}
	n, err := layout(m, s, p, true)
	if err != nil {
		return Size{}, errors.WithStack(err)
	}
	var size Size
	for _, name := range p.names {
		elements := p.shapes[name].TotalSize()
		size.Parameters += elements
		size.Largest = max(size.Largest, elements)
	}
	for _, name := range p.statistics {
		size.Statistics += p.shapes[name].TotalSize()
	}
	for _, node := range n.Graph.AllNodes() {
		size.Nodes++
		size.Values += node.Shape().TotalSize()
	}
	return size, nil
}

package vm

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// input is a node without operation: data or a parameter.
type input struct {
	node    *G.Node
	shape   tensor.Shape
	dtype   tensor.Dtype
	last    G.Value // what it was bound to in the last run
	place   location
	read    G.Value // what operations read: last, or a copy of it in order
	copied  bool    // it is a copy, made anew by each run
	readers []reader
	changer int // the step that changes it, -1 if there is none
	observe func(G.Value)
}

type reader struct{ step, in int }

// location is where a value's elements are, and all that changes with their order in memory.
type location struct {
	address uintptr
	order   tensor.DataOrder
	gaps    bool
}

func locationOf(v G.Value) location {
	if t, ok := v.(*tensor.Dense); ok {
		return location{t.Uintptr(), t.DataOrder(), t.RequiresIterator()}
	}
	return location{}
}

// ordered reports whether the elements of t are in row-major order without gaps.
func ordered(t *tensor.Dense) bool {
	if t.RequiresIterator() || t.DataOrder().IsColMajor() || t.DataOrder().IsNotContiguous() {
		return false
	}
	shape, strides, size := t.Shape(), t.Strides(), 1
	if len(shape) != len(strides) {
		return true // of a vector stored as a matrix of one row or column
	}
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && strides[i] != size {
			return false
		}
		size *= shape[i]
	}
	return true
}

// take binds the readers of an input to the value v.
func (m *Machine) take(in *input, v G.Value, at location) error {
	t, dense := v.(*tensor.Dense)
	if dense && t.IsMasked() {
		return errors.Errorf("input %q is bound to a masked tensor, whose mask no operation would see: fill in its elements", in.node.Name())
	}
	if m.own.has(v) {
		// A result of this machine would be overwritten before it is read.
		apart := zeros(in.dtype, in.shape)
		copyOrdered(apart, v)
		if err := G.UnsafeLet(in.node, apart); err != nil {
			return errors.Wrapf(err, "input %q", in.node.Name())
		}
		v, at = apart, locationOf(apart)
	}
	read := v
	t, dense = v.(*tensor.Dense)
	scattered := dense && !ordered(t)
	in.copied = scattered || dense && in.node.IsScalar()
	if in.copied {
		if in.changer >= 0 && scattered {
			return errors.Errorf("input %q is to be updated, but bound to a tensor that is not contiguous and row-major: bind a clone", in.node.Name())
		}
		read = zeros(in.dtype, in.shape)
	}
	in.last, in.place, in.read = v, at, read
	for _, r := range in.readers {
		s := &m.steps[r.step]
		s.in[r.in], s.unbound = read, true
	}
	if in.changer >= 0 {
		m.steps[in.changer].unbound = true
	}
	m.unbound = true
	return nil
}

// unfit returns why an input can't have the value v.
func (in *input) unfit(v G.Value) error {
	n := in.node
	if v == nil {
		return errors.Errorf("input %q of shape %v has no value: give it one with gorgonia.Let", n.Name(), in.shape)
	}
	return errors.Errorf("input %q is a %v of shape %v, but bound to a %v of shape %v", n.Name(), in.dtype, in.shape, v.Dtype(), v.Shape())
}

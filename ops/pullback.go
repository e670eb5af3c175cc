package ops

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Pullback returns the gradient of Σ seed∘to with respect to from: each row of seed is
// multiplied by the Jacobian ∂to/∂from. Unlike [Gradient] it sets no node's Deriv, so that a
// graph can have many pullbacks, and it stops at from.
func Pullback(seed, to, from *G.Node) (*G.Node, error) {
	for i, n := range []*G.Node{seed, to, from} {
		if err := readable("pullback", i, n); err != nil {
			return nil, err
		}
	}
	if !seed.Shape().Eq(to.Shape()) {
		return nil, errors.Errorf("pullback: a seed of shape %v for a node of shape %v", seed.Shape(), to.Shape())
	}
	b := &secondBackward{inputs: map[*G.Node]G.Nodes{from: nil}, leads: map[*G.Node]bool{from: true}, differentiable: true}
	if to == from {
		return seed, nil
	}
	b.visit(to)
	terms := map[*G.Node][]term{to: {{args: G.Nodes{seed}}}}
	for _, n := range slices.Backward(b.order) {
		if !b.leads[n] || len(terms[n]) == 0 || n.Op() == nil {
			continue
		}
		grad, err := sum(terms[n])
		if err != nil {
			return nil, errors.Wrapf(err, "pullback of %v", n)
		}
		delete(terms, n)
		contributions, err := contributions(n, b.inputs[n], grad)
		if err != nil {
			return nil, errors.Wrap(err, "pullback")
		}
		for i, in := range b.inputs[n] {
			if b.leads[in] && contributions[i].args != nil {
				terms[in] = append(terms[in], contributions[i])
			}
		}
	}
	if len(terms[from]) == 0 {
		return nil, errors.Errorf("pullback: %v does not depend on %v", to, from)
	}
	grad, err := sum(terms[from])
	return grad, errors.Wrapf(err, "pullback of %v", from)
}

// Passes reports whether a gradient of a node reaches another, from which it is computed: not
// through what is detached.
func Passes(from, to *G.Node) bool {
	b := &secondBackward{inputs: map[*G.Node]G.Nodes{from: nil}, leads: map[*G.Node]bool{from: true}}
	b.visit(to)
	reached := map[*G.Node]bool{to: true}
	for _, n := range slices.Backward(b.order) {
		if n == from || !b.leads[n] || !reached[n] || n.Op() == nil {
			continue
		}
		o, own := n.Op().(*operation)
		var list []gradient
		if own && o.grads != nil {
			list = o.grads()
		}
		for i, in := range b.inputs[n] {
			if list == nil || i < len(list) && list[i].rule != nil {
				reached[in] = true
			}
		}
	}
	return reached[from]
}

// Cuts returns the nodes that every path from one node to another goes through, both included,
// from the first to the last: between two neighbours the graph is a function of the first alone.
func Cuts(from, to *G.Node) (G.Nodes, error) {
	b := &secondBackward{inputs: map[*G.Node]G.Nodes{from: nil}, leads: map[*G.Node]bool{from: true}}
	if from == to {
		return G.Nodes{from}, nil
	}
	b.visit(to)
	if !b.leads[to] {
		return nil, errors.Errorf("cuts: %v does not depend on %v", to, from)
	}
	var path G.Nodes // in the order of computation
	at := map[*G.Node]int{from: 0}
	path = append(path, from)
	for _, n := range b.order {
		if b.leads[n] {
			at[n] = len(path)
			path = append(path, n)
		}
	}
	// How far an edge reaches beyond each node.
	furthest := make([]int, len(path))
	for i, n := range path {
		for _, in := range b.inputs[n] {
			if k, ok := at[in]; ok && b.leads[in] {
				furthest[k] = max(furthest[k], i)
			}
		}
	}
	// A node that leads nowhere is on no path. The order, which starts from the last node,
	// contains it only if that node uses it.
	var cuts G.Nodes
	reach := 0
	for i, n := range path {
		if reach <= i {
			cuts = append(cuts, n)
		}
		reach = max(reach, furthest[i])
	}
	return cuts, nil
}

// Orthonormalize returns orthonormal rows that span what the rows of m span, as far as possible.
// The function record gets the rows and changes them in place. It keeps the seeds of several
// [Pullback] steps from becoming parallel, and has no derivative.
func Orthonormalize(m *G.Node, record func(rows []float64, cols int)) (*G.Node, error) {
	switch {
	case record == nil:
		return nil, errors.New("orthonormalize: no function")
	case m != nil && m.Type() != nil && m.Dtype() != tensor.Float64:
		return nil, errors.Errorf("orthonormalize: rows of %v, want float64", m.Dtype())
	}
	return apply(&rule{
		name:  "orthonormalize",
		in:    []int{2},
		out:   2,
		shape: sameShape,
		f32:   func(view[float32], []view[float32]) {}, // float32 is refused above
		f64: func(y view[float64], in []view[float64]) {
			copy(y.data, in[0].data)
			record(y.data, y.cols)
		},
	}, m)
}

package vm

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// ErrHashCollision says that two different nodes of a graph have the same hash,
// by which Gorgonia takes, or may have taken, one for the other.
var ErrHashCollision = errors.New("node hash collision")

// Distinct is an operation whose hash no other operation of its graph shares, by a
// number of its own (see [Salted]). Gorgonia can't merge its node with another one.
type Distinct interface {
	G.Op
	// DistinctHash does nothing; it marks the operation.
	DistinctHash()
}

// Salted is an operation that can be given a number to mix into its hash.
type Salted interface {
	Distinct
	// Salt sets the number.
	Salt(uint32)
}

// Apply adds op, applied to inputs, to the inputs' graph, as gorgonia.ApplyOp
// does, and returns an error that is [ErrHashCollision] if Gorgonia returns a node
// with other inputs. A [Salted] op gets a salt of its own, and so never collides;
// the salts of a graph depend on nothing but the order in which it is built.
func Apply(op G.Op, inputs ...*G.Node) (*G.Node, error) {
	salted, ok := op.(Salted)
	if ok && len(inputs) > 0 {
		// The number of nodes grows with each node, so this is the first node to get it.
		salted.Salt(uint32(len(inputs[0].Graph().AllNodes())))
	}
	n, err := G.ApplyOp(op, inputs...)
	if err != nil {
		return nil, errors.Wrapf(err, "apply %v", op)
	}
	if ok && n.Op() != op {
		return nil, errors.Wrapf(ErrHashCollision, "%v became the older node %v", op, n)
	}
	for i, c := range children(n) {
		if c != inputs[i] {
			return nil, errors.Wrapf(ErrHashCollision, "%v of %v became the older node %v of %v: rename an input of the graph, or add its nodes in another order",
				op, inputs[i], n, c)
		}
	}
	return n, nil
}

// children returns the inputs of n in their order.
func children(n *G.Node) []*G.Node {
	if n.Op() == nil {
		return nil
	}
	it := n.Graph().From(n.ID())
	if it == nil {
		return nil
	}
	var list []*G.Node
	for it.Next() {
		list = append(list, it.Node().(*G.Node))
	}
	return list
}

// checkHashes returns an error if two different nodes have one hash and one of
// them is an input of an operation that could have been merged with the same
// operation on the other. By then the merged node is gone: what is left to be seen
// is that it may have been there.
func checkHashes(order []*G.Node, kids map[*G.Node][]*G.Node) error {
	if len(order) == 0 {
		return nil
	}
	all := order[0].Graph().AllNodes()
	first := make(map[uint32]*G.Node, len(all))
	twins := map[*G.Node]*G.Node{}
	for _, n := range all {
		if m, ok := first[n.Hashcode()]; ok {
			twins[n], twins[m] = m, n
		} else {
			first[n.Hashcode()] = n
		}
	}
	if len(twins) == 0 {
		return nil
	}
	for _, n := range order {
		if _, ok := n.Op().(Distinct); ok {
			continue
		}
		for _, c := range kids[n] {
			if twin := twins[c]; twin != nil {
				return errors.Wrapf(ErrHashCollision, "nodes %v (number %d) and %v (number %d) have the hash %08x, and %v may have been merged with its like: rename an input of the graph, or add its nodes in another order",
					c, c.ID(), twin, twin.ID(), c.Hashcode(), n)
			}
		}
	}
	return nil
}

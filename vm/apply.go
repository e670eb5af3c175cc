package vm

import (
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/graph"
	G "gorgonia.org/gorgonia"
)

// ErrHashCollision means that two different nodes of a graph have the same hash, so that
// Gorgonia takes, or may have taken, one for the other.
var ErrHashCollision = errors.New("node hash collision")

// Distinct is an operation whose hash is unique in its graph, owing to its salt (see [Salted]).
// Gorgonia can't merge its node with another one.
type Distinct interface {
	G.Op
	// DistinctHash does nothing; it marks the operation.
	DistinctHash()
}

// Salted is an operation that can be given a number to mix into its hash.
type Salted interface {
	Distinct
	// Salt sets the number. No two operations of a graph get the same: if Hashcode is one to
	// one, Gorgonia can't take one operation for another even where the hashes of their nodes
	// collide.
	Salt(uint32)
}

// Apply adds op, applied to inputs, to the inputs' graph, as gorgonia.ApplyOp does, and returns
// an error that is [ErrHashCollision] if Gorgonia returns a node with other inputs. A [Salted]
// op gets a unique salt, and so never collides; salts depend only on the order in which the
// graph is built.
func Apply(op G.Op, inputs ...*G.Node) (*G.Node, error) {
	if op == nil {
		return nil, errors.New("apply: the operation is nil")
	}
	inputs, err := ofOneGraph(inputs)
	if err != nil {
		return nil, errors.Wrapf(err, "apply %v", op)
	}
	salted, ok := op.(Salted)
	if ok {
		// Nodes are numbered as they are made, so no other node has this number.
		all := inputs[0].Graph().AllNodes()
		salted.Salt(uint32(all[len(all)-1].ID() + 1))
	}
	number(inputs[0].Graph(), inputs)
	n, err := G.ApplyOp(op, inputs...)
	if err != nil {
		return nil, errors.Wrapf(err, "apply %v", op)
	}
	if ok && n.Op() != op {
		return nil, errors.Wrapf(ErrHashCollision, "%v became the older node %v", op, n)
	}
	kids, err := children(n)
	if err != nil {
		return nil, errors.Wrapf(err, "apply %v", op)
	}
	for i, c := range kids {
		if c != inputs[i] {
			return nil, errors.Wrapf(ErrHashCollision, "%v of %v became the older node %v of %v: rename an input of the graph, or add its nodes in another order",
				op, inputs[i], n, c)
		}
	}
	return n, nil
}

// ofOneGraph returns the inputs. Constants that belong to no graph yet are added to that of the
// other inputs.
func ofOneGraph(inputs []*G.Node) ([]*G.Node, error) {
	var g *G.ExprGraph
	for i, n := range inputs {
		if n == nil {
			return nil, errors.Errorf("input %d is nil", i)
		}
		if n.Type() == nil {
			return nil, errors.Errorf("input %d, %v, is a statement", i, n)
		}
		if g == nil {
			g = n.Graph()
		}
	}
	if g == nil {
		return nil, errors.New("no input belongs to a graph")
	}
	list := make([]*G.Node, len(inputs))
	for i, n := range inputs {
		list[i] = n
		switch n.Graph() {
		case g:
		case nil:
			// Gorgonia identifies constants by their printed values, which are abridged for
			// tensors.
			list[i] = g.AddNode(n)
			if !G.ValueEq(list[i].Value(), n.Value()) {
				return nil, errors.Wrapf(ErrHashCollision, "input %d became an older constant that is printed like it, %v: make it an input of the graph", i, list[i])
			}
		default:
			return nil, errors.Errorf("input %d, %v, belongs to another graph", i, n)
		}
	}
	return list, nil
}

// children returns the inputs of n in order.
func children(n *G.Node) ([]*G.Node, error) {
	if n.Op() == nil {
		return nil, nil
	}
	g := n.Graph()
	if g.Node(n.ID()) != graph.Node(n) {
		return nil, errors.Errorf("%v is no longer found under its ID %d: nodes were removed from the graph; rebuild it without them", n, n.ID())
	}
	it := g.From(n.ID())
	list := make([]*G.Node, 0, it.Len())
	for it.Next() {
		list = append(list, it.Node().(*G.Node))
	}
	return list, nil
}

// checkHashes returns an error if two different nodes have one hash and one of them is an input
// of an operation that could have been merged with the same operation on the other. The merged
// node itself left no trace: all that can be checked is that there may have been one.
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

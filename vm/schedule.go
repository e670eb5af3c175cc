package vm

import (
	"reflect"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// schedule is what a machine computes, and in which order.
type schedule struct {
	graph   *G.ExprGraph
	wanted  []*G.Node // each once; they keep their values to the end of a run
	keep    map[*G.Node]bool
	reads   []*G.Node // statements gorgonia.Read
	reuse   bool      // results that are no longer needed hand their memory on
	order   []*G.Node // inputs before users
	kids    map[*G.Node][]*G.Node
	lastUse map[*G.Node]int // places in the order
	updates []Update
	pending *pending
}

// newSchedule checks the nodes and updates and orders what they need. Without any, that is the
// whole graph.
func newSchedule(g *G.ExprGraph, updates []Update, wanted []*G.Node) (*schedule, error) {
	if g == nil {
		return nil, errors.New("the graph is nil")
	}
	if err := checkUpdates(g, updates); err != nil {
		return nil, err
	}
	s := &schedule{graph: g, reuse: true, keep: make(map[*G.Node]bool, len(wanted)), updates: updates}
	if len(wanted) == 0 && len(updates) == 0 {
		s.reuse = false
		for _, n := range g.AllNodes() {
			if n.Op() != nil || len(n.DerivOf()) > 0 {
				wanted = append(wanted, n)
			}
		}
	}
	for i, n := range wanted {
		if n == nil {
			return nil, errors.Errorf("node %d to compute is nil", i)
		}
		if n.Graph() != g {
			return nil, errors.Errorf("node %v belongs to another graph", n)
		}
		if n.Type() == nil {
			kids, err := children(n)
			if err != nil {
				return nil, err
			}
			if _, err := destination(n); err != nil {
				return nil, err
			}
			s.reads = append(s.reads, n)
			n = kids[0]
		}
		if !s.keep[n] {
			s.keep[n] = true
			s.wanted = append(s.wanted, n)
		}
	}
	needed := s.wanted[:len(s.wanted):len(s.wanted)]
	for _, u := range updates { // even if nothing reads it
		needed = append(needed, u.Of)
	}
	for _, u := range updates {
		needed = append(needed, u.Of.Deriv())
	}
	if err := s.sort(needed); err != nil {
		return nil, err
	}
	for _, n := range s.order {
		if err := supported(n); err != nil {
			return nil, err
		}
	}
	if err := checkHashes(s.order, s.kids); err != nil {
		return nil, err
	}
	s.lastUse = make(map[*G.Node]int, len(s.order))
	for i, n := range s.order {
		for _, c := range s.kids[n] {
			s.lastUse[c] = i
		}
	}
	s.pending = newPending(updates, s.order, s.lastUse)
	return s, nil
}

// sort orders the nodes that the given ones need, inputs before users: a depth-first walk,
// without recursion, as graphs are deep.
func (s *schedule) sort(needed []*G.Node) (err error) {
	type frame struct {
		node *G.Node
		next int
	}
	s.kids = map[*G.Node][]*G.Node{}
	var stack []frame
	push := func(n *G.Node) {
		if _, seen := s.kids[n]; !seen && err == nil {
			s.kids[n], err = children(n)
			stack = append(stack, frame{node: n})
		}
	}
	for _, n := range needed {
		push(n)
		for len(stack) > 0 && err == nil {
			top := &stack[len(stack)-1]
			if cs := s.kids[top.node]; top.next < len(cs) {
				top.next++
				push(cs[top.next-1])
				continue
			}
			s.order = append(s.order, top.node)
			stack = stack[:len(stack)-1]
		}
	}
	return err
}

func supported(n *G.Node) error {
	if n.Type() == nil {
		return errors.Errorf("%v (%s) is a statement", n, n.Op())
	}
	switch n.Dtype() {
	case tensor.Float32, tensor.Float64, tensor.Int, tensor.Int64, tensor.Int32, tensor.Uint8, tensor.Bool:
		return nil
	}
	return errors.Errorf("%v has elements of type %v: only float32, float64, int, int32, int64, uint8 and bool are computed", n, n.Dtype())
}

// destination returns where the statement n reads a value into. Gorgonia does not export it: the
// operation of gorgonia.Read is a struct of this one pointer.
func destination(n *G.Node) (*G.Value, error) {
	op := reflect.ValueOf(n.Op())
	if t := op.Type(); t.Name() == "readOp" && t.Kind() == reflect.Struct && t.NumField() == 1 && t.Field(0).Type == reflect.TypeFor[*G.Value]() {
		if p := (*G.Value)(op.Field(0).UnsafePointer()); p != nil {
			return p, nil
		}
		return nil, errors.Errorf("%v reads into nil", n)
	}
	return nil, errors.Errorf("%v (%s) is a statement that machines do not execute: use Machine.Set between runs, or an Update", n, n.Op())
}

// valuer is implemented by the operations of Gorgonia's constants.
type valuer interface{ Value() G.Value }

func constant(n *G.Node) bool {
	_, ok := n.Op().(valuer)
	return ok
}

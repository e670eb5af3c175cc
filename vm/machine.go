package vm

import (
	"fmt"

	"github.com/pkg/errors"
	// Gorgonia's tensor package refuses to start unless the version of this one that
	// fits the Go release is required: importing it here keeps it in go.mod.
	_ "go4.org/unsafe/assume-no-moving-gc"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Overwriter is an operation whose result may take the place of one of its inputs.
type Overwriter interface {
	G.Op
	// MayOverwrite returns the numbers of the inputs that the result, which has their
	// shape, may share memory with; the machine does so where nothing else needs them.
	MayOverwrite() []int
}

// A Machine runs the operations that the nodes it was compiled for need. It
// implements gorgonia.VM. It must be run by one goroutine at a time, and so must
// the machines of one graph.
type Machine struct {
	steps  []step
	inputs []input
	stepOf map[*G.Node]int
	bytes  int64
}

// step is one operation with everything that it reads and writes.
type step struct {
	node    *G.Node
	op      G.Op
	do      G.UsePreallocDoer // nil: op.Do and a copy
	out     G.Value
	in      []G.Value
	guard   []guard // inputs to copy first, as a stock operation may spoil them
	observe func(G.Value)
}

type guard struct {
	in         int
	from, copy G.Value
}

// input is a node without an operation: data or a parameter.
type input struct {
	node    *G.Node
	last    G.Value
	readers []reader
	observe func(G.Value)
}

type reader struct{ step, in int }

// Compile prepares a machine that computes the nodes wanted, and only what they
// need; without any, it computes the roots of the graph. The nodes wanted are
// bound to their values; of several machines that compute one node, the last compiled
// has it. Compile returns an error if a
// node belongs to another graph, for statements (gorgonia.Read, gorgonia.Set), for
// element types other than float and int, and [ErrHashCollision].
// The time it takes is linear in the number of nodes.
func Compile(g *G.ExprGraph, wanted ...*G.Node) (*Machine, error) {
	if len(wanted) == 0 {
		wanted = roots(g)
	}
	keep := make(map[*G.Node]bool, len(wanted))
	for i, n := range wanted {
		if n == nil {
			return nil, errors.Errorf("vm: node %d to compute is nil", i)
		}
		if n.Graph() != g {
			return nil, errors.Errorf("vm: node %v belongs to another graph", n)
		}
		keep[n] = true
	}
	order, kids := schedule(wanted)
	if err := checkHashes(order, kids); err != nil {
		return nil, errors.Wrap(err, "vm")
	}
	lastUse := make(map[*G.Node]int, len(order))
	for i, n := range order {
		for _, c := range kids[n] {
			lastUse[c] = i
		}
	}

	m := &Machine{stepOf: make(map[*G.Node]int, len(order))}
	mem := memory{}
	values := make(map[*G.Node]G.Value, len(order))
	inputs := make(map[*G.Node]int)
	for i, n := range order {
		if n.Op() == nil {
			inputs[n] = len(m.inputs)
			m.inputs = append(m.inputs, input{node: n})
			continue
		}
		if err := supported(n); err != nil {
			return nil, err
		}
		if c, ok := n.Op().(interface{ Value() G.Value }); ok { // a constant
			values[n] = c.Value()
			continue
		}
		s := step{node: n, op: n.Op(), in: make([]G.Value, len(kids[n]))}
		s.do, _ = s.op.(G.UsePreallocDoer)
		for k, c := range kids[n] {
			if j, ok := inputs[c]; ok {
				m.inputs[j].readers = append(m.inputs[j].readers, reader{len(m.steps), k})
			} else {
				s.in[k] = values[c]
			}
		}
		if k := s.op.OverwritesInput(); k >= 0 && k < len(s.in) && s.do == nil {
			s.guard = append(s.guard, guard{in: k})
		}
		dies := func(c *G.Node) bool { return mem.owned[values[c]] && lastUse[c] == i && !keep[c] }
		if o, ok := s.op.(Overwriter); ok && !keep[n] {
			for _, k := range o.MayOverwrite() {
				if c := kids[n][k]; dies(c) && c.Dtype() == n.Dtype() && c.Shape().TotalSize() == n.Shape().TotalSize() && once(kids[n], c) {
					s.out = mem.takeOver(values[c], n)
					break
				}
			}
		}
		if s.out == nil {
			var err error
			if s.out, err = mem.allocate(n); err != nil {
				return nil, err
			}
		}
		for k, c := range kids[n] {
			if first(kids[n], k) && dies(c) {
				mem.release(values[c])
			}
		}
		values[n] = s.out
		m.stepOf[n] = len(m.steps)
		m.steps = append(m.steps, s)
	}
	for n := range keep {
		if v, ok := values[n]; ok && n.Value() != v {
			if err := G.UnsafeLet(n, v); err != nil {
				return nil, errors.Wrapf(err, "vm: bind %v", n)
			}
		}
	}
	m.bytes = mem.bytes
	return m, nil
}

// schedule returns the nodes that the wanted ones need, inputs before users, and
// the inputs of each: a depth-first walk, without recursion as graphs are deep.
func schedule(wanted []*G.Node) (order []*G.Node, kids map[*G.Node][]*G.Node) {
	type frame struct {
		node *G.Node
		next int
	}
	kids = map[*G.Node][]*G.Node{}
	var stack []frame
	push := func(n *G.Node) {
		if _, seen := kids[n]; !seen {
			kids[n] = children(n)
			stack = append(stack, frame{node: n})
		}
	}
	for _, n := range wanted {
		push(n)
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if cs := kids[top.node]; top.next < len(cs) {
				top.next++
				push(cs[top.next-1])
				continue
			}
			order = append(order, top.node)
			stack = stack[:len(stack)-1]
		}
	}
	return order, kids
}

// roots returns the nodes that are no other's input, in the order of the graph.
func roots(g *G.ExprGraph) []*G.Node {
	used := map[*G.Node]bool{}
	for _, n := range g.AllNodes() {
		for _, c := range children(n) {
			used[c] = true
		}
	}
	var list []*G.Node
	for _, n := range g.AllNodes() {
		if !used[n] && n.Op() != nil {
			list = append(list, n)
		}
	}
	return list
}

func supported(n *G.Node) error {
	if s := n.Op().String(); n.Type() == nil {
		return errors.Errorf("vm: %v (%s) is a statement: ask for the node itself and read its Value after the run", n, s)
	}
	switch n.Dtype() {
	case tensor.Float32, tensor.Float64, tensor.Int:
		return nil
	}
	return errors.Errorf("vm: %v has elements of type %v: only float32, float64 and int are computed", n, n.Dtype())
}

func once(list []*G.Node, n *G.Node) bool {
	count := 0
	for _, m := range list {
		if m == n {
			count++
		}
	}
	return count == 1
}

// first tells whether element k is not among those before it.
func first(list []*G.Node, k int) bool {
	for _, m := range list[:k] {
		if m == list[k] {
			return false
		}
	}
	return true
}

// Observe has f called with the value of n in each run, as soon as it is
// computed and before anything can overwrite it; f must only read. A nil f ends it.
// It returns an error if the machine does not compute n. Observing changes nothing
// in what is computed.
func (m *Machine) Observe(n *G.Node, f func(G.Value)) error {
	for i := range m.inputs {
		if m.inputs[i].node == n {
			m.inputs[i].observe = f
			return nil
		}
	}
	i, ok := m.stepOf[n]
	if !ok {
		return errors.Errorf("vm: the machine does not compute %v", n)
	}
	m.steps[i].observe = f
	return nil
}

// RunAll computes the wanted nodes from what the graph's inputs are bound to.
// It returns an error, before computing anything, if one is not bound or bound to a
// tensor of another shape or type; and the error of an operation, with its node.
func (m *Machine) RunAll() error { return m.run(false) }

// RunObserved is RunAll with the observers called.
func (m *Machine) RunObserved() error { return m.run(true) }

func (m *Machine) run(observe bool) error {
	for i := range m.inputs {
		in := &m.inputs[i]
		if v := in.node.Value(); v != in.last || v == nil {
			if err := m.bind(in, v); err != nil {
				return err
			}
		}
		if observe && in.observe != nil {
			in.observe(in.last)
		}
	}
	for i := range m.steps {
		s := &m.steps[i]
		if s.do != nil {
			if v, err := s.do.UsePreallocDo(s.out, s.in...); err != nil || v != s.out {
				if err := s.settle(v, err); err != nil {
					return err
				}
			}
		} else if err := s.doAndCopy(); err != nil {
			return err
		}
		if observe && s.observe != nil {
			s.observe(s.out)
		}
	}
	return nil
}

// bind makes v the value of an input for those that read it.
func (m *Machine) bind(in *input, v G.Value) error {
	n := in.node
	if v == nil {
		return errors.Errorf("vm: input %q of shape %v has no value: give it one with gorgonia.Let", n.Name(), n.Shape())
	}
	if !v.Shape().Eq(n.Shape()) || v.Dtype() != n.Dtype() {
		return errors.Errorf("vm: input %q is a %v of shape %v, but bound to a %v of shape %v", n.Name(), n.Dtype(), n.Shape(), v.Dtype(), v.Shape())
	}
	in.last = v
	for _, r := range in.readers {
		m.steps[r.step].in[r.in] = v
	}
	return nil
}

// settle ends a step that did not write to the memory prepared for it: some stock
// operations return a new scalar, and some can only allocate.
func (s *step) settle(v G.Value, err error) error {
	if err != nil {
		return s.doAndCopy()
	}
	if _, err := G.Copy(s.out, v); err != nil {
		return errors.Wrapf(err, "vm: %v", s)
	}
	return nil
}

// doAndCopy runs an operation that has no way to write to given memory.
func (s *step) doAndCopy() error {
	for i := range s.guard {
		g := &s.guard[i]
		if v := s.in[g.in]; v != g.copy { // at first, and when an input has a new value
			g.from = v
		}
		var err error
		if g.copy == nil {
			if g.copy, err = G.CloneValue(g.from); err != nil {
				return errors.Wrapf(err, "vm: %v", s)
			}
		} else if _, err = G.Copy(g.copy, g.from); err != nil {
			return errors.Wrapf(err, "vm: %v", s)
		}
		s.in[g.in] = g.copy
	}
	v, err := s.op.Do(s.in...)
	if err == nil {
		_, err = G.Copy(s.out, v)
	}
	return errors.Wrapf(err, "vm: %v", s)
}

func (s *step) String() string {
	if name := s.node.Name(); name != "" {
		return fmt.Sprintf("%v (node %d, %s)", s.op, s.node.ID(), name)
	}
	return fmt.Sprintf("%v (node %d)", s.op, s.node.ID())
}

// Reset does nothing: a machine is always ready to be run again, and the values of
// the last run stay readable until then.
func (m *Machine) Reset() {}

// Close does nothing: a machine holds nothing but memory.
func (m *Machine) Close() error { return nil }

// Steps returns the number of operations of a run.
func (m *Machine) Steps() int { return len(m.steps) }

// Bytes returns the size of the memory allocated for results.
func (m *Machine) Bytes() int64 { return m.bytes }

var _ G.VM = (*Machine)(nil)

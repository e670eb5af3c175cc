package vm

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

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

// Binder is an operation that can prepare itself to compute the same values over and
// over.
type Binder interface {
	G.Op
	// Bind returns the computation of the result of the values in into out. It holds as
	// long as tensors keep their shape and memory.
	Bind(out G.Value, in ...G.Value) (Computation, error)
}

// Computation is what a [Binder] has prepared. See also [Fetcher] and [Splitter].
type Computation interface{ Do() }

// Splitter is a [Computation] that can divide its work over several goroutines.
type Splitter interface {
	Computation
	// Split says over how many. Results do not depend on it.
	Split(workers int)
}

// A Machine runs the operations that the nodes it was compiled for need. It
// implements gorgonia.VM. It must be run by one goroutine at a time, and so must
// the machines of one graph, and machines with stock operations that share tensors,
// as some of those transpose an input while they work.
type Machine struct {
	steps  []step
	inputs []input
	wanted []binding
	graph  *G.ExprGraph
	stepOf map[*G.Node]int
	made   []piece // the memory allocated for results
	bytes  int64

	unbound bool // operations of steps are to be bound
	planned bool // it is decided what to fetch ahead
	workers int  // that computations are divided over
}

// binding is a wanted node with the value that each run computes for it.
type binding struct {
	node  *G.Node
	value G.Value
}

// step is one operation with everything that it reads and writes.
type step struct {
	node    *G.Node
	op      G.Op
	compute Computation       // what a Binder made of the values below; nil for other operations
	do      G.UsePreallocDoer // of those; nil: op.Do and a copy
	out     G.Value
	in      []G.Value
	unbound bool // compute, or what makes a change, is to be made anew
	observe func(G.Value)
	ahead   ahead    // what compute is to fetch
	changes []change // to make afterwards
}

// input is a node without an operation: data or a parameter.
type input struct {
	node    *G.Node
	shape   tensor.Shape
	dtype   tensor.Dtype
	last    G.Value
	place   place
	readers []reader
	changer int // the step that changes it, -1 if there is none
	observe func(G.Value)
}

type reader struct{ step, in int }

// place is where a tensor's elements are, and whether they are in their order.
type place struct {
	address uintptr
	order   tensor.DataOrder
	gaps    bool
}

func placeOf(v G.Value) place {
	if t, ok := v.(*tensor.Dense); ok {
		return place{t.Uintptr(), t.DataOrder(), t.RequiresIterator()}
	}
	return place{}
}

// Compile prepares a machine that computes the nodes wanted, and only what they
// need; without any, it computes the roots of the graph. The nodes wanted are
// bound to their values, here and by each run: where several machines compute one
// node, the last to be compiled or run has it. Compile returns an error if a
// node belongs to another graph, for statements (gorgonia.Read, gorgonia.Set), for
// element types other than float32, float64 and int, and [ErrHashCollision].
// The time it takes is linear in the number of nodes.
func Compile(g *G.ExprGraph, wanted ...*G.Node) (*Machine, error) {
	m, err := compile(g, nil, wanted, nil)
	return m, errors.Wrap(err, "vm")
}

func compile(g *G.ExprGraph, updates []Update, wanted []*G.Node, of *Machine) (*Machine, error) {
	if g == nil {
		return nil, errors.New("the graph is nil")
	}
	if err := checkUpdates(g, updates); err != nil {
		return nil, err
	}
	if len(wanted) == 0 && len(updates) == 0 {
		var err error
		if wanted, err = roots(g); err != nil {
			return nil, err
		}
	}
	keep := make(map[*G.Node]bool, len(wanted))
	for i, n := range wanted {
		if n == nil {
			return nil, errors.Errorf("node %d to compute is nil", i)
		}
		if n.Graph() != g {
			return nil, errors.Errorf("node %v belongs to another graph", n)
		}
		keep[n] = true
	}
	needed := wanted[:len(wanted):len(wanted)]
	for _, u := range updates { // also where nothing reads it
		needed = append(needed, u.Of)
	}
	for _, u := range updates {
		needed = append(needed, u.Of.Deriv())
	}
	order, kids, err := schedule(needed)
	if err != nil {
		return nil, err
	}
	if err := checkHashes(order, kids); err != nil {
		return nil, err
	}
	lastUse := make(map[*G.Node]int, len(order))
	for i, n := range order {
		for _, c := range kids[n] {
			lastUse[c] = i
		}
	}
	pending := newPending(updates, order, lastUse)

	m := &Machine{graph: g, stepOf: make(map[*G.Node]int, len(order)), unbound: true}
	mem := newMemory(of)
	values := make(map[*G.Node]G.Value, len(order))
	inputs := make(map[*G.Node]int)
	for i, n := range order {
		if n.Op() == nil {
			inputs[n] = len(m.inputs)
			m.inputs = append(m.inputs, input{node: n, shape: n.Shape(), dtype: n.Dtype(), changer: -1})
			continue
		}
		if err := supported(n); err != nil {
			return nil, err
		}
		if constant(n) && len(kids[n]) == 0 {
			values[n] = n.Op().(valuer).Value()
			continue
		}
		s := step{node: n, op: n.Op(), do: preallocDoer(n.Op()), in: make([]G.Value, len(kids[n])), unbound: true}
		for k, c := range kids[n] {
			if j, ok := inputs[c]; ok {
				m.inputs[j].readers = append(m.inputs[j].readers, reader{len(m.steps), k})
			} else {
				s.in[k] = values[c]
			}
		}
		dies := func(c *G.Node) bool {
			return mem.owned[values[c]] && lastUse[c] == i && !keep[c] && pending.held[c] == 0
		}
		if o, ok := s.op.(Overwriter); ok {
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
		for _, c := range kids[n] {
			if dies(c) {
				mem.release(values[c])
			}
		}
		values[n] = s.out
		for _, u := range pending.due[i] {
			d := u.Of.Deriv()
			s.changes = append(s.changes, change{Update: u, derivative: values[d]})
			m.inputs[inputs[u.Of]].changer = len(m.steps)
			if pending.held[d]--; pending.held[d] == 0 && mem.owned[values[d]] && lastUse[d] <= i && !keep[d] {
				mem.release(values[d])
			}
		}
		m.stepOf[n] = len(m.steps)
		m.steps = append(m.steps, s)
	}
	for _, n := range wanted {
		if v, ok := values[n]; ok && keep[n] {
			m.wanted = append(m.wanted, binding{n, v})
			keep[n] = false // for those given twice
		}
	}
	m.bytes, m.made = mem.bytes, mem.made
	if err := m.publish(); err != nil {
		return nil, err
	}
	return m, nil
}

// valuer is what the operations of Gorgonia's constants are.
type valuer interface{ Value() G.Value }

func constant(n *G.Node) bool {
	_, ok := n.Op().(valuer)
	return ok
}

// preallocDoer returns the way in which op writes to given memory, if it has one
// that can be relied upon. Most stock operations have not: the gradient of a slice
// adds to what it finds there, batch normalisation reads it, dropout panics.
func preallocDoer(op G.Op) G.UsePreallocDoer {
	t := reflect.TypeOf(op)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if strings.HasPrefix(t.PkgPath(), "gorgonia.org/gorgonia") && !slices.Contains(reliable, t.Name()) {
		return nil
	}
	do, _ := op.(G.UsePreallocDoer)
	return do
}

// reliable are the stock operations whose UsePreallocDo computes what Do computes,
// whatever the memory held: element-wise arithmetic, matrix products, broadcasting.
var reliable = []string{"elemBinOp", "linAlgBinOp", "repeatOp"}

// publish binds the wanted nodes to their values.
func (m *Machine) publish() error {
	for _, b := range m.wanted {
		if b.node.Value() != b.value {
			if err := G.UnsafeLet(b.node, b.value); err != nil {
				return errors.Wrapf(err, "bind %v", b.node)
			}
		}
		// An input that another kind of machine has run with keeps a gradient of its own,
		// which its Grad prefers to this one.
		for _, n := range b.node.DerivOf() {
			if d, err := n.Grad(); err == nil && d != b.value && n.Deriv() == b.node && G.TypeOf(n.Value()).Eq(G.TypeOf(b.value)) {
				G.WithGrad(b.value)(n)
			}
		}
	}
	return nil
}

// schedule returns the nodes that the wanted ones need, inputs before users, and
// the inputs of each: a depth-first walk, without recursion as graphs are deep.
func schedule(wanted []*G.Node) (order []*G.Node, kids map[*G.Node][]*G.Node, err error) {
	type frame struct {
		node *G.Node
		next int
	}
	kids = map[*G.Node][]*G.Node{}
	var stack []frame
	push := func(n *G.Node) {
		if _, seen := kids[n]; !seen && err == nil {
			kids[n], err = children(n)
			stack = append(stack, frame{node: n})
		}
	}
	for _, n := range wanted {
		push(n)
		for len(stack) > 0 && err == nil {
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
	return order, kids, err
}

// roots returns the nodes that are no other's input, in the order of the graph.
func roots(g *G.ExprGraph) (list []*G.Node, err error) {
	used := map[*G.Node]bool{}
	for _, n := range g.AllNodes() {
		kids, err := children(n)
		if err != nil {
			return nil, err
		}
		for _, c := range kids {
			used[c] = true
		}
	}
	for _, n := range g.AllNodes() {
		if !used[n] && n.Op() != nil {
			list = append(list, n)
		}
	}
	return list, nil
}

func supported(n *G.Node) error {
	if n.Type() == nil {
		return errors.Errorf("%v (%s) is a statement: ask for the node itself and read its Value after the run", n, n.Op())
	}
	switch n.Dtype() {
	case tensor.Float32, tensor.Float64, tensor.Int:
		return nil
	}
	return errors.Errorf("%v has elements of type %v: only float32, float64 and int are computed", n, n.Dtype())
}

// once tells whether n is in the list once.
func once(list []*G.Node, n *G.Node) bool {
	count := 0
	for _, m := range list {
		if m == n {
			count++
		}
	}
	return count == 1
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
// tensor of another shape or type, or to one that an operation can't read; and the
// error of an operation, or its panic, with its node; and that of an update.
func (m *Machine) RunAll() error { return errors.Wrap(m.run(false), "vm") }

// RunObserved is RunAll with the observers called.
func (m *Machine) RunObserved() error { return errors.Wrap(m.run(true), "vm") }

func (m *Machine) run(observe bool) (err error) {
	if err := m.publish(); err != nil {
		return err
	}
	for i := range m.inputs {
		in := &m.inputs[i]
		v := in.node.Value()
		if v == nil || !slices.Equal(v.Shape(), in.shape) || v.Dtype() != in.dtype {
			return in.unfit(v)
		}
		if at := placeOf(v); v != in.last || at != in.place {
			in.last, in.place = v, at
			for _, r := range in.readers {
				s := &m.steps[r.step]
				s.in[r.in], s.unbound = v, true
			}
			if in.changer >= 0 {
				m.steps[in.changer].unbound = true
			}
			m.unbound = true
		}
	}
	var s *step // the one whose operation is at work
	defer func() {
		if s != nil {
			if p := recover(); p != nil {
				err = errors.Errorf("%v panicked: %v", s, p)
			}
		}
	}()
	if m.unbound {
		if err := m.bind(&s); err != nil {
			return err
		}
	}
	if observe {
		for i := range m.inputs {
			if in := &m.inputs[i]; in.observe != nil {
				in.observe(in.last)
			}
		}
	}
	for i := range m.steps {
		s = &m.steps[i]
		if s.compute != nil {
			s.compute.Do()
		} else if err := s.run(); err != nil {
			return errors.Wrapf(err, "%v", s)
		}
		if s.changes == nil && !(observe && s.observe != nil) {
			continue
		}
		done := s
		s = nil // the panic of an observer or an update is its own
		if observe && done.observe != nil {
			done.observe(done.out)
		}
		for i := range done.changes {
			c := &done.changes[i]
			if err := c.do(); err != nil {
				return errors.Wrapf(err, "update of %s", c.Of.Name())
			}
		}
	}
	return nil
}

// bind has operations and updates prepare themselves for the values of their steps. It
// sets at to the step whose operation is at work.
func (m *Machine) bind(at **step) (err error) {
	if err := m.checkMemory(); err != nil {
		return err
	}
	for i := range m.steps {
		s := &m.steps[i]
		if !s.unbound {
			continue
		}
		if op, ok := s.op.(Binder); ok {
			*at = s
			if s.compute, err = op.Bind(s.out, s.in...); err != nil {
				return errors.Wrapf(err, "%v", s)
			}
			if m.planned {
				s.prepare(m.workers)
			}
			*at = nil
		}
		for i := range s.changes {
			c := &s.changes[i]
			if c.do, err = c.Bind(c.Of.Value(), c.derivative); err != nil {
				return errors.Wrapf(err, "update of %s", c.Of.Name())
			}
		}
		s.unbound = false
	}
	if !m.planned {
		m.fetchAhead()
		for i := range m.steps {
			m.steps[i].prepare(m.workers)
		}
	}
	m.unbound, m.planned = false, true
	return nil
}

// prepare tells the computation of a step what to fetch and how to divide its work.
func (s *step) prepare(workers int) {
	if c, ok := s.compute.(Fetcher); ok {
		c.Fetch(s.ahead.address, s.ahead.bytes)
	}
	if c, ok := s.compute.(Splitter); ok && workers > 1 {
		c.Split(workers)
	}
}

// Split has operations that can divide their work over so many goroutines do so, where
// that is worth it: large matrix products. It makes no difference to results. For a
// study of many runs, running them side by side is the better use of processors.
func (m *Machine) Split(workers int) {
	m.workers, m.unbound, m.planned = workers, true, false
	for i := range m.steps {
		m.steps[i].unbound = true
	}
}

// unfit tells why an input cannot have the value v.
func (in *input) unfit(v G.Value) error {
	n := in.node
	if v == nil {
		return errors.Errorf("input %q of shape %v has no value: give it one with gorgonia.Let", n.Name(), in.shape)
	}
	return errors.Errorf("input %q is a %v of shape %v, but bound to a %v of shape %v", n.Name(), in.dtype, in.shape, v.Dtype(), v.Shape())
}

func (s *step) run() error {
	if s.do != nil {
		v, err := s.do.UsePreallocDo(s.out, s.in...)
		if err == nil {
			return assign(s.out, v)
		}
	}
	// There is no way to write to given memory, or not for these inputs.
	in := s.in
	if k := s.op.OverwritesInput(); k >= 0 && k < len(in) {
		spoilt, err := G.CloneValue(in[k])
		if err != nil {
			return err
		}
		in = slices.Clone(in)
		in[k] = spoilt
	}
	v, err := s.op.Do(in...)
	if err != nil {
		return err
	}
	return assign(s.out, v)
}

// assign makes the result v of an operation that of its step. Some stock operations
// return a number where their node is a tensor of one element, or the reverse.
func assign(out, v G.Value) error {
	if v == out {
		return nil
	}
	if v == nil {
		return errors.New("the operation returned no value")
	}
	if v.Dtype() != out.Dtype() || v.Size() != out.Size() {
		return errors.Errorf("the operation returned a %v of shape %v for a node that is a %v of shape %v", v.Dtype(), v.Shape(), out.Dtype(), out.Shape())
	}
	_, err := G.Copy(out, v)
	return err
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

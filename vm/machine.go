package vm

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	// Gorgonia's tensor package refuses to start unless the version of this one that
	// fits the Go release is required: importing it here keeps it in go.mod.
	_ "go4.org/unsafe/assume-no-moving-gc"
	G "gorgonia.org/gorgonia"
)

// Overwriter is an operation whose result may take the place of one of its inputs.
type Overwriter interface {
	G.Op
	// MayOverwrite returns the numbers of the inputs whose memory the result, which has their
	// shape, may take; the machine uses this where nothing else needs them.
	MayOverwrite() []int
}

// Binder is an operation that can prepare itself to compute the same values over and
// over.
type Binder interface {
	G.Op
	// Bind returns the computation of the result of in, written to out. It is valid as long as
	// the tensors keep their shape and memory.
	Bind(out G.Value, in ...G.Value) (Computation, error)
}

// Computation is an operation on fixed values, prepared by a [Binder]. See also [Fetcher] and
// [Splitter].
type Computation interface{ Do() }

// Splitter is a [Computation] that can divide its work over several goroutines.
type Splitter interface {
	Computation
	// Split sets over how many. Results do not depend on it.
	Split(workers int)
}

// A Machine runs the operations that the nodes it was compiled for need. It
// implements gorgonia.VM; [Compile] makes one. It must be run by one goroutine at a time, and so must
// the machines of one graph, and machines with stock operations that share tensors,
// as some of those transpose an input while they work.
type Machine struct {
	steps  []step
	inputs []input
	wanted []binding
	graph  *G.ExprGraph
	stepOf map[*G.Node]int
	made   []piece // the memory allocated for results
	own    extents // that of all values which runs write to
	bytes  int64

	gradients []gradient
	apartOf   map[*G.Node]int // 1 + the index of a node's gradient
	reads     []reading
	modal     []G.TrainModeOp
	training  bool

	unbound bool // operations of steps must be bound
	planned bool // what to fetch ahead has been decided
	workers int  // over which computations are divided
	closed  bool
}

// binding is a wanted node with the value that each run computes for it.
type binding struct {
	node  *G.Node
	value G.Value
}

// step is one operation with all that it reads and writes.
type step struct {
	node    *G.Node
	op      G.Op
	compute Computation       // made by a Binder for the values below; nil for other operations
	do      G.UsePreallocDoer // of those; nil: op.Do and a copy
	out     G.Value
	in      []G.Value
	unbound bool // compute, or a change's function, must be made anew
	observe func(G.Value)
	ahead   ahead    // what compute fetches
	changes []change // to make afterwards
}

// Observe calls f with the value of n in each run by [Machine.RunObserved], as soon as it is
// computed and before anything can overwrite it; f must only read it. A nil f ends that. It
// returns an error if the machine does not compute n. Results do not depend on observers.
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

// RunAll computes the wanted nodes from the values of the graph's inputs. It returns an error,
// before computing anything, if an input has no value, one of another shape or type, or one that
// an operation can't read. Errors of operations and updates are returned with their node, as are
// panics of operations.
func (m *Machine) RunAll() error { return errors.Wrap(m.run(false), "vm") }

// RunObserved is RunAll with the observers called.
func (m *Machine) RunObserved() error { return errors.Wrap(m.run(true), "vm") }

func (m *Machine) run(observe bool) (err error) {
	if m.closed || m.graph == nil {
		return errors.New("the machine is closed, or was not made by Compile")
	}
	if err := m.publish(); err != nil {
		return err
	}
	for i := range m.inputs {
		in := &m.inputs[i]
		v := in.node.Value()
		if v == nil || !slices.Equal(v.Shape(), in.shape) || v.Dtype() != in.dtype {
			return in.unfit(v)
		}
		if at := locationOf(v); v != in.last || at != in.place {
			if err := m.take(in, v, at); err != nil {
				return err
			}
		}
		if in.copied {
			copyOrdered(in.read, in.last)
		}
	}
	for _, op := range m.modal {
		if err := op.SetTraining(m.training); err != nil {
			return errors.Wrapf(err, "%v", op)
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
				in.observe(in.read)
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
		s = nil // panics of observers and updates pass
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
	s = nil
	for i := range m.gradients {
		m.gradients[i].update(m)
	}
	for _, r := range m.reads {
		if err := r.do(m); err != nil {
			return errors.Wrap(err, "gorgonia.Read")
		}
	}
	return nil
}

// bind prepares operations and updates for the values of their steps. It sets at to the step
// whose operation is at work.
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

// prepare sets what the computation of a step fetches and how it divides its work.
func (s *step) prepare(workers int) {
	if c, ok := s.compute.(Fetcher); ok {
		c.Fetch(s.ahead.address, s.ahead.bytes)
	}
	if c, ok := s.compute.(Splitter); ok && workers > 1 {
		c.Split(workers)
	}
}

// Split divides large matrix products over up to workers goroutines where that is worth it. Results do
// not depend on it. For a study of many runs, running them concurrently uses processors better.
func (m *Machine) Split(workers int) {
	m.workers, m.unbound, m.planned = workers, true, false
	for i := range m.steps {
		m.steps[i].unbound = true
	}
}

func (s *step) run() error {
	if s.do != nil {
		v, err := s.do.UsePreallocDo(s.out, s.in...)
		if err == nil {
			return assign(s.out, v)
		}
	}
	// The operation can't write to given memory, or not for these inputs.
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

func (s *step) String() string {
	if name := s.node.Name(); name != "" {
		return fmt.Sprintf("%v (node %d, %s)", s.op, s.node.ID(), name)
	}
	return fmt.Sprintf("%v (node %d)", s.op, s.node.ID())
}

// SetTraining puts operations that have modes (Gorgonia's batch normalisation and dropout) into
// training mode, the default, or into evaluation mode, as gorgonia.EvalMode does. The mode
// belongs to the machine: machines of one graph may have different ones.
func (m *Machine) SetTraining(training bool) { m.training = training }

// Let is gorgonia.Let for an input of the machine's graph.
func (m *Machine) Let(n *G.Node, value any) error {
	if n == nil || n.Graph() != m.graph {
		return errors.Errorf("vm: %v is not a node of the machine's graph", n)
	}
	return errors.Wrap(G.Let(n, value), "vm")
}

// Set binds the input a to the present value of b.
func (m *Machine) Set(a, b *G.Node) error {
	if b == nil || b.Graph() != m.graph {
		return errors.Errorf("vm: %v is not a node of the machine's graph", b)
	}
	if b.Value() == nil {
		return errors.Errorf("vm: %v has no value: run a machine that binds it first", b)
	}
	return m.Let(a, b.Value())
}

// Reset does nothing: a machine can always be run again, and the values of the last run stay
// readable until then.
func (m *Machine) Reset() {}

// Close releases the machine's memory, except for the values that nodes are bound to. Running a
// closed machine is an error.
func (m *Machine) Close() error {
	*m = Machine{closed: true}
	return nil
}

// Steps returns the number of operations of a run.
func (m *Machine) Steps() int { return len(m.steps) }

// Bytes returns the size of the memory allocated for results.
func (m *Machine) Bytes() int64 { return m.bytes }

var _ G.VM = (*Machine)(nil)

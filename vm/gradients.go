package vm

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// gradient is a derivative with a value separate from that of its node. A solver sets the
// gradients of its parameters to zero, so no gradient may be shared; but the derivative's node
// may be a constant, whose value all graphs of the process share, an input, or the derivative of
// several parameters.
type gradient struct {
	of    *G.Node // whose Grad it is
	from  source
	value G.Value
	adds  bool // to the present value; see Accumulate
}

// handOut finds those of the bound derivatives that need a separate value.
func (m *Machine) handOut(s *schedule, at func(*G.Node) source) {
	for _, n := range s.graph.AllNodes() {
		d := n.Deriv()
		if d == nil || !s.keep[d] {
			continue
		}
		if constant(d) || n.Op() == nil && (d.Op() == nil || inputsOf(d) > 1) {
			m.apart(n, at(d), d)
		}
	}
}

// inputsOf counts the inputs that have d as their derivative.
func inputsOf(d *G.Node) (count int) {
	for _, n := range d.DerivOf() {
		if n.Op() == nil && n.Deriv() == d {
			count++
		}
	}
	return count
}

// apart gives n a gradient with a separate value. If Gorgonia's gradient differs from n in
// shape, which never happens to a parameter, it remains that of its node.
func (m *Machine) apart(n *G.Node, from source, d *G.Node) *gradient {
	if d.Dtype() != n.Dtype() || !d.Shape().Eq(n.Shape()) || !float(n.Dtype()) {
		return nil
	}
	v := zeros(n.Dtype(), n.Shape())
	m.own.add(v)
	m.gradients = append(m.gradients, gradient{of: n, from: from, value: v})
	m.apartOf[n] = len(m.gradients)
	return &m.gradients[len(m.gradients)-1]
}

// Accumulate makes the gradients of the given inputs add up over runs, as they do on a
// TapeMachine with gorgonia.BindDualValues, until they are set to zero, as a solver's Step does.
// Only the values that Grad returns add up, not those of the derivatives' nodes. It returns an
// error for a node that is not an input, or whose derivative the machine does not bind.
func (m *Machine) Accumulate(inputs ...*G.Node) error {
	for _, n := range inputs {
		if err := m.accumulate(n); err != nil {
			return errors.Wrap(err, "vm: accumulate")
		}
	}
	m.own.sort()
	return nil
}

func (m *Machine) accumulate(n *G.Node) error {
	if n == nil || n.Graph() != m.graph || n.Op() != nil {
		return errors.Errorf("%v is not an input of the machine's graph", n)
	}
	if i := m.apartOf[n]; i > 0 {
		m.gradients[i-1].adds = true
		return nil
	}
	d := n.Deriv()
	for _, b := range m.wanted {
		if d != nil && b.node == d {
			if g := m.apart(n, source{value: b.value}, d); g != nil {
				g.adds = true
				return nil
			}
			return errors.Errorf("the derivative of %v has another shape, %v, or is not of floats", n, d.Shape())
		}
	}
	return errors.Errorf("the machine does not bind the derivative of %v: compile it for that, too", n)
}

// publish makes Grad return the separate value.
func (g *gradient) publish() {
	if d, err := g.of.Grad(); err == nil && d == g.value {
		return
	}
	if v := g.of.Value(); v != nil && G.TypeOf(v).Eq(G.TypeOf(g.value)) {
		G.WithGrad(g.value)(g.of)
	}
}

// update takes over the run's result.
func (g *gradient) update(m *Machine) {
	switch from := m.valueOf(g.from); {
	case !g.adds:
		copyOrdered(g.value, from)
	case from.Dtype() == tensor.Float32:
		add[float32](g.value, from)
	default:
		add[float64](g.value, from)
	}
}

// publish binds the wanted nodes to their values.
func (m *Machine) publish() error {
	for _, b := range m.wanted {
		if b.node.Value() != b.value {
			if err := G.UnsafeLet(b.node, b.value); err != nil {
				return errors.Wrapf(err, "bind %v", b.node)
			}
		}
		// An input that another kind of machine has used keeps its own gradient, which its Grad
		// prefers to this one.
		for _, n := range b.node.DerivOf() {
			if d, err := n.Grad(); err == nil && d != b.value && n.Deriv() == b.node && m.apartOf[n] == 0 && n.Value() != nil && G.TypeOf(n.Value()).Eq(G.TypeOf(b.value)) {
				G.WithGrad(b.value)(n)
			}
		}
	}
	for i := range m.gradients {
		m.gradients[i].publish()
	}
	return nil
}

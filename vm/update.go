package vm

import (
	"cmp"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Update changes an input in the middle of each run, such as a parameter by its gradient in a
// training step.
//
// The update is made as soon as the derivative of the input, Of.Deriv, is computed and no later
// operation of the run reads the input. The derivative exists only then: its memory serves other
// nodes before and after. So a step of a thousand layers needs memory for the gradients of one
// or two, which are still in the processor's cache when they are used.
//
// What counts is which nodes read the input. If another input is bound to the same memory and is
// read later, the run is refused: make the two one node.
type Update struct {
	Of *G.Node
	// Bind returns the function that makes the update, given the values of the input and of its
	// derivative. It is called before the first run, and again when an input has been bound to
	// another tensor.
	Bind func(value, derivative G.Value) (do func() error, err error)
}

// change is an update that follows a step.
type change struct {
	Update
	derivative G.Value
	do         func() error
}

// CompileUpdates prepares a machine as [Compile] does, for the wanted nodes, that also makes
// updates. Derivatives that the wanted nodes don't need are computed after those, in the order
// of the updates as far as their dependencies allow. An error of an update ends the run.
func CompileUpdates(g *G.ExprGraph, updates []Update, wanted ...*G.Node) (*Machine, error) {
	m, err := compile(g, updates, wanted, nil)
	return m, errors.Wrap(err, "vm")
}

// CompileUpdates is [CompileUpdates] for m's graph, in the memory of m's results as far as that
// suffices. A run of one of the two machines overwrites the other's results, its wanted nodes
// included.
func (m *Machine) CompileUpdates(updates []Update, wanted ...*G.Node) (*Machine, error) {
	if m.graph == nil {
		return nil, errors.New("vm: the machine is closed, or was not made by Compile")
	}
	twin, err := compile(m.graph, updates, wanted, m)
	return twin, errors.Wrap(err, "vm")
}

// pending are the updates of a machine under construction.
type pending struct {
	due  map[int][]Update // by the step after which they are made
	held map[*G.Node]int  // derivatives, with the number of updates still to use them
}

// newPending determines when updates are made.
func newPending(updates []Update, order []*G.Node, lastUse map[*G.Node]int) *pending {
	p := &pending{due: map[int][]Update{}, held: map[*G.Node]int{}}
	if len(updates) == 0 {
		return p
	}
	place := make(map[*G.Node]int, len(order))
	for i, n := range order {
		place[n] = i
	}
	for _, u := range updates {
		d := u.Of.Deriv()
		at := max(place[d], lastUse[u.Of])
		p.due[at] = append(p.due[at], u)
		p.held[d]++
	}
	return p
}

// checkUpdates returns an error for updates that can't be made in graph g.
func checkUpdates(g *G.ExprGraph, updates []Update) error {
	seen := map[*G.Node]bool{}
	for i, u := range updates {
		switch {
		case u.Of == nil || u.Bind == nil:
			return errors.Errorf("update %d is of no node, or has no function Bind", i)
		case u.Of.Graph() != g:
			return errors.Errorf("update of %v, which belongs to another graph", u.Of)
		case u.Of.Op() != nil:
			return errors.Errorf("update of %v, which is computed, not an input", u.Of)
		case u.Of.Deriv() == nil:
			return errors.Errorf("update of %v, which has no derivative", u.Of)
		case u.Of.Deriv().Op() == nil:
			return errors.Errorf("update of %v, whose derivative is not computed but the input %v", u.Of, u.Of.Deriv())
		case constant(u.Of.Deriv()):
			return errors.Errorf("update of %v, whose derivative is a constant", u.Of)
		case seen[u.Of]:
			return errors.Errorf("two updates of %v", u.Of)
		}
		seen[u.Of] = true
	}
	return nil
}

// checkMemory returns an error if an update would change the memory of another input before that
// is read.
func (m *Machine) checkMemory() error {
	type tensorAt struct {
		in       *input
		from, to uintptr
	}
	var list []tensorAt
	updates := false
	for i := range m.inputs {
		in := &m.inputs[i]
		updates = updates || in.changer >= 0
		if t, ok := in.last.(*tensor.Dense); ok {
			list = append(list, tensorAt{in, t.Uintptr(), t.Uintptr() + t.MemSize()})
		}
	}
	if !updates {
		return nil
	}
	slices.SortFunc(list, func(a, b tensorAt) int { return cmp.Compare(a.from, b.from) })
	for i, a := range list {
		for _, b := range list[i+1:] {
			if b.from >= a.to {
				break
			}
			for _, pair := range [][2]*input{{a.in, b.in}, {b.in, a.in}} {
				changed, read := pair[0], pair[1]
				if changed.changer < 0 {
					continue
				}
				for _, r := range read.readers {
					if r.step > changed.changer {
						return errors.Errorf("input %q is updated while %q, which is bound to the same memory, is still to be read: make them one node",
							changed.node.Name(), read.node.Name())
					}
				}
			}
		}
	}
	return nil
}

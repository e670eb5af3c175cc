package vm

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// place decides where results go: each into its own memory, or into that of a result that is no
// longer needed. If of is not nil, it first uses the memory of that machine's results.
func place(s *schedule, of *Machine) (*memory, error) {
	mem := newMemory(of)
	for i, n := range s.order {
		if n.Op() == nil {
			continue
		}
		if constant(n) && len(s.kids[n]) == 0 {
			mem.values[n] = n.Op().(valuer).Value()
			continue
		}
		dies := func(c *G.Node) bool {
			return s.reuse && mem.owned[mem.values[c]] && s.lastUse[c] == i && !s.keep[c] && s.pending.held[c] == 0
		}
		out, err := mem.overwritten(s, n, dies)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = mem.allocate(n)
		}
		for _, c := range s.kids[n] {
			if dies(c) {
				mem.release(mem.values[c])
			}
		}
		mem.values[n] = out
		for _, u := range s.pending.due[i] {
			d := u.Of.Deriv()
			if s.pending.held[d]--; s.pending.held[d] == 0 && mem.owned[mem.values[d]] && s.lastUse[d] <= i && !s.keep[d] {
				mem.release(mem.values[d])
			}
		}
	}
	return mem, nil
}

// overwritten returns the result of n in the memory of an input that n uses last; nil if there
// is none that its operation may overwrite.
func (m *memory) overwritten(s *schedule, n *G.Node, dies func(*G.Node) bool) (G.Value, error) {
	o, ok := n.Op().(Overwriter)
	if !ok {
		return nil, nil
	}
	kids := s.kids[n]
	for _, k := range o.MayOverwrite() {
		if k < 0 || k >= len(kids) {
			return nil, errors.Errorf("%v may overwrite input %d of %d", n, k, len(kids))
		}
		if c := kids[k]; dies(c) && c.Dtype() == n.Dtype() && c.Shape().TotalSize() == n.Shape().TotalSize() && once(kids, c) {
			return m.takeOver(m.values[c], n), nil
		}
	}
	return nil, nil
}

// once reports whether n is in the list exactly once.
func once(list []*G.Node, n *G.Node) bool {
	count := 0
	for _, m := range list {
		if m == n {
			count++
		}
	}
	return count == 1
}

package vm

import (
	"reflect"
	"slices"

	"github.com/gradflow/gradflow/internal/arena"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// memory allocates results. A slab is a piece of memory of one type and size; results that don't
// live at the same time may share a slab. Each result has its own tensor over it, with its own
// shape.
type memory struct {
	owned map[G.Value]bool // results that own a slab
	slabs map[G.Value]slab
	free  map[slabKind][]slab
	made  []piece // all slabs, oldest first
	arena arena.Arena
	bytes int64

	numbers map[*G.Node]G.Value // those of another machine
	values  map[*G.Node]G.Value // of nodes that are computed, and of constants
}

type piece struct {
	kind slabKind
	slab slab
}

// newMemory returns memory that first uses that of a machine's results, if it is not nil.
func newMemory(of *Machine) *memory {
	m := &memory{owned: map[G.Value]bool{}, slabs: map[G.Value]slab{}, free: map[slabKind][]slab{}, numbers: map[*G.Node]G.Value{}, values: map[*G.Node]G.Value{}}
	if of == nil {
		return m
	}
	for _, p := range slices.Backward(of.made) { // the oldest is used first
		m.free[p.kind] = append(m.free[p.kind], p.slab)
	}
	for _, b := range of.wanted {
		if b.node.IsScalar() { // which stay bound to their nodes
			m.numbers[b.node] = b.value
		}
	}
	return m
}

type slabKind struct {
	dtype tensor.Dtype
	size  int
}

// slab is a []float32, a []float64, or a slice of another type of elements.
type slab any

// allocate returns the place for the result of n.
func (m *memory) allocate(n *G.Node) G.Value {
	if v, ok := m.numbers[n]; ok {
		return v
	}
	if n.IsScalar() {
		return zeros(n.Dtype(), nil)
	}
	kind := slabKind{n.Dtype(), n.Shape().TotalSize()}
	var s slab
	if list := m.free[kind]; len(list) > 0 {
		s, m.free[kind] = list[len(list)-1], list[:len(list)-1]
	} else {
		switch kind.dtype {
		case tensor.Float32:
			s = arena.Make[float32](&m.arena, kind.size)
		case tensor.Float64:
			s = arena.Make[float64](&m.arena, kind.size)
		case tensor.Int:
			s = arena.Make[int](&m.arena, kind.size)
		default:
			s = reflect.MakeSlice(reflect.SliceOf(kind.dtype.Type), kind.size, kind.size).Interface()
		}
		m.made = append(m.made, piece{kind, s})
		m.bytes += int64(kind.size) * int64(kind.dtype.Size())
	}
	return m.give(s, n)
}

// give makes a tensor over a slab for the result of n.
func (m *memory) give(s slab, n *G.Node) G.Value {
	t := tensor.New(tensor.WithShape(n.Shape().Clone()...), tensor.WithBacking(s), tensor.WithEngine(G.StandardEngine{}))
	m.owned[t], m.slabs[t] = true, s
	return t
}

// takeOver gives the slab of v, whose life ends, to the result of n.
func (m *memory) takeOver(v G.Value, n *G.Node) G.Value {
	s := m.slabs[v]
	delete(m.owned, v)
	return m.give(s, n)
}

// release ends the life of v.
func (m *memory) release(v G.Value) {
	s := m.slabs[v]
	delete(m.owned, v)
	t := v.(*tensor.Dense)
	kind := slabKind{t.Dtype(), t.Shape().TotalSize()}
	m.free[kind] = append(m.free[kind], s)
}

package vm

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// zeros makes a value: a number for a scalar shape, a tensor otherwise.
func zeros(dtype tensor.Dtype, shape tensor.Shape) G.Value {
	if shape.IsScalar() {
		switch dtype {
		case tensor.Float32:
			return G.NewF32(0)
		case tensor.Float64:
			return G.NewF64(0)
		case tensor.Int:
			return G.NewI(0)
		case tensor.Int64:
			return G.NewI64(0)
		case tensor.Int32:
			return G.NewI32(0)
		case tensor.Uint8:
			return G.NewU8(0)
		case tensor.Bool:
			return G.NewB(false)
		}
	}
	return tensor.New(tensor.WithShape(shape.Clone()...), tensor.Of(dtype), tensor.WithEngine(G.StandardEngine{}))
}

func float(dtype tensor.Dtype) bool { return dtype == tensor.Float32 || dtype == tensor.Float64 }

// elements returns the elements of v, which are of type F and in row-major order.
func elements[F float32 | float64](v G.Value) []F { return unsafe.Slice((*F)(pointer(v)), count(v)) }

// add adds the elements of v to those of dst.
func add[F float32 | float64](dst, v G.Value) {
	to := elements[F](dst)
	for i, x := range elements[F](v) {
		to[i] += x
	}
}

// pointer returns the address of the first element of v, of a type that is supported.
func pointer(v G.Value) unsafe.Pointer {
	t, ok := v.(*tensor.Dense)
	if !ok {
		return v.(interface{ Pointer() unsafe.Pointer }).Pointer() // all of Gorgonia's numbers have it
	}
	switch t.Dtype() {
	case tensor.Float32:
		return unsafe.Pointer(unsafe.SliceData(t.Float32s()))
	case tensor.Float64:
		return unsafe.Pointer(unsafe.SliceData(t.Float64s()))
	case tensor.Int:
		return unsafe.Pointer(unsafe.SliceData(t.Ints()))
	case tensor.Int64:
		return unsafe.Pointer(unsafe.SliceData(t.Int64s()))
	case tensor.Int32:
		return unsafe.Pointer(unsafe.SliceData(t.Int32s()))
	case tensor.Uint8:
		return unsafe.Pointer(unsafe.SliceData(t.Uint8s()))
	case tensor.Bool:
		return unsafe.Pointer(unsafe.SliceData(t.Bools()))
	}
	panic(errors.Errorf("elements of type %v", t.Dtype()))
}

// copyOrdered copies the elements of v, whatever their order in memory, to dst, a value of the
// same size in row-major order.
func copyOrdered(dst, v G.Value) {
	size := v.Dtype().Size()
	n := count(v)
	to := unsafe.Slice((*byte)(pointer(dst)), n*int(size))
	t, ok := v.(*tensor.Dense)
	if !ok || ordered(t) {
		copy(to, unsafe.Slice((*byte)(pointer(v)), len(to)))
		return
	}
	shape, strides := t.Shape(), t.Strides()
	if len(strides) != len(shape) { // a vector stored as a matrix of one row or column
		strides = strides[:1:1]
		shape = tensor.Shape{n}
	}
	var few [8]int
	index := few[:]
	if len(shape) > len(few) {
		index = make([]int, len(shape))
	}
	offset := 0
	for at := 0; at < len(to); at += int(size) {
		copy(to[at:at+int(size)], unsafe.Slice((*byte)(unsafe.Add(pointer(v), offset*int(size))), size))
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			offset += strides[d]
			if index[d] < shape[d] {
				break
			}
			offset -= index[d] * strides[d]
			index[d] = 0
		}
	}
}

// count is the number of elements of v.
func count(v G.Value) int {
	if s := v.Shape(); !s.IsScalar() {
		return s.TotalSize()
	}
	return 1
}

// assign stores the result v of an operation as that of its step. Some stock operations return a
// number where their node is a tensor of one element, or the reverse.
func assign(out, v G.Value) error {
	if v == out {
		return nil
	}
	if v == nil {
		return errors.New("the operation returned no value")
	}
	if v.Dtype() != out.Dtype() || count(v) != count(out) {
		return errors.Errorf("the operation returned a %v of shape %v for a node that is a %v of shape %v", v.Dtype(), v.Shape(), out.Dtype(), out.Shape())
	}
	copyOrdered(out, v)
	return nil
}

// source is a value of a run: a result, or the value of an input, by number.
type source struct {
	value G.Value
	input int
}

func (m *Machine) valueOf(s source) G.Value {
	if s.value != nil {
		return s.value
	}
	return m.inputs[s.input].read
}

// reading is a statement gorgonia.Read.
type reading struct {
	into *G.Value
	from source
}

// do reads as the TapeMachine does: into a copy, the same one in each run.
func (r reading) do(m *Machine) (err error) {
	v := m.valueOf(r.from)
	if *r.into != nil {
		_, err = G.Copy(*r.into, v)
		return err
	}
	*r.into, err = G.CloneValue(v)
	return err
}

// extent is the memory from one address to another.
type extent struct{ from, to uintptr }

// extents are the memory that a machine's runs write to.
type extents []extent

func extentOf(v G.Value) extent {
	return extent{v.Uintptr(), v.Uintptr() + max(v.MemSize(), 1)}
}

func (e *extents) add(v G.Value) { *e = append(*e, extentOf(v)) }

// sort orders them and joins those that touch or overlap.
func (e *extents) sort() {
	slices.SortFunc(*e, func(a, b extent) int { return cmp.Compare(a.from, b.from) })
	list := (*e)[:0]
	for _, x := range *e {
		if n := len(list); n > 0 && x.from <= list[n-1].to {
			list[n-1].to = max(list[n-1].to, x.to)
		} else {
			list = append(list, x)
		}
	}
	*e = list
}

// has reports whether v has memory in common with them.
func (e extents) has(v G.Value) bool {
	x := extentOf(v)
	i, _ := slices.BinarySearchFunc(e, x.from, func(a extent, from uintptr) int { // the first that ends after it
		if a.to <= from {
			return -1
		}
		return 1
	})
	return i < len(e) && e[i].from < x.to
}

package vm_test

import (
	"testing"

	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestSplit has large products divided, with and without memory to fetch ahead, and
// rebound: the results are those of one goroutine to the bit.
func TestSplit(t *testing.T) {
	for _, dtype := range dtypes {
		n := newNet(dtype)
		h := n.input("x", 130, 200)
		var weights G.Nodes
		for _, name := range []string{"v", "w"} {
			w := n.input(name, 200, 200)
			weights = append(weights, w)
			h = must(ops.Pointwise(tanh, must(ops.Affine(h, w, n.input("bias of "+name, 200)))))
		}
		wanted := n.gradients(loss(h))
		m := compile(t, n.g, wanted...)
		compute := func() (numbers []float64) {
			run(t, m)
			for _, k := range wanted {
				numbers = append(numbers, floats(k.Value())...)
			}
			return numbers
		}
		for range 2 {
			want := compute()
			for _, workers := range []int{2, 3, 1} {
				m.Split(workers)
				for range 3 {
					same(t, "results", compute(), want)
				}
			}
			m.Split(2)
			for i, w := range weights { // bound anew, it is divided anew
				if err := G.Let(w, values(dtype, uint64(100+i), 200, 200)); err != nil {
					t.Fatal(err)
				}
			}
			got := compute()
			m.Split(1)
			same(t, "results", got, compute())
		}
	}
}

// fetching is an operation that says what it was told to fetch.
type fetching struct {
	G.Op
	told *[]uintptr
}

func (d *fetching) Bind(out G.Value, in ...G.Value) (vm.Computation, error) {
	return &fetcher{d, out, in[0]}, nil
}

type fetcher struct {
	of      *fetching
	out, in G.Value
}

func (f *fetcher) Reach() int { return 1 << 30 }
func (f *fetcher) Do()        { tensor.Copy(f.out.(*tensor.Dense), f.in.(*tensor.Dense)) }
func (f *fetcher) Fetch(address uintptr, bytes int) {
	if bytes > 0 {
		*f.of.told = append(*f.of.told, address, uintptr(bytes))
	}
}

// TestFetch has an operation fetch what the next one reads for the first time in a run,
// if the net is larger than the caches, and nothing otherwise.
func TestFetch(t *testing.T) {
	for _, rows := range []int{16, 1024} {
		n := newNet(tensor.Float32)
		x, y := n.input("x", rows, 256), n.input("y", rows, 256)
		var told []uintptr
		tanhOp := must(G.Tanh(must(G.Add(x, x)))).Op()
		h := must(vm.Apply(&fetching{tanhOp, &told}, x))
		z := must(G.Add(h, y))
		m := compile(t, n.g, z)
		run(t, m)
		at := y.Value().(*tensor.Dense)
		switch {
		case rows == 16 && len(told) > 0:
			t.Errorf("of a small net, %v was to be fetched", told)
		case rows == 1024 && (len(told) != 2 || told[0] != at.Uintptr() || told[1] != at.MemSize()):
			t.Errorf("told to fetch %v, want %d bytes at %d", told, at.MemSize(), at.Uintptr())
		}
	}
}

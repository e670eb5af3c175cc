package vm_test

import (
	"fmt"
	"testing"

	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// subtract subtracts a share of its derivative from an input.
func subtract(value, derivative G.Value) (func() error, error) {
	return func() error {
		switch w := value.(type) {
		case *G.F64:
			*w -= *derivative.(*G.F64) / 8
		case *G.F32:
			*w -= *derivative.(*G.F32) / 8
		case *tensor.Dense:
			d := derivative.(*tensor.Dense)
			if w.Dtype() == tensor.Float64 {
				for i, g := range d.Float64s() {
					w.Float64s()[i] -= g / 8
				}
				return nil
			}
			for i, g := range d.Float32s() {
				w.Float32s()[i] -= g / 8
			}
		}
		return nil
	}, nil
}

// TestUpdates trains nets with updates in the middle of the backward pass and, beside
// that, after it: all weights stay the same to the bit. The nets have a weight that is
// read before and after the gradients of others, and one whose gradient is another's
// too.
func TestUpdates(t *testing.T) {
	nets := map[string]func(n *net) (loss *G.Node, x *G.Node){
		"deep": func(n *net) (*G.Node, *G.Node) {
			wanted := deep(n, 7, true, false)
			return wanted[0], n.inputs[0]
		},
		"shared": func(n *net) (*G.Node, *G.Node) {
			wanted := deep(n, 7, true, true)
			return wanted[0], n.inputs[0]
		},
		"stock": func(n *net) (*G.Node, *G.Node) {
			wanted := deep(n, 5, false, false)
			return wanted[0], n.inputs[0]
		},
		"one gradient for two": func(n *net) (*G.Node, *G.Node) {
			x, a, b := n.input("x", 2, 3), n.input("a", 2, 3), n.input("b", 2, 3)
			sum := must(ops.Pointwise(tanh, must(G.Add(must(G.Add(a, b)), must(G.HadamardProd(a, x))))))
			l := loss(sum)
			n.gradients(l, x)
			return l, x
		},
		"numbers": func(n *net) (*G.Node, *G.Node) {
			x, a, b := n.input("x"), n.input("a"), n.input("b")
			l := loss(must(G.Tanh(must(G.Add(must(G.Mul(a, x)), must(G.Mul(b, a)))))))
			n.gradients(l, x)
			return l, x
		},
	}
	for name, build := range nets {
		for _, dtype := range dtypes {
			t.Run(fmt.Sprint(name, "/", dtype), func(t *testing.T) {
				n, o := newNet(dtype), newNet(dtype)
				lossN, xN := build(n)
				lossO, xO := build(o)
				var updates []vm.Update
				var wanted G.Nodes
				for i, in := range n.inputs {
					if in != xN {
						updates = append(updates, vm.Update{Of: in, Bind: subtract})
					}
					if o.inputs[i] != xO {
						wanted = append(wanted, o.inputs[i].Deriv())
					}
				}
				all := compile(t, n.g, append(G.Nodes{lossN}, derivatives(n)...)...)
				joined, err := all.CompileUpdates(updates, lossN)
				if err != nil {
					t.Fatal(err)
				}
				apart := compile(t, o.g, append(wanted, lossO)...)
				for k := range 4 {
					if k == 2 { // tensors of their own, and other numbers
						n.change(2)
						o.change(2)
					}
					run(t, all) // whose memory is that of the other
					run(t, joined)
					run(t, apart)
					for _, in := range o.inputs {
						if in != xO {
							d, err := in.Grad()
							if err != nil {
								t.Fatal(err)
							}
							do, _ := subtract(in.Value(), d)
							do()
						}
					}
					same(t, "loss", floats(lossN.Value()), floats(lossO.Value()))
					for i, in := range n.inputs {
						same(t, in.Name(), floats(in.Value()), floats(o.inputs[i].Value()))
					}
				}
			})
		}
	}
}

// TestUpdateUnread updates inputs that the run does not read otherwise.
func TestUpdateUnread(t *testing.T) {
	for name, derivative := range map[string]func(n *net) *G.Node{
		"of another":  func(n *net) *G.Node { return must(ops.Pointwise(tanh, n.input("x", 2))) },
		"of a number": func(n *net) *G.Node { return must(G.Tanh(must(G.Add(n.input("x", 2), n.input("y", 2))))) },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNet(tensor.Float64)
			d := derivative(n)
			w := n.input("w", 2)
			G.SetDerivOf(d, w)
			var gradient G.Value
			m, err := vm.CompileUpdates(n.g, []vm.Update{{Of: w, Bind: func(value, derivative G.Value) (func() error, error) {
				gradient = derivative
				return subtract(value, derivative)
			}}})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				want := floats(w.Value())
				run(t, m)
				for i, g := range floats(gradient) {
					want[i] -= g / 8
				}
				same(t, "w", floats(w.Value()), want)
				if err := G.Let(w, values(tensor.Float64, 9, 2)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestUpdateOfSharedMemory has two inputs in one tensor: it is refused to update one
// while the other is still to be read, and nothing else.
func TestUpdateOfSharedMemory(t *testing.T) {
	for _, c := range []struct {
		updates string
		refused bool
	}{{"ab", true}, {"b", false}} { // going back, b is read after a
		n := newNet(tensor.Float64)
		x, a, b := n.input("x", 2, 3), n.input("a", 3, 3), n.input("b", 3, 3)
		h := must(ops.Pointwise(tanh, must(ops.MatMul(x, b, false, false))))
		h = must(ops.Pointwise(tanh, must(ops.MatMul(h, b, false, false))))
		l := loss(must(ops.MatMul(h, a, false, false)))
		n.gradients(l, x)
		updates := []vm.Update{{Of: b, Bind: subtract}}
		if c.updates == "ab" {
			updates = append([]vm.Update{{Of: a, Bind: subtract}}, updates...)
		}
		m, err := vm.CompileUpdates(n.g, updates, l)
		if err != nil {
			t.Fatal(err)
		}
		run(t, m)
		if err := G.Let(a, b.Value()); err != nil {
			t.Fatal(err)
		}
		if !c.refused {
			run(t, m)
			continue
		}
		wantError(t, m.RunAll(), `"a" is updated while "b"`, "one node")
		if err := G.Let(a, values(tensor.Float64, 5, 3, 3)); err != nil {
			t.Fatal(err)
		}
		run(t, m)
	}
}

func derivatives(n *net) (list G.Nodes) {
	for _, in := range n.inputs {
		if d := in.Deriv(); d != nil {
			list = append(list, d)
		}
	}
	return list
}

// TestUpdatesMemory has gradients share the memory of two layers' at any depth.
func TestUpdatesMemory(t *testing.T) {
	bytes := func(depth int) int64 {
		n := newNet(tensor.Float32)
		x := n.input("x", 4, 32)
		l := loss(n.layers(x, depth))
		n.gradients(l, x)
		var updates []vm.Update
		for i := len(n.inputs) - 1; i > 0; i-- {
			updates = append(updates, vm.Update{Of: n.inputs[i], Bind: subtract})
		}
		m, err := vm.CompileUpdates(n.g, updates, l)
		if err != nil {
			t.Fatal(err)
		}
		run(t, m)
		twin, err := m.CompileUpdates(updates, l)
		if err != nil {
			t.Fatal(err)
		}
		if run(t, twin); twin.Bytes() != 0 {
			t.Errorf("a machine in the memory of its like takes %d bytes of its own", twin.Bytes())
		}
		return m.Bytes()
	}
	const layer = 2 * 4 * 4 * 32 // z and f(z)
	if few, many := bytes(10), bytes(110); many-few != 100*layer {
		t.Errorf("100 layers more take %d bytes, want %d", many-few, 100*layer)
	}
}

func TestUpdateErrors(t *testing.T) {
	n := newNet(tensor.Float64)
	x, w := n.input("x", 2, 3), n.input("w", 3, 3)
	y := must(ops.Pointwise(tanh, must(ops.MatMul(x, w, false, false))))
	unused := n.input("unused", 2, 2)
	l := loss(y)
	n.gradients(l, x, unused)
	nothing := func(_, _ G.Value) (func() error, error) { return func() error { return nil }, nil }
	other := newNet(tensor.Float64).input("w", 2, 2)
	constant, straight := n.input("constant"), n.input("straight")
	G.SetDerivOf(G.NewConstant(1.), constant)
	G.SetDerivOf(x, straight)
	for _, c := range []struct {
		name    string
		updates []vm.Update
		want    []string
	}{
		{"nil node", []vm.Update{{nil, nothing}}, []string{"update 0 is of no node"}},
		{"twice", []vm.Update{{w, nothing}, {w, nothing}}, []string{"two updates of w"}},
		{"no function", []vm.Update{{w, nil}}, []string{"update 0", "no function Bind"}},
		{"another graph", []vm.Update{{other, nothing}}, []string{"belongs to another graph"}},
		{"computed", []vm.Update{{y, nothing}}, []string{"not an input"}},
		{"no derivative", []vm.Update{{unused, nothing}}, []string{"unused", "has no derivative"}},
		{"constant derivative", []vm.Update{{constant, nothing}}, []string{"constant"}},
		{"input as derivative", []vm.Update{{straight, nothing}}, []string{"is not computed but the input", "x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := vm.CompileUpdates(n.g, c.updates, l)
			wantError(t, err, append(c.want, "vm: ")...)
			if m != nil {
				t.Error("a machine besides the error")
			}
		})
	}

	failed := errors.New("no luck")
	var do func() error
	refused := error(nil)
	m, err := vm.CompileUpdates(n.g, []vm.Update{{w, func(_, _ G.Value) (func() error, error) { return do, refused }}}, l)
	if err != nil {
		t.Fatal(err)
	}
	refused = failed
	if err := m.RunAll(); !errors.Is(err, failed) {
		t.Errorf("an update that can't be bound: error %v", err)
	}
	refused = nil
	result := failed
	do = func() error { return result }
	if err := m.RunAll(); !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	} else {
		wantError(t, err, "update of w")
	}
	rebind := func(f func() error) {
		do = f
		G.Let(w, values(tensor.Float64, 3, 3, 3))
	}
	rebind(func() error { panic(failed) })
	func() {
		defer func() {
			if p := recover(); p != failed {
				t.Errorf("the panic of an update comes out as %v", p)
			}
		}()
		m.RunAll()
	}()
	// The updates are made with observers, too, after what they see.
	calls := 0
	rebind(func() error { calls++; return nil })
	seen := 0
	if err := m.Observe(w.Deriv(), func(G.Value) { seen = calls + 1 }); err != nil {
		t.Fatal(err)
	}
	if err := m.RunObserved(); err != nil || calls != 1 || seen != 1 {
		t.Errorf("%d updates, the observer called before number %d; error %v", calls, seen, err)
	}
}

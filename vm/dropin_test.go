package vm_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// What a program does that was written for a TapeMachine.

// ways are those to compile a graph for nodes that are read.
var ways = map[string]func(g *G.ExprGraph, read G.Nodes) (*vm.Machine, error){
	"whole graph": func(g *G.ExprGraph, read G.Nodes) (*vm.Machine, error) { return vm.Compile(g) },
	"named nodes": func(g *G.ExprGraph, read G.Nodes) (*vm.Machine, error) { return vm.Compile(g, read...) },
}

// TestWholeGraph has every node of a graph bound to what a TapeMachine computes for it, in
// runs with other inputs and after Gorgonia's solvers have set gradients to zero.
func TestWholeGraph(t *testing.T) {
	for _, c := range graphs {
		for _, dtype := range dtypes {
			t.Run(fmt.Sprintf("%s/%v", c.name, dtype), func(t *testing.T) {
				theirs, ours := newNet(dtype), newNet(dtype)
				c.build(theirs)
				c.build(ours)
				nodes := theirs.g.AllNodes()
				read := make([]G.Value, len(nodes))
				for i, n := range nodes {
					G.Read(n, &read[i])
				}
				tape := G.NewTapeMachine(theirs.g)
				defer tape.Close()
				m := compile(t, ours.g)
				for r := range 4 {
					theirs.change(r)
					ours.change(r)
					tape.Reset()
					if err := tape.RunAll(); err != nil {
						t.Fatal("TapeMachine:", err)
					}
					run(t, m)
					for i, n := range ours.g.AllNodes() {
						if n.Value() == nil {
							t.Fatalf("run %d: %v has no value", r, n)
						}
						if n.Dtype() != tensor.Int { // places of the largest elements
							same(t, fmt.Sprintf("run %d, node %d, %v", r, i, n), floats(n.Value()), floats(read[i]))
						}
					}
					for _, n := range ours.inputs {
						if d, err := n.Grad(); err == nil {
							clearValue(d)
						}
					}
				}
			})
		}
	}
}

// clearValue sets v to zero, as a solver of Gorgonia's does with a gradient.
func clearValue(v G.Value) {
	if z, ok := v.(*tensor.Dense); ok {
		z.Zero()
		return
	}
	switch v := v.(type) {
	case *G.F32:
		*v = 0
	case *G.F64:
		*v = 0
	}
}

// TestResultAsInput binds results to inputs, which keep what they were bound to.
func TestResultAsInput(t *testing.T) {
	build := func(shape ...int) (w *G.Node, read G.Nodes) {
		n := newNet(tensor.Float64)
		w = n.input("w", shape...)
		sum := func(x *G.Node) *G.Node {
			if x.IsScalar() {
				return x
			}
			return must(G.Sum(x))
		}
		l := sum(must(G.Square(w)))
		d, err := G.Grad(l, w)
		if err != nil {
			t.Fatal(err)
		}
		u := must(G.Sub(w, must(G.Mul(G.NewConstant(0.1), d[0]))))
		return w, G.Nodes{l, u, sum(must(G.Cube(w)))}
	}
	for _, shape := range [][]int{{}, {3}, {2, 3}} {
		for way, make := range ways {
			t.Run(fmt.Sprintf("%s/%v", way, shape), func(t *testing.T) {
				w, read := build(shape...)
				m, err := make(w.Graph(), read)
				if err != nil {
					t.Fatal(err)
				}
				tw, tread := build(shape...)
				values := []G.Value{nil, nil, nil}
				for i, n := range tread {
					G.Read(n, &values[i])
				}
				tape := G.NewTapeMachine(tw.Graph())
				defer tape.Close()
				var kept []G.Value // those that w was bound to
				var were [][]float64
				for r := range 4 {
					tape.Reset()
					if err := tape.RunAll(); err != nil {
						t.Fatal(err)
					}
					run(t, m)
					for i, n := range read {
						same(t, fmt.Sprintf("run %d, %v", r, n), floats(n.Value()), floats(values[i]))
					}
					same(t, fmt.Sprintf("run %d, w", r), floats(w.Value()), floats(tw.Value()))
					for i, v := range kept {
						same(t, "what w was bound to", floats(v), were[i])
					}
					kept, were = append(kept, w.Value()), append(were, floats(w.Value()))
					if err := m.Set(w, read[1]); err != nil {
						t.Fatal(err)
					}
					v, err := G.CloneValue(values[1])
					if err != nil {
						t.Fatal(err)
					}
					if err := tape.Let(tw, v); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// TestResultOfTwinAsInput binds a result to an input of a machine that uses its memory.
func TestResultOfTwinAsInput(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 3, 4)
	y := must(G.Mul(x, G.NewConstant(0.5)))
	z := must(G.Tanh(must(G.Square(must(G.Tanh(x))))))
	z = must(G.Add(z, x))
	m := compile(t, n.g, y)
	twin, err := m.CompileUpdates(nil, z)
	if err != nil {
		t.Fatal(err)
	}
	if twin.Bytes() >= 3*8*12 {
		t.Fatalf("the machines share no memory: %d bytes", twin.Bytes())
	}
	for range 3 {
		run(t, m)
		if err := m.Set(x, y); err != nil {
			t.Fatal(err)
		}
		want := floats(y.Value())
		for i, v := range want {
			h := math.Tanh(v)
			want[i] = math.Tanh(h*h) + v
		}
		run(t, twin)
		same(t, "result", floats(z.Value()), want)
	}
}

// TestGradientsApart has solvers of Gorgonia's step parameters whose derivative is a
// constant, or one node for two of them, or an input.
func TestGradientsApart(t *testing.T) {
	product := must(G.Mul(newNet(tensor.Float64).input("a"), G.NewConstant(2.0))).Op()
	for _, c := range []struct {
		name  string
		build func(n *net) (loss *G.Node, params G.Nodes)
		moves []float64 // by a step of 0.1, of each parameter
	}{
		{"constant", func(n *net) (*G.Node, G.Nodes) {
			x, w := n.input("x"), n.input("w")
			return must(G.Add(x, w)), G.Nodes{w}
		}, []float64{-0.1}},
		{"shared", func(n *net) (*G.Node, G.Nodes) {
			v, w := n.input("v", 3), n.input("w", 3)
			return must(G.Sum(must(G.Mul(must(G.Add(v, w)), G.NewConstant(2.0))))), G.Nodes{v, w}
		}, []float64{-0.2, -0.2}},
		{"shared constant", func(n *net) (*G.Node, G.Nodes) {
			v, w := n.input("v"), n.input("w")
			return must(G.Add(v, w)), G.Nodes{v, w}
		}, []float64{-0.1, -0.1}},
		{"input", func(n *net) (*G.Node, G.Nodes) {
			w, x := n.input("w"), n.input("x") // x = 2.25
			return must(vm.Apply(&bilinear{product}, w, x)), G.Nodes{w}
		}, []float64{-0.225}},
		{"interior", func(n *net) (*G.Node, G.Nodes) { // (w x + c)² with w = 1.25, x = 2.25, c = 3.25
			w, x, c := n.input("w"), n.input("x"), n.input("c")
			return must(G.Square(must(G.Add(must(G.Mul(w, x)), c)))), G.Nodes{c}
		}, []float64{-0.2 * (1.25*2.25 + 3.25)}},
	} {
		for way, make := range ways {
			t.Run(c.name+"/"+way, func(t *testing.T) {
				n := newNet(tensor.Float64)
				l, params := c.build(n)
				grads, err := G.Grad(l, params...)
				if err != nil {
					t.Fatal(err)
				}
				m, err := make(n.g, append(G.Nodes{l}, grads...))
				if err != nil {
					t.Fatal(err)
				}
				rest := others(n.inputs, params)
				for range 3 {
					run(t, m)
					var want [][]float64
					for i, p := range params {
						want = append(want, floats(p.Value()))
						for j := range want[i] {
							want[i][j] += c.moves[i]
						}
					}
					if err := G.NewVanillaSolver(G.WithLearnRate(0.1)).Step(G.NodesToValueGrads(params)); err != nil {
						t.Fatal(err)
					}
					for i, p := range params {
						near(t, p.Name(), floats(p.Value()), want[i], 1e-12)
					}
					if c.name == "interior" {
						break // whose gradient changes
					}
				}
				for x, v := range rest {
					same(t, x.Name(), floats(x.Value()), v)
				}
				// The process's constants are what they were.
				h := newNet(tensor.Float64)
				w := h.input("w")
				d, err := G.Grad(must(G.Add(w, h.input("x"))), w)
				if err != nil {
					t.Fatal(err)
				}
				if one := floats(d[0].Value())[0]; one != 1 {
					t.Fatalf("the constant 1 is %g", one)
				}
			})
		}
	}
}

// others returns the values of the inputs that are not parameters.
func others(inputs, params G.Nodes) map[*G.Node][]float64 {
	list := map[*G.Node][]float64{}
	for _, n := range inputs {
		if !params.Contains(n) {
			list[n] = floats(n.Value())
		}
	}
	return list
}

// bilinear is a product of two numbers whose derivatives are its inputs, for a gradient
// of 1.
type bilinear struct{ G.Op }

func (b *bilinear) DiffWRT(int) []bool { return []bool{true, true} }
func (b *bilinear) SymDiff(in G.Nodes, _, _ *G.Node) (G.Nodes, error) {
	return G.Nodes{in[1], in[0]}, nil
}

// TestAccumulate compares gradients of several runs with those of a TapeMachine with
// BindDualValues.
func TestAccumulate(t *testing.T) {
	build := func() (*net, G.Nodes) {
		n := newNet(tensor.Float64)
		x, w, b, a := n.input("x", 5, 4), n.input("w", 4, 3), n.input("b", 5, 3), n.input("a")
		n.gradients(loss(must(G.Mul(a, must(G.Tanh(must(G.Add(must(G.Mul(x, w)), b))))))), x)
		return n, G.Nodes{w, b, a}
	}
	theirs, tparams := build()
	ours, params := build()
	tape := G.NewTapeMachine(theirs.g, G.BindDualValues(tparams...))
	defer tape.Close()
	m := compile(t, ours.g)
	if err := m.Accumulate(params...); err != nil {
		t.Fatal(err)
	}
	for r := range 6 {
		theirs.change(r % 3)
		ours.change(r % 3)
		if err := tape.RunAll(); err != nil {
			t.Fatal(err)
		}
		tape.Reset()
		run(t, m)
		for i, p := range params {
			got, err := p.Grad()
			want, terr := tparams[i].Grad()
			if err != nil || terr != nil {
				t.Fatal(err, terr)
			}
			same(t, fmt.Sprintf("run %d, gradient of %v", r, p), floats(got), floats(want))
			if r == 3 {
				clearValue(got)
				clearValue(want)
			}
		}
	}
	n := newNet(tensor.Float64)
	x, w := n.input("x", 3), n.input("w", 3)
	l := must(G.Sum(must(G.HadamardProd(x, w))))
	n.gradients(l, x)
	few := compile(t, n.g, l)
	for _, c := range []struct {
		node *G.Node
		want string
	}{
		{w, "does not bind the derivative"}, {x, "does not bind the derivative"}, {l, "not an input"}, {nil, "not an input"},
		{newNet(tensor.Float64).input("w", 3), "not an input"},
	} {
		wantError(t, few.Accumulate(c.node), c.want)
	}
}

// TestRead has statements of gorgonia.Read executed.
func TestRead(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 2, 3)
	double := must(G.Add(x, x))
	l := loss(double)
	read := make([]G.Value, 4)
	statements := G.Nodes{G.Read(x, &read[0]), G.Read(double, &read[1]), G.Read(l, &read[2])}
	whole := compile(t, n.g)
	named := compile(t, n.g, statements...)
	for i, m := range []*vm.Machine{whole, named, whole} {
		n.change(i)
		was := read[1]
		run(t, m)
		if i > 0 && read[1] != was {
			t.Error("read into another value than before")
		}
		for k, node := range []*G.Node{x, double, l} {
			same(t, "read", floats(read[k]), floats(node.Value()))
			if read[k] == node.Value() {
				t.Error("what was read is the machine's own")
			}
		}
	}
	if named.Steps() != 3 {
		t.Errorf("%d operations for what is read, want 3", named.Steps())
	}
}

// TestElementTypes computes with integers and truth values.
func TestElementTypes(t *testing.T) {
	n := newNet(tensor.Float64)
	x, y, a := n.input("x", 2, 3), n.input("y", 2, 3), n.input("a")
	ints := func(dtype tensor.Dtype, backing any) *G.Node {
		return G.NewVector(n.g, dtype, G.WithName(dtype.String()), G.WithValue(tensor.New(tensor.WithBacking(backing))))
	}
	i, j, k := ints(tensor.Int, []int{1, 2}), ints(tensor.Int64, []int64{3, 4}), ints(tensor.Int32, []int32{5, 6})
	wanted := map[string]struct {
		node *G.Node
		want any
	}{
		"Gt":    {must(G.Gt(x, y, false)), nil},
		"Lt":    {must(G.Lt(x, y, false)), nil},
		"Eq":    {must(G.Eq(x, x, false)), []bool{true, true, true, true, true, true}},
		"Gte":   {must(G.Gte(a, G.NewConstant(100.0), false)), false},
		"int":   {must(G.Add(i, i)), []int{2, 4}},
		"int64": {must(G.Add(j, j)), []int64{6, 8}},
		"int32": {must(G.Add(k, k)), []int32{10, 12}},
	}
	gt, lt := make([]bool, 6), make([]bool, 6)
	for i, v := range floats(x.Value()) {
		gt[i], lt[i] = v > floats(y.Value())[i], v < floats(y.Value())[i]
	}
	for way, make := range ways {
		var read G.Nodes
		for _, w := range wanted {
			read = append(read, w.node)
		}
		m, err := make(n.g, read)
		if err != nil {
			t.Fatal(way, err)
		}
		for range 2 {
			run(t, m)
			for name, w := range wanted {
				switch name {
				case "Gt":
					w.want = gt
				case "Lt":
					w.want = lt
				}
				if got := w.node.Value().Data(); fmt.Sprint(got) != fmt.Sprint(w.want) || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", w.want) {
					t.Errorf("%s: %s is %v, want %v", way, name, got, w.want)
				}
			}
		}
	}
}

// TestOrderOfElements binds inputs to tensors that are not in row-major order.
func TestOrderOfElements(t *testing.T) {
	numbers := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(i + 1)
		}
		return x
	}
	fortran := tensor.New(tensor.WithShape(2, 3), tensor.AsFortran(numbers(6)))
	transposed := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking(numbers(6)))
	transposed.T()
	columns, _ := tensor.New(tensor.WithShape(2, 9), tensor.WithBacking(numbers(18))).Slice(nil, G.S(2, 5))
	both, _ := tensor.New(tensor.WithShape(4, 5), tensor.WithBacking(numbers(20))).Slice(G.S(1, 3), G.S(0, 3))
	strided, _ := tensor.New(tensor.WithShape(4, 3), tensor.WithBacking(numbers(12))).Slice(G.S(0, 4, 2), nil)
	for name, in := range map[string]tensor.Tensor{"column-major": fortran, "transposed": transposed, "columns": columns, "part": both, "rows apart": strided} {
		for what, f := range map[string]func(x *G.Node) *G.Node{
			"square":    func(x *G.Node) *G.Node { return must(G.Square(x)) },
			"reshape":   func(x *G.Node) *G.Node { return must(G.Reshape(x, tensor.Shape{3, 2})) },
			"transpose": func(x *G.Node) *G.Node { return must(G.Transpose(x)) },
			"sum":       func(x *G.Node) *G.Node { return must(G.Sum(x, 0)) },
			"slice":     func(x *G.Node) *G.Node { return must(G.Slice(x, G.S(1))) },
			"own":       func(x *G.Node) *G.Node { return must(ops.Pointwise(tanh, x)) },
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				n := newNet(tensor.Float64)
				x := G.NewMatrix(n.g, tensor.Float64, G.WithShape(2, 3), G.WithName("x"))
				y := f(x)
				m := compile(t, n.g, y)
				for range 2 {
					if err := G.Let(x, in); err != nil {
						t.Fatal(err)
					}
					run(t, m)
					got := floats(y.Value())
					rows := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(2, 3))
					for i := range 2 {
						for j := range 3 {
							v, err := in.At(i, j)
							if err != nil {
								t.Fatal(err)
							}
							rows.SetAt(v, i, j)
						}
					}
					if err := G.Let(x, rows); err != nil {
						t.Fatal(err)
					}
					run(t, m)
					same(t, what, got, floats(y.Value()))
					// A change in place is seen.
					v, _ := in.At(1, 2)
					in.(*tensor.Dense).SetAt(v.(float64)+0.5, 1, 2)
				}
			})
		}
	}
	t.Run("masked", func(t *testing.T) {
		n := newNet(tensor.Float64)
		x := n.input("x", 2)
		m := compile(t, n.g, must(G.Square(x)))
		if err := G.Let(x, tensor.New(tensor.WithBacking([]float64{1, 2}, []bool{true, false}))); err != nil {
			t.Fatal(err)
		}
		wantError(t, m.RunAll(), `vm: input "x"`, "masked")
	})
	t.Run("update", func(t *testing.T) {
		n := newNet(tensor.Float64)
		w := n.input("w", 2, 3)
		l := loss(must(G.Tanh(w)))
		n.gradients(l)
		m, err := vm.CompileUpdates(n.g, []vm.Update{{Of: w, Bind: func(_, _ G.Value) (func() error, error) {
			return func() error { return nil }, nil
		}}}, l)
		if err != nil {
			t.Fatal(err)
		}
		if err := G.Let(w, fortran); err != nil {
			t.Fatal(err)
		}
		wantError(t, m.RunAll(), `vm: input "w"`, "row-major", "clone")
	})
}

// TestSetTraining has machines of one graph in different modes.
func TestSetTraining(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 50, 4)
	y := must(G.Dropout(x, 0.5))
	training, evaluation := compile(t, n.g, y), compile(t, n.g, y)
	evaluation.SetTraining(false)
	for range 3 {
		run(t, training)
		dropped := 0
		for _, v := range floats(y.Value()) {
			if v == 0 {
				dropped++
			}
		}
		if dropped == 0 {
			t.Error("nothing is dropped in training")
		}
		run(t, evaluation)
		same(t, "evaluation", floats(y.Value()), floats(x.Value()))
	}
}

// TestClosed has a machine that is closed, or was never compiled, return errors.
func TestClosed(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 2, 3)
	l := loss(must(G.Tanh(x)))
	n.gradients(l)
	m := compile(t, n.g)
	run(t, m)
	before := floats(l.Value())
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, m := range map[string]*vm.Machine{"closed": m, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			m.Reset()
			m.Split(2)
			m.SetTraining(false)
			wantError(t, m.RunAll(), "vm: ", "closed")
			wantError(t, m.RunObserved(), "vm: ", "closed")
			wantError(t, m.Observe(x, func(G.Value) {}), "vm: ", "does not compute")
			wantError(t, m.Let(x, x.Value()), "vm: ", "not a node")
			wantError(t, m.Accumulate(x), "vm: ", "not an input")
			_, err := m.CompileUpdates(nil, l)
			wantError(t, err, "vm: ", "closed")
			if m.Steps() != 0 || m.Bytes() != 0 {
				t.Errorf("%d steps, %d bytes", m.Steps(), m.Bytes())
			}
		})
	}
	same(t, "what stays bound", floats(l.Value()), before)
}

// TestLetAndSet has the machine's own check what they are given.
func TestLetAndSet(t *testing.T) {
	n := newNet(tensor.Float64)
	x, w := n.input("x", 2, 3), n.input("w", 2, 3)
	y := must(G.Add(x, w))
	m := compile(t, n.g, y)
	other := newNet(tensor.Float64).input("x", 2, 3)
	wantError(t, m.Let(nil, 1.0), "vm: ", "not a node of the machine's graph")
	wantError(t, m.Let(other, other.Value()), "vm: ", "not a node of the machine's graph")
	wantError(t, m.Let(y, x.Value()), "vm: ", "non input")
	wantError(t, m.Let(x, values(tensor.Float64, 1, 3, 2)), "vm: ", "shape")
	wantError(t, m.Set(x, nil), "vm: ", "not a node")
	wantError(t, m.Set(x, other), "vm: ", "not a node")
	wantError(t, m.Set(x, must(G.Neg(y))), "vm: ", "has no value")
	run(t, m)
	sum := floats(y.Value())
	if err := m.Set(x, y); err != nil {
		t.Fatal(err)
	}
	run(t, m)
	for i, v := range floats(w.Value()) {
		if got := floats(y.Value())[i]; got != sum[i]+v {
			t.Errorf("element %d is %g, want %g", i, got, sum[i]+v)
		}
	}
}

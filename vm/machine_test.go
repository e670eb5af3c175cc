package vm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// deep is a net of width 3 and a batch of 2, its loss and the gradients of its
// weights: h = tanh(h·W + b), loss = Σh², with one W and b for all layers if shared.
// With other names, two hashes of the stock recurrence would collide.
func deep(n *net, depth int, own, shared bool) G.Nodes {
	x := n.input("x", 2, 3)
	h := x
	var w, b *G.Node
	for i := range depth {
		if i == 0 || !shared {
			w = n.input(fmt.Sprint("weights", i), 3, 3)
			if own {
				b = n.input(fmt.Sprint("b", i), 3)
			} else {
				b = n.input(fmt.Sprint("b", i), 1, 3)
			}
			// A gain of about 1 in every direction, so that gradients neither vanish nor explode.
			m, r := w.Value().(*tensor.Dense).Float64s(), b.Value().(*tensor.Dense).Float64s()
			for k := range m {
				m[k] *= 0.03
			}
			for k := range r {
				r[k] *= 0.03
				m[4*k] += 1
			}
		}
		if own {
			h = must(ops.Pointwise(tanh, must(ops.Affine(h, w, b))))
		} else {
			h = must(G.Tanh(must(G.BroadcastAdd(must(G.Mul(h, w)), b, nil, []byte{0}))))
		}
	}
	return n.gradients(loss(h), x)
}

// deepByHand computes what deep computes, gradients layer by layer.
func deepByHand(x []float64, w, b [][]float64) (loss float64, dw, db [][]float64) {
	h := [][]float64{x}
	for i := range w {
		y := make([]float64, 6)
		for k := range y {
			z := b[i][k%3]
			for j := range 3 {
				z += h[i][k/3*3+j] * w[i][3*j+k%3]
			}
			y[k] = math.Tanh(z)
		}
		h = append(h, y)
	}
	g := make([]float64, 6)
	for k, v := range h[len(w)] {
		loss += v * v
		g[k] = 2 * v
	}
	dw, db = make([][]float64, len(w)), make([][]float64, len(w))
	for i := len(w) - 1; i >= 0; i-- {
		dw[i], db[i] = make([]float64, 9), make([]float64, 3)
		dx := make([]float64, 6)
		for k := range g {
			g[k] *= 1 - h[i+1][k]*h[i+1][k]
			db[i][k%3] += g[k]
			for j := range 3 {
				dw[i][3*j+k%3] += h[i][k/3*3+j] * g[k]
				dx[k/3*3+j] += g[k] * w[i][3*j+k%3]
			}
		}
		g = dx
	}
	return loss, dw, db
}

// TestThousandLayers compares a thousand layers, and a recurrence of a thousand
// steps with shared weights, with a calculation by hand.
func TestThousandLayers(t *testing.T) {
	const depth = 1000
	for _, own := range []bool{true, false} {
		for _, shared := range []bool{false, true} {
			t.Run(fmt.Sprintf("own=%v/shared=%v", own, shared), func(t *testing.T) {
				n := newNet(tensor.Float64)
				wanted := deep(n, depth, own, shared)
				m := compile(t, n.g, wanted...)
				run(t, m)
				run(t, m)
				var w, b [][]float64
				for i := range depth {
					if shared {
						i = 0
					}
					w, b = append(w, floats(n.inputs[1+2*i].Value())), append(b, floats(n.inputs[2+2*i].Value()))
				}
				loss, dw, db := deepByHand(floats(n.inputs[0].Value()), w, b)
				if shared {
					dw, db = [][]float64{total(dw)}, [][]float64{total(db)}
				}
				near(t, "loss", floats(wanted[0].Value()), []float64{loss}, 1e-11)
				for i := range dw {
					near(t, fmt.Sprint("gradient of weights ", i), floats(wanted[1+2*i].Value()), dw[i], 1e-11)
					near(t, fmt.Sprint("gradient of bias ", i), floats(wanted[2+2*i].Value()), db[i], 1e-11)
				}
				if first := slices.Max(dw[0]); math.Abs(first) < 1e-12 {
					t.Errorf("the gradient has vanished: %g", first)
				}
			})
		}
	}
}

func total(list [][]float64) []float64 {
	sum := make([]float64, len(list[0]))
	for _, x := range list {
		for i, v := range x {
			sum[i] += v
		}
	}
	return sum
}

// near compares lists with a tolerance relative to the largest element.
func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	var size float64
	for _, v := range want {
		size = max(size, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance*size) {
			t.Errorf("%s: element %d is %g, want %g", what, i, got[i], want[i])
			return
		}
	}
}

// TestTrainingAndEvaluation shares parameters between graphs of different batch
// sizes.
func TestTrainingAndEvaluation(t *testing.T) {
	for _, own := range []bool{true, false} {
		build := func(batch int, params [][2]*tensor.Dense) (n *net, y *G.Node) {
			n = newNet(tensor.Float64)
			y = n.input("x", batch, 3)
			for i, p := range params {
				w := G.NewMatrix(n.g, n.dtype, G.WithName(fmt.Sprint("w", i)), G.WithValue(p[0]))
				b := G.NewTensor(n.g, n.dtype, p[1].Dims(), G.WithName(fmt.Sprint("b", i)), G.WithValue(p[1]))
				n.inputs = append(n.inputs, w, b)
				if own {
					y = must(ops.Pointwise(tanh, must(ops.Affine(y, w, b))))
				} else {
					y = must(G.Tanh(must(G.BroadcastAdd(must(G.Mul(y, w)), b, nil, []byte{0}))))
				}
			}
			return n, y
		}
		var params [][2]*tensor.Dense
		for i := range uint64(3) {
			b := values(tensor.Float64, 10+i, 1, 3)
			if own {
				b.Reshape(3)
			}
			params = append(params, [2]*tensor.Dense{values(tensor.Float64, i, 3, 3), b})
		}
		train, y := build(8, params)
		eval, out := build(5, params)
		wanted := train.gradients(loss(y), train.inputs[0])
		training, evaluation := compile(t, train.g, wanted...), compile(t, eval.g, out)
		solver := G.NewVanillaSolver(G.WithLearnRate(0.01))
		for range 5 {
			run(t, training)
			if err := solver.Step(G.NodesToValueGrads(train.inputs[1:])); err != nil {
				t.Fatal(err)
			}
			run(t, evaluation)
			fresh, want := build(5, params)
			run(t, compile(t, fresh.g, want))
			same(t, "evaluation", floats(out.Value()), floats(want.Value()))
		}
	}
}

// TestSolvers trains with Gorgonia's solvers.
func TestSolvers(t *testing.T) {
	for _, make := range []func() G.Solver{
		func() G.Solver { return G.NewVanillaSolver(G.WithLearnRate(0.3)) },
		func() G.Solver { return G.NewAdamSolver(G.WithLearnRate(0.01)) },
	} {
		for _, dtype := range dtypes {
			solver := make()
			t.Run(fmt.Sprintf("%T/%v", solver, dtype), func(t *testing.T) {
				n := newNet(dtype)
				x, target := n.input("x", 16, 4), n.input("t", 16, 4)
				tensor.Mul(target.Value().(*tensor.Dense), scalar(dtype, 0.1).Data(), tensor.UseUnsafe())
				cost := must(ops.MeanSquaredError(n.layers(x, 2), target))
				wanted := n.gradients(cost, x, target)
				m := compile(t, n.g, wanted...)
				run(t, m)
				before := floats(cost.Value())[0]
				model := G.NodesToValueGrads(n.inputs[2:])
				for range 300 {
					run(t, m)
					if err := solver.Step(model); err != nil {
						t.Fatal(err)
					}
				}
				run(t, m)
				if after := floats(cost.Value())[0]; !(after < before/20) {
					t.Errorf("loss %g, at first %g", after, before)
				}
				for i, p := range n.inputs[2:] {
					if d, err := p.Grad(); err != nil || d != wanted[1+i].Value() {
						t.Errorf("gradient of %v is not that of its node: %v", p, err)
					}
				}
			})
		}
	}
}

// TestOtherMachines runs a graph on several machines, one after the other: nodes and
// gradients have the values of the last one.
func TestOtherMachines(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 5, 4)
	wanted := n.gradients(loss(n.layers(x, 2)), x)
	first := compile(t, n.g, wanted...)
	second := compile(t, n.g, wanted...)
	tape := G.NewTapeMachine(n.g, G.BindDualValues(n.inputs[1:]...))
	defer tape.Close()
	runs := []func() error{first.RunAll, second.RunAll, tape.RunAll, first.RunAll, second.RunAll}
	for i, f := range runs {
		n.change(i % 3)
		for _, p := range n.inputs {
			tensor.Add(p.Value().(*tensor.Dense), 0.01, tensor.UseUnsafe())
		}
		if err := f(); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			continue
		}
		control := newNet(tensor.Float64)
		cx := control.input("x", 5, 4)
		want := control.gradients(loss(control.layers(cx, 2)), cx)
		for k, p := range control.inputs {
			tensor.Copy(p.Value().(*tensor.Dense), n.inputs[k].Value().(*tensor.Dense))
		}
		run(t, compile(t, control.g, want...))
		same(t, "loss", floats(wanted[0].Value()), floats(want[0].Value()))
		for k, p := range n.inputs[1:] {
			d, err := p.Grad()
			if err != nil {
				t.Fatal(err)
			}
			same(t, fmt.Sprintf("run %d, gradient of %v", i, p), floats(d), floats(want[1+k].Value()))
		}
	}
}

// TestOnlyWhatIsWanted counts the operations of machines for parts of a graph.
func TestOnlyWhatIsWanted(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 5, 4)
	y := n.layers(x, 3)
	wanted := n.gradients(must(ops.MeanSquaredError(y, n.input("t", 5, 4))))
	for _, c := range []struct {
		what   string
		wanted G.Nodes
		steps  int
	}{
		{"the output", G.Nodes{y}, 6},
		{"the loss", wanted[:1], 7},
		{"the gradient of the last bias", G.Nodes{wanted[7]}, 6 + 1 + 1 + 1}, // no loss; loss', tanh', sums
		{"everything", nil, len(n.g.AllNodes()) - len(n.inputs) - 1},         // without the constant seed
		{"a node twice", G.Nodes{y, y}, 6},
		{"an input", G.Nodes{x}, 0},
	} {
		if got := compile(t, n.g, c.wanted...).Steps(); got != c.steps {
			t.Errorf("%s takes %d operations, want %d", c.what, got, c.steps)
		}
	}
}

// TestMemory has results use each other's memory.
func TestMemory(t *testing.T) {
	bytes := func(depth int, all bool) (bytes, sum int64) {
		n := newNet(tensor.Float32)
		y := n.layers(n.input("x", 16, 8), depth)
		wanted := G.Nodes{y}
		if all {
			wanted = n.gradients(must(ops.MeanSquaredError(y, n.input("t", 16, 8))))
		}
		m := compile(t, n.g, wanted...)
		for _, k := range n.g.AllNodes() {
			if k.Op() != nil && !k.IsScalar() {
				sum += int64(4 * k.Shape().TotalSize())
			}
		}
		return m.Bytes(), sum
	}
	shallow, _ := bytes(4, false)
	far, _ := bytes(400, false)
	if most := int64(2 * 4 * 16 * 8); far != shallow || far > most {
		t.Errorf("layers forward: %d bytes for 4, %d for 400, want at most %d", shallow, far, most)
	}
	// What has to be there at once: z and f(z) of each layer, the gradients of the
	// weights, and two gradients that are passed on.
	got, sum := bytes(100, true)
	if want := int64(100*(2*4*16*8+4*8*8+4*8) + 2*4*16*8); got > want || got > sum*3/4 {
		t.Errorf("100 layers forward and backward take %d bytes, want at most %d (without any reuse %d)", got, want, sum)
	}
}

// TestAlignment has small results at multiples of 16 bytes, where Gonum's dot
// products of float32 add in an order that does not depend on the address.
func TestAlignment(t *testing.T) {
	for _, size := range []int{1, 3, 5, 6, 7, 9} {
		n := newNet(tensor.Float32)
		var wanted G.Nodes
		for i := range 20 {
			wanted = append(wanted, must(ops.Pointwise(tanh, n.input(fmt.Sprint("x", i), size))))
		}
		compile(t, n.g, wanted...)
		for _, y := range wanted {
			if a := y.Value().Uintptr(); a%16 != 0 {
				t.Errorf("%d numbers at %#x", size, a)
			}
		}
	}
}

// TestRandomGraphs compares machines for a few nodes of random graphs, whose other
// results share memory, with one for all nodes, whose results share none. Observers
// see every result before it is overwritten, and change nothing.
func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 2))
		n := newNet(dtypes[seed%2])
		pool := G.Nodes{n.input("x", 3, 3), n.input("w", 3, 3)}
		b := n.input("b", 3)
		pick := func() *G.Node { return pool[max(r.IntN(len(pool)), r.IntN(len(pool)))] }
		for range 5 + r.IntN(20) {
			x, y := pick(), pick()
			var z *G.Node
			switch r.IntN(8) {
			case 0, 1:
				z = must(ops.Pointwise(tanh, x))
			case 2:
				z = must(ops.Affine(x, y, b))
			case 3:
				z = must(ops.MatMul(x, y, r.IntN(2) == 0, r.IntN(2) == 0))
			case 4:
				z = must(G.Add(x, y))
			case 5:
				z = must(G.HadamardProd(x, y))
			case 6:
				z = must(G.Tanh(x))
			case 7:
				z = must(G.Transpose(x))
			}
			pool = append(pool, z)
		}
		last := pool[len(pool)-1]
		cost := must(ops.MeanSquaredError(must(ops.Pointwise(tanh, last)), pool[0]))
		grads, err := G.Grad(cost, pool[0])
		if err != nil {
			t.Fatal(err)
		}
		var all, wanted G.Nodes
		for _, k := range n.g.AllNodes() {
			if k.Op() != nil && k.Value() == nil { // not the constant seed
				all = append(all, k)
				if r.IntN(4) == 0 {
					wanted = append(wanted, k)
				}
			}
		}
		wanted = append(wanted, grads...)
		full := compile(t, n.g, all...)
		run(t, full)
		want := map[*G.Node][]float64{}
		memory := map[uintptr]*G.Node{}
		for _, k := range all {
			want[k] = floats(k.Value())
			if other := memory[k.Value().Uintptr()]; other != nil {
				t.Fatalf("seed %d: wanted nodes %v and %v share memory", seed, k, other)
			}
			memory[k.Value().Uintptr()] = k
		}
		m := compile(t, n.g, wanted...)
		if m.Bytes() > full.Bytes() {
			t.Errorf("seed %d: %d bytes for a part, %d for all", seed, m.Bytes(), full.Bytes())
		}
		seen := 0
		for _, k := range all {
			m.Observe(k, func(v G.Value) { // an error if the machine does not need k
				seen++
				same(t, fmt.Sprintf("seed %d: observed %v", seed, k), floats(v), want[k])
			})
		}
		for k, f := range []func() error{m.RunAll, m.RunObserved, m.RunAll, m.RunObserved} {
			if err := f(); err != nil {
				t.Fatal(err)
			}
			if seen != m.Steps()*((k+1)/2) {
				t.Fatalf("seed %d: %d results observed in %d runs of %d", seed, seen, (k+1)/2, m.Steps())
			}
			for _, k := range wanted {
				same(t, fmt.Sprintf("seed %d: wanted %v", seed, k), floats(k.Value()), want[k])
			}
		}
	}
}

// TestMayOverwrite has an operation write over its input where nothing else needs it.
func TestMayOverwrite(t *testing.T) {
	// A function that notes whether dst is z is an operation that may overwrite.
	type note struct {
		calls  int
		reused bool
	}
	noting := func(got *note) *ops.Function {
		f := ops.FunctionOf("next", func(x float64) float64 { return x + 1 }, func(float64) float64 { return 1 })
		plain := f.F64
		f.F64 = func(dst, z []float64) {
			got.calls++
			got.reused = &dst[0] == &z[0]
			plain(dst, z)
		}
		return f
	}
	for _, c := range []struct {
		name  string
		build func(n *net, x *G.Node, next func(*G.Node) *G.Node) G.Nodes
		want  bool
	}{
		{"a dying result", func(n *net, x *G.Node, next func(*G.Node) *G.Node) G.Nodes {
			return G.Nodes{must(G.Neg(next(must(G.Neg(x)))))}
		}, true},
		{"a dying result, for a wanted one", func(n *net, x *G.Node, next func(*G.Node) *G.Node) G.Nodes {
			return G.Nodes{next(must(G.Neg(x)))}
		}, true},
		{"an input", func(n *net, x *G.Node, next func(*G.Node) *G.Node) G.Nodes {
			return G.Nodes{must(G.Neg(next(x)))}
		}, false},
		{"a wanted node", func(n *net, x *G.Node, next func(*G.Node) *G.Node) G.Nodes {
			y := must(G.Neg(x))
			return G.Nodes{must(G.Neg(next(y))), y}
		}, false},
		{"a node used later", func(n *net, x *G.Node, next func(*G.Node) *G.Node) G.Nodes {
			y := must(G.Neg(x))
			return G.Nodes{must(G.Add(next(y), y))}
		}, false},
		{"a constant", func(n *net, x *G.Node, next func(*G.Node) *G.Node) G.Nodes {
			c := n.g.AddNode(G.NewConstant(values(tensor.Float64, 9, 2, 2)))
			return G.Nodes{next(c)}
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNet(tensor.Float64)
			x := n.input("x", 2, 2)
			before := floats(x.Value())
			var got note
			wanted := c.build(n, x, func(y *G.Node) *G.Node { return must(ops.Pointwise(noting(&got), y)) })
			m := compile(t, n.g, wanted...)
			run(t, m)
			first := floats(wanted[0].Value())
			run(t, m)
			if got.calls != 2 || got.reused != c.want {
				t.Errorf("computed %d times, in its input's place: %v, want %v", got.calls, got.reused, c.want)
			}
			same(t, "second run", floats(wanted[0].Value()), first)
			same(t, "input", floats(x.Value()), before)
		})
	}
	t.Run("a node used twice by the operation", func(t *testing.T) {
		n := newNet(tensor.Float64)
		x := n.input("x", 2, 2)
		y := must(G.Neg(x))
		var reused bool
		f := ops.FunctionOf("next", func(x float64) float64 { return x }, func(float64) float64 { return 1 })
		f.Grad64 = func(dst, z, dy []float64) {
			reused = &dst[0] == &z[0] || &dst[0] == &dy[0]
			for i := range dst {
				dst[i] = z[i] + dy[i]
			}
		}
		// The gradient operation of a function, which may overwrite its second input, on
		// one node for both.
		p := must(ops.Pointwise(f, y))
		nodes, err := p.Op().(G.SDOp).SymDiff(G.Nodes{y}, p, y)
		if err != nil {
			t.Fatal(err)
		}
		m := compile(t, n.g, nodes[0])
		run(t, m)
		if reused {
			t.Error("a node that the operation reads twice was overwritten")
		}
		for i, v := range floats(x.Value()) {
			if got := floats(nodes[0].Value())[i]; got != -2*v {
				t.Errorf("%g, want %g", got, -2*v)
			}
		}
	})
}

// TestViews binds inputs that are views of other tensors.
func TestViews(t *testing.T) {
	build := func(own bool) (*net, *G.Node, *G.Node) {
		n := newNet(tensor.Float64)
		x, w := n.input("x", 5, 4), n.input("w", 4, 3)
		if own {
			return n, x, must(ops.MatMul(x, w, false, false))
		}
		return n, x, must(G.Tanh(must(G.Mul(must(G.Add(x, x)), w))))
	}
	transposed := values(tensor.Float64, 1, 4, 5)
	transposed.T()
	wide := values(tensor.Float64, 1, 5, 9)
	columns, _ := wide.Slice(nil, G.S(2, 6))
	tall := values(tensor.Float64, 1, 9, 4)
	rows, _ := tall.Slice(G.S(2, 7), nil)
	for _, c := range []struct {
		name string
		view tensor.Tensor
	}{{"transposed", transposed}, {"columns", columns}, {"rows", rows}} {
		for _, own := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/own=%v", c.name, own), func(t *testing.T) {
				n, x, y := build(own)
				if err := G.Let(x, c.view); err != nil {
					t.Fatal(err)
				}
				m := compile(t, n.g, y)
				run(t, m)
				n, x, want := build(own)
				if err := G.Let(x, c.view.(*tensor.Dense).Materialize().(*tensor.Dense)); err != nil {
					t.Fatal(err)
				}
				run(t, compile(t, n.g, want))
				same(t, "product", floats(y.Value()), floats(want.Value()))
			})
		}
	}
}

// wantError checks that an error is one line with the given parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has several lines: %q", err)
	}
}

// broken is an operation on a matrix that fails in a way of its own, or returns
// what it is told to.
type broken struct {
	G.Op // a stock operation for all else
	do   func(in G.Value) (G.Value, error)
}

func (b *broken) Do(in ...G.Value) (G.Value, error) { return b.do(in[0]) }
func (b *broken) OverwritesInput() int              { return 0 }
func (b *broken) String() string                    { return "broken" }

// breaking returns a graph with a broken operation.
func breaking(do func(in G.Value) (G.Value, error)) (*net, *G.Node) {
	n := newNet(tensor.Float64)
	x := n.input("x", 2, 3)
	return n, must(vm.Apply(&broken{must(G.Tanh(n.input("y", 2, 3))).Op(), do}, x))
}

func TestRunErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(x *G.Node)
		want  []string
	}{
		{"unbound", nil, []string{`vm: input "x" of shape (2, 3) has no value`, "gorgonia.Let"}},
		{"reshaped", func(x *G.Node) { x.Value().(*tensor.Dense).Reshape(3, 2) },
			[]string{`vm: input "x" is a float64 of shape (2, 3), but bound to a float64 of shape (3, 2)`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNet(tensor.Float64)
			x := G.NewMatrix(n.g, tensor.Float64, G.WithName("x"), G.WithShape(2, 3))
			y := must(ops.MatMul(x, n.input("w", 3, 3), false, false))
			m := compile(t, n.g, y)
			if c.spoil != nil {
				G.Let(x, values(tensor.Float64, 1, 2, 3))
				run(t, m)
				c.spoil(x)
			}
			wantError(t, m.RunAll(), c.want...)
			// It runs as soon as the input is right.
			if err := G.Let(x, values(tensor.Float64, 1, 2, 3)); err != nil {
				t.Fatal(err)
			}
			run(t, m)
		})
	}
	t.Run("column bound to a vector", func(t *testing.T) {
		n := newNet(tensor.Float64)
		x := n.input("x", 5, 1)
		m := compile(t, n.g, must(ops.MatMul(x, n.input("w", 1, 3), false, false)))
		if err := G.Let(x, values(tensor.Float64, 1, 5)); err != nil { // Gorgonia takes it
			t.Fatal(err)
		}
		wantError(t, m.RunAll(), `input "x"`, "(5, 1)", "shape (5)")
	})
	t.Run("type", func(t *testing.T) {
		n := newNet(tensor.Float32)
		x := n.input("x")
		m := compile(t, n.g, must(G.Tanh(x)))
		if err := G.Let(x, 2.0); err != nil { // Gorgonia takes a number of any type
			t.Fatal(err)
		}
		wantError(t, m.RunAll(), `input "x" is a float32`, "bound to a float64")
	})
	for _, c := range []struct {
		name string
		do   func(in G.Value) (G.Value, error)
		want []string
	}{
		{"error", func(G.Value) (G.Value, error) { return nil, errors.New("no luck") }, []string{"vm: broken (node ", "no luck"}},
		{"panic", func(G.Value) (G.Value, error) { panic("no luck") }, []string{"vm: broken (node ", "panicked: no luck"}},
		{"index", func(G.Value) (G.Value, error) { var x []G.Value; return x[3], nil }, []string{"vm: broken (node ", "panicked", "index out of range"}},
		{"nothing", func(G.Value) (G.Value, error) { return nil, nil }, []string{"vm: broken (node ", "no value"}},
		{"other shape", func(G.Value) (G.Value, error) { return values(tensor.Float64, 1, 2, 2), nil }, []string{"vm: broken (node ", "shape (2, 2)", "shape (2, 3)"}},
		{"other type", func(G.Value) (G.Value, error) { return values(tensor.Float32, 1, 2, 3), nil }, []string{"vm: broken (node ", "float32", "float64"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, y := breaking(c.do)
			m := compile(t, n.g, y)
			wantError(t, m.RunAll(), c.want...)
			wantError(t, m.RunAll(), c.want...)
		})
	}
	t.Run("operation that overwrites its input", func(t *testing.T) {
		n, y := breaking(func(in G.Value) (G.Value, error) {
			_, err := tensor.Add(in.(*tensor.Dense), 1.0, tensor.UseUnsafe())
			return in, err
		})
		x := n.inputs[0]
		before := floats(x.Value())
		m := compile(t, n.g, y)
		for range 3 {
			run(t, m)
			same(t, "input", floats(x.Value()), before)
			for i, v := range floats(y.Value()) {
				if v != before[i]+1 {
					t.Fatalf("result %g, want %g", v, before[i]+1)
				}
			}
		}
	})
}

func TestCompileErrors(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 2, 3)
	y := must(G.Tanh(x))
	other := newNet(tensor.Float64).input("x", 2, 3)
	try := func(name string, g *G.ExprGraph, wanted G.Nodes, parts ...string) {
		t.Run(name, func(t *testing.T) {
			m, err := vm.Compile(g, wanted...)
			wantError(t, err, append(parts, "vm: ")...)
			if m != nil {
				t.Error("a machine besides the error")
			}
		})
	}
	try("nil graph", nil, nil, "graph is nil")
	try("nil graph with nodes", nil, G.Nodes{y}, "graph is nil")
	try("nil node", n.g, G.Nodes{y, nil}, "node 1 to compute is nil")
	try("another graph", n.g, G.Nodes{other}, "belongs to another graph")
	try("no graph", n.g, G.Nodes{G.NewConstant(2.0)}, "belongs to another graph")
	try("gorgonia.Set", n.g, G.Nodes{G.Set(x, y)}, "is a statement", "Machine.Set")
	try("gorgonia.Set in the graph", n.g, nil, "is a statement", "Machine.Set")
	try("gorgonia.Read into nil", n.g, G.Nodes{G.Read(y, nil)}, "reads into nil")
	run(t, compile(t, n.g, y)) // which is what remains possible

	// A graph looks nodes up by numbers that are wrong once a node is removed.
	r := newNet(tensor.Float64)
	unused := r.input("unused", 2, 2)
	z := must(G.Tanh(must(G.Neg(r.input("x", 2, 2)))))
	r.g.RemoveNode(unused)
	try("removed node", r.g, G.Nodes{z}, "nodes were removed")
}

func TestApplyErrors(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 2, 3)
	op := must(G.Tanh(x)).Op()
	var v G.Value
	for _, c := range []struct {
		name string
		op   G.Op
		in   G.Nodes
		want string
	}{
		{"nil operation", nil, G.Nodes{x}, "operation is nil"},
		{"nil input", op, G.Nodes{nil}, "input 0 is nil"},
		{"no input", op, nil, "no input belongs to a graph"},
		{"no graph", op, G.Nodes{G.NewConstant(2.0)}, "no input belongs to a graph"},
		{"statement", op, G.Nodes{G.Read(x, &v)}, "is a statement"},
		{"another graph", must(G.Add(x, x)).Op(), G.Nodes{x, newNet(tensor.Float64).input("x", 2, 3)}, "another graph"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := vm.Apply(c.op, c.in...)
			wantError(t, err, c.want)
		})
	}
}

// TestConstants uses constants that belong to no graph yet.
func TestConstants(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 2, 3)
	c := values(tensor.Float64, 7, 2, 3)
	add := must(G.Add(x, x)).Op()
	y := must(vm.Apply(add, x, G.NewConstant(c)))
	z := must(vm.Apply(add, G.NewConstant(c), y))
	run(t, compile(t, n.g, z))
	for i, v := range floats(x.Value()) {
		if got, want := floats(z.Value())[i], c.Float64s()[i]+(v+c.Float64s()[i]); got != want {
			t.Errorf("element %d: %g, want %g", i, got, want)
		}
	}
	// Gorgonia takes constants that print alike for one.
	big := func(v float64) *G.Node {
		b := make([]float64, 100*100)
		b[5000] = v
		return G.NewConstant(tensor.New(tensor.WithShape(100, 100), tensor.WithBacking(b)))
	}
	w := n.input("w", 100, 100)
	first := must(vm.Apply(add, w, big(1)))
	if _, err := vm.Apply(add, first, big(2)); !errors.Is(err, vm.ErrHashCollision) {
		t.Errorf("two constants as one: error %v", err)
	}
}

// TestRandomNodes draws numbers anew in each run, once for all that use them.
func TestRandomNodes(t *testing.T) {
	n := newNet(tensor.Float64)
	u := G.UniformRandomNode(n.g, tensor.Float64, 0, 1, 20)
	y, z := must(G.Add(u, u)), must(G.Neg(u))
	var seen [][]float64
	for range 2 {
		m := compile(t, n.g, y, z, u)
		for range 3 {
			run(t, m)
			for i, v := range floats(u.Value()) {
				if v < 0 || v >= 1 || floats(y.Value())[i] != 2*v || floats(z.Value())[i] != -v {
					t.Fatalf("drawn %g: twice that %g, its negative %g", v, floats(y.Value())[i], floats(z.Value())[i])
				}
			}
			for _, old := range seen {
				if slices.Equal(old, floats(u.Value())) {
					t.Fatal("the same numbers again")
				}
			}
			seen = append(seen, floats(u.Value()))
		}
	}
}

// TestDropout runs an operation of Gorgonia's whose way of writing to given memory
// panics.
func TestDropout(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 50, 20)
	y := must(G.Dropout(x, 0.5))
	m := compile(t, n.g, y)
	for range 3 {
		run(t, m)
		kept := 0
		for i, v := range floats(x.Value()) {
			switch floats(y.Value())[i] {
			case 0:
			case 2 * v:
				kept++
			default:
				t.Fatalf("%g of %g", floats(y.Value())[i], v)
			}
		}
		if kept < 400 || kept > 600 {
			t.Errorf("%d of 1000 kept", kept)
		}
	}
}

func TestObserve(t *testing.T) {
	n := newNet(tensor.Float64)
	x := n.input("x", 5, 4)
	y := n.layers(x, 2)
	unused := must(G.Neg(x))
	m := compile(t, n.g, y)
	wantError(t, m.Observe(unused, func(G.Value) {}), "vm: the machine does not compute")
	wantError(t, m.Observe(nil, func(G.Value) {}), "vm: the machine does not compute")

	var order []string
	for _, k := range []*G.Node{y, x} {
		if err := m.Observe(k, func(v G.Value) {
			order = append(order, k.Name())
			same(t, k.Name(), floats(v), floats(k.Value()))
		}); err != nil {
			t.Fatal(err)
		}
	}
	run(t, m)
	if len(order) != 0 {
		t.Error("RunAll called observers")
	}
	if err := m.RunObserved(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, []string{x.Name(), y.Name()}) {
		t.Errorf("observed %v", order)
	}
	m.Observe(x, nil)
	m.Observe(y, func(G.Value) { panic("observer") })
	func() {
		defer func() {
			if p := recover(); p != "observer" {
				t.Errorf("an observer's panic became %v", p)
			}
		}()
		m.RunObserved()
	}()
	m.Observe(y, nil)
	if err := m.RunObserved(); err != nil || len(order) != 2 {
		t.Errorf("after the observers were taken away: %v, %v", err, order)
	}
}

// TestSideBySide runs graphs in goroutines of their own, built one at a time.
func TestSideBySide(t *testing.T) {
	var building sync.Mutex
	work := func(seed uint64) (list []float64) {
		building.Lock()
		n := newNet(dtypes[seed%2])
		x, target := n.input("x", 8, 6), n.input("t", 8, 6)
		y := n.layers(x, 4)
		y = must(G.Add(y, must(G.Tanh(y))))
		wanted := n.gradients(must(ops.MeanSquaredError(y, target)), x, target)
		m, err := vm.Compile(n.g, wanted...)
		building.Unlock()
		if err != nil {
			t.Error(err)
			return nil
		}
		for r := range 20 {
			if r == 1 {
				for i, in := range n.inputs {
					tensor.Copy(in.Value().(*tensor.Dense), values(n.dtype, seed+uint64(i), in.Shape()...))
				}
			}
			if err := m.RunAll(); err != nil {
				t.Error(err)
			}
		}
		for _, k := range wanted {
			list = append(list, floats(k.Value())...)
		}
		return list
	}
	const graphs = 6
	var got [graphs][]float64
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i] = work(uint64(i)) })
	}
	all.Wait()
	for i, list := range got {
		same(t, fmt.Sprint("graph ", i), list, work(uint64(i)))
	}
}

// TestCompileIsLinear has twice the layers take twice the allocations.
func TestCompileIsLinear(t *testing.T) {
	allocations := func(depth int) float64 {
		n := newNet(tensor.Float32)
		x := n.input("x", 2, 3)
		wanted := n.gradients(loss(n.layers(x, depth)), x)
		return testing.AllocsPerRun(3, func() { compile(t, n.g, wanted...) })
	}
	a, b := allocations(200), allocations(400)
	if b > 2.2*a {
		t.Errorf("%v allocations for 200 layers, %v for 400", a, b)
	}
}

func TestScalarMachine(t *testing.T) {
	for _, dtype := range dtypes {
		n := newNet(dtype)
		a := n.input("a")
		y := must(G.Square(must(ops.Pointwise(tanh, a))))
		wanted := n.gradients(y)
		m := compile(t, n.g, wanted...)
		if m.Bytes() != 0 {
			t.Errorf("%d bytes for scalars", m.Bytes())
		}
		for _, v := range []float64{0.5, -1.25} {
			// A scalar may also be a tensor without dimensions.
			var value any = scalar(dtype, v)
			if v < 0 {
				value = tensor.New(tensor.FromScalar(value.(G.Value).Data()))
			}
			if err := G.Let(a, value); err != nil {
				t.Fatal(err)
			}
			run(t, m)
			th := math.Tanh(v)
			near(t, "value", floats(y.Value()), []float64{th * th}, 1e-6)
			near(t, "gradient", floats(wanted[1].Value()), []float64{2 * th * (1 - th*th)}, 1e-6)
		}
		m.Reset()
		run(t, m)
	}
}

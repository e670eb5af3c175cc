package ops_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestSharedNode has forty users of a node, more than one operation adds up, among them
// products, an identity and a stock operation.
func TestSharedNode(t *testing.T) {
	for _, dtype := range dtypes {
		g := G.NewGraph()
		x := input(g, dtype, "x", random(1, 6), 2, 3)
		w := input(g, dtype, "w", random(2, 9), 3, 3)
		target := input(g, dtype, "t", random(3, 6), 2, 3)
		y := x
		for range 40 {
			y = must(ops.Shortcut(y, must(ops.MatMul(x, w, false, false)), 0.1))
		}
		y = must(G.Add(y, x))
		loss := must(ops.MeanSquaredError(y, target))
		if err := ops.Gradient(loss, x, w); err != nil {
			t.Fatal(err)
		}
		run(t, g, loss, x.Deriv(), w.Deriv())
		// y = 2x + 4xW: with g the gradient of y, x's is 2g + 4g·Wᵀ and W's 4xᵀ·g.
		xs, ws, ts := random(1, 6), random(2, 9), random(3, 6)
		dy := make([]float64, 6)
		for i := range 2 {
			for j := range 3 {
				sum := 2*xs[i*3+j] - ts[i*3+j]
				for k := range 3 {
					sum += 4 * xs[i*3+k] * ws[k*3+j]
				}
				dy[i*3+j] = 2 * sum / 6
			}
		}
		tolerance := 1e-13
		if dtype == tensor.Float32 {
			tolerance = 2e-5
		}
		for i, got := range floats(x.Deriv().Value()) {
			want := 2 * dy[i]
			for k := range 3 {
				want += 4 * dy[i/3*3+k] * ws[i%3*3+k]
			}
			if math.Abs(got-want) > tolerance {
				t.Errorf("%v: gradient %d of x is %g, want %g", dtype, i, got, want)
			}
		}
		for i, got := range floats(w.Deriv().Value()) {
			want := 4 * (xs[i/3]*dy[i%3] + xs[3+i/3]*dy[3+i%3])
			if math.Abs(got-want) > tolerance {
				t.Errorf("%v: gradient %d of W is %g, want %g", dtype, i, got, want)
			}
		}
	}
}

func TestGradientErrors(t *testing.T) {
	g := G.NewGraph()
	x, other := input(g, tensor.Float64, "x", random(1, 4), 2, 2), input(g, tensor.Float64, "other", random(2, 4), 2, 2)
	third := input(g, tensor.Float64, "third", random(2, 4), 2, 2)
	loss := must(ops.MeanSquaredError(x, other))
	for _, c := range []struct {
		loss   *G.Node
		params G.Nodes
		says   string
	}{
		{x, G.Nodes{x}, "want a scalar"},
		{nil, G.Nodes{x}, "is nil"},
		{loss, G.Nodes{third}, "does not depend"},
		{loss, G.Nodes{x}, ""},
		{loss, G.Nodes{x}, "once"},
	} {
		err := ops.Gradient(c.loss, c.params...)
		if (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("error %v, want %q", err, c.says)
		}
	}
}

// TestCarryKeepsTails checks the gradients of gates that are as good as closed or open.
func TestCarryKeepsTails(t *testing.T) {
	for _, dtype := range dtypes {
		g := G.NewGraph()
		z := input(g, dtype, "z", []float64{60, -60}, 1, 2)
		h := input(g, dtype, "h", []float64{3, 3}, 1, 2)
		x := input(g, dtype, "x", []float64{1, 1}, 1, 2)
		loss := must(ops.MeanSquaredError(must(ops.Carry(z, h, x)), input(g, dtype, "t", []float64{2, 2}, 1, 2)))
		if err := ops.Gradient(loss, z, h, x); err != nil {
			t.Fatal(err)
		}
		run(t, g, z.Deriv(), h.Deriv(), x.Deriv())
		small := math.Exp(-60) // y is 3 and 1: its gradient is 1 and -1
		for name, c := range map[string]struct {
			node *G.Node
			want [2]float64
		}{
			"z": {z, [2]float64{2 * small, -2 * small}},
			"h": {h, [2]float64{1, -small}},
			"x": {x, [2]float64{small, -1}},
		} {
			for i, got := range floats(c.node.Deriv().Value()) {
				if math.Abs(got/c.want[i]-1) > 1e-5 {
					t.Errorf("%v: gradient %d of %s is %g, want %g", dtype, i, name, got, c.want[i])
				}
			}
		}
	}
}

// TestTimeMajor checks the order of a sequence, and that of its inverse.
func TestTimeMajor(t *testing.T) {
	for _, dtype := range dtypes {
		g := G.NewGraph()
		x := input(g, dtype, "x", []float64{1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16}, 2, 6)
		s := must(ops.TimeMajor(x, 3))
		back := must(ops.BatchMajor(s, 3))
		run(t, g, s, back)
		for _, c := range []struct {
			node *G.Node
			want []float64
		}{
			{s, []float64{1, 2, 11, 12, 3, 4, 13, 14, 5, 6, 15, 16}},
			{back, []float64{1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16}},
		} {
			for i, got := range floats(c.node.Value()) {
				if got != c.want[i] {
					t.Errorf("%v: element %d is %g, want %g", c.node, i, got, c.want[i])
				}
			}
		}
	}
}

// TestRecurrenceAllocatesNothing runs a stack of LSTM steps and its gradients.
func TestRecurrenceAllocatesNothing(t *testing.T) {
	const steps, batch, units = 20, 3, 4
	g := G.NewGraph()
	p := input(g, tensor.Float32, "p", random(1, steps*batch*4*units), steps*batch, 4*units)
	u := input(g, tensor.Float32, "u", random(2, units*4*units), units, 4*units)
	h := must(ops.Zeros(p, steps, units))
	c := h
	var states []*G.Node
	for i := range steps {
		var err error
		if h, c, err = ops.LSTM(tanh, must(ops.Step(p, h, u, i, steps)), c); err != nil {
			t.Fatal(err)
		}
		states = append(states, h)
	}
	all := must(ops.Stack(states...))
	loss := must(ops.MeanSquaredError(all, input(g, tensor.Float32, "t", random(3, steps*batch*units), steps*batch, units)))
	if err := ops.Gradient(loss, p, u); err != nil {
		t.Fatal(err)
	}
	m, err := vm.Compile(g, loss, p.Deriv(), u.Deriv())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() {
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%g allocations in a run", n)
	}
}

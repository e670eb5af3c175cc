package activationtest

import (
	"fmt"
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// parameters tests what a has learned: At, and NodeWith with one value for each layer
// and one for each column.
func parameters(t *testing.T, a activations.ParametricScalar) {
	list := a.Parameters()
	t.Run("at", func(t *testing.T) { at(t, a) })
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		// Each with a value for each column in turn, all, and none.
		for columns := -1; columns <= len(list); columns++ {
			name := fmt.Sprintf("%v one for each column", dtype)
			switch {
			case columns == -1:
				name = fmt.Sprintf("%v one for all", dtype)
			case columns < len(list):
				name = fmt.Sprintf("%v %s for each column", dtype, list[columns].Name)
			}
			t.Run(name, func(t *testing.T) {
				partials(t, a, dtype, func(j int) bool { return j == columns || columns == len(list) })
			})
		}
	}
	if _, err := a.At(make([]float64, len(list)+1)...); err == nil {
		t.Error("At with a value too many: no error")
	}
}

// values returns starts of parameters, and others near them.
func values(a activations.ParametricScalar, k int) []float64 {
	var list []float64
	for j, p := range a.Parameters() {
		list = append(list, p.Start*(1+0.07*float64(k))+0.013*float64(k*(j+1)))
	}
	return list
}

// at checks that At changes a copy.
func at(t *testing.T, a activations.ParametricScalar) {
	const z = 0.7
	before := a.F(z)
	start, other := with(t, a, values(a, 0)), with(t, a, values(a, 3))
	if start.F(z) != before || a.F(z) != before {
		t.Errorf("F(%g) is %g, at the same values %g, and after At %g", z, before, start.F(z), a.F(z))
	}
	for i, p := range other.Parameters() {
		if p.Start != values(a, 3)[i] || p.Name != a.Parameters()[i].Name {
			t.Errorf("At(%v) has the parameter %+v", values(a, 3), p)
		}
	}
	derivative(t, other)
}

// with returns a with other values of its parameters.
func with(t *testing.T, a activations.ParametricScalar, values []float64) activations.ParametricScalar {
	t.Helper()
	b, err := a.At(values...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// partials compares nodes of the same activation with parameters of different values in
// one graph, and their gradients, with F, Derivative and differences of F by the parameters.
func partials(t *testing.T, a activations.ParametricScalar, dtype tensor.Dtype, perColumn func(j int) bool) {
	const rows, cols = 5, 3
	params := a.Parameters()
	g := G.NewGraph()
	fill := func(n int, f func(i int) float64) any {
		if dtype == tensor.Float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(f(i))
			}
			return x
		}
		x := make([]float64, n)
		for i := range x {
			x[i] = f(i)
		}
		return x
	}
	matrix := func(name string, f func(i int) float64) *G.Node {
		v := tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(fill(rows*cols, f)), tensor.WithEngine(G.StandardEngine{}))
		return G.NewMatrix(g, dtype, G.WithName(name), G.WithShape(rows, cols), G.WithValue(v))
	}
	z := matrix("z", func(i int) float64 { return 2.3 * math.Sin(float64(5*i)+0.3) })
	weight := matrix("weight", func(i int) float64 { return 1 + 0.5*math.Cos(float64(i)) })
	var loss *G.Node
	var y, learned []*G.Node
	for k := range 2 { // two layers, of different values
		var nodes []*G.Node
		for j := range params {
			n := 1
			if perColumn(j) {
				n = cols
			}
			v := tensor.New(tensor.WithShape(n), tensor.WithBacking(fill(n, func(c int) float64 { return values(a, 2*k+c)[j] })), tensor.WithEngine(G.StandardEngine{}))
			nodes = append(nodes, G.NewVector(g, dtype, G.WithName(fmt.Sprintf("%d/%s", k, params[j].Name)), G.WithShape(n), G.WithValue(v)))
		}
		node, err := a.NodeWith(z, nodes...)
		if err != nil || node == nil {
			t.Fatalf("NodeWith: %v, %v", node, err)
		}
		sum, err := G.HadamardProd(node, weight)
		if err == nil {
			sum, err = G.Sum(sum)
		}
		if err == nil && loss != nil {
			sum, err = G.Add(loss, sum)
		}
		if err != nil {
			t.Fatal(err)
		}
		loss, y, learned = sum, append(y, node), append(learned, nodes...)
	}
	grads, err := G.Grad(loss, append([]*G.Node{z}, learned...)...)
	if err != nil {
		t.Fatalf("symbolic gradient: %v", err)
	}
	m, err := vm.Compile(g, append(append([]*G.Node{}, y...), grads...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	tol := 1e-9 // of differences
	if dtype == tensor.Float32 {
		tol = 2e-5
	}
	zs, ws := floats(z.Value()), floats(weight.Value())
	wantZ := make([]float64, len(zs))
	for k := range 2 {
		nodes := learned[k*len(params) : (k+1)*len(params)]
		want := make([][]float64, len(params))
		size := make([][]float64, len(params)) // sums of magnitudes
		for j, n := range nodes {
			want[j], size[j] = make([]float64, n.Shape()[0]), make([]float64, n.Shape()[0])
		}
		for i, z := range zs {
			here := make([]float64, len(params))
			of := make([]int, len(params))
			for j, n := range nodes {
				v := floats(n.Value())
				of[j] = i % cols % len(v)
				here[j] = v[of[j]]
			}
			f := func(j int, shift float64) float64 {
				list := append([]float64(nil), here...)
				list[j] += shift
				return with(t, a, list).F(z)
			}
			b := with(t, a, here)
			more, _ := roundingError(b, z, dtype)
			if got := floats(y[k].Value())[i]; !near(got, b.F(z), tol, 2*more, dtype) {
				t.Errorf("node %d at %g with %v: %g, want %g", k, z, here, got, b.F(z))
			}
			wantZ[i] += ws[i] * b.Derivative(z)
			for j := range params {
				const h = 1e-3
				slope := (8*(f(j, h)-f(j, -h)) - (f(j, 2*h) - f(j, -2*h))) / (12 * h)
				want[j][of[j]] += ws[i] * slope
				size[j][of[j]] += math.Abs(ws[i]*slope) + math.Abs(ws[i]*b.F(z))
			}
		}
		for j, n := range nodes {
			d, err := n.Grad()
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range floats(d) {
				if math.Abs(got-want[j][i]) > tol*(1+size[j][i]) {
					t.Errorf("gradient of %s[%d] in node %d: %g, want %g", params[j].Name, i, k, got, want[j][i])
				}
			}
		}
	}
	d, err := z.Grad()
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range floats(d) {
		if math.Abs(got-wantZ[i]) > tol*(1+math.Abs(wantZ[i])) {
			t.Errorf("gradient of z at %g: %g, want %g", zs[i], got, wantZ[i])
		}
	}
}

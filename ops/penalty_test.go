package ops_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestRowScaledNorm compares norm and gradients with the formulas, where they are 0,
// and where squares would underflow or overflow.
func TestRowScaledNorm(t *testing.T) {
	w := []float64{3, 4, 0, 0, 1, -2} // rows of norms 5, 0, √5
	for _, c := range []struct {
		a     []float64
		scale float64
		norm  float64
		byA   []float64
		byW   []float64
	}{
		{[]float64{-2}, 1, 2 * math.Sqrt(30), []float64{-math.Sqrt(30)}, []float64{6 / math.Sqrt(30), 8 / math.Sqrt(30), 0, 0, 2 / math.Sqrt(30), -4 / math.Sqrt(30)}},
		{[]float64{-1, 7, 0}, 1, 5, []float64{-5, 0, 0}, []float64{0.6, 0.8, 0, 0, 0, 0}},
		{[]float64{0}, 1, 0, []float64{0}, make([]float64, 6)},
		{[]float64{0, 0, 0}, 1, 0, []float64{0, 0, 0}, make([]float64, 6)},
		{[]float64{1e-200}, 1, 1e-200 * math.Sqrt(30), []float64{math.Sqrt(30)}, []float64{3e-200 / math.Sqrt(30), 4e-200 / math.Sqrt(30), 0, 0, 1e-200 / math.Sqrt(30), -2e-200 / math.Sqrt(30)}},
		{[]float64{1e200}, 1, 1e200 * math.Sqrt(30), []float64{math.Sqrt(30)}, []float64{3e200 / math.Sqrt(30), 4e200 / math.Sqrt(30), 0, 0, 1e200 / math.Sqrt(30), -2e200 / math.Sqrt(30)}},
	} {
		g := G.NewGraph()
		value := func(shape tensor.Shape, x []float64) *G.Node {
			v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(append([]float64(nil), x...)))
			return G.NewTensor(g, tensor.Float64, len(shape), G.WithName(fmt.Sprint(shape)), G.WithShape(shape...), G.WithValue(v))
		}
		a, weight := value(tensor.Shape{len(c.a)}, c.a), value(tensor.Shape{3, 2}, w)
		n, err := ops.RowScaledNorm(a, weight)
		if err != nil {
			t.Fatal(err)
		}
		grads, err := G.Grad(n, a, weight)
		if err != nil {
			t.Fatal(err)
		}
		m, err := vm.Compile(g, append(grads, n)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		same := func(what string, got, want float64) {
			if math.Abs(got-want) > 1e-14*math.Abs(want) {
				t.Errorf("a = %v: %s is %g, want %g", c.a, what, got, want)
			}
		}
		same("the norm", float64(*n.Value().(*G.F64)), c.norm)
		for i, want := range c.byA {
			same(fmt.Sprintf("gradient of a[%d]", i), grads[0].Value().Data().([]float64)[i], want)
		}
		for i, want := range c.byW {
			same(fmt.Sprintf("gradient of W[%d]", i), grads[1].Value().Data().([]float64)[i], want)
		}
	}
	g := G.NewGraph()
	a := G.NewVector(g, tensor.Float64, G.WithName("a"), G.WithShape(2))
	weight := G.NewMatrix(g, tensor.Float64, G.WithName("w"), G.WithShape(3, 2))
	if _, err := ops.RowScaledNorm(a, weight); err == nil {
		t.Error("two factors for three rows: no error")
	}
}

// TestParametricShapes: parameters must fit the columns.
func TestParametricShapes(t *testing.T) {
	g := G.NewGraph()
	z := G.NewMatrix(g, tensor.Float64, G.WithName("z"), G.WithShape(4, 3))
	f := &ops.ParametricFunction{Name: "f"}
	for _, p := range []*G.Node{
		nil,
		G.NewVector(g, tensor.Float64, G.WithName("two"), G.WithShape(2)),
		G.NewVector(g, tensor.Float32, G.WithName("single"), G.WithShape(3)),
		G.NewMatrix(g, tensor.Float64, G.WithName("matrix"), G.WithShape(1, 3)),
	} {
		if _, err := ops.Parametric(f, z, p); err == nil {
			t.Errorf("parameter %v: no error", p)
		}
	}
	if _, err := ops.Parametric(nil, z); err == nil {
		t.Error("no function: no error")
	}
	if _, err := ops.Parametric(f, G.NewScalar(g, tensor.Float64, G.WithName("s")), G.NewVector(g, tensor.Float64, G.WithName("p"), G.WithShape(1))); err == nil {
		t.Error("a scalar z: no error")
	}
}

package activationtest

import (
	"fmt"
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/suite"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// rowwise tests an activation that is not element-wise: there is no F to compare its node
// with, but the node has a gradient, and must map each example by itself.
func rowwise(t *testing.T, a activations.Activation, variants []activations.Activation) {
	t.Helper()
	t.Run("name", func(t *testing.T) { name(t, a.Name()) })
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		t.Run(fmt.Sprint(dtype), func(t *testing.T) {
			if !t.Run("shape", func(t *testing.T) { rowShape(t, a, dtype) }) {
				return // the other checks rely on it
			}
			t.Run("gradient", func(t *testing.T) { rowGradient(t, a, dtype) })
			t.Run("rows apart", func(t *testing.T) { rowsApart(t, a, dtype) })
			t.Run("extremes", func(t *testing.T) { rowExtremes(t, a, dtype) })
			t.Run("distinct", func(t *testing.T) { rowDistinct(t, append([]activations.Activation{a}, variants...), dtype) })
			t.Run("repeated", func(t *testing.T) { rowRepeated(t, a, dtype) })
		})
	}
	t.Run("both types", func(t *testing.T) { rowTypes(t, a) })
}

// rowUnits is the number of outputs in the tests, before it is fitted to the activation.
const rowUnits = 12

// widths returns how many columns of z make how many of y.
func widths(t *testing.T, a activations.Activation) (z, y int) {
	t.Helper()
	y = rowUnits
	if r, ok := a.(activations.Resizer); ok {
		if _, to := r.Resize(); to > 0 {
			y = rowUnits * to
		}
	}
	z, err := activations.PreActivations(a, y)
	if err != nil {
		t.Fatal(err)
	}
	return z, y
}

func rowShape(t *testing.T, a activations.Activation, dtype tensor.Dtype) {
	z, y := widths(t, a)
	for _, batch := range []int{1, 3} {
		in := G.NewMatrix(G.NewGraph(), dtype, G.WithName("z"), G.WithShape(batch, z))
		node, err := a.Node(in)
		want := tensor.Shape{batch, y}
		switch {
		case err != nil:
			t.Errorf("Node of shape %v: %v", in.Shape(), err)
		case node == nil:
			t.Errorf("Node of shape %v is nil, and there is no error", in.Shape())
		case !node.Shape().Eq(want):
			t.Errorf("Node of shape %v has the shape %v, want %v: an activation that changes the width implements activations.Resizer", in.Shape(), node.Shape(), want)
		case node.Dtype() != dtype:
			t.Errorf("Node of %v is of %v", dtype, node.Dtype())
		}
	}
	if _, err := activations.Units(a, z+1); err != nil { // a width that it can't divide
		in := G.NewMatrix(G.NewGraph(), dtype, G.WithName("z"), G.WithShape(2, z+1))
		if node, err := a.Node(in); err == nil {
			t.Errorf("Node of %d columns, which make no whole units, is of shape %v: want an error", z+1, node.Shape())
		}
	}
}

// rowData are n values without ties, in no order, of moderate size.
func rowData(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 1.7*math.Sin(float64(7*i)+0.4) + 0.3*math.Cos(float64(i))
	}
	return x
}

// rowGraph is Σ weight∘f(z), with its gradient.
type rowGraph struct {
	graph
	weight *G.Node
}

func rowGraphOf(t *testing.T, dtype tensor.Dtype, batch int, z []float64, list ...activations.Activation) *rowGraph {
	t.Helper()
	g := G.NewGraph()
	in, out := widths(t, list[0])
	matrix := func(name string, cols int, values []float64) *G.Node {
		var backing any = append([]float64(nil), values...)
		if dtype == tensor.Float32 {
			narrow := make([]float32, len(values))
			for i, v := range values {
				narrow[i] = float32(v)
			}
			backing = narrow
		}
		v := tensor.New(tensor.WithShape(batch, cols), tensor.WithBacking(backing), tensor.WithEngine(G.StandardEngine{}))
		return G.NewMatrix(g, dtype, G.WithName(name), G.WithShape(batch, cols), G.WithValue(v))
	}
	weights := make([]float64, batch*out)
	for i := range weights {
		weights[i] = math.Round(64*math.Cos(float64(3*i))) / 64 // exact in float32
	}
	r := &rowGraph{graph{z: matrix("z", in, z)}, matrix("weight", out, weights)}
	for _, a := range list {
		r.add(t, a, func(y *G.Node) (*G.Node, error) { return G.HadamardProd(y, r.weight) })
	}
	r.compile(t)
	r.run(t)
	return r
}

func (g *rowGraph) values(k int) []float64 { return append([]float64(nil), floats(g.y[k].Value())...) }

func (g *rowGraph) gradient(t *testing.T) []float64 {
	t.Helper()
	return append([]float64(nil), floats(g.grad(t))...)
}

// loss is Σ weight∘f(z) at other arguments, in the graph's own type.
func (g *rowGraph) loss(t *testing.T, z []float64) float64 {
	t.Helper()
	switch d := g.z.Value().Data().(type) {
	case []float64:
		copy(d, z)
	case []float32:
		for i, v := range z {
			d[i] = float32(v)
		}
	}
	g.run(t)
	sum := 0.
	for i, y := range floats(g.y[0].Value()) {
		sum += y * floats(g.weight.Value())[i]
	}
	return sum
}

// rowGradient compares the gradient with five-point differences of the node: of float32
// with those of the float64 node.
func rowGradient(t *testing.T, a activations.Activation, dtype tensor.Dtype) {
	const batch, h = 3, 1e-3
	in, _ := widths(t, a)
	z := rowData(batch * in)
	got := rowGraphOf(t, dtype, batch, z, a).gradient(t)
	wide := rowGraphOf(t, tensor.Float64, batch, z, a)
	tolerance := 1e-8
	if dtype == tensor.Float32 {
		tolerance = 1e-5
	}
	var wrong suite.Faults
	defer wrong.Report(t)
	for i := range z {
		at := func(k float64) float64 {
			shifted := append([]float64(nil), z...)
			shifted[i] += k * h
			return wide.loss(t, shifted)
		}
		want := (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * h)
		if !(math.Abs(got[i]-want) <= tolerance*(1+math.Abs(want))) {
			wrong.Add(got[i]-want, "the gradient by z[%d, %d] = %g is %g, the slope of the node %g", i/in, i%in, z[i], got[i], want)
		}
	}
}

// rowsApart: what an example gives does not depend on the others, to the last bit.
func rowsApart(t *testing.T, a activations.Activation, dtype tensor.Dtype) {
	const batch = 4
	in, out := widths(t, a)
	z := rowData(batch * in)
	whole := rowGraphOf(t, dtype, batch, z, a)
	y, d := whole.values(0), whole.gradient(t)
	reversed := make([]float64, 0, len(z))
	for r := batch - 1; r >= 0; r-- {
		reversed = append(reversed, z[r*in:(r+1)*in]...)
	}
	back := rowGraphOf(t, dtype, batch, reversed, a).values(0)
	for r := range batch {
		same(t, fmt.Sprintf("row %d among others in another order", r), back[(batch-1-r)*out:(batch-r)*out], y[r*out:(r+1)*out])
	}
	same(t, "row 0 alone", rowGraphOf(t, dtype, 1, z[:in], a).values(0), y[:out])
	same(t, "its gradient", rowGraphOf(t, dtype, 1, z[:in], a).gradient(t), d[:in])
}

// rowExtremes: moderate results stay numbers for large arguments, and a NaN shows, in its
// own row.
func rowExtremes(t *testing.T, a activations.Activation, dtype tensor.Dtype) {
	const batch = 3
	in, out := widths(t, a)
	for _, scale := range []float64{0, 1e-30, 1e3, 1e18} {
		z := rowData(batch * in)
		for i := range z {
			z[i] *= scale
		}
		g := rowGraphOf(t, dtype, batch, z, a)
		for i, v := range append(g.values(0), g.gradient(t)...) {
			if math.IsNaN(v) {
				t.Errorf("arguments of size %g: element %d of the node and its gradient is NaN", scale, i)
				break
			}
		}
	}
	z := rowData(batch * in)
	clean := rowGraphOf(t, dtype, batch, z, a).values(0)
	z[in] = math.NaN()
	y := rowGraphOf(t, dtype, batch, z, a).values(0)
	shows := false
	for _, v := range y[out : 2*out] {
		shows = shows || math.IsNaN(v)
	}
	if !shows {
		t.Error("a NaN in a row does not show in its results")
	}
	same(t, "the row before one with NaN", y[:out], clean[:out])
	same(t, "the row after one with NaN", y[2*out:], clean[2*out:])
}

// rowDistinct: different activations of one input are not merged.
func rowDistinct(t *testing.T, list []activations.Activation, dtype tensor.Dtype) {
	in, _ := widths(t, list[0])
	for _, a := range list[1:] {
		if other, _ := widths(t, a); other != in {
			t.Fatalf("variant %s takes %d columns, the activation %d", a.Name(), other, in)
		}
	}
	z := rowData(2 * in)
	together := rowGraphOf(t, dtype, 2, z, list...)
	for k, a := range list {
		same(t, fmt.Sprintf("activation %d of %d, %q, in one graph", k+1, len(list), a.Name()), together.values(k), rowGraphOf(t, dtype, 2, z, a).values(0))
	}
}

func rowRepeated(t *testing.T, a activations.Activation, dtype tensor.Dtype) {
	in, _ := widths(t, a)
	g := rowGraphOf(t, dtype, 3, rowData(3*in), a)
	z, y, d := append([]float64(nil), floats(g.z.Value())...), g.values(0), g.gradient(t)
	g.run(t)
	same(t, "the input after a run", floats(g.z.Value()), z)
	same(t, "the values of the second run", g.values(0), y)
	same(t, "the gradient of the second run", g.gradient(t), d)
}

// rowTypes: float32 goes the way of float64.
func rowTypes(t *testing.T, a activations.Activation) {
	in, _ := widths(t, a)
	z := rowData(3 * in)
	for i := range z {
		z[i] = float64(float32(z[i]))
	}
	wide, narrow := rowGraphOf(t, tensor.Float64, 3, z, a), rowGraphOf(t, tensor.Float32, 3, z, a)
	var wrong suite.Faults
	defer wrong.Report(t)
	for k, pair := range [][2][]float64{{wide.values(0), narrow.values(0)}, {wide.gradient(t), narrow.gradient(t)}} {
		for i, want := range pair[0] {
			if got := pair[1][i]; !(math.Abs(got-want) <= 1e-5*(1+math.Abs(want))) {
				wrong.Add(got-want, "%s, element %d: %g in float32, %g in float64", []string{"values", "gradient"}[k], i, got, want)
			}
		}
	}
}

package ops_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gradflow/gradflow/ops"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var normalizations = []ops.Normalization{
	{Centred: true, Eps: 1e-5},
	{Rows: true, Centred: true, Eps: 1e-5},
	{Rows: true, Eps: 1e-5},
	{Divisor: ops.Norm},
	{Centred: true, Divisor: ops.Norm},
	{Rows: true, Divisor: ops.Norm, Eps: 0.1},
	{Divisor: ops.Mean, Eps: 1e-3},
	{Rows: true, Divisor: ops.Mean},
	{Rows: true, Groups: 1, Centred: true, Eps: 1e-5},
}

// grouped are those of rows of 6 elements.
var grouped = []ops.Normalization{
	{Rows: true, Groups: 2, Centred: true, Eps: 1e-5},
	{Rows: true, Groups: 3, Eps: 1e-5},
	{Rows: true, Groups: 2, Divisor: ops.Norm, Centred: true},
	{Rows: true, Groups: 3, Divisor: ops.Mean},
}

// normalized returns γ(x-c)/s+β with x's own statistics; of numbers for the divisor
// Mean it takes e^x, as these must not be negative. γ and β are in[1] and in[2] where
// there are this many.
func normalized(n ops.Normalization) func(in []*G.Node) *G.Node {
	return func(in []*G.Node) *G.Node {
		x := in[0]
		if n.Divisor == ops.Mean {
			x = must(ops.Pointwise(ops.FunctionOf("exp", math.Exp, math.Exp), x))
		}
		var gamma, beta *G.Node
		if len(in) > 1 {
			gamma = in[1]
		}
		if len(in) > 2 {
			beta = in[2]
		}
		return must(ops.Normalize(x, must(ops.Statistics(x, n)), gamma, beta, n))
	}
}

// fixed returns the same with given statistics.
func fixed(n ops.Normalization) func(in []*G.Node) *G.Node {
	n.Fixed = true
	return func(in []*G.Node) *G.Node {
		spread := must(ops.Pointwise(ops.FunctionOf("exp", math.Exp, math.Exp), in[2]))
		var center *G.Node
		if n.Centred {
			center = in[3]
		}
		return must(ops.Normalize(in[0], must(ops.GivenStatistics(center, spread, n)), in[1], nil, n))
	}
}

func init() {
	type c = struct {
		name   string
		build  func(in []*G.Node) *G.Node
		shapes [][]int
		wrt    int
	}
	for i, n := range normalizations {
		name := fmt.Sprintf("normalize %d %+v", i, n)
		cases = append(cases,
			c{name, normalized(n), [][]int{{5, 4}}, 1},
			c{name + " γ", normalized(n), [][]int{{3, 10}, {10}}, 2},
			c{name + " γβ", normalized(n), [][]int{{10, 3}, {3}, {3}}, 3})
		if !n.Rows {
			shapes := [][]int{{4, 3}, {3}, {3}, {3}}
			if !n.Centred {
				shapes = shapes[:3]
			}
			cases = append(cases, c{name + " fixed", fixed(n), shapes, 2})
		}
	}
	for i, n := range grouped {
		cases = append(cases, c{fmt.Sprintf("normalize groups %d %+v", i, n), normalized(n), [][]int{{5, 6}, {6}, {6}}, 3})
	}
	distance := func(in []*G.Node) *G.Node { return must(ops.SquaredDistance(in[0], in[1])) }
	cases = append(cases,
		c{"squared distance", distance, [][]int{{5, 3}, {4, 3}}, 2},
		c{"squared distance, wide", distance, [][]int{{3, 17}, {10, 17}}, 2},
		c{"squared distance, one of each", distance, [][]int{{1, 1}, {1, 1}}, 2},
		c{"squared distance, of itself", func(in []*G.Node) *G.Node { return must(ops.SquaredDistance(in[0], in[0])) }, [][]int{{4, 3}}, 1},
		c{"scale columns", func(in []*G.Node) *G.Node { return must(ops.ScaleColumns(in[0], in[1])) }, [][]int{{5, 3}, {3}}, 2})
}

// TestNormalize compares values with the definition, in float64 and, for far and for
// nearly equal numbers, in both types.
func TestNormalize(t *testing.T) {
	for _, n := range normalizations {
		for _, shift := range []float64{0, 100} {
			x := random(1, 6*5)
			for i := range x {
				x[i] += shift
				if n.Divisor == ops.Mean {
					x[i] = math.Abs(x[i])
				}
				x[i] = float64(float32(x[i]))
			}
			want := make([]float64, len(x))
			groups, members := 5, 6
			at := func(g, k int) int { return k*5 + g }
			if n.Rows {
				groups, members = 6, 5
				at = func(g, k int) int { return g*5 + k }
			}
			for g := range groups {
				var mean, squares float64
				for k := range members {
					mean += x[at(g, k)] / float64(members)
				}
				c := 0.
				if n.Centred {
					c = mean
				}
				for k := range members {
					squares += (x[at(g, k)] - c) * (x[at(g, k)] - c)
				}
				s := map[ops.Divisor]float64{ops.Deviation: math.Sqrt(squares/float64(members) + n.Eps), ops.Norm: math.Sqrt(squares + n.Eps), ops.Mean: mean + n.Eps}[n.Divisor]
				for k := range members {
					want[at(g, k)] = (x[at(g, k)] - c) / s
				}
			}
			for _, dtype := range dtypes {
				tol := 1e-13
				if dtype == tensor.Float32 {
					tol = 1e-6
				}
				g := G.NewGraph()
				in := input(g, dtype, "x", x, 6, 5)
				y := must(ops.Normalize(in, must(ops.Statistics(in, n)), nil, nil, n))
				run(t, g, y)
				for i, got := range floats(y.Value()) {
					// x is exact; its mean is rounded, to a part of the numbers' size.
					if !(math.Abs(got-want[i]) <= tol*(1+math.Abs(want[i])+2*shift)) {
						t.Errorf("%+v, %v, shift %g: element %d is %g, want %g", n, dtype, shift, i, got, want[i])
					}
				}
			}
		}
	}
}

// TestNormalizeExtremes has the gradient finite where nothing varies, and the values
// right where squares leave the type's range.
func TestNormalizeExtremes(t *testing.T) {
	for _, n := range normalizations {
		for _, dtype := range dtypes {
			largest := 1e30
			if dtype == tensor.Float64 {
				largest = 1e200
			}
			for _, size := range []float64{0, 0.1, 3e7} {
				x := make([]float64, 12)
				for i := range x {
					x[i] = size
				}
				y, d := normalizedWithGradient(t, n, dtype, x, 4, 3)
				for i := range y {
					if math.IsNaN(y[i]) || math.IsInf(y[i], 0) || math.IsNaN(d[i]) || math.IsInf(d[i], 0) {
						t.Errorf("%+v, %v, all %g: y = %g, gradient %g", n, dtype, size, y[i], d[i])
					}
					if n.Centred && math.Abs(y[i]) > 1e-4 {
						t.Errorf("%+v, %v, all %g: y = %g, want 0", n, dtype, size, y[i])
					}
				}
			}
			// Without ε the result does not depend on the size, however extreme.
			n.Eps = 0
			x := random(4, 12)
			for i := range x {
				x[i] = math.Abs(x[i]) + 0.1
			}
			want, _ := normalizedWithGradient(t, n, dtype, x, 4, 3)
			for _, size := range []float64{1 / largest, largest} {
				scaled := append([]float64(nil), x...)
				for i := range scaled {
					scaled[i] *= size
				}
				y, _ := normalizedWithGradient(t, n, dtype, scaled, 4, 3)
				for i := range y {
					if !(math.Abs(y[i]-want[i]) < 1e-5) {
						t.Errorf("%+v, %v, of size %g: y = %g, want %g", n, dtype, size, y[i], want[i])
					}
				}
			}
		}
	}
}

// normalizedWithGradient returns y and the gradient of Σ y·sin i.
func normalizedWithGradient(t *testing.T, n ops.Normalization, dtype tensor.Dtype, x []float64, shape ...int) (y, d []float64) {
	t.Helper()
	g := G.NewGraph()
	in := input(g, dtype, "x", x, shape...)
	node := must(ops.Normalize(in, must(ops.Statistics(in, n)), nil, nil, n))
	weights := make([]float64, len(x))
	for i := range weights {
		weights[i] = math.Sin(float64(i))
	}
	grads, err := node.Op().(G.SDOp).SymDiff(G.Nodes{in, g.AllNodes()[1]}, node, input(g, dtype, "seed", weights, shape...))
	if err != nil {
		t.Fatal(err)
	}
	run(t, g, node, grads[0])
	return floats(node.Value()), floats(grads[0].Value())
}

// TestSquaredDistance compares distances with those summed in float64, for points far
// from the origin, nearly equal, equal and huge. A distance by the matrix product has
// less than 8 times the roundings of its terms, ‖x‖² + ‖c‖² ≤ 8d², of which there are
// the dimension and a few.
func TestSquaredDistance(t *testing.T) {
	const rows, centers, dims = 7, 5, 20
	for _, c := range []struct {
		name          string
		shift, spread float64 // of the points, and of the centers from the points
	}{{"ordinary", 0, 1}, {"far away", 1000, 1}, {"nearly equal", 0, 1e-6}, {"equal", 3, 0}, {"huge", 0, 1e25}} {
		for _, dtype := range dtypes {
			x, y := random(1, rows*dims), random(2, centers*dims)
			round := func(v float64) float64 {
				if dtype == tensor.Float32 {
					return float64(float32(v))
				}
				return v
			}
			for i := range x {
				x[i] = round(x[i]*max(1, c.spread) + c.shift)
			}
			for i := range y {
				y[i] = round(x[i] + y[i]*c.spread)
			}
			g := G.NewGraph()
			in := G.Nodes{input(g, dtype, "x", x, rows, dims), input(g, dtype, "c", y, centers, dims)}
			d := must(ops.SquaredDistance(in[0], in[1]))
			seed := random(3, rows*centers)
			grads, err := d.Op().(G.SDOp).SymDiff(in, d, input(g, dtype, "seed", seed, rows, centers))
			if err != nil {
				t.Fatal(err)
			}
			run(t, g, d, grads[0], grads[1])
			tol := 8 * (dims + 4) * 0x1p-53
			if dtype == tensor.Float32 {
				tol = 8 * (dims + 4) * 0x1p-24
			}
			got := floats(d.Value())
			for i := range rows {
				for j := range centers {
					var want float64
					for k := range dims {
						want += (x[i*dims+k] - y[j*dims+k]) * (x[i*dims+k] - y[j*dims+k])
					}
					if dtype == tensor.Float32 && want > math.MaxFloat32 {
						want = math.Inf(1)
					}
					if v := got[i*centers+j]; v != want && !(math.Abs(v-want) <= tol*want) {
						t.Errorf("%s, %v: d² of point %d and center %d is %g, want %g", c.name, dtype, i, j, v, want)
					}
				}
			}
			if c.name == "huge" {
				continue
			}
			for w, grad := range grads {
				for _, v := range floats(grad.Value()) {
					if math.IsNaN(v) || math.IsInf(v, 0) {
						t.Errorf("%s, %v: gradient %d has %g", c.name, dtype, w, v)
					}
				}
			}
		}
	}
}

func TestNormalizeBadInput(t *testing.T) {
	g := G.NewGraph()
	x, v := input(g, tensor.Float64, "x", random(1, 6), 2, 3), input(g, tensor.Float64, "v", random(1, 2), 2)
	ok := ops.Normalization{Centred: true}
	s := must(ops.Statistics(x, ok))
	for name, f := range map[string]func() error{
		"a vector":     func() error { _, err := ops.Statistics(v, ok); return err },
		"nil":          func() error { _, err := ops.Statistics(nil, ok); return err },
		"negative eps": func() error { _, err := ops.Statistics(x, ops.Normalization{Eps: -1}); return err },
		"NaN":          func() error { _, err := ops.Normalize(x, s, nil, nil, ops.Normalization{Eps: math.NaN()}); return err },
		"centred mean": func() error {
			_, err := ops.Statistics(x, ops.Normalization{Centred: true, Divisor: ops.Mean})
			return err
		},
		"short gamma":        func() error { _, err := ops.Normalize(x, s, v, nil, ok); return err },
		"statistics of rows": func() error { _, err := ops.Normalize(x, s, nil, nil, ops.Normalization{Rows: true}); return err },
		"dimensions": func() error {
			_, err := ops.SquaredDistance(x, input(g, tensor.Float64, "c", random(1, 4), 2, 2))
			return err
		},
		"short factors": func() error { _, err := ops.ScaleColumns(x, v); return err },
	} {
		if err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

package ops_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/ops"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var softplus = &ops.Function{
	Name: "softplus",
	F32:  kernels.Softplus[float32], Grad32: kernels.SoftplusGrad[float32],
	F64: kernels.Softplus[float64], Grad64: kernels.SoftplusGrad[float64],
}

// plainNet is a small network written out in plain loops, for the curvature by brute
// force: layers of weights w (inputs x units, row-major) and biases b, with f between.
type plainNet struct {
	sizes   []int // of the input, the hidden layers, the output
	f       func(float64) float64
	w, b    [][]float64
	rows    int
	x       []float64
	targets []float64
	cross   bool // cross-entropy, else the mean squared error
}

func newPlainNet(f func(float64) float64, cross bool, rows int, sizes ...int) *plainNet {
	n := &plainNet{sizes: sizes, f: f, rows: rows, cross: cross, x: random(3, rows*sizes[0])}
	for i := range len(sizes) - 1 {
		n.w = append(n.w, random(uint64(10+i), sizes[i]*sizes[i+1]))
		n.b = append(n.b, random(uint64(20+i), sizes[i+1]))
	}
	classes := sizes[len(sizes)-1]
	n.targets = make([]float64, rows*classes)
	for r := range rows {
		n.targets[r*classes+r%classes] = 1
	}
	return n
}

// layer returns the pre-activations of layer i for one example.
func (n *plainNet) layer(i int, x []float64) []float64 {
	z := append([]float64(nil), n.b[i]...)
	for j, v := range x {
		for k := range z {
			z[k] += v * n.w[i][j*n.sizes[i+1]+k]
		}
	}
	return z
}

func (n *plainNet) example(r int) []float64 { return n.x[r*n.sizes[0] : (r+1)*n.sizes[0]] }

// output returns the outputs for one example.
func (n *plainNet) output(r int) []float64 {
	x := n.example(r)
	for i := range n.w {
		x = n.layer(i, x)
		if i < len(n.w)-1 {
			for k, z := range x {
				x[k] = n.f(z)
			}
		}
	}
	return x
}

// hessian returns the second derivatives of the loss by the outputs of one example.
func (n *plainNet) hessian(y []float64) [][]float64 {
	h := make([][]float64, len(y))
	sum := 0.
	for _, v := range y {
		sum += math.Exp(v)
	}
	for j := range h {
		h[j] = make([]float64, len(y))
		for k := range y {
			p, q := math.Exp(y[j])/sum, math.Exp(y[k])/sum
			switch {
			case !n.cross && j == k:
				h[j][k] = 2 / float64(n.rows*len(y))
			case n.cross && j == k:
				h[j][k] = p * (1 - p) / float64(n.rows)
			case n.cross:
				h[j][k] = -p * q / float64(n.rows)
			}
		}
	}
	return h
}

// gaussNewton returns the diagonal of J'HJ, with the whole H and J by central
// differences, for the parameters in p.
func (n *plainNet) gaussNewton(p []float64) []float64 {
	diagonal := make([]float64, len(p))
	for i := range p {
		const step = 1e-4
		was := p[i]
		for r := range n.rows {
			h := n.hessian(n.output(r))
			p[i] = was + step
			up := n.output(r)
			p[i] = was - step
			down := n.output(r)
			p[i] = was
			for j := range up {
				for k := range up {
					diagonal[i] += (up[j] - down[j]) * h[j][k] * (up[k] - down[k]) / (4 * step * step)
				}
			}
		}
	}
	return diagonal
}

// bbprop is the recursion written out: h between the units of a layer taken for diagonal.
func (n *plainNet) bbprop() (w, b [][]float64) {
	for i := range n.w {
		w = append(w, make([]float64, len(n.w[i])))
		b = append(b, make([]float64, len(n.b[i])))
	}
	for r := range n.rows {
		xs, zs := [][]float64{n.example(r)}, [][]float64{}
		for i := range n.w {
			z := n.layer(i, xs[i])
			x := make([]float64, len(z))
			for k := range z {
				x[k] = n.f(z[k])
			}
			zs, xs = append(zs, z), append(xs, x)
		}
		last := n.hessian(zs[len(zs)-1])
		h := make([]float64, len(last))
		for k := range h {
			h[k] = last[k][k]
		}
		for i := len(n.w) - 1; i >= 0; i-- {
			below := make([]float64, n.sizes[i])
			for j, x := range xs[i] {
				for k := range h {
					weight := n.w[i][j*len(h)+k]
					w[i][j*len(h)+k] += h[k] * x * x
					below[j] += weight * weight * h[k]
				}
			}
			for k := range h {
				b[i][k] += h[k]
			}
			if i > 0 {
				for j, z := range zs[i-1] {
					slope := (n.f(z+1e-5) - n.f(z-1e-5)) / 2e-5
					below[j] *= slope * slope
				}
			}
			h = below
		}
	}
	return w, b
}

// curvature returns that of all weights and biases by the symbolic pass.
func (n *plainNet) curvature(t *testing.T, dtype tensor.Dtype, f *ops.Function) (w, b [][]float64) {
	t.Helper()
	g := G.NewGraph()
	classes := n.sizes[len(n.sizes)-1]
	x := input(g, dtype, "x", n.x, n.rows, n.sizes[0])
	var params G.Nodes
	for i := range n.w {
		weight := input(g, dtype, fmt.Sprint("w", i), n.w[i], n.sizes[i], n.sizes[i+1])
		bias := input(g, dtype, fmt.Sprint("b", i), n.b[i], n.sizes[i+1])
		params = append(params, weight, bias)
		x = must(ops.Affine(x, weight, bias))
		if i < len(n.w)-1 {
			x = must(ops.Pointwise(f, x))
		}
	}
	target := input(g, dtype, "t", n.targets, n.rows, classes)
	loss := ops.MeanSquaredError
	if n.cross {
		loss = ops.CrossEntropy
	}
	cost := must(loss(x, target))
	if _, err := G.Grad(cost, params...); err != nil { // as in training
		t.Fatal(err)
	}
	nodes, err := ops.Curvature(cost, params...)
	if err != nil {
		t.Fatal(err)
	}
	run(t, g, append(nodes, cost)...)
	for i := range n.w {
		for k, into := range []*[][]float64{&w, &b} {
			h := nodes[2*i+k]
			if !h.Shape().Eq(params[2*i+k].Shape()) || h.Dtype() != dtype {
				t.Fatalf("curvature of %v is of shape %v", params[2*i+k], h.Shape())
			}
			*into = append(*into, floats(h.Value()))
		}
	}
	return w, b
}

var curvatureFunctions = []struct {
	op *ops.Function
	f  func(float64) float64
}{
	{tanh, math.Tanh},
	{softplus, func(z float64) float64 { return math.Log1p(math.Exp(z)) }},
	{ops.FunctionOf("sine", math.Sin, math.Cos), math.Sin},
}

func closeAll(t *testing.T, what string, dtype tensor.Dtype, got, want []float64) {
	t.Helper()
	top := 0.
	for _, v := range want {
		top = max(top, math.Abs(v))
	}
	relative := 1e-6 // of central differences
	if dtype == tensor.Float32 {
		relative = 2e-5
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= relative*top) {
			t.Errorf("%s, %v: element %d is %g, want %g", what, dtype, i, got[i], want[i])
		}
	}
}

// TestGaussNewton compares with the diagonal of J'HJ by brute force, where bbprop is
// that: in the last layer; of the mean squared error, in the last two; and everywhere if
// the units don't meet before such a loss.
func TestGaussNewton(t *testing.T) {
	for _, f := range curvatureFunctions {
		for _, cross := range []bool{false, true} {
			for _, dtype := range dtypes {
				n := newPlainNet(f.f, cross, 5, 3, 4, 4, 3)
				exact := 2
				if cross {
					exact = 1
				}
				w, b := n.curvature(t, dtype, f.op)
				for i := len(n.w) - exact; i < len(n.w); i++ {
					name := fmt.Sprintf("%s, cross-entropy %v, layer %d", f.op.Name, cross, i)
					closeAll(t, name+", weights", dtype, w[i], n.gaussNewton(n.w[i]))
					closeAll(t, name+", biases", dtype, b[i], n.gaussNewton(n.b[i]))
				}
			}
		}
		for _, dtype := range dtypes {
			n := newPlainNet(f.f, false, 5, 3, 3, 3, 3, 3)
			for i := range n.w {
				for k := range n.w[i] {
					if k%3 != k/3 {
						n.w[i][k] = 0
					}
				}
			}
			w, b := n.curvature(t, dtype, f.op)
			for i := range n.w {
				name := fmt.Sprintf("%s, apart, layer %d", f.op.Name, i)
				closeAll(t, name+", weights", dtype, w[i], n.gaussNewton(n.w[i]))
				closeAll(t, name+", biases", dtype, b[i], n.gaussNewton(n.b[i]))
			}
		}
	}
}

// TestBBProp compares all layers of a full network with the recursion written out.
func TestBBProp(t *testing.T) {
	for _, f := range curvatureFunctions {
		for _, cross := range []bool{false, true} {
			for _, dtype := range dtypes {
				n := newPlainNet(f.f, cross, 5, 3, 4, 6, 2, 3)
				w, b := n.curvature(t, dtype, f.op)
				wantW, wantB := n.bbprop()
				for i := range w {
					name := fmt.Sprintf("%s, cross-entropy %v, layer %d", f.op.Name, cross, i)
					closeAll(t, name+", weights", dtype, w[i], wantW[i])
					closeAll(t, name+", biases", dtype, b[i], wantB[i])
				}
			}
		}
	}
}

// TestCurvatureOfSharedParameters: a parameter's h is the sum over its uses.
func TestCurvatureOfSharedParameters(t *testing.T) {
	for _, dtype := range dtypes {
		g := G.NewGraph()
		x, target := input(g, dtype, "x", []float64{3}, 1, 1), input(g, dtype, "t", []float64{0}, 1, 1)
		w := input(g, dtype, "w", []float64{0.5}, 1, 1)
		y := must(ops.MatMul(must(ops.MatMul(x, w, false, false)), w, false, true)) // 3·w·w
		h, err := ops.Curvature(must(ops.MeanSquaredError(y, target)), w)
		if err != nil {
			t.Fatal(err)
		}
		run(t, g, h...)
		// 2·(xw)² at the upper use, 2·w²·x² at the lower one.
		if got := floats(h[0].Value())[0]; got != 2*1.5*1.5+2*0.25*9 {
			t.Errorf("%v: %g, want 9", dtype, got)
		}
	}
}

// TestCurvatureOfSums goes through a residual sum y = x + tanh(x·u), then y·v scaled by
// column: of the last parameters h is 2/n Σ of the squared Jacobian.
func TestCurvatureOfSums(t *testing.T) {
	for _, dtype := range dtypes {
		g := G.NewGraph()
		xs, us, vs, as := random(1, 6), random(2, 9), random(3, 6), random(4, 2)
		x, target := input(g, dtype, "x", xs, 2, 3), input(g, dtype, "t", random(5, 4), 2, 2)
		u, v, a := input(g, dtype, "u", us, 3, 3), input(g, dtype, "v", vs, 3, 2), input(g, dtype, "a", as, 2)
		y := must(G.Add(x, must(ops.Pointwise(tanh, must(ops.MatMul(x, u, false, false))))))
		out := must(ops.ScaleColumns(must(ops.MatMul(y, v, false, false)), a))
		h, err := ops.Curvature(must(ops.MeanSquaredError(out, target)), x, u, v, a)
		if err != nil {
			t.Fatal(err)
		}
		run(t, g, h...)
		wantX, wantU, wantV, wantA := make([]float64, 6), make([]float64, 9), make([]float64, 6), make([]float64, 2)
		for r := range 2 {
			for j := range 3 {
				z := 0.
				for i := range 3 {
					z += xs[3*r+i] * us[3*i+j]
				}
				hy := 0.
				for k := range 2 {
					yv := xs[3*r+j] + math.Tanh(z)
					wantV[2*j+k] += 2. / 4 * yv * yv * as[k] * as[k]
					hy += 2. / 4 * vs[2*j+k] * vs[2*j+k] * as[k] * as[k]
				}
				slope := 1 - math.Tanh(z)*math.Tanh(z)
				wantX[3*r+j] += hy
				for i := range 3 {
					wantU[3*i+j] += hy * slope * slope * xs[3*r+i] * xs[3*r+i]
					wantX[3*r+i] += hy * slope * slope * us[3*i+j] * us[3*i+j]
				}
			}
			for k := range 2 {
				yv := 0.
				for j := range 3 {
					z := 0.
					for i := range 3 {
						z += xs[3*r+i] * us[3*i+j]
					}
					yv += (xs[3*r+j] + math.Tanh(z)) * vs[2*j+k]
				}
				wantA[k] += 2. / 4 * yv * yv
			}
		}
		for i, want := range [][]float64{wantX, wantU, wantV, wantA} {
			closeAll(t, fmt.Sprint("parameter ", i), dtype, floats(h[i].Value()), want)
		}
	}
}

// TestCurvatureOfShortcuts compares with central differences: of the mean squared error of
// an operation that works element by element, h is 2/n of the squared slope; of the learned
// factor, the sum.
func TestCurvatureOfShortcuts(t *testing.T) {
	const n = 6
	for name, c := range map[string]struct {
		shapes [][]int
		build  func(in []*G.Node) *G.Node
		plain  func(in []float64) float64 // of one element
	}{
		"shortcut": {[][]int{{2, 3}, {2, 3}},
			func(in []*G.Node) *G.Node { return must(ops.Shortcut(in[0], in[1], 1)) },
			func(in []float64) float64 { return in[0] + in[1] }},
		"scaled shortcut": {[][]int{{2, 3}, {2, 3}},
			func(in []*G.Node) *G.Node { return must(ops.Shortcut(in[0], in[1], 0.25)) },
			func(in []float64) float64 { return in[0] + 0.25*in[1] }},
		"learned shortcut": {[][]int{{2, 3}, {2, 3}, {1}},
			func(in []*G.Node) *G.Node { return must(ops.LearnedShortcut(in[0], in[1], in[2])) },
			func(in []float64) float64 { return in[0] + in[2]*in[1] }},
		"carry": {[][]int{{2, 3}, {2, 3}, {2, 3}},
			func(in []*G.Node) *G.Node { return must(ops.Carry(in[0], in[1], in[2])) },
			func(in []float64) float64 {
				gate := 1 / (1 + math.Exp(-in[0]))
				return gate*in[1] + (1-gate)*in[2]
			}},
	} {
		for _, dtype := range dtypes {
			g := G.NewGraph()
			var in []*G.Node
			var values [][]float64
			for i, s := range c.shapes {
				values = append(values, random(uint64(i+1), size(s)))
				in = append(in, input(g, dtype, fmt.Sprint("in", i), values[i], s...))
			}
			h, err := ops.Curvature(must(ops.MeanSquaredError(c.build(in), input(g, dtype, "t", random(9, n), 2, 3))), in...)
			if err != nil {
				t.Fatal(err)
			}
			run(t, g, h...)
			for i := range in {
				want := make([]float64, len(values[i]))
				for k := range n {
					at := make([]float64, len(values))
					for j, v := range values {
						at[j] = v[k%len(v)]
					}
					at[i] += 1e-5
					up := c.plain(at)
					at[i] -= 2e-5
					slope := (up - c.plain(at)) / 2e-5
					want[k%len(want)] += 2. / n * slope * slope
				}
				closeAll(t, fmt.Sprint(name, ", input ", i), dtype, floats(h[i].Value()), want)
			}
		}
	}
}

// TestSureCrossEntropy: p(1-p) keeps its accuracy where p is nearly 1.
func TestSureCrossEntropy(t *testing.T) {
	for _, dtype := range dtypes {
		g := G.NewGraph()
		z, target := input(g, dtype, "z", []float64{30, 0, 0}, 1, 3), input(g, dtype, "t", []float64{1, 0, 0}, 1, 3)
		h, err := ops.Curvature(must(ops.CrossEntropy(z, target)), z)
		if err != nil {
			t.Fatal(err)
		}
		run(t, g, h...)
		e := math.Exp(-30)
		for i, want := range []float64{2 * e, e, e} {
			if got := floats(h[0].Value())[i]; math.Abs(got-want) > 1e-6*want {
				t.Errorf("%v: h of logit %d is %g, want %g", dtype, i, got, want)
			}
		}
	}
}

func TestCurvatureErrors(t *testing.T) {
	g := G.NewGraph()
	x, target := input(g, tensor.Float64, "x", random(1, 4), 2, 2), input(g, tensor.Float64, "t", random(2, 4), 2, 2)
	w := input(g, tensor.Float64, "w", random(3, 4), 2, 2)
	y := must(ops.MatMul(x, w, false, false))
	loss := must(ops.MeanSquaredError(y, target))
	other := input(g, tensor.Float64, "other", random(3, 4), 2, 2)
	stock := must(ops.MeanSquaredError(must(G.Exp(y)), target))
	for name, c := range map[string]struct {
		loss, param *G.Node
		want        string
	}{
		"not a scalar":      {y, w, "scalar"},
		"nil":               {nil, w, "nil"},
		"nil parameter":     {loss, nil, "nil"},
		"not depending":     {loss, other, "does not depend on other"},
		"stock operation":   {stock, w, "exp"},
		"targets":           {must(ops.CrossEntropy(x, y)), w, "targets"},
		"not curved either": {must(G.Sum(y)), w, "Σ"},
	} {
		_, err := ops.Curvature(c.loss, c.param)
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.want)) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	// What no parameter goes through needs no rule.
	if _, err := ops.Curvature(must(ops.MeanSquaredError(y, must(G.Exp(target)))), w); err != nil {
		t.Error(err)
	}
}

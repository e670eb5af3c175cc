package ops_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var dtypes = []tensor.Dtype{tensor.Float64, tensor.Float32}

// must returns the node, or panics: graphs of tests are right.
func must(n *G.Node, err error) *G.Node {
	if err != nil {
		panic(err)
	}
	return n
}

// dense makes a tensor of x, rounded to the type; without a shape, a scalar.
func dense(dtype tensor.Dtype, x []float64, shape ...int) G.Value {
	x = append([]float64(nil), x...)
	if dtype == tensor.Float64 {
		if len(shape) == 0 {
			return G.NewF64(x[0])
		}
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	if len(shape) == 0 {
		return G.NewF32(y[0])
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(y))
}

// random returns numbers from -1 to 1 that are the same in both types.
func random(seed uint64, n int) []float64 {
	r := rand.New(rand.NewPCG(seed, 7))
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(2*r.Float32() - 1)
	}
	return x
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func input(g *G.ExprGraph, dtype tensor.Dtype, name string, x []float64, shape ...int) *G.Node {
	if len(shape) == 0 {
		return G.NewScalar(g, dtype, G.WithName(name), G.WithValue(dense(dtype, x)))
	}
	return G.NewTensor(g, dtype, len(shape), G.WithName(name), G.WithShape(shape...), G.WithValue(dense(dtype, x, shape...)))
}

// floats returns a copy of the numbers of a value.
func floats(v G.Value) []float64 {
	switch x := v.Data().(type) {
	case float64:
		return []float64{x}
	case float32:
		return []float64{float64(x)}
	case []float64:
		return append([]float64(nil), x...)
	case []float32:
		list := make([]float64, len(x))
		for i, v := range x {
			list[i] = float64(v)
		}
		return list
	}
	panic(fmt.Sprintf("%T", v.Data()))
}

func run(t testing.TB, g *G.ExprGraph, wanted ...*G.Node) {
	t.Helper()
	m, err := vm.Compile(g, wanted...)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
}

var tanh = &ops.Function{
	Name: "tanh",
	F32:  kernels.Tanh[float32], Grad32: kernels.TanhGrad[float32],
	F64: kernels.Tanh[float64], Grad64: kernels.TanhGrad[float64],
}

// cube is a function made of two Go functions.
var cube = ops.FunctionOf("cube", func(x float64) float64 { return x * x * x }, func(x float64) float64 { return 3 * x * x })

// careless is a function whose gradient reads z after it has written to dst.
func careless() *ops.Function {
	f := ops.FunctionOf("careless", func(x float64) float64 { return x * x / 2 }, nil)
	var buffer [1000]float64
	f.Grad64 = func(dst, z, dy []float64) {
		n := copy(buffer[:], dy)
		clear(dst)
		for i, v := range buffer[:n] {
			dst[i] += v * z[i]
		}
	}
	f.Grad32 = func(dst, z, dy []float32) {
		for i, v := range dy {
			buffer[i] = float64(v)
		}
		clear(dst)
		for i, z := range z {
			dst[i] += float32(buffer[i]) * z
		}
	}
	return f
}

// cases are operations of inputs, to be differentiated with respect to the first
// of them.
var cases = []struct {
	name   string
	build  func(in []*G.Node) *G.Node
	shapes [][]int
	wrt    int
}{
	{"affine", affine, [][]int{{3, 10}, {10, 17}, {17}}, 3},
	{"affine, one row", affine, [][]int{{1, 3}, {3, 10}, {10}}, 3},
	{"affine, one unit", affine, [][]int{{10, 3}, {3, 1}, {1}}, 3},
	{"affine, one input", affine, [][]int{{3, 1}, {1, 10}, {10}}, 3},
	{"affine, all ones", affine, [][]int{{1, 1}, {1, 1}, {1}}, 3},
	{"matmul NN", matmul(false, false), [][]int{{3, 10}, {10, 17}}, 2},
	{"matmul NT", matmul(false, true), [][]int{{3, 10}, {17, 10}}, 2},
	{"matmul TN", matmul(true, false), [][]int{{10, 3}, {10, 17}}, 2},
	{"matmul TT", matmul(true, true), [][]int{{10, 3}, {17, 10}}, 2},
	{"matmul NN, one row", matmul(false, false), [][]int{{1, 17}, {17, 3}}, 2},
	{"matmul NT, one row", matmul(false, true), [][]int{{1, 17}, {3, 17}}, 2},
	{"matmul TN, one row", matmul(true, false), [][]int{{1, 17}, {1, 3}}, 2},
	{"matmul TT, one row", matmul(true, true), [][]int{{17, 1}, {3, 17}}, 2},
	{"matmul of one matrix NT", twice(false, true), [][]int{{3, 10}}, 1},
	{"matmul of one matrix TN", twice(true, false), [][]int{{3, 10}}, 1},
	{"matmul of one matrix NN", twice(false, false), [][]int{{3, 3}}, 1},
	{"matmul of one matrix TT", twice(true, true), [][]int{{3, 3}}, 1},
	{"a result used twice", func(in []*G.Node) *G.Node {
		h := must(ops.Pointwise(tanh, must(ops.MatMul(in[0], in[1], false, true))))
		return must(ops.MatMul(h, must(ops.Affine(h, in[2], in[3])), true, false))
	}, [][]int{{3, 10}, {3, 10}, {3, 3}, {3}}, 4},
	{"tanh", pointwise(tanh), [][]int{{3, 10}}, 1},
	{"tanh of a scalar", pointwise(tanh), [][]int{nil}, 1},
	{"tanh of a vector", pointwise(tanh), [][]int{{17}}, 1},
	{"tanh in three dimensions", pointwise(tanh), [][]int{{2, 3, 4}}, 1},
	{"cube", pointwise(cube), [][]int{{10, 3}}, 1},
	{"careless", pointwise(careless()), [][]int{{10, 3}}, 1},
	{"tanh of tanh", func(in []*G.Node) *G.Node {
		return must(ops.Pointwise(tanh, must(ops.Pointwise(tanh, in[0]))))
	}, [][]int{{3, 3}}, 1},
	{"cross-entropy", crossEntropy, [][]int{{3, 10}, {3, 10}}, 1},
	{"cross-entropy, one row", crossEntropy, [][]int{{1, 17}, {1, 17}}, 1},
	{"cross-entropy, one class", crossEntropy, [][]int{{10, 1}, {10, 1}}, 1},
	{"mean-squared-error", meanSquaredError, [][]int{{3, 10}, {3, 10}}, 2},
	{"mean-squared-error, one row", meanSquaredError, [][]int{{1, 17}, {1, 17}}, 2},
	{"mean-squared-error, one number", meanSquaredError, [][]int{{1, 1}, {1, 1}}, 2},
	{"repeat-row", func(in []*G.Node) *G.Node { return must(ops.RepeatRow(in[0], 5)) }, [][]int{{17}}, 1},
	{"repeat-row, once", func(in []*G.Node) *G.Node { return must(ops.RepeatRow(in[0], 1)) }, [][]int{{3}}, 1},
	{"exp-neg", func(in []*G.Node) *G.Node { return must(ops.ExpNeg(in[0])) }, [][]int{{3, 10}}, 1},
	{"exp-neg of many", func(in []*G.Node) *G.Node { return must(ops.ExpNeg(in[0])) }, [][]int{{1, 700}}, 1},
	{"network", func(in []*G.Node) *G.Node {
		h := must(ops.Pointwise(tanh, must(ops.Affine(in[0], in[1], in[2]))))
		return must(ops.CrossEntropy(must(ops.Affine(h, in[1], in[2])), in[3]))
	}, [][]int{{3, 4}, {4, 4}, {4}, {3, 4}}, 3},
}

func affine(in []*G.Node) *G.Node { return must(ops.Affine(in[0], in[1], in[2])) }
func matmul(ta, tb bool) func([]*G.Node) *G.Node {
	return func(in []*G.Node) *G.Node { return must(ops.MatMul(in[0], in[1], ta, tb)) }
}
func twice(ta, tb bool) func([]*G.Node) *G.Node {
	return func(in []*G.Node) *G.Node { return must(ops.MatMul(in[0], in[0], ta, tb)) }
}
func pointwise(f *ops.Function) func([]*G.Node) *G.Node {
	return func(in []*G.Node) *G.Node { return must(ops.Pointwise(f, in[0])) }
}
func crossEntropy(in []*G.Node) *G.Node     { return must(ops.CrossEntropy(in[0], in[1])) }
func meanSquaredError(in []*G.Node) *G.Node { return must(ops.MeanSquaredError(in[0], in[1])) }

// machines compute a graph; the gradients are then with the inputs.
var machines = []struct {
	name     string
	symbolic bool
	run      func(loss *G.Node, wrt, grads G.Nodes) error
}{
	{"vm", true, func(loss *G.Node, _, grads G.Nodes) error {
		m, err := vm.Compile(loss.Graph(), append(grads, loss)...)
		if err != nil {
			return err
		}
		return m.RunAll()
	}},
	{"TapeMachine", true, func(loss *G.Node, _, _ G.Nodes) error {
		m := G.NewTapeMachine(loss.Graph())
		defer m.Close()
		return m.RunAll()
	}},
	{"TapeMachine with bound gradients", true, func(loss *G.Node, wrt, _ G.Nodes) error {
		m := G.NewTapeMachine(loss.Graph(), G.BindDualValues(wrt...))
		defer m.Close()
		return m.RunAll()
	}},
	{"LispMachine", false, func(loss *G.Node, _, _ G.Nodes) error {
		m := G.NewLispMachine(loss.Graph())
		defer m.Close()
		return m.RunAll()
	}},
}

// TestGradients compares the gradients of Σ c·y, with random numbers c, on every
// machine with central differences.
func TestGradients(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var x [][]float64
			for i, shape := range c.shapes {
				x = append(x, random(uint64(i), size(shape)))
			}
			build := func() (loss *G.Node, wrt G.Nodes) {
				g := G.NewGraph()
				var in []*G.Node
				for i, shape := range c.shapes {
					in = append(in, input(g, tensor.Float64, fmt.Sprint("x", i), x[i], shape...))
				}
				y := c.build(in)
				if y.IsScalar() {
					return must(G.Mul(y, input(g, tensor.Float64, "c", []float64{1.5}))), in[:c.wrt]
				}
				weights := input(g, tensor.Float64, "c", random(99, y.Shape().TotalSize()), y.Shape()...)
				return must(G.Sum(must(G.HadamardProd(y, weights)))), in[:c.wrt]
			}
			loss, in := build()
			m, err := vm.Compile(loss.Graph(), loss)
			if err != nil {
				t.Fatal(err)
			}
			value := func() float64 {
				if err := m.RunAll(); err != nil {
					t.Fatal(err)
				}
				return floats(loss.Value())[0]
			}
			// The differences are exact to h⁴ and the rounding of the loss over h.
			const h, tolerance = 1e-3, 1e-9
			want := make([][]float64, c.wrt)
			for i, n := range in {
				for k := range x[i] {
					at := func(dx float64) float64 {
						moved := append([]float64(nil), x[i]...)
						moved[k] += dx
						if err := G.Let(n, dense(tensor.Float64, moved, c.shapes[i]...)); err != nil {
							t.Fatal(err)
						}
						return value()
					}
					want[i] = append(want[i], (8*(at(h)-at(-h))-(at(2*h)-at(-2*h)))/(12*h))
				}
				G.Let(n, dense(tensor.Float64, x[i], c.shapes[i]...))
			}
			for _, machine := range machines {
				t.Run(machine.name, func(t *testing.T) {
					loss, wrt := build()
					var grads G.Nodes
					if machine.symbolic {
						if grads, err = G.Grad(loss, wrt...); err != nil {
							t.Fatal(err)
						}
					}
					if err := machine.run(loss, wrt, grads); err != nil {
						t.Fatal(err)
					}
					for i, n := range wrt {
						d, err := n.Grad()
						if err != nil {
							t.Fatal(err)
						}
						got := floats(d)
						if len(got) != len(want[i]) {
							t.Fatalf("gradient of input %d: %d numbers, want %d", i, len(got), len(want[i]))
						}
						for k, w := range want[i] {
							if !(math.Abs(got[k]-w) <= tolerance*(1+math.Abs(w))) {
								t.Errorf("gradient of input %d, element %d: %g, want %g", i, k, got[k], w)
							}
						}
					}
				})
			}
		})
	}
}

// product is a matrix product in float64, and for each element the sum of the
// absolute values that it is the sum of.
func product(a, b []float64, m, k, n int, ta, tb bool) (c, size []float64) {
	c, size = make([]float64, m*n), make([]float64, m*n)
	for i := range m {
		for l := range k {
			u := a[i*k+l]
			if ta {
				u = a[l*m+i]
			}
			for j := range n {
				v := b[l*n+j]
				if tb {
					v = b[j*k+l]
				}
				c[i*n+j] += u * v
				size[i*n+j] += math.Abs(u * v)
			}
		}
	}
	return c, size
}

// within checks that each number differs from its reference by at most this many
// roundings of the sum of absolute values that it is the sum of.
func within(t *testing.T, what string, dtype tensor.Dtype, got, want, size []float64, roundings int) {
	t.Helper()
	eps := 0x1p-53
	if dtype == tensor.Float32 {
		eps = 0x1p-24
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= float64(roundings)*eps*size[i]) {
			t.Errorf("%s: element %d is %g, want %g", what, i, got[i], want[i])
			return
		}
	}
}

// TestProducts compares products of awkward sizes, their gradients and the gradients
// of those with sums in float64. A sum of k products has at most k roundings of the
// terms' absolute sum, in whatever order (Higham, Accuracy and Stability of Numerical
// Algorithms, 3.1), and as many again has the float64 sum here.
func TestProducts(t *testing.T) {
	for _, s := range [][3]int{{1, 1, 1}, {1, 3, 10}, {3, 10, 17}, {17, 300, 3}, {10, 17, 300}, {300, 1, 17}, {300, 10, 1}, {1, 300, 1}} {
		m, k, n := s[0], s[1], s[2]
		for form := range 4 {
			ta, tb := form&1 != 0, form&2 != 0
			as, bs := []int{m, k}, []int{k, n}
			if ta {
				as = []int{k, m}
			}
			if tb {
				bs = []int{n, k}
			}
			a, b, c := random(1, m*k), random(2, k*n), random(3, m*n)
			for _, dtype := range dtypes {
				name := fmt.Sprintf("%dx%dx%d, transposed %v %v, %v", m, k, n, ta, tb, dtype)
				g := G.NewGraph()
				na, nb := input(g, dtype, "a", a, as...), input(g, dtype, "b", b, bs...)
				nc := input(g, dtype, "c", c, m, n)
				y := must(ops.MatMul(na, nb, ta, tb))
				grads, err := y.Op().(G.SDOp).SymDiff(G.Nodes{na, nb}, y, nc)
				if err != nil {
					t.Fatal(err)
				}
				run(t, g, y, grads[0], grads[1])
				want, size := product(a, b, m, k, n, ta, tb)
				within(t, name, dtype, floats(y.Value()), want, size, 2*k)

				// Of Y = A·B the gradients are C·Bᵀ and Aᵀ·C; of a transposed input, its transpose.
				if ta {
					want, size = product(b, c, k, n, m, tb, true)
				} else {
					want, size = product(c, b, m, n, k, false, !tb)
				}
				within(t, name+", gradient of a", dtype, floats(grads[0].Value()), want, size, 2*n)
				if tb {
					want, size = product(c, a, n, m, k, true, ta)
				} else {
					want, size = product(a, c, k, m, n, !ta, false)
				}
				within(t, name+", gradient of b", dtype, floats(grads[1].Value()), want, size, 2*m)
			}
		}
	}
}

// TestAffine compares the map, and the gradients of x, W and b, in the same way.
func TestAffine(t *testing.T) {
	for _, s := range [][3]int{{1, 1, 1}, {1, 300, 10}, {17, 3, 300}, {300, 17, 3}, {10, 300, 17}} {
		m, k, n := s[0], s[1], s[2]
		x, w, b, c := random(1, m*k), random(2, k*n), random(3, n), random(4, m*n)
		for _, dtype := range dtypes {
			name := fmt.Sprintf("%dx%dx%d, %v", m, k, n, dtype)
			g := G.NewGraph()
			in := G.Nodes{input(g, dtype, "x", x, m, k), input(g, dtype, "w", w, k, n), input(g, dtype, "b", b, n)}
			y := must(ops.Affine(in[0], in[1], in[2]))
			grads, err := y.Op().(G.SDOp).SymDiff(in, y, input(g, dtype, "c", c, m, n))
			if err != nil {
				t.Fatal(err)
			}
			run(t, g, append(grads, y)...)
			want, size := product(x, w, m, k, n, false, false)
			for i := range want {
				want[i] += b[i%n]
				size[i] += math.Abs(b[i%n])
			}
			within(t, name, dtype, floats(y.Value()), want, size, 2*(k+1))
			want, size = product(c, w, m, n, k, false, true)
			within(t, name+", gradient of x", dtype, floats(grads[0].Value()), want, size, 2*n)
			want, size = product(x, c, k, m, n, true, false)
			within(t, name+", gradient of W", dtype, floats(grads[1].Value()), want, size, 2*m)
			ones := make([]float64, m)
			for i := range ones {
				ones[i] = 1
			}
			want, size = product(ones, c, 1, m, n, false, false)
			within(t, name+", gradient of b", dtype, floats(grads[2].Value()), want, size, 2*m)
		}
	}
}

// TestSecondOrder differentiates gradients: those of matrix products are matrix
// products, all others are refused.
func TestSecondOrder(t *testing.T) {
	for form := range 4 {
		ta, tb := form&1 != 0, form&2 != 0
		g := G.NewGraph()
		x := make([]*G.Node, 3)
		for i, s := range []string{"a", "b", "c"} {
			x[i] = input(g, tensor.Float64, s, random(uint64(i), 9), 3, 3)
		}
		y := must(ops.MatMul(x[0], x[1], ta, tb))
		first, err := y.Op().(G.SDOp).SymDiff(G.Nodes{x[0], x[1]}, y, x[2])
		if err != nil {
			t.Fatal(err)
		}
		loss := must(G.Add(must(G.Sum(must(G.Square(first[0])))), must(G.Sum(must(G.Cube(first[1]))))))
		grads, err := G.Grad(loss, x...)
		if err != nil {
			t.Fatal(err)
		}
		m, err := vm.Compile(g, append(grads, loss)...)
		if err != nil {
			t.Fatal(err)
		}
		value := func() float64 {
			if err := m.RunAll(); err != nil {
				t.Fatal(err)
			}
			return floats(loss.Value())[0]
		}
		const h = 1e-3
		for i, n := range x {
			value()
			d := floats(grads[i].Value())
			for k := range d {
				at := func(dx float64) float64 {
					v := &n.Value().(*tensor.Dense).Float64s()[k]
					old := *v
					defer func() { *v = old }()
					*v += dx
					return value()
				}
				want := (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)
				if !(math.Abs(d[k]-want) <= 1e-8*(1+math.Abs(want))) {
					t.Errorf("transposed %v %v: gradient of input %d, element %d: %g, want %g", ta, tb, i, k, d[k], want)
				}
			}
		}
	}
	for _, c := range []struct {
		name  string
		build func(in []*G.Node) *G.Node
		want  string
	}{
		{"tanh", func(in []*G.Node) *G.Node { return must(ops.Pointwise(tanh, in[0])) }, "tanh' has no derivative"},
		{"affine", func(in []*G.Node) *G.Node {
			return must(ops.Pointwise(tanh, must(ops.Affine(in[0], in[1], in[2]))))
		}, "has no derivative"},
		{"cross-entropy", func(in []*G.Node) *G.Node { return must(ops.CrossEntropy(in[0], in[1])) }, "cross-entropy' has no derivative"},
		{"mean-squared-error", func(in []*G.Node) *G.Node { return must(ops.MeanSquaredError(in[0], in[1])) }, "mean-squared-error' has no derivative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			build := func() (y, x *G.Node) {
				g := G.NewGraph()
				in := []*G.Node{input(g, tensor.Float64, "x", random(1, 9), 3, 3), input(g, tensor.Float64, "w", random(2, 9), 3, 3), input(g, tensor.Float64, "b", random(3, 3), 3)}
				y = c.build(in)
				if !y.IsScalar() {
					y = must(G.Sum(y))
				}
				return y, in[0]
			}
			y, x := build()
			d, err := G.Grad(y, x)
			if err != nil {
				t.Fatal(err)
			}
			_, err = G.Grad(must(G.Sum(must(G.Square(d[0])))), x)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("second derivative: error %v", err)
			}
		})
	}
}

// TestLispMachineStops at an operation that it cannot go back through.
func TestLispMachineStops(t *testing.T) {
	g := G.NewGraph()
	x := input(g, tensor.Float64, "x", random(1, 9), 3, 3)
	y := must(ops.Pointwise(tanh, x))
	d, err := y.Op().(G.SDOp).SymDiff(G.Nodes{x}, y, x)
	if err != nil {
		t.Fatal(err)
	}
	must(G.Add(must(G.Sum(y)), must(G.Sum(d[0]))))
	m := G.NewLispMachine(g)
	defer m.Close()
	if err := m.RunAll(); err == nil || !strings.Contains(err.Error(), "tanh' has no derivative") {
		t.Errorf("error %v", err)
	}
}

// TestGradientOfTargets is refused, as cross-entropy has none.
func TestGradientOfTargets(t *testing.T) {
	g := G.NewGraph()
	z, target := input(g, tensor.Float64, "z", random(1, 6), 2, 3), input(g, tensor.Float64, "t", random(2, 6), 2, 3)
	if _, err := G.Grad(must(ops.CrossEntropy(z, target)), z, target); err == nil || !strings.Contains(err.Error(), "Differentiable") {
		t.Errorf("error %v", err)
	}
}

// TestErrors has bad input refused in one line.
func TestErrors(t *testing.T) {
	g := G.NewGraph()
	in := func(name string, shape ...int) *G.Node {
		return input(g, tensor.Float64, name, random(1, size(shape)), shape...)
	}
	x, w, b, s := in("x", 2, 3), in("w", 3, 4), in("b", 4), in("s")
	var v G.Value
	read := G.Read(x, &v)
	column := G.NewVector(g, tensor.Float64, G.WithName("column"), G.WithShape(3, 1))
	ints := G.NewMatrix(g, tensor.Int, G.WithName("ints"), G.WithShape(2, 3))
	single := input(g, tensor.Float32, "single", random(1, 12), 3, 4)
	other := input(G.NewGraph(), tensor.Float64, "w", random(1, 12), 3, 4)
	half := *tanh
	half.Grad32 = nil
	for _, c := range []struct {
		name  string
		apply func() (*G.Node, error)
		want  string
	}{
		{"nil", func() (*G.Node, error) { return ops.Affine(x, nil, b) }, "affine: input 1 is nil"},
		{"nil z", func() (*G.Node, error) { return ops.Pointwise(tanh, nil) }, "tanh: input 0 is nil"},
		{"nil function", func() (*G.Node, error) { return ops.Pointwise(nil, x) }, "the function is nil"},
		{"half a function", func() (*G.Node, error) { return ops.Pointwise(&half, x) }, "one of its kernels"},
		{"statement", func() (*G.Node, error) { return ops.Affine(read, w, b) }, "affine: input 0, read x"},
		{"statement z", func() (*G.Node, error) { return ops.Pointwise(tanh, read) }, "is a statement"},
		{"dimensions", func() (*G.Node, error) { return ops.Affine(x, w, x) }, "affine: input 2 is of shape (2, 3)"},
		{"scalar", func() (*G.Node, error) { return ops.MatMul(x, s, false, false) }, "matmul-NN: input 1 is of shape ()"},
		{"column vector", func() (*G.Node, error) { return ops.MatMul(x, column, false, false) }, "matmul-NN: input 1 is of shape (3, 1) and type Vector float64, want 2 dimensions"},
		{"column bias", func() (*G.Node, error) { return ops.Affine(x, in("w2", 3, 3), column) }, "affine: input 2 is of shape (3, 1)"},
		{"affine", func() (*G.Node, error) { return ops.Affine(x, w, in("b5", 5)) }, "don't fit"},
		{"affine x", func() (*G.Node, error) { return ops.Affine(w, w, b) }, "don't fit"},
		{"matmul", func() (*G.Node, error) { return ops.MatMul(x, w, true, false) }, "matmul-TN: shapes (2, 3) and (3, 4) don't fit"},
		{"cross-entropy", func() (*G.Node, error) { return ops.CrossEntropy(x, w) }, "(2, 3)"},
		{"mean-squared-error", func() (*G.Node, error) { return ops.MeanSquaredError(in("r", 1, 3), in("c", 3, 1)) }, "must have one shape"},
		{"types", func() (*G.Node, error) { return ops.MatMul(x, single, false, false) }, "input 1 has elements of type float32, input 0 of type float64"},
		{"int", func() (*G.Node, error) { return ops.Pointwise(tanh, ints) }, "elements of type int"},
		{"no steps", func() (*G.Node, error) { return ops.Stack() }, "stack: no steps"},
		{"zeros of no steps", func() (*G.Node, error) { return ops.Zeros(x, 0, 3) }, "don't divide into 0 steps"},
		{"a step before the first", func() (*G.Node, error) { return ops.Step(in("p", 4, 3), x, in("u", 3, 3), -1, 2) }, "step -1 of 2"},
		{"no rows", func() (*G.Node, error) { return ops.RepeatRow(b, 0) }, "0 rows"},
		{"rows of a matrix", func() (*G.Node, error) { return ops.RepeatRow(x, 2) }, "repeat-row-2: input 0 is of shape (2, 3)"},
		{"lstm without a function", func() (*G.Node, error) { h, _, err := ops.LSTM(nil, x, x); return h, err }, "lstm: the function is nil"},
		{"gru without a function", func() (*G.Node, error) { return ops.GRU(nil, x, x) }, "gru: the function is nil"},
		{"another graph", func() (*G.Node, error) { return ops.MatMul(x, other, false, false) }, "belongs to another graph"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := c.apply()
			if err == nil {
				t.Fatalf("no error, but %v", n)
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, c.want)
			}
		})
	}
}

// TestValueErrors calls operations with values that are not as their nodes said.
func TestValueErrors(t *testing.T) {
	g := G.NewGraph()
	x := input(g, tensor.Float64, "x", random(1, 6), 2, 3)
	w := input(g, tensor.Float64, "w", random(2, 12), 3, 4)
	op := must(ops.MatMul(x, w, false, false)).Op().(interface {
		G.Op
		G.UsePreallocDoer
	})
	value := func(dtype tensor.Dtype, shape ...int) G.Value { return dense(dtype, random(1, size(shape)), shape...) }
	transposed := value(tensor.Float64, 3, 2).(*tensor.Dense)
	transposed.T()
	columns := tensor.New(tensor.WithShape(2, 3), tensor.AsFortran(random(1, 6)))
	good := []G.Value{value(tensor.Float64, 2, 3), value(tensor.Float64, 3, 4)}
	for _, c := range []struct {
		name string
		out  G.Value
		in   []G.Value
		want string
	}{
		{"result's shape", value(tensor.Float64, 4, 2), good, "shape (4, 2)"},
		{"result's type", value(tensor.Float32, 2, 4), good, "float32"},
		{"scalar result", G.NewF64(0), good, "shape ()"},
		{"shape", value(tensor.Float64, 2, 4), []G.Value{value(tensor.Float64, 3, 2), good[1]}, "input 0 is of shape (3, 2)"},
		{"dimensions", value(tensor.Float64, 2, 4), []G.Value{value(tensor.Float64, 6), good[1]}, "input 0 is of shape (6)"},
		{"type", value(tensor.Float64, 2, 4), []G.Value{value(tensor.Float32, 2, 3), good[1]}, "input 0 has elements of type float32"},
		{"count", value(tensor.Float64, 2, 4), good[:1], "1 inputs, want 2"},
		{"transposed", value(tensor.Float64, 2, 4), []G.Value{transposed, good[1]}, "Materialize"},
		{"column-major", value(tensor.Float64, 2, 4), []G.Value{columns, good[1]}, "row-major"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := op.UsePreallocDo(c.out, c.in...)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("UsePreallocDo: %v, error %v, want one line with %q", v, err, c.want)
			}
			if strings.Contains(c.name, "result") {
				return
			}
			if v, err = op.Do(c.in...); err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("Do: %v, error %v", v, err)
			}
		})
	}
	if _, err := op.Do(good...); err != nil {
		t.Error(err)
	}
}

// TestDistinct has nodes of one operation on one input stay apart, thousands of them.
func TestDistinct(t *testing.T) {
	g := G.NewGraph()
	x := input(g, tensor.Float64, "x", random(1, 4), 2, 2)
	const count = 20_000
	seen := map[*G.Node]bool{}
	salts := map[uint32]bool{}
	for range count {
		y := must(ops.Pointwise(tanh, x))
		seen[y], salts[y.Op().Hashcode()] = true, true
	}
	if len(seen) != count || len(salts) != count || len(g.AllNodes()) != count+1 {
		t.Errorf("%d nodes with %d hashes of their operations, want %d of each", len(seen), len(salts), count)
	}

	// Two functions of one name.
	namesake := ops.FunctionOf("tanh", func(x float64) float64 { return 2 * x }, func(float64) float64 { return 2 })
	a, b := must(ops.Pointwise(tanh, x)), must(ops.Pointwise(namesake, x))
	run(t, g, a, b)

	// A TapeMachine goes by the hashes of nodes alone.
	h := G.NewGraph()
	z := input(h, tensor.Float64, "x", random(1, 4), 2, 2)
	var read [2]G.Value
	G.Read(must(ops.Pointwise(tanh, z)), &read[0])
	G.Read(must(ops.Pointwise(namesake, z)), &read[1])
	m := G.NewTapeMachine(h)
	defer m.Close()
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	for i, n := range []*G.Node{a, b} {
		if got, want := floats(read[i]), floats(n.Value()); !slices.Equal(got, want) {
			t.Errorf("function %d on a TapeMachine: %v, want %v", i, got, want)
		}
	}

	for i, v := range floats(x.Value()) {
		if got := floats(b.Value())[i]; got != 2*v || floats(a.Value())[i] == 2*v {
			t.Errorf("a function of the other's name is %g at %g", got, v)
		}
	}
}

// TestInPlace writes results over the inputs that may be overwritten.
func TestInPlace(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range cases {
		for _, dtype := range dtypes {
			for _, call := range calls(t, c.build, c.shapes, c.wrt, dtype) {
				for _, k := range call.op.MayOverwrite() {
					if len(call.in[k].Shape()) == 0 {
						continue // numbers have no memory to share
					}
					in := slices.Clone(call.in)
					in[k], _ = G.CloneValue(in[k])
					got, err := call.op.UsePreallocDo(in[k], in...)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(floats(got), floats(call.out)) {
						t.Errorf("%s, %v: %v over input %d: %v, want %v", c.name, dtype, call.op, k, floats(got), floats(call.out))
					}
					tried[call.op.String()] = true
				}
			}
		}
	}
	if len(tried) < 6 {
		t.Errorf("only %v may overwrite", tried)
	}
}

// call is an operation of a graph, with the values of a run.
type call struct {
	op interface {
		vm.Overwriter
		G.UsePreallocDoer
	}
	in  []G.Value
	out G.Value
}

// calls returns the calls of own operations for a case and its gradients.
func calls(t *testing.T, build func([]*G.Node) *G.Node, shapes [][]int, wrt int, dtype tensor.Dtype) (list []call) {
	g := G.NewGraph()
	var in []*G.Node
	for i, shape := range shapes {
		in = append(in, input(g, dtype, fmt.Sprint("x", i), random(uint64(i), size(shape)), shape...))
	}
	y := build(in)
	loss := y
	if !y.IsScalar() {
		loss = must(G.Sum(must(G.Square(y))))
	}
	if _, err := G.Grad(loss, in[:wrt]...); err != nil {
		t.Fatal(err)
	}
	run(t, g, g.AllNodes()...)
	for _, n := range g.AllNodes() {
		c := call{out: n.Value()}
		if _, ok := n.Op().(vm.Salted); !ok {
			continue
		}
		c.op = n.Op().(interface {
			vm.Overwriter
			G.UsePreallocDoer
		})
		for it := g.From(n.ID()); it.Next(); {
			c.in = append(c.in, it.Node().(*G.Node).Value())
		}
		list = append(list, c)
	}
	return list
}

// TestFunctionOf rounds once.
func TestFunctionOf(t *testing.T) {
	f := ops.FunctionOf("f", func(x float64) float64 { return math.Exp(x) - 1 - x }, func(x float64) float64 { return 1e-40 * x })
	z := []float32{1e-3, -0.5, 3}
	y, dy := make([]float32, 3), []float32{1e10, 1, 1e-30}
	f.F32(y, z)
	d := append([]float32(nil), dy...)
	f.Grad32(d, z, d) // dst may be dy
	for i, z := range z {
		if want := float32(math.Exp(float64(z)) - 1 - float64(z)); y[i] != want {
			t.Errorf("f(%g) = %g, want %g", z, y[i], want)
		}
		if want := float32(float64(dy[i]) * (1e-40 * float64(z))); d[i] != want {
			t.Errorf("dy·f'(%g) = %g, want %g", z, d[i], want)
		}
	}
}

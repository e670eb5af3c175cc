package expression

import (
	"fmt"
	"math"
	"testing"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/ops"
)

// functions are what the tests' formulas use besides the package's own.
func functionsForTests() map[string]*Function {
	sech2 := func(z float64) float64 { return 1 / (math.Cosh(z) * math.Cosh(z)) }
	sigmoid := func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
	list := map[string]*Function{}
	for _, f := range []*Function{
		{Name: "tanh", F: math.Tanh, D: sech2},
		{Name: "sin", F: math.Sin, D: math.Cos},
		{Name: "erf", F: math.Erf, D: func(z float64) float64 { return 2 / math.SqrtPi * math.Exp(-z*z) }},
		{Name: "sigmoid", F: sigmoid, D: func(z float64) float64 { return sigmoid(z) * sigmoid(-z) }},
		{Name: "softplus", F: func(z float64) float64 { return math.Log1p(math.Exp(z)) }, D: sigmoid},
	} {
		f.New = func() *ops.Function { return ops.FunctionOf(f.Name, f.F, f.D) }
		list[f.Name] = f
	}
	return list
}

func parse(t *testing.T, text string, names ...string) (*Builder, *Node) {
	t.Helper()
	b := NewBuilder(functionsForTests())
	var nodes []*Node
	for i := range names {
		nodes = append(nodes, b.Parameter(i))
	}
	n, err := b.Parse(text, names, nodes)
	if err != nil {
		t.Fatal(err)
	}
	return b, n
}

// TestValues compares formulas with Go expressions.
func TestValues(t *testing.T) {
	for text, want := range map[string]func(z float64) float64{
		"-z^2":                           func(z float64) float64 { return -z * z },
		"2^3^2*z":                        func(z float64) float64 { return 512 * z },
		"2^-z":                           func(z float64) float64 { return math.Pow(2, -z) },
		"z - 1 - 2 - (3 - z)":            func(z float64) float64 { return 2*z - 6 },
		"8/4/2*z/0.5":                    func(z float64) float64 { return 2 * z },
		" 1.5e-1 * z\t+ .5e1":            func(z float64) float64 { return .15*z + 5 },
		"--+z":                           func(z float64) float64 { return z },
		"e*z + pi":                       func(z float64) float64 { return math.E*z + math.Pi },
		"max(z, 0.5) - min(2, z)":        func(z float64) float64 { return max(z, 0.5) - min(2, z) },
		"max(z, z^2)":                    func(z float64) float64 { return max(z, z*z) },
		"pow(1 + z^2, 1.7)":              func(z float64) float64 { return math.Pow(1+z*z, 1.7) },
		"(2 + z^2)^-3":                   func(z float64) float64 { return math.Pow(2+z*z, -3) },
		"z^7 + (z + 1)^0 + z^1":          func(z float64) float64 { return math.Pow(z, 7) + 1 + z },
		"abs(z)*sign(z)":                 func(z float64) float64 { return z },
		"sqrt(2 + z) + log(3 + z)":       func(z float64) float64 { return math.Sqrt(2+z) + math.Log(3+z) },
		"sinh(z) + cosh(z) - exp(z)":     func(z float64) float64 { return 0 },
		"sech(z)*cosh(z)":                func(z float64) float64 { return 1 },
		"cos(z)^2 + sin(z)^2":            func(z float64) float64 { return 1 },
		"erf(z) + erfc(z)":               func(z float64) float64 { return 1 },
		"expm1(z) - log1p(0.1*z)":        func(z float64) float64 { return math.Expm1(z) - math.Log1p(.1*z) },
		"asinh(sinh(z))":                 func(z float64) float64 { return z },
		"z/(1 + exp(-z)) - z*sigmoid(z)": func(z float64) float64 { return 0 },
	} {
		_, n := parse(t, text)
		p := NewProgram(n)
		for _, z := range []float64{-1.7, -0.5, 0, 0.3, 1, 2.2} {
			if got := p.At(z, 0, nil); math.Abs(got-want(z)) > 1e-13*(1+math.Abs(want(z))) {
				t.Errorf("%s at %g: %g, want %g", text, z, got, want(z))
			}
		}
	}
}

// TestStableForms: what would overflow or cancel as it is written is computed in another
// form. The values are exact to the digits shown, by series or limits.
func TestStableForms(t *testing.T) {
	for _, c := range []struct {
		text    string
		z, want float64
	}{
		{"log(cosh(z))", 200, 200 - math.Ln2},
		{"log(cosh(z))", -1000, 1000 - math.Ln2},
		{"log(cosh(z))", 1e-6, 0.5e-12 - 1e-24/12},
		{"log(exp(z) + exp(-z))", 800, 800},
		{"log(2*cosh(z))", -800, 800},
		{"1/cosh(z)", 200, 2 * math.Exp(-200)},
		{"1/cosh(z)", 800, 0},
		{"2/(exp(z) + exp(-z))", -300, 2 * math.Exp(-300)},
		{"sinh(z)/cosh(z)", 1000, 1},
		{"(exp(z) - exp(-z))/(exp(z) + exp(-z))", 1000, 1},
		{"(exp(z) - exp(-z))/(exp(z) + exp(-z))", -1000, -1},
		{"(exp(z) - exp(-z))/(exp(z) + exp(-z))", 1e-9, 1e-9},
		{"(exp(2*z) - 1)/(exp(2*z) + 1)", 1000, 1},
		{"(1 - exp(-2*z))/(1 + exp(-2*z))", -1000, -1},
		{"2/(1 + exp(-2*z)) - 1", 1e-9, 1e-9},
		{"sqrt(1 + z^2) - 1", 1e-8, 0.5e-16},
		{"sqrt(z^2 + 1) - 1", 3e200, math.Inf(1)}, // z² is beyond the range
		{"(1 + z^2)^0.5 - 1", 1e-8, 0.5e-16},
		{"1 - sech(z)", 1e-7, 0.5e-14},
		{"1 - 1/cosh(z)", 1e-7, 0.5e-14},
		{"cosh(z) - 1", 1e-7, 0.5e-14},
		{"1 - cos(z)", 1e-7, 0.5e-14},
		{"1 - exp(-z^2)", 1e-7, 1e-14},
		{"1 - sigmoid(z)", 300, math.Exp(-300)},
		{"1 - erf(z)", 6, 2.1519736712498913e-17}, // scipy.special.erfc(6)
		{"log(1 + z^2)", 1e-8, 1e-16},
	} {
		_, n := parse(t, c.text)
		got := NewProgram(n).At(c.z, 0, nil)
		if got != c.want && !(math.Abs(got-c.want) <= 1e-13*math.Abs(c.want)) {
			t.Errorf("%s at %g: %g, want %g", c.text, c.z, got, c.want)
		}
	}
}

// TestSharing: equal parts are one node, and constants are folded.
func TestSharing(t *testing.T) {
	for text, want := range map[string]int{
		"z":                                1,
		"z + 0":                            1,
		"1*z^1":                            1,
		"tanh(z)*tanh(z)":                  3, // z, tanh, product
		"sin(z + 1) + sin(1 + z)":          6, // z, 1, sum, sin, 2, product
		"2*3*z*(5 - 1)":                    3, // z, 24, product
		"exp(z) - 1":                       2, // expm1
		"log(1 + exp(z))":                  2, // softplus
		"tanh(2*0.25*z) - tanh(z/2)":       1, // 0
		"(z - 1) - (z - 1) + sqrt(4) - 2":  1,
		"sigmoid(z) + 1/(1 + exp(-z))":     4, // z, sigmoid, 2, product
		"z*(1/(1 + exp(-z)))*1/cos(0)^100": 3,
	} {
		_, n := parse(t, text)
		if got := len(order(n)); got != want {
			t.Errorf("%s has %d parts, want %d", text, got, want)
		}
	}
	// The derivative uses the value's parts: of z·tanh z it is tanh z + z·tanh'z.
	b, n := parse(t, "z*tanh(z)")
	d, _ := b.Gradients(n, 0)
	if got := len(order(n, d)) - len(order(n)); got > 5 {
		t.Errorf("the derivative of z*tanh(z) takes %d parts of its own", got)
	}
}

// TestKernels compares kernels with programs, for rows narrower and wider than a block,
// and parameters of the layer and of the columns.
func TestKernels(t *testing.T) {
	t.Run("float64", testKernels[float64])
	t.Run("float32", testKernels[float32])
}

func testKernels[F kernels.Float](t *testing.T) {
	tol := 1e-12
	if F(1)+F(1e-10) == 1 {
		tol = 1e-4
	}
	for _, text := range []string{
		"z", "a", "2.5", "a*b", "a*tanh(b*z) + c*z", "z^2.5*0 + exp(a) - z", "a - z", "z - a", "a/(2 + z)", "z/a", "b/c*z", "max(z, a)", "max(z, 0)",
		"min(z, c)", "min(z, 0)", "max(a, b) + min(tanh(z), c*z)", "(3 + z)^a", "a^z", "(3 + z)^b*expm1(z)", "erfc(z) + erfc(a)*cos(z)",
		"abs(z)*sign(z - 0.3) + sqrt(3 + z) + sech(z) + log(4 + z)", "tanh(a)*tanh(b)*tanh(c)*z", "z*sigmoid(z) + b", "sinh(z) + cosh(a*z) + asinh(z)",
	} {
		b, n := parse(t, text+" + 0*(a + b + c)", "a", "b", "c")
		compiled := b.Compile(n, 3)
		programs := []*Node{compiled.Value, compiled.Gradient, compiled.Partial[0], compiled.Partial[1], compiled.Partial[2]}
		for _, cols := range []int{1, 3, 512, 700, 1300} {
			rows := 1 + 1500/cols
			z, dy := make([]F, rows*cols), make([]F, rows*cols)
			for i := range z {
				z[i], dy[i] = F(1.9*math.Sin(float64(3*i))), F(1+0.3*math.Cos(float64(i)))
			}
			params := [][]F{{1.2}, make([]F, cols), make([]F, cols)}
			for c := range cols {
				params[1][c], params[2][c] = F(0.7+0.1*math.Sin(float64(c))), F(0.4+0.1*math.Cos(float64(c)))
			}
			for k, root := range programs {
				kernel, program := NewKernel[F](root, []bool{false, true, true}), NewProgram(root)
				name := fmt.Sprintf("%s, %d, %d columns", text, k, cols)
				at := func(i int, dy float64) float64 {
					return program.At(float64(z[i]), dy, []float64{float64(params[0][0]), float64(params[1][i%cols]), float64(params[2][i%cols])})
				}
				got := append([]F(nil), z...)
				kernel.Run(got, got, dy, cols, params) // in place
				overDy := append([]F(nil), dy...)
				kernel.Run(overDy, z, overDy, cols, params)
				all, byColumn := 0., make([]float64, cols)
				size, squared := 0., 0.
				for i := range z {
					want := at(i, float64(dy[i]))
					if math.Abs(float64(got[i])-want) > tol*(1+math.Abs(want)) || got[i] != overDy[i] {
						t.Fatalf("%s, element %d at %g: %g and in place of dy %g, want %g", name, i, z[i], got[i], overDy[i], want)
					}
					all += want
					byColumn[i%cols] += want
					size += math.Abs(want)
					squared += at(i, want)
				}
				if k == 0 {
					continue // sums are of gradients
				}
				sums := make([]F, cols)
				kernel.Sum(sums[:1], z, dy, cols, params, false)
				if math.Abs(float64(sums[0])-all) > tol*(1+size) {
					t.Errorf("%s: the sum is %g, want %g", name, sums[0], all)
				}
				kernel.Sum(sums[:1], z, dy, cols, params, true)
				if math.Abs(float64(sums[0])-squared) > 10*tol*(1+math.Abs(squared)) {
					t.Errorf("%s: the sum of squares is %g, want %g", name, sums[0], squared)
				}
				kernel.Sum(sums, z, dy, cols, params, false)
				for c, want := range byColumn {
					if cols > 1 && math.Abs(float64(sums[c])-want) > tol*(1+size) {
						t.Errorf("%s: the sum of column %d is %g, want %g", name, c, sums[c], want)
						break
					}
				}
			}
		}
	}
}

// TestError: the bound holds for what cancels, and is close to 0 where nothing does.
func TestError(t *testing.T) {
	_, n := parse(t, "tanh(z) - z")
	p := NewProgram(n)
	for _, z := range []float64{1e-3, 0.1, 1} {
		exact := p.At(z, 0, nil)
		single := float64(float32(math.Tanh(float64(float32(z)))) - float32(z))
		bound := p.Error(float64(float32(z)), 0, nil, Single)
		if math.Abs(single-exact) > bound+1e-7*math.Abs(z) || bound > 20*0x1p-24*z {
			t.Errorf("at %g the error is %g, its bound %g", z, single-exact, bound)
		}
	}
	_, n = parse(t, "exp(z)*exp(-z)")
	if e := NewProgram(n).Error(100, 0, nil, Single); !math.IsInf(e, 1) {
		t.Errorf("the bound where single precision overflows is %g", e)
	}
	if e := NewProgram(n).Error(100, 0, nil, Double); e > 1e-12 {
		t.Errorf("the bound in double precision is %g", e)
	}
}

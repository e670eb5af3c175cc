package activations_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/activationtest"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"
)

func formula(t testing.TB, text string, params ...activations.Parameter) activations.ParametricScalar {
	t.Helper()
	f, err := activations.Formula(text, params...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// asFormulas are the catalogue's functions as their definitions write them.
var asFormulas = map[string]string{
	"identity":    "z",
	"tanh":        "(exp(z) - exp(-z))/(exp(z) + exp(-z))",
	"scaled-tanh": "1.7159*tanh(2/3*z)",
	"sigmoid":     "1/(1 + exp(-z))",
	"hard-tanh":   "max(-1, min(z, 1))",
	"softsign":    "z/(1 + abs(z))",
	"arctan":      "atan(z)",
	"erf":         "1 - erfc(z)",
	"sine":        "cos(z - pi/2)",
	"softplus":    "log(1 + exp(z))",
	"gaussian":    "exp(-z^2)",
	"relu":        "max(z, 0)",
	"leaky-relu":  "max(z, 0) + 0.01*min(z, 0)",
	"elu":         "max(z, 0) + expm1(min(z, 0))",
	"selu":        "1.0507009873554805*(max(z, 0) + 1.6732632423543772*(exp(min(z, 0)) - 1))",
	"gelu":        "z*erfc(-z/sqrt(2))/2",
	"gelu-tanh":   "z/2*(1 + tanh(sqrt(2/pi)*(z + 0.044715*z^3)))",
	"silu":        "z/(1 + exp(-z))",
	"mish":        "z*tanh(log(1 + exp(z)))",
	"scaled":      "1.5*tanh(z)",
	"formula":     "1.5*tanh(0.7*z) + 0.1*z",
	// Their numbers are solved for.
	"dks": "", "tat": "", "tailored-relu": "", "gaussian-poincare": "", "shaped": "", "tuned": "",
}

// TestCatalogueAsFormulas compares values and derivatives of each activation of the
// catalogue with those of a formula, within the formula's rounding error and beyond it to
// ten digits, and runs the suite on the formula.
func TestCatalogueAsFormulas(t *testing.T) {
	for _, name := range activations.Catalogue.Names() {
		text, ok := asFormulas[name]
		if a, err := activations.Catalogue.Make(choiceOf(name)); err == nil && !ok {
			if _, scalar := a.(activations.Scalar); !scalar {
				continue // a row is no formula in z
			}
			t.Errorf("%s is not compared with a formula: write it into the table", name)
		}
		if text == "" {
			continue
		}
		made, err := activations.Catalogue.Make(choiceOf(name))
		if err != nil {
			t.Fatal(err)
		}
		a, err := activations.ScalarOf(made)
		if err != nil {
			t.Fatal(err)
		}
		f := formula(t, text)
		t.Run(name, func(t *testing.T) {
			for z := -20.; z <= 20; z += 1. / 16 {
				value, derivative := f.(activationtest.Rounding).RoundingError(z, tensor.Float64)
				if got, want := f.F(z), a.F(z); math.Abs(got-want) > 1e-10*math.Abs(want)+2*value {
					t.Errorf("at %g: %g, want %g", z, got, want)
				}
				atKink := name == "hard-tanh" && math.Abs(z) == 1
				if got, want := f.Derivative(z), a.Derivative(z); !atKink && math.Abs(got-want) > 1e-10*math.Abs(want)+2*derivative {
					t.Errorf("derivative at %g: %g, want %g", z, got, want)
				}
			}
			activationtest.Run(t, f)
		})
	}
}

// choiceOf returns the choice of an entry, with what it needs.
func choiceOf(name string) catalogue.Choice {
	c := catalogue.Choice{Name: name}
	switch name {
	case "scaled":
		c.Settings = map[string]any{"of": "tanh", "a": 1.5}
	case "formula":
		c.Settings = map[string]any{"of": "a*tanh(b*z) + 0.1*z", "a": 1.5, "b": 0.7}
	}
	return c
}

// TestFormulaTails: forms that overflow or cancel are replaced, so that derivatives are
// accurate far out.
func TestFormulaTails(t *testing.T) {
	for _, c := range []struct {
		text    string
		z, want float64
	}{
		{"tanh(z)", 300, 4 * math.Exp(-600)},
		{"log(1 + exp(z))", -700, math.Exp(-700)},
		{"log(1 + exp(z))", 1000, 1},
		{"1/(1 + exp(-z))", -700, math.Exp(-700)},
		{"1/(1 + exp(-z))", 700, math.Exp(-700)},
		{"exp(z)/(1 + exp(z))", 700, math.Exp(-700)},
		{"exp(z) - 1", -700, math.Exp(-700)},
		{"z/(1 + exp(-z))", 1000, 1},
		{"z/(1 + exp(-z))", -700, -699 * math.Exp(-700)},
	} {
		if got := formula(t, c.text).Derivative(c.z); math.Abs(got/c.want-1) > 1e-12 {
			t.Errorf("the derivative of %s at %g is %g, want %g", c.text, c.z, got, c.want)
		}
	}
	if got, want := formula(t, "1 - tanh(z)^2").F(300), 4*math.Exp(-600); math.Abs(got/want-1) > 1e-12 {
		t.Errorf("1 - tanh(300)^2 is %g, want %g", got, want)
	}
}

func learnedFormulas(t testing.TB) []activations.ParametricScalar {
	p := func(name string, start float64, learn activations.Learn) activations.Parameter {
		return activations.Parameter{Name: name, Start: start, Learn: learn}
	}
	layer, unit := activations.PerLayer, activations.PerUnit
	scaled, err := activations.Scaled(formula(t, "tanh(b*z) + c*z", p("b", 0.7, unit), p("c", 0.2, layer)), p("", 1.5, layer))
	if err != nil {
		t.Fatal(err)
	}
	sine, err := activations.Scaled(activations.Sine(), p("amplitude", -0.5, unit))
	if err != nil {
		t.Fatal(err)
	}
	return []activations.ParametricScalar{
		formula(t, "a*tanh(b*z) + c*z", p("a", 1.5, layer), p("b", 0.7, unit), p("c", 0.1, layer)),
		formula(t, "max(z, 0) + a*min(z, 0)", p("a", 0.25, unit)),
		formula(t, "z*sigmoid(b*z)", p("b", 1, layer)),
		formula(t, "a*exp(-b*(z - c)^2)", p("a", 1, layer), p("b", 0.5, unit), p("c", 0.3, unit)),
		formula(t, "(1 + z^2)^p - 1", p("p", 0.4, layer)),
		formula(t, "tanh(a)*z + z/(2 + abs(b*z)) + max(z, c)", p("a", 0.3, layer), p("b", 0.5, layer), p("c", 0.1, layer)),
		scaled, sine,
	}
}

// TestParametric runs the suite, with its tests of parameters, on formulas and scaled
// activations.
func TestParametric(t *testing.T) {
	for _, f := range learnedFormulas(t) {
		t.Run(f.Name(), func(t *testing.T) { activationtest.Run(t, f) })
	}
}

func TestFormulaErrors(t *testing.T) {
	a := activations.Parameter{Name: "a", Start: 1}
	for _, c := range []struct {
		text   string
		column int
		want   string
	}{
		{"", 1, "expected an expression such as z, found the end"},
		{"tanh(", 6, "expected an expression such as z, found the end"},
		{"tanh(z", 7, `expected an operator or the ")" of column 5, found the end`},
		{"tanh z", 6, `expected "(" after the function tanh, found "z"`},
		{"(z", 3, `expected an operator or the ")" of column 1`},
		{"z)", 2, `expected an operator or the end, found ")"`},
		{"z +* a", 4, `found "*"`},
		{"z**2", 2, "write a power with ^"},
		{"2z", 2, "an operator is missing: write 2*z"},
		{"a z", 3, `found "z"`},
		{"a*thna(z)", 3, `unknown function "thna"; did you mean tanh`},
		{"a*tanh(y)", 8, `unknown name "y"`},
		{"alpha*z + a", 1, `unknown name "alpha"`},
		{"a*tahn", 3, `unknown name "tahn"; did you mean tanh`},
		{"a(z)", 2, "a is not a function: for a product write a*("},
		{"z(1)*a", 2, "z is not a function"},
		{"max(z)*a", 1, "max takes 2 arguments, not 1"},
		{"a*tanh(z, 1)", 3, "tanh takes 1 argument, not 2"},
		{"1e999*a*z", 1, "1e999 is not a number within the range"},
		{"z·a", 2, `found "·"`},
		{"a*z²", 4, `found "²"`},
		{"tanh(z)", 0, `has no parameter "a"`},
		{"tanh(a)", 0, "does not depend on z"},
		{"a + z - z", 0, "has the derivative 0 everywhere"},
		{"a*sign(z)", 0, "has the derivative 0 everywhere"},
		{"a + 0*z", 0, "does not depend on z"},
		{"a*z/0", 4, "division by zero"},
		{"z/(a - a)", 2, "division by zero"},
		{"1/z + a", 2, "division by zero at z = 0"},
		{"a*sin(z)/z", 9, "division by zero at z = 0"},
		{"a/(z - 1)", 2, "division by zero at z = 1"},
		{"a*log(z)", 3, "log(0) is infinite at z = 0"},
		{"a*log(1 + z)", 3, "log1p(-1) is infinite at z = -1"},
		{"a*sqrt(z + 1)", 3, "sqrt(-1) is not defined at z = -2"},
		{"a*sqrt(abs(z))", 0, "the derivative is not finite: division by zero at z = 0"},
		{"a*abs(z)^0.5", 0, "the derivative is not finite: "},
		{"exp(1000 + z)*a", 1, "overflow at z = 0"},
		{strings.Repeat("(", 1000) + "z", 102, "nested more than 100 deep"},
		{strings.Repeat("-", 1000) + "z", 102, "nested more than 100 deep"},
		{"a" + strings.Repeat("+z", 5000), 0, "has 10001 characters, more than 4096"},
	} {
		_, err := activations.Formula(c.text, a)
		var e *activations.FormulaError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || e.Column != c.column || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: %v; want column %d and %q", c.text, err, c.column, c.want)
		}
	}
	for name, p := range map[string][]activations.Parameter{
		"the name has a meaning": {{Name: "pi", Start: 1}},
		"its name must be":       {{Name: "2a", Start: 1}},
		"layers have one":        {{Name: "weight", Start: 1}},
		"two parameters named a": {a, a},
		"is not finite":          {{Name: "a", Start: math.NaN()}},
		"learn is":               {{Name: "a", Start: 1, Learn: "column"}},
		"a penalty has no":       {{Name: "a", Start: 1, Penalty: activations.L2(1)}},
		"must be positive":       {{Name: "a", Start: 1, Learn: activations.PerUnit, Penalty: activations.L2(-1)}},
		"the log penalty":        {{Name: "a", Learn: activations.PerUnit, Penalty: activations.LogSquared(1)}},
	} {
		if _, err := activations.Formula("a*z", p...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v, want %q", p, err, name)
		}
	}
	if _, err := activations.Scaled(nil, a); err == nil {
		t.Error("Scaled(nil): no error")
	}
	inner := formula(t, "a*z", activations.Parameter{Name: "a", Start: 1, Learn: activations.PerLayer})
	if _, err := activations.Scaled(inner, activations.Parameter{Start: 1}); err == nil || !strings.Contains(err.Error(), "two parameters named a") {
		t.Errorf("two parameters named a: %v", err)
	}
	if _, err := inner.At(1, 2); err == nil {
		t.Error("At with too many values: no error")
	}
	z := G.NewMatrix(G.NewGraph(), tensor.Float32, G.WithName("z"), G.WithShape(2, 3))
	if _, err := inner.NodeWith(z); err == nil {
		t.Error("NodeWith without the parameter: no error")
	}
	if _, err := inner.NodeWith(z, z); err == nil {
		t.Error("NodeWith a matrix for the parameter: no error")
	}
	wrong := G.NewVector(z.Graph(), tensor.Float32, G.WithName("a"), G.WithShape(2))
	if _, err := inner.NodeWith(z, wrong); err == nil {
		t.Error("two values for three columns: no error")
	}
}

func FuzzFormula(f *testing.F) {
	for _, text := range asFormulas {
		f.Add(text)
	}
	for _, text := range []string{"tanh(", "a*z^-2^z", "1e", "1.e+", "max(z,,)", "\x00z", "-+-z", "0^z", "sech(1e308*z)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := activations.Formula(text, activations.Parameter{Name: "a", Start: 1.5, Learn: activations.PerLayer})
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") || len(err.Error()) > 6*len(text)+1000 {
				t.Errorf("the error is not one line: %q", err)
			}
			return
		}
		if v := a.F(0); math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("%q is %g at 0", text, v)
		}
		a.Derivative(0.5)
	})
}

// expressions draws formulas of smooth functions, finite for moderate z.
func expressions(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if depth == 0 || rapid.IntRange(0, 5).Draw(t, "leaf") == 0 {
			return rapid.SampledFrom([]string{"z", "z", "z", "a", "b", "0.5", "2", "pi"}).Draw(t, "leaf")
		}
		part := func(name string) string { return expressions(depth-1).Draw(t, name) }
		switch rapid.IntRange(0, 9).Draw(t, "operation") {
		case 0:
			return fmt.Sprintf("(%s + %s)", part("x"), part("y"))
		case 1:
			return fmt.Sprintf("(%s - %s)", part("x"), part("y"))
		case 2:
			return fmt.Sprintf("%s*%s", part("x"), part("y"))
		case 3:
			return fmt.Sprintf("%s/(1.5 + sin(%s))", part("x"), part("y"))
		case 4:
			return fmt.Sprintf("-%s", part("x"))
		case 5:
			return fmt.Sprintf("tanh(%s)^%d", part("x"), rapid.IntRange(1, 5).Draw(t, "n"))
		case 6:
			return fmt.Sprintf("(1.1 + sigmoid(%s))^(%s)", part("x"), rapid.SampledFrom([]string{"a", "-0.5", "2.5", "tanh(z)"}).Draw(t, "power"))
		case 7:
			return fmt.Sprintf("%s(1 + gaussian(%s))", rapid.SampledFrom([]string{"log", "sqrt", "log1p"}).Draw(t, "f"), part("x"))
		}
		f := rapid.SampledFrom([]string{"tanh", "sigmoid", "softplus", "gaussian", "erf", "erfc", "sin", "cos", "atan", "sech", "asinh", "softsign"}).Draw(t, "f")
		return fmt.Sprintf("%s(%s)", f, part("x"))
	})
}

// TestRandomFormulas compares the derivatives of random formulas, by z and by their
// parameters, with differences, and the nodes with both.
func TestRandomFormulas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := "z*0.1 + " + expressions(4).Draw(rt, "expression") + " + 0*a + 0*b"
		params := []activations.Parameter{
			{Name: "a", Start: rapid.Float64Range(0.3, 2).Draw(rt, "a"), Learn: activations.PerLayer},
			{Name: "b", Start: rapid.Float64Range(-1, 1).Draw(rt, "b"), Learn: activations.PerUnit},
		}
		f, err := activations.Formula(text, params...)
		if err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		z := rapid.Float64Range(-2, 2).Draw(rt, "z")
		const h = 1e-3
		slope := func(f func(float64) float64, x, h float64) float64 {
			return (8*(f(x+h)-f(x-h)) - (f(x+2*h) - f(x-2*h))) / (12 * h)
		}
		compare := func(what string, got float64, g func(float64) float64, x float64) {
			want, closer := slope(g, x, h), slope(g, x, h/2)
			if unsure := math.Abs(want - closer); math.Abs(got-closer) > unsure+1e-8*(1+math.Abs(closer)+math.Abs(g(x))) {
				rt.Errorf("%s: the derivative by %s at z = %g is %g, the slope %g", text, what, z, got, closer)
			}
		}
		compare("z", f.Derivative(z), f.F, z)
		p := byParameters(rt, f, z)
		for j, start := range []float64{params[0].Start, params[1].Start} {
			compare(params[j].Name, p[j], func(x float64) float64 {
				values := []float64{params[0].Start, params[1].Start}
				values[j] = x
				g, err := f.At(values...)
				if err != nil {
					rt.Fatal(err)
				}
				return g.F(z)
			}, start)
		}
	})
}

// byParameters returns the gradients of the node's parameters.
func byParameters(t *rapid.T, f activations.ParametricScalar, z float64) []float64 {
	g := G.NewGraph()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	x := G.NewMatrix(g, tensor.Float64, G.WithName("z"), G.WithShape(1, 1), G.WithValue(tensor.New(tensor.WithShape(1, 1), tensor.WithBacking([]float64{z}))))
	var nodes G.Nodes
	for _, p := range f.Parameters() {
		v := tensor.New(tensor.WithShape(1), tensor.WithBacking([]float64{p.Start}))
		nodes = append(nodes, G.NewVector(g, tensor.Float64, G.WithName(p.Name), G.WithShape(1), G.WithValue(v)))
	}
	y, err := f.NodeWith(x, nodes...)
	check(err)
	loss, err := G.Sum(y)
	check(err)
	grads, err := G.Grad(loss, nodes...)
	check(err)
	m, err := vm.Compile(g, grads...)
	check(err)
	check(m.RunAll())
	var list []float64
	for _, d := range grads {
		list = append(list, d.Value().Data().([]float64)[0])
	}
	return list
}

// TestFormulaWarnings: what overflows on the way to a moderate value is told before it is
// used; what is recognised, bounded or infinite itself is not.
func TestFormulaWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"exp(z)*exp(-2*z)*z/(1 + exp(-z))":      "exp at column",
		"log(1 + exp(z)^2)":                     "from about z = ",
		"z*exp(z)/(3 + exp(z))":                 "from about z = 8",
		"log(cosh(z))":                          "",
		"1/cosh(z)":                             "",
		"(exp(z) - exp(-z))/(exp(z) + exp(-z))": "",
		"(exp(2*z) - 1)/(exp(2*z) + 1)":         "",
		"exp(z)":                                "",
		"z/sqrt(1 + z^2)":                       "",
		"exp(-z^2)":                             "",
		"tanh(z) + 0.1*z":                       "",
		"z^9":                                   "",
	} {
		got := strings.Join(activations.Warnings(formula(t, text), tensor.Float32), "; ")
		if want == "" && got != "" || want != "" && !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for _, name := range activations.Catalogue.Names() {
		if a, err := activations.Catalogue.Make(choiceOf(name)); err == nil && len(activations.Warnings(a, tensor.Float32)) > 0 {
			t.Errorf("%s: %q", name, activations.Warnings(a, tensor.Float32))
		}
	}
}

// TestOverflowingForms: at |z| = 200 in float32 a network of these has values and
// gradients, as they are recognised.
func TestOverflowingForms(t *testing.T) {
	for text, want := range map[string][2]float64{ // f(200), f'(200)
		"log(cosh(z))":                          {200 - math.Ln2, 1},
		"1/cosh(z)":                             {0, 0},
		"(exp(z) - exp(-z))/(exp(z) + exp(-z))": {1, 0},
		"1 - gaussian(z)":                       {1, 0},
	} {
		f := formula(t, text)
		g := G.NewGraph()
		z := G.NewMatrix(g, tensor.Float32, G.WithName("z"), G.WithValue(tensor.New(tensor.WithShape(1, 1), tensor.WithBacking([]float32{200}))))
		y, err := f.Node(z)
		if err != nil {
			t.Fatal(err)
		}
		d, err := G.Grad(G.Must(G.Sum(y)), z)
		if err != nil {
			t.Fatal(err)
		}
		m, err := vm.Compile(g, y, d[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		value, slope := float64(y.Value().(*tensor.Dense).Float32s()[0]), float64(d[0].Value().(*tensor.Dense).Float32s()[0])
		if math.Abs(value-want[0]) > 1e-6*math.Abs(want[0]) || math.Abs(slope-want[1]) > 1e-6 {
			t.Errorf("%s at 200 in float32: %g with derivative %g, want %g and %g", text, value, slope, want[0], want[1])
		}
	}
}

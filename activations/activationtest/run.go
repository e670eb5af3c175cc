package activationtest

import (
	"fmt"
	"math"
	"regexp"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/suite"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Tolerances of a node's values and gradients, relative to what F and Derivative
// return in double precision, with as much again per unit of |z|: the argument of
// an exponential is itself rounded.
const (
	tolerance32 = 1e-6
	tolerance64 = 1e-14
)

// Run tests a, as subtests of t. variants are activations of the same kind with
// other parameters, which must stay distinct from a in one graph; an activation
// without parameters has none. Of an [activations.Parametric], its learned parameters are
// tested too. An activation that is not element-wise is tested row by row.
func Run(t *testing.T, a activations.Activation, variants ...activations.Activation) {
	t.Helper()
	if a == nil {
		t.Fatal("the activation is nil")
	}
	f, ok := a.(activations.Scalar)
	if !ok {
		rowwise(t, a, variants)
		return
	}
	var others []activations.Scalar
	for _, v := range variants {
		s, ok := v.(activations.Scalar)
		if !ok {
			t.Fatalf("variant %T is not element-wise, unlike the activation", v)
		}
		others = append(others, s)
	}
	scalars(t, f, others)
}

func scalars(t *testing.T, a activations.Scalar, variants []activations.Scalar) {
	t.Helper()
	t.Run("name", func(t *testing.T) { name(t, a.Name()) })
	t.Run("derivative", func(t *testing.T) { derivative(t, a) })
	t.Run("at NaN", func(t *testing.T) { atNaN(t, a) })
	t.Run("no jump", func(t *testing.T) { noJump(t, a) })
	if p, ok := a.(activations.Parametric); ok && len(p.Parameters()) > 0 {
		t.Run("parameters", func(t *testing.T) {
			p, ok := a.(activations.ParametricScalar)
			if !ok {
				t.Fatal("it has learned parameters, but does not implement activations.ParametricScalar: the method At is missing")
			}
			parameters(t, p)
		})
	}
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		t.Run(fmt.Sprint(dtype), func(t *testing.T) {
			if !t.Run("shape", func(t *testing.T) { shape(t, a, dtype) }) {
				return // the other checks rely on it
			}
			t.Run("values", func(t *testing.T) { agree(t, a, dtype, ordinary()) })
			t.Run("extremes", func(t *testing.T) { agree(t, a, dtype, extremes(dtype)) })
			t.Run("scalar", func(t *testing.T) { scalar(t, a, dtype) })
			t.Run("input untouched", func(t *testing.T) { untouched(t, a, dtype) })
			t.Run("distinct", func(t *testing.T) { distinct(t, a, variants, dtype) })
			t.Run("repeated", func(t *testing.T) { repeated(t, a, dtype) })
		})
	}
}

// A name is lower-case words with hyphens, or a formula: it has an operator then.
var (
	word    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	formula = regexp.MustCompile(`^[A-Za-z0-9_.,()+*/^ -]*[(+*/^-][A-Za-z0-9_.,()+*/^ -]*$`)
)

func name(t *testing.T, name string) {
	switch {
	case name == "":
		t.Error("Name is empty")
	case !word.MatchString(name) && !formula.MatchString(name):
		t.Errorf("Name %q is neither lower-case words with hyphens, such as scaled-tanh, nor a formula", name)
	}
}

// ordinary are arguments as networks have them, and some in the tails.
func ordinary() []float64 {
	var z []float64
	for x := -30.; x <= 30; x += 0.37 {
		z = append(z, x, x/30)
	}
	return append(z, 0, 1e-3, -1e-3, 1e-8, -1e-8, 1, -1)
}

func extremes(dtype tensor.Dtype) []float64 {
	z := []float64{0, math.Copysign(0, -1), 100, -100, 1e3, -1e3, math.Inf(1), math.Inf(-1), math.NaN()}
	if dtype == tensor.Float32 {
		return append(z, math.MaxFloat32, -math.MaxFloat32, 0x1p-126, -0x1p-126, math.SmallestNonzeroFloat32)
	}
	return append(z, 1e300, -1e300, 0x1p-1022, -0x1p-1022, math.SmallestNonzeroFloat64)
}

// derivative compares Derivative with five-point differences of F, closer ones if
// the first fail, as they may have reached over a kink. At a kink, of F or of its
// derivative, Derivative may be anything between the slopes on both sides.
func derivative(t *testing.T, a activations.Scalar) {
	t.Helper()
	var wrong suite.Faults
	defer wrong.Report(t)
	for _, z := range ordinary() {
		got := a.Derivative(z)
		h := 1e-3 * max(1, math.Abs(z)/8)
		slope, tolerance := center(a, z, h)
		if math.Abs(got-slope) <= tolerance {
			continue
		}
		if closer, tolerance := center(a, z, h/100); math.Abs(got-closer) <= tolerance {
			continue
		}
		right, tolerance := oneSided(a, z, h/100)
		left, _ := oneSided(a, z, -h/100)
		if got >= min(left, right)-tolerance && got <= max(left, right)+tolerance {
			continue
		}
		wrong.Add(got-slope, "Derivative(%g) = %g, but the slope of F there is %g", z, got, slope)
	}
}

// atNaN: what is not a number has no derivative, unless the derivative is the same
// everywhere. A number there would hide where a network's signal was lost.
func atNaN(t *testing.T, a activations.Scalar) {
	if v := a.F(math.NaN()); !math.IsNaN(v) {
		t.Errorf("F(NaN) = %g, want NaN", v)
	}
	d := a.Derivative(math.NaN())
	if math.IsNaN(d) {
		return
	}
	for _, z := range ordinary() {
		if other := a.Derivative(z); other != d {
			t.Errorf("Derivative(NaN) = %g, want NaN: at %g it is %g", d, z, other)
			return
		}
	}
}

// noJump follows F from ±1 to the largest numbers, doubling. Where F changes by more than
// its derivative explains, an intermediate result overflows: z/√(1+z²) is 0 at 1e155,
// where z² is infinite.
func noJump(t *testing.T, a activations.Scalar) {
	for _, sign := range []float64{1, -1} {
		for from := 1.; from <= math.MaxFloat64/2; from *= 2 {
			samples := int(min(4*from, 32))
			if from <= 1<<12 { // functions have their shape here
				samples = int(8 * from)
			}
			steepest := 0.
			for k := range samples + 1 {
				z := sign * from * (1 + float64(k)/float64(samples))
				steepest = max(steepest, math.Abs(a.Derivative(z)))
			}
			before, after := a.F(sign*from), a.F(2*sign*from)
			explained := 2*from*steepest + 1e-6*(math.Abs(before)+1)
			if math.Abs(after-before) <= explained || math.IsInf(steepest, 1) || before == after || overflows(a, sign*from) || overflows(a, 2*sign*from) {
				continue
			}
			t.Errorf("F(%g) = %g, F(%g) = %g, though |Derivative| is at most %g between them: an intermediate result overflows; write F so that none does",
				sign*from, before, 2*sign*from, after, steepest)
			return
		}
	}
}

// overflows reports whether a says itself that an intermediate result overflows at z.
func overflows(a activations.Scalar, z float64) bool {
	value, derivative := roundingError(a, z, tensor.Float64)
	return math.IsInf(value, 1) || math.IsInf(derivative, 1)
}

// shape checks that the node has the shape and type of its input.
func shape(t *testing.T, a activations.Scalar, dtype tensor.Dtype) {
	for _, s := range []tensor.Shape{{3, 4}, {1, 1}, {5}} {
		z := G.NewTensor(G.NewGraph(), dtype, len(s), G.WithName("z"), G.WithShape(s...))
		y, err := a.Node(z)
		switch {
		case err != nil:
			t.Errorf("Node of shape %v: %v", s, err)
		case y == nil:
			t.Errorf("Node of shape %v is nil, and there is no error", s)
		case !y.Shape().Eq(s):
			t.Errorf("Node of shape %v has the shape %v", s, y.Shape())
		case y.Dtype() != dtype:
			t.Errorf("Node of %v is of %v", dtype, y.Dtype())
		}
	}
}

// center returns the slope of F at z by five points h apart, and its tolerance: a share
// of it, and what the rounding of F makes.
func center(a activations.Scalar, z, h float64) (slope, tolerance float64) {
	f := func(k float64) float64 { return a.F(z + k*h) }
	slope = (8*(f(1)-f(-1)) - (f(2) - f(-2))) / (12 * h)
	size := math.Abs(f(0)) + math.Abs(f(2)) + math.Abs(f(-2))
	return slope, 1e-8*(1+math.Abs(slope)) + 1e-15*size/h
}

// oneSided is the same with all points on one side.
func oneSided(a activations.Scalar, z, h float64) (slope, tolerance float64) {
	f := func(k float64) float64 { return a.F(z + k*h) }
	slope = (-25*f(0) + 48*f(1) - 36*f(2) + 16*f(3) - 3*f(4)) / (12 * h)
	return slope, 1e-8*(1+math.Abs(slope)) + 1e-14*(math.Abs(f(0))+math.Abs(f(4)))/math.Abs(h)
}

// agree compares the node and its gradient with F and Derivative.
func agree(t *testing.T, a activations.Scalar, dtype tensor.Dtype, z []float64) {
	g := build(t, dtype, z, a)
	g.run(t)
	y, d := floats(g.y[0].Value()), floats(g.grad(t))
	var wrong suite.Faults
	defer wrong.Report(t)
	tol, least := tolerance64, math.SmallestNonzeroFloat64
	if dtype == tensor.Float32 {
		tol, least = tolerance32, math.SmallestNonzeroFloat32
	}
	for i, z := range floats(g.z.Value()) {
		valueError, derivativeError := roundingError(a, z, dtype)
		for _, c := range []struct {
			what            string
			got, want, more float64
		}{{"node", y[i], a.F(z), valueError}, {"gradient of the node", d[i], a.Derivative(z), derivativeError}} {
			if !math.IsInf(c.more, 1) && !near(c.got, c.want, tol*(1+min(math.Abs(z), 1e3)), 2*least+2*c.more, dtype) {
				wrong.Add((c.got-c.want)/max(math.Abs(c.want), least), "%s at %g: %g, want %g", c.what, z, c.got, c.want)
			}
		}
	}
}

// Rounding is an optional interface of an activation whose node computes in several
// steps that can cancel: RoundingError bounds the absolute errors that this makes at z,
// and is infinite where an intermediate result overflows. Run allows twice as much,
// besides its own tolerance.
type Rounding interface {
	RoundingError(z float64, t tensor.Dtype) (value, derivative float64)
}

func roundingError(a activations.Scalar, z float64, t tensor.Dtype) (value, derivative float64) {
	if r, ok := a.(Rounding); ok {
		return r.RoundingError(z, t)
	}
	return 0, 0
}

// near reports whether got is want as far as the type can represent it: NaN is NaN,
// beyond the type's range is infinity.
func near(got, want, relative, absolute float64, dtype tensor.Dtype) bool {
	if dtype == tensor.Float32 {
		want = float64(float32(want))
	}
	if math.IsNaN(want) || math.IsNaN(got) {
		return math.IsNaN(want) && math.IsNaN(got)
	}
	if got == want {
		return true
	}
	return math.Abs(got-want) <= relative*math.Abs(want)+absolute
}

func scalar(t *testing.T, a activations.Scalar, dtype tensor.Dtype) {
	g := G.NewGraph()
	z := G.NewScalar(g, dtype, G.WithName("z"))
	y, err := a.Node(z)
	if err != nil || y == nil {
		t.Fatalf("Node of a scalar: %v, %v", y, err)
	}
	if dtype == tensor.Float32 {
		err = G.Let(z, G.NewF32(0.5))
	} else {
		err = G.Let(z, G.NewF64(0.5))
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := vm.Compile(g, y)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	if got, want := floats(y.Value())[0], a.F(0.5); !near(got, want, 2*tolerance32, 0, dtype) {
		t.Errorf("node of a scalar 0.5: %g, want %g", got, want)
	}
}

func untouched(t *testing.T, a activations.Scalar, dtype tensor.Dtype) {
	z := ordinary()
	g := build(t, dtype, z, a)
	before := append([]float64(nil), floats(g.z.Value())...)
	g.run(t)
	same(t, "the input after a run", floats(g.z.Value()), before)
}

// distinct puts a, its variants and another function of its name on one input.
func distinct(t *testing.T, a activations.Scalar, variants []activations.Scalar, dtype tensor.Dtype) {
	namesake := activations.Elementwise(a.Name(),
		func(z float64) float64 { return 3*a.F(z) + 1 },
		func(z float64) float64 { return 3 * a.Derivative(z) })
	list := append([]activations.Scalar{a, namesake}, variants...)
	g := build(t, dtype, []float64{-2, -0.7, 0.3, 0.9, 2.1}, list...)
	g.run(t)
	for k, b := range list {
		y := floats(g.y[k].Value())
		for i, z := range floats(g.z.Value()) {
			if want := b.F(z); !near(y[i], want, 4*tolerance32, 1e-12, dtype) {
				t.Errorf("activation %d of %d named %q in one graph, at %g: %g, want %g", k+1, len(list), b.Name(), z, y[i], want)
			}
		}
	}
}

func repeated(t *testing.T, a activations.Scalar, dtype tensor.Dtype) {
	g := build(t, dtype, ordinary(), a)
	g.run(t)
	y := append([]float64(nil), floats(g.y[0].Value())...)
	d := append([]float64(nil), floats(g.grad(t))...)
	g.run(t)
	same(t, "the values of the second run", floats(g.y[0].Value()), y)
	same(t, "the gradient of the second run", floats(g.grad(t)), d)
}

func same(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range want {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			t.Errorf("%s: element %d is %g, was %g", what, i, got[i], want[i])
			return
		}
	}
}

// graph has activations of one input, and the gradient of the sum of the results.
type graph struct {
	z     *G.Node
	y     []*G.Node
	total *G.Node
	m     *vm.Machine
}

func build(t *testing.T, dtype tensor.Dtype, z []float64, list ...activations.Scalar) *graph {
	t.Helper()
	g := G.NewGraph()
	var backing any = append([]float64(nil), z...)
	if dtype == tensor.Float32 {
		b := make([]float32, len(z))
		for i, v := range z {
			b[i] = float32(v)
		}
		backing = b
	}
	x := tensor.New(tensor.WithShape(1, len(z)), tensor.WithBacking(backing))
	r := &graph{z: G.NewMatrix(g, dtype, G.WithName("z"), G.WithShape(1, len(z)), G.WithValue(x))}
	for _, a := range list {
		r.add(t, a, func(y *G.Node) (*G.Node, error) { return y, nil })
	}
	r.compile(t)
	return r
}

// add has the total grow by the sum of what weigh makes of a's result.
func (g *graph) add(t *testing.T, a activations.Activation, weigh func(y *G.Node) (*G.Node, error)) {
	t.Helper()
	y, err := a.Node(g.z)
	if err != nil || y == nil {
		t.Fatalf("Node: %v, %v", y, err)
	}
	g.y = append(g.y, y)
	sum, err := weigh(y)
	if err == nil {
		sum, err = G.Sum(sum)
	}
	if err == nil && g.total != nil {
		sum, err = G.Add(g.total, sum)
	}
	if err != nil {
		t.Fatal(err)
	}
	g.total = sum
}

func (g *graph) compile(t *testing.T) {
	t.Helper()
	grads, err := G.Grad(g.total, g.z)
	if err != nil {
		t.Fatalf("symbolic gradient: %v", err)
	}
	if g.m, err = vm.Compile(g.z.Graph(), append(append([]*G.Node{}, g.y...), grads...)...); err != nil {
		t.Fatal(err)
	}
}

func (g *graph) run(t *testing.T) {
	t.Helper()
	if err := g.m.RunAll(); err != nil {
		t.Fatal(err)
	}
}

func (g *graph) grad(t *testing.T) G.Value {
	t.Helper()
	v, err := g.z.Grad()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func floats(v G.Value) []float64 {
	switch d := v.Data().(type) {
	case []float64:
		return d
	case []float32:
		list := make([]float64, len(d))
		for i, x := range d {
			list[i] = float64(x)
		}
		return list
	case float32:
		return []float64{float64(d)}
	case float64:
		return []float64{d}
	}
	panic(fmt.Sprintf("a value of type %T", v.Data()))
}

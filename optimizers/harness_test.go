package optimizers

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// parameter is a ValueGrad with a name, without a graph.
type parameter struct {
	name        string
	value, grad gorgonia.Value
}

func (p *parameter) Name() string                  { return p.name }
func (p *parameter) Value() gorgonia.Value         { return p.value }
func (p *parameter) Grad() (gorgonia.Value, error) { return p.grad, nil }

// newParameter has the values w and a gradient of zeros.
func newParameter(name string, dt tensor.Dtype, w []float64, shape ...int) *parameter {
	return &parameter{name, newValue(dt, w, shape...), newValue(dt, make([]float64, len(w)), shape...)}
}

func newValue(dt tensor.Dtype, x []float64, shape ...int) gorgonia.Value {
	var v gorgonia.Value
	switch {
	case len(shape) > 0:
		v = tensor.New(tensor.WithShape(shape...), tensor.Of(dt))
	case dt == tensor.Float32:
		v = gorgonia.NewF32(0)
	default:
		v = gorgonia.NewF64(0)
	}
	set(v, x)
	return v
}

func set(v gorgonia.Value, x []float64) {
	d, err := viewOf(v)
	if err != nil {
		panic(err)
	}
	if len(x) != d.len() {
		panic("wrong length")
	}
	copy(d.f64, x)
	for i := range d.f32 {
		d.f32[i] = float32(x[i])
	}
}

func get(v gorgonia.Value) []float64 {
	d, err := viewOf(v)
	if err != nil {
		panic(err)
	}
	out := make([]float64, d.len())
	d.widen(out)
	return out
}

func mustMake(t testing.TB, text string) gorgonia.Solver {
	t.Helper()
	c, err := catalogue.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Catalogue.Make(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// step steps with everything that the optimizer may ask for; curvature may be nil.
func step(s gorgonia.Solver, b StepInfo, ps ...*parameter) error {
	vgs := make([]gorgonia.ValueGrad, len(ps))
	for i, p := range ps {
		vgs[i] = p
	}
	if bs, ok := s.(InformedSolver); ok && bs.Needs() != 0 {
		return bs.StepWith(vgs, b)
	}
	return s.Step(vgs)
}

func mustStep(t testing.TB, s gorgonia.Solver, ps ...*parameter) {
	t.Helper()
	if err := step(s, StepInfo{}, ps...); err != nil {
		t.Fatal(err)
	}
}

// types are the two element types, the relative error allowed in each, and that of one
// rounding.
var types = []struct {
	dt           tensor.Dtype
	tol, epsilon float64
}{{tensor.Float64, 1e-12, 0x1p-53}, {tensor.Float32, 1e-5, 0x1p-24}}

func near(got, want, tol float64) bool {
	return got == want || math.Abs(got-want) <= tol*math.Abs(want)
}

package optimizertest

import (
	"encoding"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Run checks an optimizer, made anew by each call of new, in a subtest of t for
// each property:
//
//   - it takes scalars, vectors and matrices of float32 and float64, and moves them;
//   - float32 goes the way of float64;
//   - Step sets the gradients to zero, as Gorgonia's own solvers do, and StepWith
//     leaves them untouched; neither allocates anything;
//   - the order of the parameters makes no difference, to the last bit;
//   - a NaN or an infinity in a gradient is an error that names the parameter,
//     and nothing is changed;
//   - gradients of 0, 1e-30 and 1e30 leave the values finite, then and later;
//   - saved in the middle (encoding.BinaryMarshaler) and loaded into a new one, it
//     goes on to the same values to the last bit; skipped if it cannot be saved;
//   - it comes near the minimum of a quadratic, and into the valley of Rosenbrock's
//     function, within 5000 steps. So its rate has to suit curvatures of 1 to 10
//     and of 1000, and distances of 0.5.
//
// An optimizers.InformedSolver is given all that a Batch can hold.
func Run(t *testing.T, name string, new func() gorgonia.Solver) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		for _, dt := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
			t.Run(dt.String(), func(t *testing.T) {
				t.Run("moves", func(t *testing.T) { moves(t, new, dt) })
				t.Run("gradient untouched", func(t *testing.T) { gradientUntouched(t, new, dt) })
				t.Run("step clears", func(t *testing.T) { stepClears(t, new, dt) })
				t.Run("no allocation", func(t *testing.T) { noAllocation(t, new, dt) })
				t.Run("order", func(t *testing.T) { order(t, new, dt) })
				t.Run("not finite", func(t *testing.T) { notFinite(t, new, dt) })
				t.Run("extremes", func(t *testing.T) { extremes(t, new, dt) })
				t.Run("save and load", func(t *testing.T) { saveAndLoad(t, new, dt) })
				t.Run("quadratic", func(t *testing.T) { converges(t, new, dt, bowl(), 0.05) })
				t.Run("rosenbrock", func(t *testing.T) { converges(t, new, dt, rosenbrock(), 0.25) })
			})
		}
		t.Run("both types", func(t *testing.T) { bothTypes(t, new) })
	})
}

func moves(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	p, s := bowl().parameters(dt), new()
	before := p.values()
	p.steps(t, s, 20)
	for i, x := range p.values() {
		if !finite(x) || slices.Equal(x, before[i]) {
			t.Errorf("%s: %v after 20 steps, %v before", p.all[i].name, x, before[i])
		}
	}
}

func gradientUntouched(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	p, s := bowl().parameters(dt), new()
	if _, ok := s.(optimizers.InformedSolver); !ok {
		t.Skip("does not implement optimizers.InformedSolver")
	}
	for range 20 {
		p.evaluate()
		p.step(t, s)
		for _, q := range p.all {
			// A second gradient is the last that the problem wrote.
			if !slices.Equal(get(q.grad), q.wrote) {
				t.Fatalf("%s: gradient %v, was %v", q.name, get(q.grad), q.wrote)
			}
		}
	}
}

func stepClears(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	p, q, a, b := bowl().parameters(dt), bowl().parameters(dt), new(), new()
	if s, ok := a.(optimizers.InformedSolver); ok && s.Needs() != 0 {
		t.Skip("needs more than Step is given")
	}
	for range 20 {
		q.evaluate()
		p.evaluate()
		q.step(t, b)
		if err := a.Step(p.vgs); err != nil {
			t.Fatal(err)
		}
		for _, x := range p.all {
			for i, g := range get(x.grad) {
				if g != 0 {
					t.Fatalf("%s: element %d of the gradient is %g after Step, which adds up with that of the next run", x.name, i, g)
				}
			}
		}
	}
	same(t, p, q)
}

func noAllocation(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	if racing {
		t.Skip("allocations cannot be counted under the race detector")
	}
	p, s := bowl().parameters(dt), new()
	p.evaluate()
	p.step(t, s)
	if n := testing.AllocsPerRun(20, func() { p.step(t, s) }); n != 0 {
		t.Errorf("%g allocations in a step", n)
	}
}

func order(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	p, q := bowl().parameters(dt), bowl().parameters(dt)
	slices.Reverse(q.vgs)
	a, b := new(), new()
	for i := range 20 {
		if i == 10 { // and the order may change on the way
			slices.Reverse(q.vgs[:2])
		}
		p.steps(t, a, 1)
		q.steps(t, b, 1)
	}
	same(t, q, p)
}

func notFinite(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for k := range bowl().parameters(dt).all {
			p, s := bowl().parameters(dt), new()
			p.steps(t, s, 3)
			before := p.values()
			p.evaluate()
			q := p.all[k]
			g := get(q.grad)
			g[len(g)-1] = bad
			set(q.grad, g)
			err := p.try(s)
			if err == nil || !strings.Contains(err.Error(), q.name) {
				t.Errorf("%g in the gradient of %s: error %v, want one that names it", bad, q.name, err)
			}
			for i, x := range p.values() {
				if !slices.Equal(x, before[i]) {
					t.Errorf("%g in the gradient of %s: %s is %v, was %v", bad, q.name, p.all[i].name, x, before[i])
				}
			}
			// It goes on as if that step had not been.
			clean, other := bowl().parameters(dt), new()
			clean.steps(t, other, 13)
			p.steps(t, s, 10)
			same(t, p, clean)
		}
	}
}

func extremes(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	for _, size := range []float64{0, 1e-30, 1e30} {
		p, s := wave(size).parameters(dt), new()
		for i := range 30 {
			if i == 20 {
				p.problem = wave(1)
			}
			p.steps(t, s, 1)
			for k, x := range p.values() {
				if !finite(x) {
					t.Fatalf("step %d with gradients of %g: %s is %v", i+1, size, p.all[k].name, x)
				}
			}
		}
	}
}

func saveAndLoad(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	p, s := bowl().parameters(dt), new()
	m, ok := s.(encoding.BinaryMarshaler)
	if !ok {
		t.Skipf("%T is no encoding.BinaryMarshaler", s)
	}
	p.steps(t, s, 17)
	data, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	q, loaded := bowl().parameters(dt), new()
	for i := range p.all {
		set(q.all[i].value, get(p.all[i].value))
	}
	if err := loaded.(encoding.BinaryUnmarshaler).UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	p.steps(t, s, 23)
	q.steps(t, loaded, 23)
	same(t, q, p)
	if err := loaded.(encoding.BinaryUnmarshaler).UnmarshalBinary(data[:len(data)/2]); err == nil {
		t.Error("half a state was loaded")
	}
}

func converges(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype, problem problem, share float64) {
	p, s := problem.parameters(dt), new()
	start := p.evaluate()
	p.steps(t, s, 4900)
	mean := 0.
	for range 100 {
		mean += p.evaluate() / 100
		p.step(t, s)
	}
	if !(mean <= share*start) {
		t.Errorf("loss %.3g over steps 4901 to 5000, %.3g at the start: want at most %g of it", mean, start, share)
	}
}

func bothTypes(t *testing.T, new func() gorgonia.Solver) {
	p, q := bowl().parameters(tensor.Float64), bowl().parameters(tensor.Float32)
	a, b := new(), new()
	for step := range 20 {
		p.steps(t, a, 1)
		q.steps(t, b, 1)
		for i := range p.all {
			want, got := get(p.all[i].value), get(q.all[i].value)
			for j := range want {
				if !(math.Abs(got[j]-want[j]) <= 1e-4*(1+math.Abs(want[j]))) {
					t.Fatalf("step %d: %s[%d] is %g in float32, %g in float64", step+1, p.all[i].name, j, got[j], want[j])
				}
			}
		}
	}
}

func same(t *testing.T, got, want *parameters) {
	t.Helper()
	for i, w := range want.values() {
		if g := got.values()[i]; !slices.Equal(g, w) {
			t.Errorf("%s: %v, want %v", want.all[i].name, g, w)
		}
	}
}

func finite(x []float64) bool {
	return !slices.ContainsFunc(x, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

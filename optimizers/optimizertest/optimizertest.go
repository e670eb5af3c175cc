package optimizertest

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/internal/suite"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Run checks an optimizer, made anew by each call of new, in a subtest of t for
// each property:
//
//   - it takes scalars, vectors and matrices of float32 and float64, and moves them: one that
//     moves nothing is told so, and is not tested further;
//   - float32 goes the way of float64;
//   - Step sets the gradients to zero, as Gorgonia's own solvers do, and StepWith
//     leaves them untouched; neither allocates anything;
//   - an optimizers.Updater tells the update that StepWith makes, and changes no value;
//   - of an optimizers.SeparableSolver that is separable, the steps of single parameters, in
//     another order, are those of all together, to the last bit;
//   - no parameters, and one that is nil or has no value, are errors;
//   - the order of the parameters makes no difference, to the last bit;
//   - a NaN or an infinity in a gradient is an error that names the parameter,
//     and nothing is changed;
//   - gradients of 0, 1e-30 and 1e30 leave the values finite, then and later;
//   - saved in the middle (encoding.BinaryMarshaler) and loaded into a new one, it
//     continues to the same values to the last bit; skipped if it cannot be saved;
//   - it comes near the minimum of a quadratic, and into the valley of Rosenbrock's
//     function, within 5000 steps. So its rate has to suit curvatures of 1 to 10
//     and of 1000, and distances of 0.5.
//
// An optimizers.InformedSolver is given all that a StepInfo can hold: each matrix W is the factor
// of a product x·W whose x and output gradient d have the gradient xᵀd of W.
//
// Each check that fails says so in one message, with the worst of what it found.
func Run(t *testing.T, name string, new func() gorgonia.Solver) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		if s := new(); s == nil || reflect.ValueOf(s).Kind() == reflect.Pointer && reflect.ValueOf(s).IsNil() {
			t.Fatal("there is nothing to test: new returns nil")
		}
		for _, dt := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
			t.Run(dt.String(), func(t *testing.T) {
				if !t.Run("moves", func(t *testing.T) { moves(t, new, dt) }) {
					return // nothing else can be told of it
				}
				t.Run("gradient untouched", func(t *testing.T) { gradientUntouched(t, new, dt) })
				t.Run("step clears", func(t *testing.T) { stepClears(t, new, dt) })
				t.Run("update", func(t *testing.T) { update(t, new, dt) })
				t.Run("one by one", func(t *testing.T) { oneByOne(t, new, dt) })
				t.Run("nothing given", func(t *testing.T) { nothingGiven(t, new, dt) })
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
	var still, wild []string
	for i, x := range p.values() {
		switch {
		case !finite(x):
			wild = append(wild, fmt.Sprintf("%s is %v", p.all[i].name, x))
		case slices.Equal(x, before[i]):
			still = append(still, p.all[i].name)
		}
	}
	if len(still) == len(p.all) {
		t.Fatal("the optimizer does nothing: after 20 steps all parameters are where they were, though their gradients are not 0")
	}
	if len(still) > 0 {
		t.Errorf("after 20 steps %s has not moved, though its gradient is not 0", strings.Join(still, " and "))
	}
	if len(wild) > 0 {
		t.Errorf("after 20 steps %s", strings.Join(wild, ", "))
	}
}

// update compares what an Updater tells with what it does.
func update(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	u, ok := new().(optimizers.Updater)
	if !ok {
		t.Skip("does not implement optimizers.Updater")
	}
	p, q, s := bowl().parameters(dt), bowl().parameters(dt), new()
	into := make([]gorgonia.Value, len(q.all))
	tol := 1e-9
	if dt == tensor.Float32 {
		tol = 1e-5
	}
	for step := range 20 {
		p.evaluate()
		q.evaluate()
		before := q.values()
		for i, x := range q.all {
			into[i] = value(dt, q.start[i].shape)
			set(into[i], get(x.value))
		}
		q.info.Loss = q.loss
		if err := u.Update(q.vgs, q.info, into); err != nil {
			t.Fatal(err)
		}
		p.step(t, s)
		var wrong suite.Faults
		for i, x := range p.values() {
			if now := get(q.all[i].value); !slices.Equal(now, before[i]) {
				t.Fatalf("step %d: Update changes the value of %s from %v to %v", step+1, q.all[i].name, before[i], now)
			}
			compare(&wrong, fmt.Sprintf("step %d: by Update %s", step+1, q.all[i].name), get(into[i]), x, tol)
			set(q.all[i].value, x)
		}
		if wrong.Report(t) {
			return
		}
	}
}

// oneByOne compares steps of single parameters with those of all.
func oneByOne(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	s, ok := new().(optimizers.SeparableSolver)
	if !ok || !s.Separable() {
		t.Skip("is not separable")
	}
	p, q, together := bowl().parameters(dt), bowl().parameters(dt), new()
	if err := optimizers.Prepare(s, q.vgs); err != nil {
		t.Fatal(err)
	}
	var bound []func(optimizers.StepInfo) error
	for _, x := range q.all {
		step, err := s.Bind(x, x.grad, nil)
		if err != nil {
			t.Fatal(err)
		}
		bound = append(bound, step)
	}
	for range 20 {
		p.steps(t, together, 1)
		q.evaluate()
		q.info.Loss = q.loss
		for _, step := range slices.Backward(bound) {
			if err := step(q.info); err != nil {
				t.Fatal(err)
			}
		}
	}
	same(t, q, p)
}

// nothingGiven has nothing where parameters should be.
func nothingGiven(t *testing.T, new func() gorgonia.Solver, dt tensor.Dtype) {
	p := bowl().parameters(dt)
	p.evaluate()
	empty := &parameter{name: "layer00/gain"}
	for what, params := range map[string][]gorgonia.ValueGrad{
		"no parameters":               {},
		"a parameter that is nil":     {p.all[0], nil},
		"a parameter without a value": {empty},
	} {
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("given %s, it panics: %v", what, r)
				}
			}()
			if err := optimizers.Step(new(), params, p.info); err == nil {
				t.Errorf("given %s, it reports no error", what)
			}
		}()
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
				t.Fatalf("%g in the gradient of %s: error %v, want one that names it", bad, q.name, err)
			}
			for i, x := range p.values() {
				if !slices.Equal(x, before[i]) {
					t.Fatalf("%g in the gradient of %s: %s is %v, was %v", bad, q.name, p.all[i].name, x, before[i])
				}
			}
			// It continues as if that step had not been.
			clean, other := bowl().parameters(dt), new()
			clean.steps(t, other, 13)
			p.steps(t, s, 10)
			if !same(t, p, clean) {
				t.Fatalf("that is 10 steps after %g in the gradient of %s", bad, q.name)
			}
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
		t.Skipf("%T does not implement encoding.BinaryMarshaler", s)
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
		var wrong suite.Faults
		for i := range p.all {
			compare(&wrong, fmt.Sprintf("step %d: in float32 %s", step+1, p.all[i].name), get(q.all[i].value), get(p.all[i].value), 1e-4)
		}
		if wrong.Report(t) {
			return
		}
	}
}

// same compares parameters to the last bit.
func same(t *testing.T, got, want *parameters) bool {
	t.Helper()
	var wrong suite.Faults
	for i, x := range want.values() {
		compare(&wrong, want.all[i].name, get(got.all[i].value), x, 0)
	}
	return !wrong.Report(t)
}

// compare compares elements, with a tolerance relative to 1 + their size; NaN equals NaN.
func compare(f *suite.Faults, name string, got, want []float64, tol float64) {
	for i, x := range want {
		d := math.Abs(got[i] - x)
		if got[i] == x || d <= tol*(1+math.Abs(x)) || math.IsNaN(got[i]) && math.IsNaN(x) {
			continue
		}
		f.Add(d, "%s[%d] is %g, want %g", name, i, got[i], x)
	}
}

func finite(x []float64) bool {
	return !slices.ContainsFunc(x, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

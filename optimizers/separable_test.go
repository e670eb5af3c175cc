package optimizers

import (
	"encoding"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestSeparable steps two parameters together, and beside that each by its own bound step
// in the other order: whoever says that this makes no difference is held to it, to the
// bit.
func TestSeparable(t *testing.T) {
	var not []string
	texts := append(Catalogue.Names(),
		"partition(rules=[{pattern=a,optimizer=smorms3},{pattern=*,optimizer=irprop-minus}])",
		"partition(rules=[{pattern=a,optimizer=smorms3},{pattern=*,optimizer=vsgd-fd}])",
		"chain(optimizer=sgd)",
		"chain(before=[clip-value(limit=0.5),centralize,noise(seed=3)],optimizer=adam)",
		"chain(optimizer=irprop-plus,after=[weight-decay(rate=0.01),schedule(schedule=cosine(steps=7))])",
		"chain(before=[clip-norm(limit=0.5),clip-adaptive],optimizer=chain(optimizer=lion,after=[scale-by-depth(base=0.5)]),after=[scale(rules=[{pattern=b,factor=3}])])",
		"partition(rules=[{pattern=a,optimizer=chain(before=[clip-value],optimizer=smorms3)},{pattern=*,optimizer=sgd}])",
		"chain(before=[clip-norm],optimizer=partition(rules=[{pattern=a,optimizer=smorms3},{pattern=*,optimizer=adamw}]),after=[weight-decay])",
		"chain(before=[clip-global-norm],optimizer=sgd)", "chain(optimizer=sgd,after=[scale-by-norm])", "chain(optimizer=vsgd-l)",
		"sgd(momentum=0.9,nesterov=true)", "rmsprop(eps-inside=true,centered=true,momentum=0.5)")
	for _, text := range texts {
		if text == "chain" || text == "partition" { // which need more
			continue
		}
		if !IsSeparable(mustMake(t, text)) {
			not = append(not, text)
			continue
		}
		for _, typ := range types {
			together, apart := mustMake(t, text), mustMake(t, text)
			r := rand.New(rand.NewPCG(1, 2))
			numbers := func(n int) []float64 {
				x := make([]float64, n)
				for i := range x {
					x[i] = float64(float32(r.NormFloat64()))
				}
				return x
			}
			wa, wb := numbers(6), numbers(12)
			make2 := func() (a, b *parameter) {
				return newParameter("a", typ.dt, wa, 2, 3), newParameter("b", typ.dt, wb, 3, 4)
			}
			a1, b1 := make2()
			a2, b2 := make2()
			for s, ps := range map[gorgonia.Solver][]gorgonia.ValueGrad{together: {a1, b1}, apart: {a2, b2}} {
				if err := Prepare(s, ps); err != nil {
					t.Fatal(err)
				}
			}
			var bound []func(StepInfo) error
			for _, p := range []*parameter{a2, b2} {
				step, err := apart.(SeparableSolver).Bind(p, p.grad, nil)
				if err != nil {
					t.Fatal(err)
				}
				bound = append(bound, step)
			}
			for i := range 9 {
				ga, gb := numbers(6), numbers(12)
				set(a1.grad, ga)
				set(a2.grad, ga)
				set(b1.grad, gb)
				set(b2.grad, gb)
				batch := StepInfo{Size: 4, Loss: float64(i)}
				if i == 3 { // saved and loaded, it goes on with the same bound steps
					load(t, apart, save(t, apart))
				}
				steps := []func() error{func() error { return bound[1](batch) }, func() error { return bound[0](batch) }}
				if i == 2 || i == 6 { // as where a probe looks at the gradients
					steps = []func() error{func() error { return Step(apart, []gorgonia.ValueGrad{a2, b2}, batch) }}
				}
				for _, step := range append(steps, func() error { return Step(together, []gorgonia.ValueGrad{a1, b1}, batch) }) {
					err := step()
					if err != nil {
						t.Fatalf("%s: %v", text, err)
					}
				}
				if !slices.Equal(get(a1.value), get(a2.value)) || !slices.Equal(get(b1.value), get(b2.value)) {
					t.Errorf("%s, %v, step %d: together %v %v, apart %v %v", text, typ.dt, i,
						get(a1.value), get(b1.value), get(a2.value), get(b2.value))
				}
			}
		}
	}
	want := []string{"vsgd-l", "vsgd-b", "vsgd-g", "vsgd-fd", "kfac",
		"partition(rules=[{pattern=a,optimizer=smorms3},{pattern=*,optimizer=vsgd-fd}])", "chain(before=[clip-global-norm],optimizer=sgd)",
		"chain(optimizer=sgd,after=[scale-by-norm])", "chain(optimizer=vsgd-l)"}
	slices.Sort(want)
	slices.Sort(not)
	if !slices.Equal(not, want) {
		t.Errorf("not separable are %v, want %v", not, want)
	}
}

func save(t *testing.T, s gorgonia.Solver) []byte {
	t.Helper()
	data, err := s.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func load(t *testing.T, s gorgonia.Solver, data []byte) {
	t.Helper()
	if err := s.(encoding.BinaryUnmarshaler).UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
}

// TestBindErrors has Bind refuse what StepWith refuses.
func TestBindErrors(t *testing.T) {
	p := newParameter("a", tensor.Float64, []float64{1, 2}, 2)
	for _, c := range []struct {
		text     string
		p        gorgonia.ValueGrad
		gradient gorgonia.Value
		want     string
	}{
		{"sgd", p, newValue(tensor.Float64, []float64{1}, 1), "parameter a: its gradient has shape (1)"},
		{"sgd", newParameter("", tensor.Float64, []float64{1}, 1), p.grad, "has no name"},
		{"vsgd-fd", p, p.grad, "vsgd-fd does not step each parameter by itself"},
		{"partition(rules=[{pattern=b,optimizer=sgd}])", p, p.grad, "no rule for parameter a"},
		{"partition(rules=[{pattern=a,optimizer=vsgd-l}])", p, p.grad, "pattern a: vsgd-l does not step"},
	} {
		_, err := mustMake(t, c.text).(SeparableSolver).Bind(c.p, c.gradient, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.text, err, c.want)
		}
	}
	// A gradient that is not finite is told as it is where all are stepped together.
	for _, text := range []string{"adam", "partition(rules=[{pattern=a,optimizer=adam}])"} {
		s := mustMake(t, text)
		set(p.grad, []float64{0, math.NaN()})
		step1, err := s.(SeparableSolver).Bind(p, p.grad, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, want := step1(StepInfo{}), step(s, StepInfo{}, p)
		if !errors.Is(got, ErrNonFinite) || got.Error() != want.Error() {
			t.Errorf("%s: error %v, together %v", text, got, want)
		}
	}
}

func TestNonFiniteError(t *testing.T) {
	err := error(&NonFiniteError{"layer01/weight", "element 1 of 2 is NaN"})
	if !errors.Is(err, ErrNonFinite) || err.Error() != "parameter layer01/weight: element 1 of 2 is NaN: gradient is not finite" {
		t.Error(err)
	}
}

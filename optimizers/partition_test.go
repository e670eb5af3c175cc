package optimizers

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func network() (ps []*parameter, vgs []gorgonia.ValueGrad) {
	for _, name := range []string{"layer00/weight", "layer00/bias", "layer01/weight", "layer01/bias"} {
		p := newParameter(name, tensor.Float64, []float64{1, 1}, 2)
		set(p.grad, []float64{1, -2})
		ps, vgs = append(ps, p), append(vgs, p)
	}
	return ps, vgs
}

func TestPartition(t *testing.T) {
	ps, vgs := network()
	o := mustMake(t, "partition(rules=[{pattern=*/bias,optimizer=sgd(rate=0.5)},{pattern=layer00/*,optimizer=sgd(rate=0.25)},{pattern=*/*,optimizer=adam(rate=0.125)}])")
	if err := Prepare(o, vgs); err != nil {
		t.Fatal(err)
	}
	mustStep(t, o, ps...)
	for i, want := range [][]float64{{.75, 1.5}, {.5, 2}, {.875, 1.125}, {.5, 2}} {
		for j, got := range get(ps[i].value) {
			if !(math.Abs(got-want[j]) <= 1e-8) {
				t.Errorf("%s[%d] = %g, want %g", ps[i].name, j, got, want[j])
			}
		}
	}
	if n := testing.AllocsPerRun(10, func() { o.Step(vgs) }); n != 0 {
		t.Errorf("%g allocations in a step", n)
	}
}

func TestPartitionErrors(t *testing.T) {
	for rules, message := range map[string]string{
		"{pattern=*/bias,optimizer=sgd}":                                                                               "no rule for parameter layer00/weight: end with one whose pattern is */*",
		"{pattern=*/*,optimizer=sgd},{pattern=layer01/*,optimizer=adam}":                                               "pattern layer01/* is the rule of no parameter (of layer00/weight, layer00/bias, layer01/weight, layer01/bias)",
		"{pattern=layer02/*,optimizer=sgd},{pattern=*/*,optimizer=adam}":                                               "pattern layer02/* is the rule of no parameter",
		"{pattern=layer00/*,optimizer=sgd},{pattern=layer01/*,optimizer=partition(rules=[{pattern=b,optimizer=sgd}])}": "no rule for parameter layer01/weight",
	} {
		o := mustMake(t, "partition(rules=["+rules+"])")
		ps, vgs := network()
		for what, err := range map[string]error{"Prepare": Prepare(o, vgs), "Step": o.Step(vgs)} {
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("%s: %s gives %v, want %q", rules, what, err, message)
			}
		}
		if !strings.Contains(rules, "partition") { // which finds its error late without Prepare
			for _, p := range ps {
				if get(p.value)[0] != 1 {
					t.Errorf("%s: %s was changed", rules, p.name)
				}
			}
		}
	}
	// A NaN in the last parameter stops all.
	o := mustMake(t, "partition(rules=[{pattern=*/bias,optimizer=sgd},{pattern=*/*,optimizer=adam}])")
	ps, _ := network()
	set(ps[2].grad, []float64{0, math.NaN()})
	if err := step(o, StepInfo{}, ps...); !errors.Is(err, ErrNonFinite) || !strings.Contains(err.Error(), "layer01/weight: element 1 of 2 is NaN") {
		t.Errorf("error %v", err)
	}
	for _, p := range ps {
		if get(p.value)[0] != 1 {
			t.Errorf("%s was changed", p.name)
		}
	}
}

// With an optimizer that needs a second gradient: it takes that before any
// parameter has moved, and the others step by the first gradient nevertheless.
func TestPartitionWithSecondGradient(t *testing.T) {
	ps, vgs := network()
	alone, _ := network()
	// The gradient of each parameter depends on all of them.
	gradient := func(ps []*parameter) func() (float64, error) {
		return func() (float64, error) {
			sum := 0.
			for _, p := range ps {
				w := get(p.value)
				sum += w[0] + w[1]*w[1]
			}
			for i, p := range ps {
				w := get(p.value)
				set(p.grad, []float64{float64(i+1)*w[0] + 0.1*sum, w[1] + 0.1*sum*w[1]})
			}
			return 0, nil
		}
	}
	for _, text := range []string{
		"partition(rules=[{pattern=*/bias,optimizer=sgd},{pattern=*/*,optimizer=vsgd-fd(start=2)}])",
		"partition(rules=[{pattern=*/weight,optimizer=vsgd-fd(start=2)},{pattern=*/*,optimizer=sgd}])",
	} {
		o := mustMake(t, text).(InformedSolver)
		if o.Needs() != NeedsGradient {
			t.Errorf("needs %v", o.Needs())
		}
		fd, sgd := mustMake(t, "vsgd-fd(start=2)").(InformedSolver), mustMake(t, "sgd")
		for range 20 {
			gradient(ps)()
			if err := o.StepWith(vgs, StepInfo{Gradient: gradient(ps)}); err != nil {
				t.Fatal(err)
			}
			gradient(alone)()
			first1, first3 := get(alone[1].grad), get(alone[3].grad)
			if err := fd.StepWith([]gorgonia.ValueGrad{alone[0], alone[2]}, StepInfo{Gradient: gradient(alone)}); err != nil {
				t.Fatal(err)
			}
			set(alone[1].grad, first1)
			set(alone[3].grad, first3)
			mustStep(t, sgd, alone[1], alone[3])
		}
		for i, p := range ps {
			for j, x := range get(p.value) {
				if want := get(alone[i].value)[j]; x != want || x == 1 {
					t.Errorf("%s[%d] = %g, want %g", p.name, j, x, want)
				}
			}
		}
	}
}

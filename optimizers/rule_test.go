package optimizers

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestRejectedRules(t *testing.T) {
	update := func(*Block[float64]) {}
	update32 := func(*Block[float32]) {}
	together := func(*Parameters) error { return nil }
	for want, r := range map[string]Rule{
		"needs a name":                   {Update: update},
		"want either Update or Together": {Name: "a"},
		"rule a: want either":            {Name: "a", Update: update, Together: together},
		"Update32 needs Update":          {Name: "a", Update32: update32, Together: together},
		"want Together":                  {Name: "a", Update: update, Needs: NeedsGradient},
		"needs the inputs and output":    {Name: "a", Update: update, Update32: update32, Needs: NeedsLayers},
		"needs the loss and curvature":   {Name: "a", Update: update, Update32: update32, Needs: NeedsLoss | NeedsCurvature},
		"rule a: -1 numbers":             {Name: "a", Update: update, Numbers: -1},
	} {
		if o, err := New(r); o != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for want, tr := range map[string]Transform{
		"needs a name":             {Change: func(*Block[float64], int) {}},
		"transform a: want Change": {Name: "a"},
	} {
		if l, err := NewLink(tr); l != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// What is missing is an error, not a panic.
func TestNil(t *testing.T) {
	p := newParameter("w", tensor.Float64, []float64{1, 2}, 2)
	noValue := &parameter{"w", nil, nil}
	nilTensor := &parameter{"w", (*tensor.Dense)(nil), (*tensor.Dense)(nil)}
	for _, text := range []string{"sgd", "vsgd-g", "vsgd-fd", "chain(before=[clip-value],optimizer=sgd)", "partition(rules=[{pattern=w,optimizer=sgd}])"} {
		info := StepInfo{
			Gradient:  func() (float64, error) { return 0, nil },
			Curvature: func(string) gorgonia.Value { return p.grad },
		}
		for want, params := range map[string][]gorgonia.ValueGrad{
			"no parameters":       {},
			"a parameter is nil":  {p, nil},
			"parameter is nil":    {(*parameter)(nil)},
			"has no value":        {noValue},
			"value: has no value": {nilTensor},
		} {
			if err := Step(mustMake(t, text), params, info); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Step: %v, want %q", text, err, want)
			}
			if err := Prepare(mustMake(t, text), params); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Prepare: %v, want %q", text, err, want)
			}
		}
		if err := mustMake(t, text).(Updater).Update([]gorgonia.ValueGrad{p}, info, []gorgonia.Value{nil}); err == nil || !strings.Contains(err.Error(), "its update: has no value") {
			t.Errorf("%s: Update into nil: %v", text, err)
		}
	}
	for _, s := range []gorgonia.Solver{nil, (*Optimizer)(nil), (*Chain)(nil)} {
		if err := Step(s, []gorgonia.ValueGrad{p}, StepInfo{}); err == nil || !strings.Contains(err.Error(), "nil") {
			t.Errorf("a nil solver: %v", err)
		}
		if err := Prepare(s, []gorgonia.ValueGrad{p}); err == nil || !strings.Contains(err.Error(), "nil") {
			t.Errorf("a nil solver: %v", err)
		}
		if _, err := NewChain(ChainConfig{Optimizer: s}); err == nil {
			t.Error("a chain of a nil solver was made")
		}
		if _, err := NewPartition(PartitionConfig{Rules: []PartitionRule{{"*", s}}}); err == nil {
			t.Error("a partition of a nil solver was made")
		}
	}
}

// A rule is given the inputs and output gradients of the products that its parameter is in.
func TestLayers(t *testing.T) {
	for _, typ := range types {
		p := newParameter("w", typ.dt, []float64{0, 0, 0, 0, 0, 0}, 2, 3)
		bias := newParameter("b", typ.dt, []float64{0, 0, 0}, 3)
		x := []gorgonia.Value{newValue(typ.dt, []float64{1, 2, 3, 4}, 2, 2), newValue(typ.dt, []float64{5, 6}, 1, 2)}
		d := []gorgonia.Value{newValue(typ.dt, []float64{1, 0, 2, 0, 1, 3}, 2, 3), newValue(typ.dt, []float64{1, 1, 1}, 1, 3)}
		// By the products, the gradient is Σ xᵀd.
		o, err := New(Rule{Name: "by-products", Needs: NeedsLayers, Update: func(b *Block[float64]) {
			for k, x := range b.Inputs {
				d := b.OutputGradients[k]
				for n := range len(x) / b.Rows {
					for i := range b.Rows {
						for j := range b.Cols {
							b.To[i*b.Cols+j] -= x[n*b.Rows+i] * d[n*b.Cols+j]
						}
					}
				}
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		info := StepInfo{Layer: func(name string) (inputs, gradients []gorgonia.Value) {
			if name == "w" {
				return x, d
			}
			return nil, nil
		}}
		if o.Separable() {
			t.Error("separable")
		}
		params := []gorgonia.ValueGrad{p, bias}
		if err := o.StepWith(params, info); err != nil {
			t.Fatal(err)
		}
		want := []float64{-6, -8, -16, -8, -10, -22}
		for i, w := range get(p.value) {
			if w != want[i] {
				t.Errorf("%v: %v, want %v", typ.dt, get(p.value), want)
				break
			}
		}
		if b := get(bias.value); b[0] != 0 {
			t.Errorf("the bias moved: %v", b)
		}
		for message, bad := range map[string]gorgonia.Value{
			"output gradients of w are (2) of float": newValue(typ.dt, []float64{1, 2}, 2),
			"want rows of 3":                         newValue(typ.dt, []float64{1, 2, 3}, 1, 3),
			"output gradients of w: gradient is not": newValue(typ.dt, []float64{1, 0, 2, 0, 1, math.NaN()}, 2, 3),
			"output gradients of w: has no value":    nil,
		} {
			keep, before := d[0], get(p.value)
			d[0] = bad
			err := o.StepWith(params, info)
			d[0] = keep
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("%v, want %q", err, message)
			}
			if get(p.value)[0] != before[0] {
				t.Error("moved all the same")
			}
		}
		if err := o.StepWith(params, StepInfo{}); !errors.Is(err, ErrNeedsMore) {
			t.Errorf("without layers: %v", err)
		}
	}
}

package optimizers

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// readRemedies reads testdata/remedies.json, which testdata/remedies.py wrote.
func readRemedies(t *testing.T) (r struct {
	NumPy string
	Cases []struct {
		Call, Optimizer  string
		Values, Averages [][]float64
	}
	KFAC []struct {
		Call, Optimizer    string
		Weight, Bias, Gain []float64
		Batches            []struct{ X, Delta, Gain []float64 }
		Values             []struct{ Weight, Bias, Gain []float64 }
	}
}) {
	data, err := os.ReadFile("testdata/remedies.json")
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The values of each weight, and its averages, over 48 gradients of 12 decades, are those of
// the methods as their sources have them, in NumPy.
func TestRemedies(t *testing.T) {
	r, recorded := readRemedies(t), readRecorded(t)
	for _, c := range r.Cases {
		for _, typ := range types {
			t.Run(c.Optimizer+"/"+typ.dt.String(), func(t *testing.T) {
				o := mustMake(t, c.Optimizer)
				p := newParameter("layer00/weight", typ.dt, recorded.Start, 2, 4)
				into := newValue(typ.dt, make([]float64, 8), 2, 4)
				if IsAverager(o) != (len(c.Averages) > 0) {
					t.Fatalf("takes an average: %v", IsAverager(o))
				}
				largest := make([]float64, 8) // what rounding is relative to
				for step, g := range recorded.Gradients {
					set(p.grad, g)
					mustStep(t, o, p)
					check := func(what string, got, all []float64) {
						for i, x := range got {
							want := all[i]
							largest[i] = max(largest[i], want, -want)
							if !near(x-want+largest[i], largest[i], typ.tol) {
								t.Fatalf("step %d, %s %d: %g, want %g of %s (NumPy %s)", step, what, i, x, want, c.Call, r.NumPy)
							}
						}
					}
					check("weight", get(p.value), c.Values[step])
					if len(c.Averages) > 0 {
						if ok, err := o.(Averager).Average(p.name, into); err != nil || !ok {
							t.Fatal(ok, err)
						}
						check("average", get(into), c.Averages[step])
					}
				}
			})
		}
	}
}

// A layer with its bias, and a gain that has no factors, step as in NumPy.
func TestKFAC(t *testing.T) {
	for _, c := range readRemedies(t).KFAC {
		for _, typ := range types {
			t.Run(c.Optimizer+"/"+typ.dt.String(), func(t *testing.T) {
				o := mustMake(t, c.Optimizer).(InformedSolver)
				weight, bias := newParameter("layer01/weight", typ.dt, c.Weight, 4, 3), newParameter("layer01/bias", typ.dt, c.Bias, 3)
				gain := newParameter("layer01/gain", typ.dt, c.Gain, 1)
				x, delta := newValue(typ.dt, make([]float64, 24), 6, 4), newValue(typ.dt, make([]float64, 18), 6, 3)
				info := StepInfo{Size: 6, Layer: func(name string) (inputs, gradients []gorgonia.Value) {
					if name != weight.name {
						return nil, nil
					}
					return []gorgonia.Value{x}, []gorgonia.Value{delta}
				}}
				for step, b := range c.Batches {
					set(x, b.X)
					set(delta, b.Delta)
					set(gain.grad, b.Gain)
					g, gb := make([]float64, 12), make([]float64, 3)
					for n := range 6 {
						for j := range 3 {
							gb[j] += b.Delta[n*3+j]
							for i := range 4 {
								g[i*3+j] += b.X[n*4+i] * b.Delta[n*3+j]
							}
						}
					}
					set(weight.grad, g)
					set(bias.grad, gb)
					if err := o.StepWith([]gorgonia.ValueGrad{gain, weight, bias}, info); err != nil {
						t.Fatal(err)
					}
					for _, v := range []struct {
						p    *parameter
						want []float64
					}{{weight, c.Values[step].Weight}, {bias, c.Values[step].Bias}, {gain, c.Values[step].Gain}} {
						// The gradient in float32 is rounded, and (A + ..)⁻¹ amplifies that.
						tol := typ.tol
						if typ.dt == tensor.Float32 {
							tol = 1e-4
						}
						scale := length(v.want)
						for i, got := range get(v.p.value) {
							if !(math.Abs(got-v.want[i]) <= tol*scale) {
								t.Fatalf("step %d, %s[%d]: %g, want %g of %s", step, v.p.name, i, got, v.want[i], c.Call)
							}
						}
					}
				}
			})
		}
	}
}

// A factor that overflowed is told as what it is, and nothing has moved.
func TestKFACOverflow(t *testing.T) {
	o := mustMake(t, "kfac").(InformedSolver)
	p := newParameter("layer01/weight", tensor.Float64, []float64{1, 2}, 2, 1)
	x, delta := newValue(tensor.Float64, []float64{1, 1}, 1, 2), newValue(tensor.Float64, []float64{1e154}, 1, 1)
	set(p.grad, []float64{1, 1})
	err := o.StepWith([]gorgonia.ValueGrad{p}, StepInfo{Size: 1000, Layer: func(string) (a, b []gorgonia.Value) {
		return []gorgonia.Value{x}, []gorgonia.Value{delta}
	}})
	if !errors.Is(err, ErrNonFinite) || !strings.Contains(err.Error(), "layer01/weight") {
		t.Errorf("error %v", err)
	}
	if w := get(p.value); w[0] != 1 || w[1] != 2 {
		t.Errorf("the weights are %v", w)
	}
}

// deltas has three layers with errors of sizes 1e-4, 1e-2 and 1, and gradients of the weights
// and biases of each.
func deltas(dt tensor.Dtype) ([]*parameter, StepInfo) {
	var ps []*parameter
	of := map[string]gorgonia.Value{}
	for i, size := range []float64{1e-4, 1e-2, 1} {
		layer := []string{"layer01", "layer02", "output"}[i]
		w, b := newParameter(layer+"/weight", dt, []float64{1, 1}, 2, 1), newParameter(layer+"/bias", dt, []float64{1}, 1)
		set(w.grad, []float64{3 * size, -3 * size})
		set(b.grad, []float64{size})
		of[w.name] = newValue(dt, []float64{size, -size}, 2, 1)
		ps = append(ps, w, b)
	}
	x := newValue(dt, []float64{1, 0, 0, 1}, 2, 2)
	return ps, StepInfo{Size: 2, Layer: func(name string) (inputs, gradients []gorgonia.Value) {
		if d := of[name]; d != nil {
			return []gorgonia.Value{x}, []gorgonia.Value{d}
		}
		return nil, nil
	}}
}

// Layers whose gradients span decades take steps of one size.
func TestLayersEqualised(t *testing.T) {
	for text, power := range map[string]float64{
		"scale-by-gradient": 1, "scale-by-gradient(power=0.5)": 0.5, "scale-by-chi": 1, "scale-by-chi(power=0.5,rho=0)": 0.5,
	} {
		for _, typ := range types {
			t.Run(text+"/"+typ.dt.String(), func(t *testing.T) {
				o := mustMake(t, "chain(before=["+text+"],optimizer=sgd(rate=1))").(InformedSolver)
				ps, info := deltas(typ.dt)
				var vgs []gorgonia.ValueGrad
				for _, p := range ps {
					vgs = append(vgs, p)
				}
				before := [][]float64{}
				for _, p := range ps {
					before = append(before, get(p.value))
				}
				if err := o.StepWith(vgs, info); err != nil {
					t.Fatal(err)
				}
				for i, p := range ps {
					size := []float64{1e-4, 1e-2, 1}[i/2]
					want := math.Pow(size, 1-power)
					if i%2 == 0 {
						want *= 3
					}
					if got := before[i][0] - get(p.value)[0]; !near(got, want, max(typ.tol, 1e-6)) {
						t.Errorf("%s moves by %g, want %g", p.name, got, want)
					}
				}
			})
		}
	}
}

// What a link needs is what its chain needs.
func TestLinkNeeds(t *testing.T) {
	o := mustMake(t, "chain(before=[scale-by-chi],optimizer=sgd)")
	if NeedsOf(o) != NeedsLayers {
		t.Errorf("needs %v", NeedsOf(o))
	}
	ps, _ := deltas(tensor.Float64)
	if err := step(o, StepInfo{}, ps...); !errors.Is(err, ErrNeedsMore) {
		t.Errorf("error %v", err)
	}
	for text, path := range map[string]string{
		"chain(before=[cautious],optimizer=sgd)":                            "before[0]",
		"chain(optimizer=schedule-free-sgd,after=[weight-decay])":           "after",
		"chain(optimizer=chain(optimizer=schedule-free-sgd),after=[noise])": "after",
	} {
		c, err := catalogue.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Catalogue.Make(c)
		var e *catalogue.Error
		if !errors.As(err, &e) || e.Path != path {
			t.Errorf("%s: %v, want an error at %s", text, err, path)
		}
	}
	cautious, err := NewCautious(CautiousConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := cautious.Apply(0, []gorgonia.ValueGrad{ps[0]}); !errors.Is(err, ErrNeedsMore) {
		t.Errorf("error %v", err)
	}
}

// Before its first step, a parameter is its own average.
func TestNoAverageYet(t *testing.T) {
	for _, text := range []string{"schedule-free-sgd", "adam", "chain(optimizer=schedule-free-adamw)"} {
		o := mustMake(t, text).(Averager)
		into := newValue(tensor.Float64, []float64{7}, 1)
		if ok, err := o.Average("w", into); ok || err != nil || get(into)[0] != 7 {
			t.Errorf("%s: %v, %v, %v", text, ok, err, get(into))
		}
	}
}

package optimizers

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"gonum.org/v1/gonum/stat"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// through returns what the links make of gradients: the steps of sgd(rate=1).
func through(t *testing.T, dt tensor.Dtype, links string, steps int, w, g map[string][]float64, shape ...int) map[string][]float64 {
	t.Helper()
	o := mustMake(t, "chain(optimizer=sgd(rate=1),"+links+")").(Updater)
	out := make(map[string][]float64)
	for range steps {
		var params []gorgonia.ValueGrad
		var into []gorgonia.Value
		var names []string
		for name := range g {
			p := newParameter(name, dt, w[name], shape...)
			set(p.grad, g[name])
			params, into, names = append(params, p), append(into, newValue(dt, make([]float64, len(g[name])), shape...)), append(names, name)
		}
		if err := o.Update(params, StepInfo{}, into); err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			out[name] = get(into[i])
			for j := range out[name] {
				out[name][j] *= -1
			}
		}
	}
	return out
}

func TestLinks(t *testing.T) {
	w := map[string][]float64{"layer00/weight": {3, 0, 4, 0, 0, 0}, "layer01/weight": {1, 1, 1, 1, 1, 1}}
	g := map[string][]float64{"layer00/weight": {1, 2, 3, 4, 5, 6}, "layer01/weight": {0, 0, -0.1, 0, 0, 0}}
	norm0 := math.Sqrt(91)
	global := math.Sqrt(91.01)
	times := func(a, b float64) map[string][]float64 {
		out := map[string][]float64{}
		for name, x := range g {
			for _, v := range x {
				f := a
				if name == "layer01/weight" {
					f = b
				}
				out[name] = append(out[name], f*v)
			}
		}
		return out
	}
	for _, c := range []struct {
		links string
		steps int
		want  map[string][]float64
	}{
		{"before=[clip-value(limit=2.5)]", 1, map[string][]float64{"layer00/weight": {1, 2, 2.5, 2.5, 2.5, 2.5}, "layer01/weight": g["layer01/weight"]}},
		{"before=[clip-norm(limit=0.5)]", 1, times(0.5/norm0, 1)},
		{"before=[clip-global-norm(limit=0.5)]", 1, times(0.5/global, 0.5/global)},
		{"before=[clip-global-norm(limit=50)]", 1, times(1, 1)},
		// units are columns of 3x2: weights (3, 4, 0) and (0, 0, 0), gradients (1, 3, 5) and (2, 4, 6)
		{"before=[clip-adaptive(limit=0.1,eps=0.01)]", 1, map[string][]float64{
			"layer00/weight": {0.5 / math.Sqrt(35), 0.002 / math.Sqrt(56), 1.5 / math.Sqrt(35), 0.004 / math.Sqrt(56), 2.5 / math.Sqrt(35), 0.006 / math.Sqrt(56)},
			"layer01/weight": g["layer01/weight"]}},
		{"before=[centralize]", 1, map[string][]float64{"layer00/weight": {-2, -2, 0, 0, 2, 2}, "layer01/weight": {0.1 / 3, 0, -0.2 / 3, 0, 0.1 / 3, 0}}},
		{"after=[weight-decay(rate=0.5)]", 1, map[string][]float64{"layer00/weight": {2.5, 2, 5, 4, 5, 6}, "layer01/weight": {0.5, 0.5, 0.4, 0.5, 0.5, 0.5}}},
		{"after=[schedule(schedule=inverse-time(decay=0.5))]", 3, times(0.5, 0.5)},
		{"after=[scale(rules=[{pattern=layer00/*,factor=3},{pattern=*/weight,factor=0}])]", 1, times(3, 0)},
		{"after=[scale-by-depth(base=10)]", 1, times(10, 1)},
		{"before=[scale-by-norm]", 2, times(1, norm0/0.1)},
		{"before=[scale-by-norm(power=0.5)]", 1, times(1, math.Sqrt(norm0/0.1))},
		{"before=[clip-value(limit=2)],after=[schedule(schedule=constant(factor=2)),clip-value(limit=3)]", 1, map[string][]float64{"layer00/weight": {2, 3, 3, 3, 3, 3}, "layer01/weight": {0, 0, -0.2, 0, 0, 0}}},
	} {
		for _, typ := range types {
			got := through(t, typ.dt, c.links, c.steps, w, g, 3, 2)
			for name, want := range c.want {
				for i := range want {
					if !(math.Abs(got[name][i]-want[i]) <= typ.tol*max(1e-2, math.Abs(want[i]))) {
						t.Errorf("%s, %v: %s is %v, want %v", c.links, typ.dt, name, got[name], want)
						break
					}
				}
			}
		}
	}
}

// A vector is one unit for adaptive clipping, and is not centralised.
func TestLinksOfVectors(t *testing.T) {
	w := map[string][]float64{"b": {3, 4}}
	g := map[string][]float64{"b": {6, 8}}
	got := through(t, tensor.Float64, "before=[centralize,clip-adaptive(limit=0.1)]", 1, w, g, 2)["b"]
	if !(math.Abs(got[0]-0.3)+math.Abs(got[1]-0.4) <= 1e-15) {
		t.Errorf("got %v, want 0.3, 0.4", got)
	}
}

func TestNoise(t *testing.T) {
	zero := map[string][]float64{"a": make([]float64, 20000), "b": make([]float64, 20000)}
	draw := func(links string, steps int) map[string][]float64 {
		return through(t, tensor.Float64, links, steps, zero, zero, 20000)
	}
	for _, steps := range []int{1, 10} {
		n := draw("before=[noise(variance=4,decay=1,seed=3)]", steps)
		mean, deviation := stat.MeanStdDev(n["a"], nil)
		// 5 standard errors
		if want := math.Sqrt(4 / float64(steps)); !(math.Abs(mean) <= 5*want/math.Sqrt(20000) && math.Abs(deviation-want) <= 5*want/math.Sqrt(40000)) {
			t.Errorf("step %d: mean %g, deviation %g; want 0, %g", steps, mean, deviation, want)
		}
		for what, other := range map[string][]float64{
			"another parameter": n["b"],
			"another seed":      draw("before=[noise(variance=4,decay=1,seed=4)]", steps)["a"],
			"another step":      draw("before=[noise(variance=4,decay=1,seed=3)]", steps+1)["a"],
		} {
			if c := stat.Correlation(n["a"], other, nil); !(math.Abs(c) <= 5/math.Sqrt(20000)) {
				t.Errorf("step %d: correlation %g with %s", steps, c, what)
			}
		}
		if again := draw("before=[noise(variance=4,decay=1,seed=3)]", steps); fmt.Sprint(again["a"][:9]) != fmt.Sprint(n["a"][:9]) {
			t.Error("not reproducible")
		}
	}
}

func TestSchedules(t *testing.T) {
	for text, want := range map[string]map[int]float64{
		"constant(factor=0.5)":                  {0: .5, 9: .5},
		"step(every=10,factor=0.5)":             {0: 1, 9: 1, 10: .5, 25: .25},
		"cosine(steps=100)":                     {0: 1, 25: (1 + math.Sqrt(.5)) / 2, 50: .5, 100: 0, 1000: 0},
		"cosine(steps=100,final=0.1)":           {0: 1, 50: .55, 100: .1, 101: .1},
		"inverse-time(decay=0.1)":               {0: 1, 10: .5, 90: .1},
		"warm-up(steps=4)":                      {0: .25, 2: .75, 3: 1, 4: 1, 99: 1},
		"warm-up(steps=4,then=step(every=2))":   {0: .25, 3: 1, 4: 1, 5: 1, 6: .1},
		"warm-up(steps=1,then=cosine(steps=2))": {0: 1, 1: 1, 2: .5, 3: 0},
	} {
		c, err := catalogue.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Schedules.Make(c)
		if err != nil {
			t.Fatal(err)
		}
		for step, w := range want {
			if got := s.Factor(step); !(math.Abs(got-w) <= 1e-15) {
				t.Errorf("%s at %d: %g, want %g", text, step, got, w)
			}
		}
	}
}

// AdamW is Adam with a link of weight decay behind it.
func TestChainIsAdamW(t *testing.T) {
	r := readRecorded(t)
	a, b := mustMake(t, "adamw(weight-decay=0.1)"), mustMake(t, "chain(optimizer=adam,after=[weight-decay(rate=0.0001)])")
	p, q := newParameter("w", tensor.Float64, r.Start, 8), newParameter("w", tensor.Float64, r.Start, 8)
	for _, g := range r.Gradients {
		set(p.grad, g)
		set(q.grad, g)
		mustStep(t, a, p)
		mustStep(t, b, q)
	}
	for i, want := range get(p.value) {
		if got := get(q.value)[i]; !near(got, want, 1e-12) {
			t.Errorf("weight %d: %g, want %g", i, got, want)
		}
	}
}

// The links before vsgd-fd see its second gradient as well: on a quadratic whose
// gradients are halved it moves as on the quadratic of half the curvature.
func TestChainWithSecondGradient(t *testing.T) {
	run := func(text string, curvature float64) []float64 {
		p := newParameter("w", tensor.Float64, []float64{1, -2}, 2)
		evaluate := func() (float64, error) {
			w := get(p.value)
			set(p.grad, []float64{curvature * w[0], 3 * curvature * w[1]})
			return 0, nil
		}
		o := mustMake(t, text).(InformedSolver)
		for range 15 {
			evaluate()
			if err := o.StepWith([]gorgonia.ValueGrad{p}, StepInfo{Gradient: evaluate}); err != nil {
				t.Fatal(err)
			}
		}
		return get(p.value)
	}
	want := run("vsgd-fd", 0.5)
	got := run("chain(before=[schedule(schedule=constant(factor=0.5))],optimizer=vsgd-fd)", 1)
	if fmt.Sprint(got) != fmt.Sprint(want) || want[0] == 1 {
		t.Errorf("got %v, want %v", got, want)
	}
	// Noise is the same in both gradients of a step, so it does not look like curvature.
	if noisy := run("chain(before=[noise],optimizer=vsgd-fd)", 1); !(math.Abs(noisy[0]) <= 1) {
		t.Errorf("noise drove the weight to %g", noisy[0])
	}
}

// The second gradient of a step does not count twice in the measured norms.
func TestScaleByNormMeasuresOnce(t *testing.T) {
	link, err := NewScaleByNorm(ScaleByNormConfig{Rho: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	a, b := newParameter("a", tensor.Float64, []float64{1}, 1), newParameter("b", tensor.Float64, []float64{1}, 1)
	apply := func(step int, ga, want float64) {
		t.Helper()
		set(a.grad, []float64{ga})
		set(b.grad, []float64{100})
		if err := link.Apply(step, []gorgonia.ValueGrad{a, b}); err != nil {
			t.Fatal(err)
		}
		if got := get(a.grad)[0]; !near(got, want, 1e-14) {
			t.Errorf("step %d: %g, want %g", step, got, want)
		}
	}
	apply(0, 4, 100)
	apply(0, 8, 200)
	apply(1, 8, 8*100/6.)
	apply(1, 6, 100)
}

// A factor outside the range of float32 is no harm where the product is not.
func TestScaleBeyondFloat32(t *testing.T) {
	v := []float32{1e-35, -1e-40}
	scale(v, 1e40)
	if !(math.Abs(float64(v[0])-1e5) <= 1 && math.Abs(float64(v[1])+1) <= 1e-4) {
		t.Errorf("got %v, want 1e5, -1", v)
	}
	v = []float32{1e30}
	scale(v, 1e-44)
	if !(math.Abs(float64(v[0])-1e-14) <= 1e-20) {
		t.Errorf("got %v, want 1e-14", v)
	}
}

func TestChainErrors(t *testing.T) {
	for text, path := range map[string]string{
		"chain":                                  "optimizer",
		"chain(optimizer=sgdd)":                  "optimizer",
		"chain(optimizer=sgd,before=[clip-nrm])": "before[0]",
		"chain(optimizer=sgd,before=[clip-norm(limit=-1)])":                            "before[0].limit",
		"chain(optimizer=sgd,after=[schedule])":                                        "after[0].schedule",
		"chain(optimizer=sgd,after=[schedule(schedule=warm-up(steps=3,then=cosine))])": "after[0].schedule.then.steps",
		`chain(optimizer=sgd,after=[scale(rules=[{pattern="[",factor=1}])])`:           "after[0].rules[0].pattern",
		"chain(optimizer=sgd,after=[scale(rules=[{pattern=a,factor=-1}])])":            "after[0].rules[0].factor",
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
	// A pattern without a parameter, found before anything changes.
	o := mustMake(t, "chain(optimizer=sgd,after=[scale(rules=[{pattern=layer07/*,factor=2}])])")
	ps, vgs := network()
	for what, err := range map[string]error{"Prepare": Prepare(o, vgs), "Step": o.Step(vgs)} {
		if err == nil || !strings.Contains(err.Error(), "pattern layer07/* is the rule of no parameter (of layer00/bias, layer00/weight") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, p := range ps {
		if get(p.value)[0] != 1 {
			t.Errorf("%s was changed", p.name)
		}
	}
}

// Before a foreign solver, links work as well.
func TestChainWithForeignSolver(t *testing.T) {
	clip, err := NewClipValue(ClipConfig{})
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewChain(ChainConfig{Before: []*Link{clip}, Optimizer: gorgonia.NewVanillaSolver(gorgonia.WithLearnRate(0.5))})
	if err != nil {
		t.Fatal(err)
	}
	p := newParameter("w", tensor.Float64, []float64{1, 1}, 2)
	set(p.grad, []float64{0.5, 7})
	mustStep(t, o, p)
	if got := get(p.value); got[0] != 0.75 || got[1] != 0.5 {
		t.Errorf("got %v, want 0.75, 0.5", got)
	}
}

// So they do behind one: what it steps is found out on copies of the values.
func TestLinksAfterForeignSolver(t *testing.T) {
	half, err := NewConstant(ConstantConfig{Factor: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range types {
		after, err := NewScheduled(ScheduledConfig{Schedule: half})
		if err != nil {
			t.Fatal(err)
		}
		o, err := NewChain(ChainConfig{Optimizer: gorgonia.NewRMSPropSolver(gorgonia.WithLearnRate(0.25)), After: []*Link{after}})
		if err != nil {
			t.Fatal(err)
		}
		if IsSeparable(o) {
			t.Error("a solver that counts parameters is taken to be separable")
		}
		alone := gorgonia.NewRMSPropSolver(gorgonia.WithLearnRate(0.25))
		p, q := newParameter("w", typ.dt, []float64{1, -2}, 2), newParameter("w", typ.dt, []float64{1, -2}, 2)
		for range 5 {
			before, full := get(p.value), get(q.value)
			for _, x := range []*parameter{p, q} {
				set(x.grad, []float64{0.5, 7})
			}
			if err := o.StepWith([]gorgonia.ValueGrad{p}, StepInfo{}); err != nil {
				t.Fatal(err)
			}
			if g := get(p.grad); g[0] != 0.5 || g[1] != 7 {
				t.Errorf("gradient %v was changed", g)
			}
			if err := alone.Step([]gorgonia.ValueGrad{q}); err != nil {
				t.Fatal(err)
			}
			for i, x := range get(p.value) {
				if moved, want := x-before[i], (get(q.value)[i]-full[i])/2; want == 0 || !near(moved, want, 2e-6) {
					t.Errorf("%v: element %d moves by %g, want %g, half of what it does alone", typ.dt, i, moved, want)
				}
			}
		}
	}
}

// AdamW is Adam with decoupled weight decay: as a chain it is the same but for rounding.
func TestAdamWIsAChain(t *testing.T) {
	for _, typ := range types {
		alias := mustMake(t, "adamw(rate=0.01,weight-decay=0.1)")
		chain := mustMake(t, "chain(optimizer=adam(rate=0.01),after=[weight-decay(rate=0.001)])")
		p, q := newParameter("w", typ.dt, []float64{1, -2}, 2), newParameter("w", typ.dt, []float64{1, -2}, 2)
		for i := range 50 {
			for _, x := range []*parameter{p, q} {
				set(x.grad, []float64{math.Sin(float64(i)), 1e-3})
			}
			mustStep(t, alias, p)
			mustStep(t, chain, q)
		}
		for i, w := range get(p.value) {
			if c := get(q.value)[i]; !near(c, w, typ.tol) {
				t.Errorf("%v: weight %d is %g, as a chain %g", typ.dt, i, w, c)
			}
		}
	}
}

package optimizers

import (
	"encoding"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestRejectedParameters(t *testing.T) {
	good := func() *parameter { return newParameter("w", tensor.Float64, []float64{1, 2, 3, 4}, 2, 2) }
	nameless := good()
	nameless.name = ""
	otherType := good()
	otherType.grad = newValue(tensor.Float32, make([]float64, 4), 2, 2)
	otherShape := good()
	otherShape.grad = newValue(tensor.Float64, make([]float64, 4), 4)
	integers := good()
	integers.value = tensor.New(tensor.WithShape(2, 2), tensor.Of(tensor.Int))
	transposed := good()
	transposed.grad.(*tensor.Dense).T()
	columns := good()
	columns.grad = tensor.New(tensor.WithShape(2, 2), tensor.AsFortran([]float64{1, 2, 3, 4}))
	sliced := good()
	wide := newValue(tensor.Float64, make([]float64, 6), 2, 3).(*tensor.Dense)
	part, err := wide.Slice(nil, gorgonia.S(0, 2))
	if err != nil {
		t.Fatal(err)
	}
	sliced.grad = part.(*tensor.Dense)
	noGrad := good()
	noGrad.grad = nil
	for message, ps := range map[string][]*parameter{
		"has no name": {nameless},
		"its gradient has shape (2, 2) of float32 where (2, 2) of float64 was expected": {otherType},
		"its gradient has shape (4) of float64 where (2, 2)":                            {otherShape},
		"is of type int, not float32 or float64":                                        {integers},
		`two parameters are called "w"`:                                                 {good(), good()},
		"its gradient: has no value":                                                    {noGrad},
	} {
		if err := step(mustMake(t, "adam"), StepInfo{}, ps...); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("error %v, want %q", err, message)
		}
	}
	for name, p := range map[string]*parameter{"transposed": transposed, "column-major": columns, "sliced": sliced} {
		if err := step(mustMake(t, "adam"), StepInfo{}, p); err == nil || !strings.Contains(err.Error(), "contiguous row-major") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	// A parameter that changes its shape.
	o := mustMake(t, "adam")
	mustStep(t, o, good())
	if err := step(o, StepInfo{}, newParameter("w", tensor.Float64, []float64{1}, 1)); err == nil || !strings.Contains(err.Error(), "its value has shape (1)") {
		t.Errorf("changed shape: %v", err)
	}
	if err := o.(Updater).Update([]gorgonia.ValueGrad{good()}, StepInfo{}, []gorgonia.Value{}); err == nil {
		t.Error("Update with too few targets")
	}
}

func TestRejectedSettings(t *testing.T) {
	for text, path := range map[string]string{
		"sgd(rate=-1)":                        "rate",
		"sgd(momentum=1)":                     "momentum",
		"sgd(nesterov=true)":                  "nesterov",
		"adam(beta2=1.5)":                     "beta2",
		"rmsprop(eps=0)":                      "eps",
		"smorms3(rat=1)":                      "rat",
		"irprop-minus(min-step=2,max-step=1)": "min-step",
		"vsgd-fd(start=0)":                    "start",
		"partition(rules=[])":                 "rules",
		"partition":                           "rules",
		`partition(rules=[{pattern="[",optimizer=sgd}])`:                                          "rules[0].pattern",
		"partition(rules=[{pattern=a,optimizer=sgd(rate=-1)}])":                                   "rules[0].optimizer.rate",
		"partition(rules=[{pattern=a,optimizer=vsgd-fd},{pattern=b,optimizer=vsgd-fd(start=3)}])": "rules[1].optimizer",
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
	if _, err := NewAdam(AdamConfig{Rate: math.NaN()}); err == nil {
		t.Error("NaN rate was taken")
	}
}

// float32 parameters whose gradients cannot be squared in float32 get the same
// steps as float64 parameters.
func TestExtremeGradients(t *testing.T) {
	for text, size := range map[string]float64{
		"adam(eps=1e-40)":        1e-30,
		"rmsprop(eps=1e-40)":     1e-30,
		"smorms3(eps=1e-80)":     1e-30,
		"adam":                   1e30,
		"rmsprop":                1e30,
		"smorms3":                1e30,
		"rmsprop(centered=true)": 1e30,
		"irprop-minus":           1e-40,
		"irprop-plus":            1e-40,
	} {
		var steps [2][]float64
		for k, typ := range types {
			o := mustMake(t, text).(Updater)
			p := newParameter("w", typ.dt, []float64{0, 0}, 2)
			into := newValue(typ.dt, []float64{0, 0}, 2)
			for i := range 40 {
				g := []float64{1, 1e-3}
				if i >= 10 || size < 1 { // what is large comes as a surprise
					g = []float64{float64(float32(size * math.Cos(float64(i)))), float64(float32(size))}
				}
				set(p.grad, g)
				set(into, []float64{0, 0})
				if err := o.Update([]gorgonia.ValueGrad{p}, StepInfo{}, []gorgonia.Value{into}); err != nil {
					t.Fatal(err)
				}
				steps[k] = append(steps[k], get(into)...)
			}
		}
		moved := 0.
		for i, want := range steps[0] {
			if got := steps[1][i]; !(math.Abs(got-want) <= 1e-5*math.Abs(want)) {
				t.Errorf("%s, step %d: %g in float32, %g in float64", text, i/2, got, want)
			}
			if i >= 20 {
				moved = max(moved, math.Abs(want))
			}
		}
		if moved == 0 {
			t.Errorf("%s never moved", text)
		}
	}
}

// Real nodes: a value and a gradient that a machine bound.
func TestGraph(t *testing.T) {
	g := gorgonia.NewGraph()
	w := gorgonia.NewVector(g, tensor.Float64, gorgonia.WithShape(2), gorgonia.WithName("w"), gorgonia.WithValue(newValue(tensor.Float64, []float64{3, -1}, 2)))
	s := gorgonia.NewScalar(g, tensor.Float64, gorgonia.WithName("s"), gorgonia.WithValue(2.0))
	cost := gorgonia.Must(gorgonia.Add(gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.Square(w)))), gorgonia.Must(gorgonia.Square(s))))
	if _, err := gorgonia.Grad(cost, w, s); err != nil {
		t.Fatal(err)
	}
	vm := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(w, s))
	defer vm.Close()
	o := mustMake(t, "irprop-minus")
	for range 100 {
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if err := o.Step(gorgonia.NodesToValueGrads(gorgonia.Nodes{w, s})); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
		// A TapeMachine adds to the gradients that it binds.
		for _, n := range []*gorgonia.Node{w, s} {
			grad, err := n.Grad()
			if err != nil {
				t.Fatal(err)
			}
			set(grad, make([]float64, len(get(grad))))
		}
	}
	for _, x := range append(get(w.Value()), get(s.Value())...) {
		if !(math.Abs(x) <= 1e-4) {
			t.Errorf("did not reach the minimum: %v, %v", w.Value(), s.Value())
		}
	}
}

func TestRpropWarnsOfMiniBatches(t *testing.T) {
	p := newParameter("w", tensor.Float64, []float64{1}, 1)
	for _, name := range []string{"rprop-minus", "rprop-plus", "irprop-minus", "irprop-plus"} {
		o := mustMake(t, "partition(rules=[{pattern=*,optimizer="+name+"}])").(InformedSolver)
		for _, c := range []struct {
			b    StepInfo
			want int
		}{{StepInfo{}, 0}, {StepInfo{Size: 9, Full: true}, 0}, {StepInfo{Size: 9}, 1}, {StepInfo{Size: 9}, 1}} {
			if err := o.StepWith([]gorgonia.ValueGrad{p}, c.b); err != nil {
				t.Fatal(err)
			}
			if w := o.(Warner).Warnings(); len(w) != c.want {
				t.Errorf("%s: warnings %q after %+v, want %d", name, w, c.b, c.want)
			}
		}
	}
}

func TestNeeds(t *testing.T) {
	p := newParameter("w", tensor.Float64, []float64{1}, 1)
	for _, text := range []string{"vsgd-fd", "irprop-plus", "partition(rules=[{pattern=*,optimizer=vsgd-fd}])"} {
		if err := mustMake(t, text).Step([]gorgonia.ValueGrad{p}); !errors.Is(err, ErrNeedsMore) {
			t.Errorf("%s: Step gives %v", text, err)
		}
	}
	if err := step(mustMake(t, "vsgd-fd"), StepInfo{}, p); !errors.Is(err, ErrNeedsMore) {
		t.Errorf("vsgd-fd without Gradient: %v", err)
	}
	for message, h := range map[string]gorgonia.Value{
		"no curvature of w": nil,
		"curvature of w is (2) of float64, its value (1) of float64": newValue(tensor.Float64, []float64{1, 1}, 2),
		"curvature of w is (1) of float32, its value (1) of float64": newValue(tensor.Float32, []float64{1}, 1),
		"curvature of w: gradient is not finite":                     newValue(tensor.Float64, []float64{math.Inf(1)}, 1),
	} {
		for _, text := range []string{"vsgd-l", "vsgd-b", "vsgd-g"} {
			b := StepInfo{Curvature: func(string) gorgonia.Value { return h }}
			if err := step(mustMake(t, text), b, p); err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("%s: error %v, want %q", text, err, message)
			}
		}
	}
	if err := step(mustMake(t, "vsgd-g"), StepInfo{}, p); !errors.Is(err, ErrNeedsMore) {
		t.Errorf("vsgd-g without Curvature: %v", err)
	}
	// A bad curvature of the last parameter keeps the first from moving, too.
	a, z := newParameter("a", tensor.Float64, []float64{1}, 1), newParameter("z", tensor.Float64, []float64{1}, 1)
	for _, text := range []string{"vsgd-l(start=1)", "vsgd-b(start=1)", "vsgd-g(start=1)"} {
		s := mustMake(t, text)
		h := map[string]gorgonia.Value{"a": newValue(tensor.Float64, []float64{1}, 1), "z": newValue(tensor.Float64, []float64{1}, 1)}
		b := StepInfo{Curvature: func(name string) gorgonia.Value { return h[name] }}
		set(a.grad, []float64{1})
		if err := step(s, b, a, z); err != nil {
			t.Fatal(err)
		}
		set(h["z"], []float64{math.NaN()})
		before := get(a.value)[0]
		if err := step(s, b, a, z); !errors.Is(err, ErrNonFinite) || get(a.value)[0] != before {
			t.Errorf("%s: a moved from %g to %g; error %v", text, before, get(a.value)[0], err)
		}
		set(h["z"], []float64{1})
		if err := step(s, b, a, z); err != nil || get(a.value)[0] == before {
			t.Errorf("%s: a does not move after that; error %v", text, err)
		}
	}
	if got := (NeedsLoss | NeedsCurvature).String(); got != "the loss and curvature" {
		t.Error(got)
	}
}

// A second gradient that fails leaves the values exactly as they were.
func TestSecondGradientFails(t *testing.T) {
	w := []float64{0.1, -1e-9, 3}
	for _, typ := range types {
		p := newParameter("w", typ.dt, w, 3)
		before := get(p.value)
		set(p.grad, []float64{1, 2, 1e-20})
		o := mustMake(t, "vsgd-fd")
		failed := errors.New("no")
		if err := step(o, StepInfo{Gradient: func() (float64, error) { return 0, failed }}, p); !errors.Is(err, failed) {
			t.Errorf("error %v", err)
		}
		spoil := func() (float64, error) { set(p.grad, []float64{math.NaN(), 0, 0}); return 0, nil }
		if err := step(o, StepInfo{Gradient: spoil}, p); !errors.Is(err, ErrNonFinite) || !strings.Contains(err.Error(), "second gradient") {
			t.Errorf("error %v", err)
		}
		for i, x := range get(p.value) {
			if x != before[i] {
				t.Errorf("%v: weight %d is %g, was %g", typ.dt, i, x, before[i])
			}
		}
	}
}

func TestNorm(t *testing.T) {
	for _, size := range []float64{1, 1e-30, 1e-170, 1e-310, 1e150, 0} {
		if got, want := norm([]float64{3 * size, -4 * size}), 5*size; !near(got, want, 1e-12) {
			t.Errorf("norm of 3, -4 times %g is %g", size, got)
		}
		if f := float32(size); f > 1e-40 && f < 1e30 {
			if got, want := norm([]float32{3 * f, -4 * f}), 5*float64(f); !near(got, want, 1e-6) {
				t.Errorf("norm of float32 3, -4 times %g is %g", size, got)
			}
		}
	}
}

// A constant gradient has no variance, and rounding must not make it negative.
func TestCenteredWithoutVariance(t *testing.T) {
	for _, text := range []string{"rmsprop(centered=true,rho=0.5)", "rmsprop-graves(rho=0.5,eps=1e-40)"} {
		o, p := mustMake(t, text), newParameter("w", tensor.Float64, make([]float64, 5), 5)
		set(p.grad, []float64{0.1, 0.3, 1e-3, 7.7, -1e5})
		for range 200 {
			mustStep(t, o, p)
		}
		for i, w := range get(p.value) {
			if !finite(w) || w == 0 {
				t.Errorf("%s: weight %d is %g", text, i, w)
			}
		}
	}
}

// A state goes only into an optimizer of the same settings, and into the same
// parameters.
func TestForeignState(t *testing.T) {
	saved := func(text string) []byte {
		o := mustMake(t, text)
		mustStep(t, o, newParameter("w", tensor.Float32, []float64{1, 2}, 2))
		data, err := o.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, c := range []struct{ from, to, message string }{
		{"adam", "adamw", "adamw: this is the state of adam"},
		{"sgd", "sgd(momentum=0.5)", "0 vectors and 0 numbers where 1 and 0 were expected"},
		{"adam", "adam(eps=1e-30)", "is float32 where float64 was expected"},
		{"chain(optimizer=sgd)", "chain(optimizer=sgd,before=[clip-norm])", "chain of 2: this is the state of chain of 1"},
		{"partition(rules=[{pattern=*,optimizer=sgd}])", "partition(rules=[{pattern=*,optimizer=adam}])", "adam: this is the state of sgd"},
	} {
		o := mustMake(t, c.to)
		if err := o.(encoding.BinaryUnmarshaler).UnmarshalBinary(saved(c.from)); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("state of %s into %s: %v, want %q", c.from, c.to, err, c.message)
		}
	}
	o := mustMake(t, "adam")
	if err := o.(encoding.BinaryUnmarshaler).UnmarshalBinary(saved("adam")); err != nil {
		t.Fatal(err)
	}
	if err := step(o, StepInfo{}, newParameter("w", tensor.Float32, []float64{1}, 1)); err == nil || !strings.Contains(err.Error(), "value has shape (1)") {
		t.Errorf("state of another shape: %v", err)
	}
}

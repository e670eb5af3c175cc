package optimizertest_test

import (
	"encoding"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/internal/suite"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/optimizers/optimizertest"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// faults are optimizers with one fault each, by the check that has to find it.
var faults = map[string]func(f *faulty, params []gorgonia.ValueGrad) error{
	"moves": func(f *faulty, params []gorgonia.ValueGrad) error { return nil },
	"gradient_untouched": func(f *faulty, params []gorgonia.ValueGrad) error {
		err := f.Optimizer.StepWith(params, optimizers.StepInfo{})
		for _, p := range params {
			if g, _ := p.Grad(); err == nil {
				zero(g)
			}
		}
		return err
	},
	"step_clears": func(f *faulty, params []gorgonia.ValueGrad) error { // see Step
		return f.Optimizer.StepWith(params, optimizers.StepInfo{})
	},
	"no_allocation": func(f *faulty, params []gorgonia.ValueGrad) error {
		f.garbage = make([]byte, 100)
		return f.Optimizer.StepWith(params, optimizers.StepInfo{})
	},
	"order": func(f *faulty, params []gorgonia.ValueGrad) error {
		if len(params) > 1 { // the first parameter steps twice
			if err := f.Optimizer.StepWith(params, optimizers.StepInfo{}); err != nil {
				return err
			}
			params = params[:1]
		}
		return f.Optimizer.StepWith(params, optimizers.StepInfo{})
	},
	"not_finite": func(f *faulty, params []gorgonia.ValueGrad) error {
		if err := f.Optimizer.StepWith(params, optimizers.StepInfo{}); !errors.Is(err, optimizers.ErrNonFinite) {
			return err
		}
		return nil
	},
	"extremes": func(f *faulty, params []gorgonia.ValueGrad) error {
		err := f.Optimizer.StepWith(params, optimizers.StepInfo{})
		for _, p := range params {
			if g, _ := p.Grad(); err == nil && allZero(g) {
				spoil(p.Value())
			}
		}
		return err
	},
	"save_and_load": func(f *faulty, params []gorgonia.ValueGrad) error {
		if f.steps++; f.steps < 20 { // a count that is not saved
			if err := f.Optimizer.StepWith(params, optimizers.StepInfo{}); err != nil {
				return err
			}
		}
		return f.Optimizer.StepWith(params, optimizers.StepInfo{})
	},
	"quadratic": func(f *faulty, params []gorgonia.ValueGrad) error {
		into := make([]gorgonia.Value, len(params))
		for i, p := range params {
			into[i] = clone(p.Value())
		}
		if err := f.Optimizer.Update(params, optimizers.StepInfo{}, into); err != nil {
			return err
		}
		for i, p := range params { // the other way, slowly
			climb(p.Value(), into[i])
		}
		return nil
	},
	"both_types": func(f *faulty, params []gorgonia.ValueGrad) error {
		if params[0].Value().Dtype() == tensor.Float32 {
			if err := f.Optimizer.StepWith(params, optimizers.StepInfo{}); err != nil {
				return err
			}
		}
		return f.Optimizer.StepWith(params, optimizers.StepInfo{})
	},
}

// more are faults of other methods, by the check that has to find them.
var more = map[string]func(f *faulty) gorgonia.Solver{
	"step_clears":   func(f *faulty) gorgonia.Solver { return idleStep{f.Optimizer} },
	"update":        func(f *faulty) gorgonia.Solver { return idleUpdate{f.Optimizer} },
	"one_by_one":    func(f *faulty) gorgonia.Solver { return idleBound{f.Optimizer} },
	"nothing_given": func(f *faulty) gorgonia.Solver { return careless{f.Optimizer} },
}

// idleStep only steps where it is given a StepInfo.
type idleStep struct{ *optimizers.Optimizer }

func (idleStep) Step(params []gorgonia.ValueGrad) error {
	for _, p := range params {
		if g, err := p.Grad(); err == nil {
			zero(g)
		}
	}
	return nil
}

// idleUpdate tells no update.
type idleUpdate struct{ *optimizers.Optimizer }

func (o idleUpdate) StepWith(params []gorgonia.ValueGrad, info optimizers.StepInfo) error {
	return o.Optimizer.StepWith(params, info)
}

func (idleUpdate) Update([]gorgonia.ValueGrad, optimizers.StepInfo, []gorgonia.Value) error {
	return nil
}

// idleBound has single parameters do nothing.
type idleBound struct{ *optimizers.Optimizer }

func (idleBound) Bind(gorgonia.ValueGrad, gorgonia.Value, gorgonia.Value) (func(optimizers.StepInfo) error, error) {
	return func(optimizers.StepInfo) error { return nil }, nil
}

// careless takes no parameters for a step.
type careless struct{ *optimizers.Optimizer }

func (o careless) StepWith(params []gorgonia.ValueGrad, info optimizers.StepInfo) error {
	if len(params) == 0 {
		return nil
	}
	return o.Optimizer.StepWith(params, info)
}

type faulty struct {
	*optimizers.Optimizer
	fault   string
	step    func(f *faulty, params []gorgonia.ValueGrad) error
	garbage []byte
	steps   int
}

func (f *faulty) Step(params []gorgonia.ValueGrad) error {
	if err := f.step(f, params); err != nil || f.fault == "step_clears" {
		return err
	}
	for _, p := range params {
		g, err := p.Grad()
		if err != nil {
			return err
		}
		zero(g)
	}
	return nil
}

func (f *faulty) StepWith(params []gorgonia.ValueGrad, b optimizers.StepInfo) error {
	return f.step(f, params)
}

var _ encoding.BinaryMarshaler = (*faulty)(nil)

func newFaulty(t *testing.T, name string) *faulty {
	sgd, err := optimizers.NewSGD(optimizers.SGDConfig{Rate: 0.001, Momentum: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	return &faulty{Optimizer: sgd, fault: name, step: faults[name]}
}

// The suite finds each fault.
func TestSuiteFindsFaults(t *testing.T) {
	says := map[string]string{"moves": "the optimizer does nothing"}
	planted := []suite.Planted{{Check: "faulty", Says: "new returns nil", Run: func(t *testing.T) {
		optimizertest.Run(t, "faulty", func() gorgonia.Solver { return (*optimizers.Optimizer)(nil) })
	}}}
	for _, fault := range slices.Sorted(maps.Keys(faults)) {
		if optimizertest.Racing && fault == "no_allocation" {
			continue
		}
		planted = append(planted, suite.Planted{Check: fault, Says: says[fault], Run: func(t *testing.T) {
			optimizertest.Run(t, "faulty", func() gorgonia.Solver { return newFaulty(t, fault) })
		}})
	}
	for _, fault := range slices.Sorted(maps.Keys(more)) {
		planted = append(planted, suite.Planted{Check: fault, Run: func(t *testing.T) {
			optimizertest.Run(t, "faulty", func() gorgonia.Solver { return more[fault](newFaulty(t, "")) })
		}})
	}
	suite.Find(t, planted)
}

func each(v gorgonia.Value, f func(i int, x float64) float64) {
	switch v := v.(type) {
	case *gorgonia.F32:
		*v = gorgonia.F32(f(0, float64(*v)))
	case *gorgonia.F64:
		*v = gorgonia.F64(f(0, float64(*v)))
	case *tensor.Dense:
		switch data := v.Data().(type) {
		case []float32:
			for i, x := range data {
				data[i] = float32(f(i, float64(x)))
			}
		case []float64:
			for i, x := range data {
				data[i] = f(i, x)
			}
		}
	}
}

func zero(v gorgonia.Value)  { each(v, func(int, float64) float64 { return 0 }) }
func spoil(v gorgonia.Value) { each(v, func(int, float64) float64 { return math.NaN() }) }

func allZero(v gorgonia.Value) bool {
	all := true
	each(v, func(_ int, x float64) float64 { all = all && x == 0; return x })
	return all
}

func clone(v gorgonia.Value) gorgonia.Value {
	var x gorgonia.Value
	switch v := v.(type) {
	case *gorgonia.F32:
		x = gorgonia.NewF32(float32(*v))
	case *gorgonia.F64:
		x = gorgonia.NewF64(float64(*v))
	case *tensor.Dense:
		x = v.Clone().(*tensor.Dense)
	}
	return x
}

// climb moves w from where a step had led away, a little.
func climb(w, stepped gorgonia.Value) {
	var to []float64
	each(stepped, func(_ int, x float64) float64 { to = append(to, x); return x })
	each(w, func(i int, x float64) float64 { return x - 1e-3*(to[i]-x) })
}

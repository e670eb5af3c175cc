package speed

import (
	"context"
	"math"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

func config(optimizer string) Config {
	return Config{Depth: 3, Width: 16, Batch: 4, Steps: 3, DType: "float64",
		Activation: catalogue.Choice{Name: "tanh"}, Optimizer: catalogue.Choice{Name: optimizer}}
}

// TestSameNetwork checks that what is compared is the same: the losses of both
// networks agree, and go on agreeing while they are trained.
func TestSameNetwork(t *testing.T) {
	c := config("sgd")
	loss, params, err := stockNetwork(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := G.Grad(loss, params...); err != nil {
		t.Fatal(err)
	}
	m := G.NewTapeMachine(loss.Graph(), G.BindDualValues(params...))
	s := G.NewVanillaSolver(G.WithLearnRate(0.01))
	var stockLosses []float64
	for range 4 {
		m.Reset()
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		stockLosses = append(stockLosses, loss.Value().Data().(float64))
		if err := s.Step(G.NodesToValueGrads(params)); err != nil {
			t.Fatal(err)
		}
	}
	stepper, err := ownStepper(c)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range stockLosses {
		if err := stepper.Step(nil); err != nil {
			t.Fatal(err)
		}
		if got := stepper.Loss(); math.Abs(got-want) > 1e-12 {
			t.Errorf("step %d: loss %g, of the stock network %g", i, got, want)
		}
	}
}

func TestMeasure(t *testing.T) {
	for _, optimizer := range []string{"sgd", "rmsprop", "adam", "smorms3", "irprop-minus"} {
		results, err := Measure(t.Context(), config(optimizer), Gradflow, Tape)
		if err != nil {
			t.Errorf("%s: %v", optimizer, err)
			continue
		}
		for _, r := range results {
			if !(r.StepMin > 0 && r.StepMedian >= r.StepMin && r.GFLOPS > 0 && r.Build > 0) {
				t.Errorf("%s: %+v", optimizer, r)
			}
		}
		if a := results[0].Allocs; a != 0 {
			t.Errorf("%s: %g allocations in a step", optimizer, a)
		}
	}
	if _, err := Measure(t.Context(), config("vsgd-fd"), Gradflow); err != nil {
		t.Errorf("vsgd-fd: %v", err)
	}
}

func TestBadInput(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"depth":      func(c *Config) { c.Depth = 0 },
		"steps":      func(c *Config) { c.Steps = -1 },
		"dtype":      func(c *Config) { c.DType = "float16" },
		"activation": func(c *Config) { c.Activation.Name = "tahn" },
		"optimizer":  func(c *Config) { c.Optimizer.Name = "sdg" },
	} {
		c := config("sgd")
		change(&c)
		if _, err := Measure(t.Context(), c, Gradflow); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Measure(t.Context(), config("sgd"), "lisp"); err == nil {
		t.Error("an unknown machine: no error")
	}
	c := config("sgd")
	c.Activation.Name = "gaussian"
	if _, err := Measure(t.Context(), c, Tape); err == nil {
		t.Error("an activation that Gorgonia lacks: no error")
	}
}

func TestWorkers(t *testing.T) {
	for _, workers := range []int{1, 3} {
		if s, err := Workers(t.Context(), config("sgd"), workers); err != nil || !(s > 0) {
			t.Errorf("%d workers: speedup %g, error %v", workers, s, err)
		}
	}
	if s, err := SplitSpeedup(t.Context(), config("sgd"), 2); err != nil || !(s > 0) {
		t.Errorf("split: speedup %g, error %v", s, err)
	}
	if _, err := SplitSpeedup(t.Context(), config("sdg"), 2); err == nil {
		t.Error("split, an unknown optimizer: no error")
	}
	if _, err := Workers(t.Context(), config("sgd"), 0); err == nil {
		t.Error("no worker: no error")
	}
	if _, err := Workers(t.Context(), config("sdg"), 2); err == nil {
		t.Error("an unknown optimizer: no error")
	}
}

func TestFlops(t *testing.T) {
	// Layer 1: 4x784x16 forward and for W; layers 2 and 3: 4x16x16, three times each;
	// the output: 4x16x10, three times.
	if got, want := flops(config("sgd")), 2.*(2*4*784*16+2*3*4*16*16+3*4*16*10); got != want {
		t.Errorf("%g, want %g", got, want)
	}
}

// TestDenormals times a network of 60 sigmoid layers, whose gradient vanishes, with
// denormals flushed to zero and kept, and a float64 network of so few that it has none.
func TestDenormals(t *testing.T) {
	if !kernels.SupportsFlushToZero() {
		t.Skip("these kernels cannot flush to zero")
	}
	c := config("sgd")
	c.Activation.Name, c.Depth, c.DType, c.Steps = "sigmoid", 60, "float32", 10
	for _, keep := range []bool{false, true} {
		c.KeepDenormals = keep
		results, err := Measure(t.Context(), c, Gradflow, Tape)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.DenormalSteps != c.Steps || r.FlushToZero != !keep {
				t.Errorf("%s, kept %v: %+v", r.VM, keep, r)
			}
		}
	}
	results, err := Measure(t.Context(), config("sgd"), Gradflow, Tape)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.DenormalSteps != 0 || r.FlushToZero {
			t.Errorf("%s, float64: %+v", r.VM, r)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, config("sgd"), Gradflow); !errors.Is(err, context.Canceled) {
		t.Errorf("Measure: %v", err)
	}
	if _, err := Workers(ctx, config("sgd"), 2); !errors.Is(err, context.Canceled) {
		t.Errorf("Workers: %v", err)
	}
}

package train_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// shrinking is a network whose activations and gradients each shrink by the given gain a
// layer, through the range of the denormals.
func shrinking(t testing.TB, dtype tensor.Dtype, depth int, gain float64, width, batch int, training bool) *models.Network {
	t.Helper()
	p, err := models.NewParameters(dtype, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := models.Build(
		models.MLP{Depth: depth, Width: width, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(gain)},
		models.Shape{Inputs: inputs, Outputs: 2, Batch: batch, Loss: models.CrossEntropy}, p, training)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func denormals(v G.Value) int {
	d, ok := v.(*tensor.Dense)
	switch {
	case !ok:
		return 0
	case d.Dtype() == tensor.Float32:
		return kernels.Denormals(d.Float32s())
	}
	return kernels.Denormals(d.Float64s())
}

// factors are variables, or the compiler would multiply them.
var factors = [2]float32{1e-30, 1e-10}

// tiny computes in the floating-point mode of the thread; the result is denormal, or 0.
func tiny() float32 { return factors[0] * factors[1] }

// spy is a solver that counts the denormals in gradients, and computes one.
type spy struct{ gradients, computed int }

func (s *spy) look(g G.Value) {
	s.gradients += denormals(g)
	if tiny() != 0 {
		s.computed++
	}
}

func (s *spy) Step(model []G.ValueGrad) error {
	for _, p := range model {
		g, err := p.Grad()
		if err != nil {
			return err
		}
		s.look(g)
	}
	return nil
}

// separableSpy does so in the middle of the backward pass.
type separableSpy struct{ spy }

func (s *separableSpy) Update(model []G.ValueGrad) error { return s.Step(model) }
func (s *separableSpy) Needs() optimizers.Needs          { return 0 }
func (s *separableSpy) StepWith(model []G.ValueGrad, _ optimizers.StepInfo) error {
	return s.Step(model)
}
func (s *separableSpy) Prepare([]G.ValueGrad) error { return nil }
func (s *separableSpy) Separable() bool             { return true }
func (s *separableSpy) Bind(_ G.ValueGrad, gradient, _ G.Value) (func(optimizers.StepInfo) error, error) {
	return func(optimizers.StepInfo) error { s.look(gradient); return nil }, nil
}

// TestFlushes has networks whose signal falls through the range of the denormals take
// every path of a step, and counts what is left of denormals.
func TestFlushes(t *testing.T) {
	if !kernels.SupportsFlushToZero() {
		t.Skip("these kernels cannot flush to zero")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const steps = 3
	for _, c := range []struct {
		name         string
		dtype        tensor.Dtype
		depth        int
		gain         float64
		width, split int
	}{
		{"float32", tensor.Float32, 22, 0.01, 8, 1},
		{"split", tensor.Float32, 11, 1e-4, 256, 2},
		{"float64", tensor.Float64, 22, 1e-15, 8, 1},
	} {
		if c.split > 1 && testing.Short() {
			continue
		}
		for _, joined := range []bool{false, true} {
			for _, on := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/joined=%v/flush=%v", c.name, joined, on), func(t *testing.T) {
					var solver G.Solver
					s := &spy{}
					if solver = s; joined {
						s := &separableSpy{}
						solver = s
						if !optimizers.IsSeparable(solver) {
							t.Fatal("the solver is not separable")
						}
					}
					batch := 16
					if c.split > 1 {
						batch = 128
					}
					n := shrinking(t, c.dtype, c.depth, c.gain, c.width, batch, true)
					l := loop(t, n, solver, steps)
					if !l.FlushToZero {
						t.Error("flushing is not the default")
					}
					l.FlushToZero = on
					l.Split(c.split)
					forward := 0
					if !joined {
						for _, layer := range n.Layers {
							for _, node := range []*G.Node{layer.PreActivation, layer.Activation} {
								if err := l.Machine.Observe(node, func(v G.Value) { forward += denormals(v) }); err != nil {
									t.Fatal(err)
								}
							}
						}
						l.Hooks = append(l.Hooks, train.Hook{Observe: true, Before: func(*train.State) error {
							if tiny() == 0 {
								t.Error("a hook is called while the thread flushes to zero")
							}
							return nil
						}})
					}
					r := run(t, l)
					if joined {
						s = &solver.(*separableSpy).spy
					}
					flushed := on && c.dtype == tensor.Float32
					if (s.gradients == 0) != flushed || (s.computed == 0) != flushed && c.dtype == tensor.Float32 {
						t.Errorf("%d denormals in gradients, %d in updates", s.gradients, s.computed)
					}
					if !joined && (forward == 0) != flushed {
						t.Errorf("%d denormals in the forward pass", forward)
					}
					want := 0
					if flushed {
						want = steps
					}
					if r.DenormalSteps != steps || r.FlushedSteps != want {
						t.Errorf("denormals in %d of %d steps, flushed in %d", r.DenormalSteps, steps, r.FlushedSteps)
					}
					if tiny() == 0 {
						t.Error("the thread flushes to zero after the run")
					}
				})
			}
		}
	}
}

// TestFlushesEvaluation looks at the outputs of evaluations.
func TestFlushesEvaluation(t *testing.T) {
	if !kernels.SupportsFlushToZero() {
		t.Skip("these kernels cannot flush to zero")
	}
	n := shrinking(t, tensor.Float32, 22, 0.01, 8, 16, false)
	e, err := train.NewEvaluator(n, make([]float32, 16*inputs), make([]float32, 16*2))
	if err != nil {
		t.Fatal(err)
	}
	if !e.FlushToZero {
		t.Error("flushing is not the default")
	}
	for _, p := range n.Layers[:1] { // which gives the signal where the inputs are 0
		for i := range p.Bias.Value().(*tensor.Dense).Float32s() {
			p.Bias.Value().(*tensor.Dense).Float32s()[i] = 0.5
		}
	}
	for _, on := range []bool{true, false} {
		e.FlushToZero = on
		if _, err := e.Score(); err != nil {
			t.Fatal(err)
		}
		if got := denormals(n.Output.Value()); (got == 0) != on {
			t.Errorf("flush %v: %d denormals in the output", on, got)
		}
	}
}

// TestNothingFlushed trains a network that has no denormals.
func TestNothingFlushed(t *testing.T) {
	r := run(t, loop(t, network(t, tensor.Float32, 3), sgd(t, 0.1), 20))
	if r.DenormalSteps != 0 || r.FlushedSteps != 0 || train.Flushed(0, 20) != "" {
		t.Errorf("denormals in %d steps, flushed in %d", r.DenormalSteps, r.FlushedSteps)
	}
	if got := train.Flushed(3, 20); !strings.HasPrefix(got, "in 3 of 20 steps ") {
		t.Error(got)
	}
}

type panics struct{}

func (panics) Step([]G.ValueGrad) error { panic("a solver's own") }

// TestFlushUndone checks the thread after a step that panics.
func TestFlushUndone(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		if tiny() == 0 {
			t.Error("the thread flushes to zero after a panic")
		}
	}()
	run(t, loop(t, network(t, tensor.Float32, 1), panics{}, 1))
}

// TestNil gives New and others nothing.
func TestNil(t *testing.T) {
	n := network(t, tensor.Float32, 1)
	for name, f := range map[string]func() error{
		"network":       func() error { _, err := train.New(nil, newStream(1), sgd(t, 1), 1); return err },
		"stream":        func() error { _, err := train.New(n, nil, sgd(t, 1), 1); return err },
		"solver":        func() error { _, err := train.New(n, newStream(1), nil, 1); return err },
		"steps":         func() error { _, err := train.New(n, newStream(1), sgd(t, 1), -1); return err },
		"evaluated":     func() error { _, err := train.NewEvaluator(nil, []float32{}, []float32{}); return err },
		"make it":       func() error { _, err := new(train.Loop).Run(context.Background()); return err },
		"context":       func() error { _, err := loop(t, network(t, tensor.Float32, 1), sgd(t, 1), 1).Run(nil); return err }, //lint:ignore SA1012 that is the point
		"models.Build":  func() error { _, err := train.NewStepper(&models.Network{}, sgd(t, 1)); return err },
		"no parameters": func() error { _, err := train.NewStepper(&models.Network{Loss: n.Loss}, sgd(t, 1)); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

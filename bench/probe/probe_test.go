package probe_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ramp gives the same batch each time: inputs that rise, classes that alternate.
type ramp struct{}

func (ramp) Next32(x, t []float32) error { return fill(x, t) }
func (ramp) Next64(x, t []float64) error { return fill(x, t) }

func fill[F float32 | float64](x, t []F) error {
	for i := range x {
		x[i] = F(math.Sin(float64(i)))
	}
	clear(t)
	for i := 0; i < len(t); i += 2 {
		t[i+i/2%2] = 1
	}
	return nil
}

type bed struct {
	n *models.Network
	l *train.Loop
	p *probe.Probe
}

// newBed makes a network of a depth with a gain, probed at every step.
func newBed(t testing.TB, dtype tensor.Dtype, f activations.Scalar, depth int, gain, rate float64, steps int) *bed {
	t.Helper()
	params, err := models.NewParameters(dtype, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := models.Build(models.MLP{Depth: depth, Width: 6, Activation: f, Initializer: initializers.LeCunNormal(gain)},
		models.Shape{Inputs: 4, Outputs: 2, Batch: 8, Loss: models.CrossEntropy}, params, true)
	if err != nil {
		t.Fatal(err)
	}
	s, err := optimizers.NewSGD(optimizers.SGDConfig{Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	l, err := train.New(n, ramp{}, s, steps)
	if err != nil {
		t.Fatal(err)
	}
	l.FlushToZero = false // denormals are counted
	p, err := probe.New(n, l.Machine, map[string][]activations.Interval{f.Name(): activations.Saturation(f)}, steps, "largest-gradient", "elements")
	if err != nil {
		t.Fatal(err)
	}
	l.Hooks = append(l.Hooks, p.Hook(nil))
	return &bed{n, l, p}
}

func (b *bed) run(t testing.TB) {
	t.Helper()
	if _, err := b.l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestAgainstPlainSums compares every quantity with one computed here, from values
// that a TapeMachine-like full run leaves: a second machine that keeps all nodes.
func TestAgainstPlainSums(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		f := activations.Tanh()
		b := newBed(t, dtype, f, 3, 2, 0.5, 1)
		var before [][]float64
		for _, l := range b.n.Layers {
			before = append(before, values(l.Weight.Value()))
		}
		b.run(t)
		// Forward and backward again by hand, in double precision.
		type pass struct{ z, y, delta, w []float64 }
		passes := make([]pass, len(b.n.Layers))
		x := values(b.n.Input.Value())
		in := 4
		for i, l := range b.n.Layers {
			out := l.Weight.Shape()[1]
			z := make([]float64, 8*out)
			y := make([]float64, 8*out)
			for r := range 8 {
				for j := range out {
					for k := range in {
						z[r*out+j] += x[r*in+k] * before[i][k*out+j]
					}
					y[r*out+j] = z[r*out+j]
					if l.Function != "" {
						y[r*out+j] = math.Tanh(z[r*out+j])
					}
				}
			}
			passes[i] = pass{z: z, y: y, w: before[i]}
			x, in = y, out
		}
		last := len(passes) - 1
		delta := make([]float64, 16)
		for r := range 8 {
			z0, z1 := passes[last].z[2*r], passes[last].z[2*r+1]
			p := 1 / (1 + math.Exp(z1-z0))
			delta[2*r], delta[2*r+1] = p/8, (1-p)/8
			delta[2*r+r%2] -= 1. / 8
		}
		for i := last; i >= 0; i-- {
			out := b.n.Layers[i].Weight.Shape()[1]
			passes[i].delta = delta
			if i == 0 {
				break
			}
			in := b.n.Layers[i].Weight.Shape()[0]
			next := make([]float64, 8*in)
			for r := range 8 {
				for k := range in {
					for j := range out {
						next[r*in+k] += delta[r*out+j] * before[i][k*out+j]
					}
					th := math.Tanh(passes[i-1].z[r*in+k])
					next[r*in+k] *= 1 - th*th
				}
			}
			delta = next
		}
		for i := range passes {
			p := passes[i]
			input := values(b.n.Input.Value())
			if i > 0 {
				input = passes[i-1].y
			}
			in, out := b.n.Layers[i].Weight.Shape()[0], b.n.Layers[i].Weight.Shape()[1]
			gradient := make([]float64, in*out)
			saturated := 0.
			for r := range 8 {
				for k := range in {
					for j := range out {
						gradient[k*out+j] += input[r*in+k] * p.delta[r*out+j]
					}
				}
			}
			if b.n.Layers[i].Function != "" {
				for _, z := range p.z {
					if math.Abs(z) > math.Acosh(math.Sqrt(10)) {
						saturated++
					}
				}
			}
			change := values(b.n.Layers[i].Weight.Value())
			floats.Sub(change, before[i])
			zm, zv := stat.PopMeanVariance(p.z, nil)
			ym, yv := stat.PopMeanVariance(p.y, nil)
			want := map[probe.Quantity]float64{
				probe.WeightGradient:         math.Log10(floats.Norm(gradient, 2)),
				probe.PreActivationGradient:  math.Log10(floats.Norm(p.delta, 2)),
				probe.Update:                 math.Log10(floats.Norm(change, 2) / floats.Norm(before[i], 2)),
				probe.PreActivationMean:      zm,
				probe.PreActivationDeviation: math.Sqrt(zv),
				probe.ActivationMean:         ym,
				probe.ActivationDeviation:    math.Sqrt(yv),
				probe.Saturated:              saturated / float64(len(p.z)),
				probe.ZeroGradient:           0,
				probe.DenormalGradient:       0,
				probe.NonFinite:              0,
				probe.WeightNorm:             math.Log10(floats.Norm(before[i], 2)),
			}
			tol := 1e-11
			if dtype == tensor.Float32 {
				tol = 2e-5
			}
			for q, w := range want {
				if got := b.p.Samples[0].At(i, q); math.Abs(got-w) > tol {
					t.Errorf("%v, %s, %v: %g, want %g", dtype, b.p.Layers[i], q, got, w)
				}
			}
		}
	}
}

func values(v interface{ Data() any }) []float64 {
	switch d := v.Data().(type) {
	case []float64:
		return append([]float64(nil), d...)
	case []float32:
		var list []float64
		for _, x := range d {
			list = append(list, float64(x))
		}
		return list
	}
	panic("no numbers")
}

// TestVanishing lets the gradient of a deep network die: in float64 its norm stays a
// number far below what squares can hold, in float32 it becomes denormal and zero.
func TestVanishing(t *testing.T) {
	b := newBed(t, tensor.Float64, activations.Tanh(), 260, 0.15, 1e-3, 1)
	b.run(t)
	s := b.p.Samples[0]
	g := s.At(0, probe.PreActivationGradient)
	if !(g < -160) || math.IsInf(g, 0) {
		t.Errorf("log10 of the first layer's gradient is %g: want a number below -160, whose square is no float64", g)
	}
	if d := s.Decades(probe.PreActivationGradient); math.Abs(d-(s.At(260, probe.PreActivationGradient)-g)) > 1e-9 || d < 150 {
		t.Errorf("%g decades", d)
	}
	for i := range s.Layers {
		if s.At(i, probe.ZeroGradient) != 0 {
			t.Errorf("%s: exact zeros in float64", b.p.Layers[i])
		}
	}
	b = newBed(t, tensor.Float32, activations.Tanh(), 260, 0.15, 1e-3, 1)
	b.run(t)
	s = b.p.Samples[0]
	if s.At(0, probe.ZeroGradient) != 1 || !math.IsInf(s.At(0, probe.PreActivationGradient), -1) {
		t.Errorf("float32: %g of the first layer's gradient is 0, log10 of the norm %g", s.At(0, probe.ZeroGradient), s.At(0, probe.PreActivationGradient))
	}
	denormal := false
	for i := range s.Layers {
		denormal = denormal || s.At(i, probe.DenormalGradient) > 0
	}
	if !denormal {
		t.Error("float32: no layer on the way to 0 has denormal gradients")
	}
}

func TestNonFinite(t *testing.T) {
	b := newBed(t, tensor.Float32, activations.Tanh(), 2, 1, 0.1, 1)
	b.n.Layers[1].Weight.Value().(*tensor.Dense).Float32s()[0] = float32(math.Inf(1))
	b.p.Samples = nil
	if err := b.l.Stream.Next32(b.n.Input.Value().(*tensor.Dense).Float32s(), b.n.Target.Value().(*tensor.Dense).Float32s()); err != nil {
		t.Fatal(err)
	}
	if err := b.l.Machine.RunObserved(); err != nil {
		t.Fatal(err)
	}
	h := b.p.Hook(nil)
	state := &train.State{Network: b.n}
	for _, f := range []func(*train.State) error{h.Before, h.After} {
		if err := f(state); err != nil {
			t.Fatal(err)
		}
	}
	s := b.p.Samples[0]
	if s.At(0, probe.NonFinite) == 0 && s.At(1, probe.NonFinite) == 0 {
		t.Errorf("an infinite weight: %v", s.Layers)
	}
	if m := s.At(1, probe.PreActivationMean); math.IsNaN(m) || math.IsInf(m, 0) {
		t.Errorf("the mean of what is finite is %g", m)
	}
	if s.At(1, probe.NonFinite) < 8 {
		t.Errorf("%g elements that are not finite in layer02, want a column of 8 at least", s.At(1, probe.NonFinite))
	}
}

// TestOnlyReads compares the weights after training with and without a probe.
func TestOnlyReads(t *testing.T) {
	a, b := newBed(t, tensor.Float32, activations.Softplus(), 4, 1, 0.1, 20), newBed(t, tensor.Float32, activations.Softplus(), 4, 1, 0.1, 20)
	b.l.Hooks = nil
	a.run(t)
	b.run(t)
	for i, p := range a.n.Learnables {
		x, y := values(p.Value()), values(b.n.Learnables[i].Value())
		for k := range x {
			if x[k] != y[k] {
				t.Fatalf("%s[%d] is %g with a probe, %g without", p.Name(), k, x[k], y[k])
			}
		}
	}
	if len(a.p.Samples) != 20 || a.p.Samples[7].Step != 7 {
		t.Errorf("%d samples", len(a.p.Samples))
	}
}

func TestAllocations(t *testing.T) {
	b := newBed(t, tensor.Float32, activations.Tanh(), 5, 1, 0.1, 400)
	measure := func(steps int) float64 {
		return testing.AllocsPerRun(5, func() {
			b.l.Steps = steps
			b.p.Samples = b.p.Samples[:0]
			b.run(t)
		})
	}
	one, many := measure(1), measure(51)
	if many > one {
		t.Errorf("%g allocations in 50 steps with probes", many-one)
	}
}

func ExampleProbe() {
	f := activations.Sigmoid()
	params, _ := models.NewParameters(tensor.Float32, 1)
	n, _ := models.Build(models.MLP{Depth: 10, Width: 64, Activation: f, Initializer: initializers.GlorotNormal(1)},
		models.Shape{Inputs: 4, Outputs: 2, Batch: 8, Loss: models.CrossEntropy}, params, true)
	sgd, _ := optimizers.NewSGD(optimizers.SGDConfig{Rate: 0.1})
	loop, _ := train.New(n, ramp{}, sgd, 1)
	p, _ := probe.New(n, loop.Machine, map[string][]activations.Interval{f.Name(): activations.Saturation(f)}, 1)
	loop.Hooks = []train.Hook{p.Hook(nil)}
	if _, err := loop.Run(context.Background()); err != nil {
		panic(err)
	}
	fmt.Printf("The gradient loses %.0f decades.\n", p.Samples[0].Decades(probe.PreActivationGradient))
	// Output: The gradient loses 6 decades.
}

// TestSharedWeight probes a recurrent network, of which all time steps have one weight.
func TestSharedWeight(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		const steps = 6
		p, err := models.NewParameters(dtype, 1)
		if err != nil {
			t.Fatal(err)
		}
		m := models.Recurrent{Depth: 1, Width: 4, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1), Cell: models.RNN, Scale: 0.1}
		n, err := models.Build(m, models.Shape{Inputs: 2 * steps, Outputs: 1, Batch: 3, Loss: models.MeanSquaredError, Steps: steps, TargetSteps: 1}, p, true)
		if err != nil {
			t.Fatal(err)
		}
		loop, err := train.New(n, sequences{}, G.NewVanillaSolver(G.WithLearnRate(0.1)), 2)
		if err != nil {
			t.Fatal(err)
		}
		pr, err := probe.New(n, loop.Machine, nil, 2)
		if err != nil {
			t.Fatal(err)
		}
		loop.Hooks = append(loop.Hooks, pr.Hook(nil))
		if _, err := loop.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(pr.Layers); got != "[layer01/t0001 layer01/t0002 layer01/t0003 layer01/t0004 layer01/t0005 layer01/t0006 output]" {
			t.Errorf("layers %s", got)
		}
		for _, s := range pr.Samples {
			for i := 1; i < steps; i++ {
				before, now := func(q probe.Quantity) float64 { return s.At(i-1, q) }, func(q probe.Quantity) float64 { return s.At(i, q) }
				if before(probe.WeightGradient) != now(probe.WeightGradient) || before(probe.Update) != now(probe.Update) || math.IsInf(now(probe.Update), 0) {
					t.Errorf("step %d: time steps %d and %d differ in the gradient of their weight, or it was not moved", s.Step, i, i+1)
				}
				// The recurrent weight starts as a tenth of an orthogonal matrix.
				if fall := now(probe.PreActivationGradient) - before(probe.PreActivationGradient); s.Step == 0 && (fall < 1 || fall > 1.5) {
					t.Errorf("step %d: the gradient falls by %.2f decades from time step %d to %d", s.Step, fall, i+1, i)
				}
			}
		}
	}
}

// sequences are batches of 3 sequences of 6 steps.
type sequences struct{}

func (sequences) Next32(x, t []float32) error {
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	for i := range t {
		t[i] = float32(i)
	}
	return nil
}

func (sequences) Next64(x, t []float64) error {
	for i := range x {
		x[i] = math.Sin(float64(i))
	}
	for i := range t {
		t[i] = float64(i)
	}
	return nil
}

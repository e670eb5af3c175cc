package keep_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/keep"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// stream has the class of inputs by the sign of a product of two of them.
type stream struct {
	at  uint64
	pcg rand.PCG
}

func (s *stream) Seek(batch uint64)           { s.at = batch }
func (s *stream) Next64(x, t []float64) error { next(s, x, t); return nil }
func (s *stream) Next32(x, t []float32) error { next(s, x, t); return nil }

const inputs, outputs = 6, 2

func next[F float32 | float64](s *stream, x, t []F) {
	s.at++
	s.pcg.Seed(5, s.at)
	for i := range x {
		x[i] = F(float64(s.pcg.Uint64()>>11)*0x1p-51 - 2)
	}
	for i := range len(t) / outputs {
		class := 0
		if x[i*inputs]*x[i*inputs+1] > 0 {
			class = 1
		}
		t[i*outputs], t[i*outputs+1] = F(1-class), F(class)
	}
}

func shape(batch int) models.Shape {
	return models.Shape{Inputs: inputs, Outputs: outputs, Batch: batch, Loss: models.CrossEntropy}
}

func mlp(depth, width int, f activations.Activation) models.MLP {
	return models.MLP{Depth: depth, Width: width, Activation: f, Initializer: initializers.GlorotNormal(1)}
}

func made[T any](t testing.TB, c *catalogue.Catalogue[T], text string) T {
	t.Helper()
	choice, err := catalogue.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	x, err := c.Make(choice)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// kept makes the loop of a network with a keep.
func kept(t testing.TB, m models.Model, dtype tensor.Dtype, batch int, what, optimizer string, steps int) *train.Loop {
	t.Helper()
	k := made(t, keep.Catalogue, what)
	p, err := models.NewParameters(dtype, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := models.Build(k.Model(m), shape(batch), p, true)
	if err != nil {
		t.Fatal(err)
	}
	l, err := train.New(n, &stream{}, made(t, optimizers.Catalogue, optimizer), steps)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Attach(l); err != nil {
		t.Fatal(err)
	}
	return l
}

func run(t testing.TB, l *train.Loop) train.Result {
	t.Helper()
	r, err := l.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func signal(t testing.TB, n *models.Network, examples int) *keep.Signal {
	t.Helper()
	s, err := keep.NewSignal(n, examples)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func floats(t *tensor.Dense) (x []float64) {
	if t.Dtype() == tensor.Float64 {
		return slices.Clone(t.Float64s())
	}
	for _, v := range t.Float32s() {
		x = append(x, float64(v))
	}
	return x
}

func numbers(n *models.Network) (all []float64) {
	for _, name := range append(n.Parameters.Names(), n.Parameters.Statistics()...) {
		all = append(all, floats(n.Parameters.Tensor(name))...)
	}
	return all
}

// TestSignal computes χ, and the moments of units, a second time from the formula.
func TestSignal(t *testing.T) {
	for _, f := range []activations.Scalar{activations.Tanh(), activations.Gaussian()} {
		l := kept(t, mlp(3, 5, f), tensor.Float64, 16, "none", "sgd", 1)
		x := l.Network.Input.Value().(*tensor.Dense)
		if err := l.Stream.Next64(x.Float64s(), l.Network.Target.Value().(*tensor.Dense).Float64s()); err != nil {
			t.Fatal(err)
		}
		const examples = 7
		s := signal(t, l.Network, examples)
		if err := s.Measure(); err != nil {
			t.Fatal(err)
		}
		if len(s.Layers) != 2 || len(s.Units) != 3 {
			t.Fatalf("%d layers and units of %d", len(s.Layers), len(s.Units))
		}
		h := x.Float64s()[:examples*inputs]
		var slopes []float64
		for i, layer := range []string{"layer01", "layer02", "layer03"} {
			w := l.Network.Parameters.Tensor(layer + "/weight")
			rows, cols := w.Shape()[0], w.Shape()[1]
			z, y, slope := make([]float64, examples*cols), make([]float64, examples*cols), 0.
			for n := range examples {
				for j := range cols {
					for k := range rows {
						z[n*cols+j] += h[n*rows+k] * w.Float64s()[k*cols+j]
					}
					y[n*cols+j] = f.F(z[n*cols+j])
					slope += math.Pow(f.Derivative(z[n*cols+j]), 2) / float64(examples*cols)
				}
			}
			for j := range cols {
				mean, square := 0., 0.
				for n := range examples {
					mean += z[n*cols+j] / examples
					square += z[n*cols+j] * z[n*cols+j] / examples
				}
				near(t, layer+" mean", s.Units[i].Mean[j], mean)
				near(t, layer+" deviation", s.Units[i].Deviation[j], math.Sqrt(square-mean*mean))
			}
			if i > 0 {
				norm := 0.
				for _, v := range w.Float64s() {
					norm += v * v
				}
				near(t, "χ below "+layer, s.Layers[i-1].Chi, norm/float64(cols)*slopes[i-1])
			}
			slopes = append(slopes, slope)
			h = y
		}
	}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12*(1+math.Abs(want))) {
		t.Errorf("%s is %g, want %g", what, got, want)
	}
}

// lnChi returns |ln χ| of all layers after each of some steps of a run.
func lnChi(t testing.TB, l *train.Loop) []float64 {
	s := signal(t, l.Network, 1000)
	var all []float64
	l.Hooks = append(l.Hooks, train.Hook{When: func(step int) bool { return step%20 == 7 }, After: func(*train.State) error {
		err := s.Measure()
		for _, layer := range s.Layers {
			all = append(all, math.Abs(math.Log(layer.Chi)))
		}
		return err
	}})
	if r := run(t, l); r.Status != train.Done {
		t.Errorf("%+v", r)
	}
	slices.Sort(all)
	return all
}

// TestHalves has the projection and the penalty halve the median of |ln χ|, over the steps of
// training and the layers of deep networks.
func TestHalves(t *testing.T) {
	for name, f := range map[string]activations.Activation{"tanh": activations.Tanh(), "sigmoid": activations.Sigmoid(), "gaussian": activations.Gaussian()} {
		median := func(what string) float64 {
			all := lnChi(t, kept(t, mlp(10, 16, f), tensor.Float64, 32, what, "adam(rate=0.003)", 400))
			return all[len(all)/2]
		}
		without := median("none")
		for _, what := range []string{"critical-projection", "critical-penalty(strength=1)"} {
			with := median(what)
			t.Logf("%s: median |ln χ| %.3f, with %s %.3f", name, without, what, with)
			if !(with < without/2) && what == "critical-projection" {
				t.Errorf("%s: the median of |ln χ| is %g with %s, %g without", name, with, what, without)
			}
		}
	}
}

// TestHomeostasis has the units reach their targets in a network that otherwise does not learn.
func TestHomeostasis(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		l := kept(t, mlp(4, 8, activations.Tanh()), dtype, 64, "homeostasis(mean=0.2,deviation=0.7,every=1,strength=0.3,rho=0)", "sgd(rate=1e-9)", 200)
		s := signal(t, l.Network, 64)
		run(t, l)
		if err := s.Measure(); err != nil {
			t.Fatal(err)
		}
		for _, u := range s.Units {
			for j := range u.Mean {
				if math.Abs(u.Mean[j]-0.2) > 0.25 || math.Abs(math.Log(u.Deviation[j]/0.7)) > 0.4 {
					t.Errorf("%v: unit %d of %s has mean %g and deviation %g", dtype, j, u.Name, u.Mean[j], u.Deviation[j])
				}
			}
		}
	}
}

// TestPenaltyGradient compares the gradient of the loss with the term with central differences.
func TestPenaltyGradient(t *testing.T) {
	l := kept(t, mlp(3, 4, activations.Tanh()), tensor.Float64, 8, "critical-penalty(strength=0.7,every=1)", "sgd(rate=0.01)", 3)
	run(t, l) // which measures
	loss := func() float64 {
		if err := l.Machine.RunAll(); err != nil {
			t.Fatal(err)
		}
		return l.Loss()
	}
	moved := false
	for _, n := range l.Network.Learnables {
		loss()
		d, err := n.Grad()
		if err != nil {
			t.Fatal(err)
		}
		g := slices.Clone(d.(*tensor.Dense).Float64s())
		x := n.Value().(*tensor.Dense).Float64s()
		for i := range x {
			const h = 1e-5
			was := x[i]
			x[i] = was + h
			up := loss()
			x[i] = was - h
			down := loss()
			x[i] = was
			if want := (up - down) / (2 * h); math.Abs(g[i]-want) > 1e-7*(1+math.Abs(want)) {
				t.Errorf("%s[%d]: gradient %g, want %g", n.Name(), i, g[i], want)
			}
			moved = moved || g[i] != 0
		}
	}
	// The loss is that of the task and the terms.
	s := signal(t, l.Network, 8)
	if err := s.Measure(); err != nil {
		t.Fatal(err)
	}
	terms := 0.
	for _, layer := range s.Layers {
		root := floats(l.Network.Parameters.Tensor(layer.Name + "/keep"))[0]
		norm := 0.
		for _, w := range floats(layer.Weight) {
			norm += w * w
		}
		terms += 0.7 * math.Pow(math.Log(norm*root*root), 2)
	}
	plain, err := models.Build(mlp(3, 4, activations.Tanh()), shape(8), l.Network.Parameters, true)
	if err != nil {
		t.Fatal(err)
	}
	for to, from := range map[*G.Node]*G.Node{plain.Input: l.Network.Input, plain.Target: l.Network.Target} {
		copy(to.Value().(*tensor.Dense).Float64s(), from.Value().(*tensor.Dense).Float64s())
	}
	m, err := plain.TrainingMachine()
	if err == nil {
		err = m.RunAll()
	}
	if err != nil {
		t.Fatal(err)
	}
	task := float64(*plain.Loss.Value().(*G.F64))
	if got, want := loss(), task+terms; !moved || terms == 0 || math.Abs(got-want) > 1e-12*want {
		t.Errorf("loss %g, want %g and terms of %g", got, task, terms)
	}
}

var all = []string{
	"none", "critical-penalty(every=3,schedule=inverse-time(decay=0.1))", "critical-projection(every=3,schedule=warm-up(steps=10))", "homeostasis(every=3)",
	"auxiliary-losses(every=1,schedule=inverse-time(decay=0.1))", "direct-feedback",
}

// TestResumed restores a run in the middle: it ends as the whole one, to the bit.
func TestResumed(t *testing.T) {
	for _, what := range all {
		for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
			make := func(steps int) *train.Loop {
				return kept(t, mlp(3, 5, activations.Tanh()), dtype, 16, what, "adam", steps)
			}
			whole, half, rest := make(20), make(20), make(20)
			run(t, whole)
			half.Steps = 11
			run(t, half)
			var b bytes.Buffer
			if err := half.Save(&b); err != nil {
				t.Fatal(err)
			}
			if err := rest.Restore(&b); err != nil {
				t.Fatal(err)
			}
			run(t, rest)
			if !slices.Equal(numbers(whole.Network), numbers(rest.Network)) {
				t.Errorf("%s, %v: a run that was restored ends elsewhere", what, dtype)
			}
		}
	}
}

// TestAllocations counts what a step of each allocates.
func TestAllocations(t *testing.T) {
	for _, what := range []string{"none", "critical-penalty(every=1)", "critical-projection(every=1)", "homeostasis(every=1)", "auxiliary-losses(every=1,schedule=inverse-time(decay=0.1))", "direct-feedback"} {
		l := kept(t, mlp(4, 8, activations.Tanh()), tensor.Float32, 16, what, "adam", 5)
		run(t, l)
		l.Steps = 1
		one := testing.AllocsPerRun(5, func() { run(t, l) })
		l.Steps = 31
		if many := testing.AllocsPerRun(5, func() { run(t, l) }); many > one {
			t.Errorf("%s: %g allocations in 30 steps", what, many-one)
		}
	}
}

// TestNotApplicable has each said in one line where it can't work.
func TestNotApplicable(t *testing.T) {
	tanh := activations.Tanh()
	batchNorm := mlp(3, 4, tanh)
	batchNorm.Normalization = made(t, normalization.Catalogue, "batch-norm")
	weightNorm := mlp(3, 4, tanh)
	weightNorm.Normalization = made(t, normalization.Catalogue, "weight-norm")
	for _, c := range []struct {
		keep, optimizer string
		model           models.Model
		want            string // "" if it works
	}{
		{"critical-projection", "sgd", mlp(1, 4, tanh), "no hidden layer"},
		{"critical-penalty", "sgd", mlp(1, 4, tanh), "no hidden layer"},
		{"critical-projection", "sgd", batchNorm, ""},
		{"critical-projection", "sgd", weightNorm, "normalised weights"},
		{"homeostasis", "sgd", batchNorm, "without a normalisation"},
		{"homeostasis", "sgd", weightNorm, "without a normalisation"},
		{"homeostasis", "schedule-free-sgd", mlp(2, 4, tanh), "averages"},
		{"critical-projection", "schedule-free-adamw", mlp(2, 4, tanh), "averages"},
		{"critical-penalty", "schedule-free-adamw", mlp(2, 4, tanh), ""},
		{"none", "schedule-free-adamw", mlp(1, 4, tanh), ""},
		{"direct-feedback", "sgd", batchNorm, ""},
		{"direct-feedback", "sgd", weightNorm, ""},
		{"direct-feedback", "sgd", models.Residual{Depth: 4, Width: 4, Activation: tanh, Initializer: initializers.GlorotNormal(1)}, "is not a plain layer"},
		{"direct-feedback", "sgd", models.Highway{Depth: 4, Width: 4, Activation: tanh, Initializer: initializers.GlorotNormal(1)}, "is not a plain layer"},
		{"direct-feedback", "sgd", models.RBF{Depth: 2, Width: 4, Initializer: initializers.GlorotNormal(1)}, "is not a plain layer"},
		{"auxiliary-losses(every=1)", "sgd", batchNorm, ""},
		{"auxiliary-losses(every=2)", "sgd", models.Residual{Depth: 4, Width: 4, Activation: tanh, Initializer: initializers.GlorotNormal(1)}, ""},
		{"auxiliary-losses", "sgd", mlp(5, 4, tanh), ""},
		{"auxiliary-losses", "sgd", mlp(1, 4, tanh), "no hidden layer but the last"},
	} {
		k := made(t, keep.Catalogue, c.keep)
		p, err := models.NewParameters(tensor.Float64, 1)
		if err != nil {
			t.Fatal(err)
		}
		var l *train.Loop
		n, err := models.Build(k.Model(c.model), shape(8), p, true)
		if err == nil {
			if l, err = train.New(n, &stream{}, made(t, optimizers.Catalogue, c.optimizer), 3); err != nil {
				t.Fatal(err)
			}
			err = k.Attach(l)
		}
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s with %s: %v, want %q", c.keep, c.optimizer, err, c.want)
		}
		if err == nil {
			run(t, l)
		}
	}
}

// TestLeavesAlone has measuring change nothing.
func TestLeavesAlone(t *testing.T) {
	alone, watched := kept(t, mlp(3, 5, activations.Tanh()), tensor.Float32, 16, "none", "adam", 20), kept(t, mlp(3, 5, activations.Tanh()), tensor.Float32, 16, "none", "adam", 20)
	s := signal(t, watched.Network, 8)
	watched.Hooks = append(watched.Hooks, train.Hook{After: func(*train.State) error { return s.Measure() }})
	run(t, alone)
	run(t, watched)
	if !slices.Equal(numbers(alone.Network), numbers(watched.Network)) {
		t.Error("measuring changes the run")
	}
}

// BenchmarkKeep compares steps with each keep, in turn with steps without: the metric is the
// ratio of the times, of the quickest turn of each.
func BenchmarkKeep(b *testing.B) {
	for _, what := range []string{"none", "critical-penalty", "critical-projection", "homeostasis", "auxiliary-losses(every=3)", "direct-feedback"} {
		for _, width := range []int{64, 256} {
			b.Run(fmt.Sprintf("keep=%s/width=%d", what, width), func(b *testing.B) {
				var loops [2]*train.Loop
				for i, k := range []string{"none", what} {
					loops[i] = kept(b, mlp(10, width, activations.Tanh()), tensor.Float32, 64, k, "adam", 20)
					run(b, loops[i])
				}
				quickest := [2]time.Duration{math.MaxInt64, math.MaxInt64}
				for b.Loop() {
					for i, l := range loops {
						begin := time.Now()
						run(b, l)
						quickest[i] = min(quickest[i], time.Since(begin))
					}
				}
				b.ReportMetric(float64(quickest[1])/float64(quickest[0]), "times")
			})
		}
	}
}

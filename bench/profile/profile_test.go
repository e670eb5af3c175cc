package profile_test

import (
	"context"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
)

func complete[T any](c *catalogue.Catalogue[T], text string) catalogue.Choice {
	choice, err := catalogue.Parse(text)
	if err == nil {
		choice, err = c.Complete(choice)
	}
	if err != nil {
		panic(err)
	}
	return choice
}

func config(activation string, depth int) record.Config {
	return record.Config{
		Task: complete(tasks.Catalogue, "digits"), Model: complete(models.Catalogue, "mlp"),
		Depth: depth, Width: 128, Batch: 64, DType: "float64", Seed: 1,
		Activation:    complete(activations.Catalogue, activation),
		Initializer:   complete(initializers.Catalogue, "lecun-normal"),
		Normalization: complete(normalization.Catalogue, "none"),
		Optimizer:     complete(optimizers.Catalogue, "sgd"),
	}
}

func measure(t *testing.T, c record.Config, steps int) *profile.Profile {
	t.Helper()
	p, err := profile.Measure(context.Background(), c, steps)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAgainstTheory compares the whole way of the gradient with the product of the
// predicted factors. Each factor is a mean over 128 units: with a relative deviation
// of about sqrt(2/128) for each of 19 independent layers, the logarithm of the product
// has the deviation sqrt(19·2/128) = 0.54, in decades of the norm 0.54/2/ln 10 = 0.12.
func TestAgainstTheory(t *testing.T) {
	for _, activation := range []string{"tanh", "sigmoid", "softplus", "scaled-tanh"} {
		p := measure(t, config(activation, 20), 0)
		var want float64
		for _, l := range p.Start[:20] {
			want -= math.Log10(float64(l.PredictedChi)) / 2
		}
		if got := profile.Decades(p.Start); math.Abs(got-want) > 4*0.12 {
			t.Errorf("%s: the gradient loses %.2f decades, predicted %.2f", activation, got, want)
		}
		if len(p.Start) != 21 || p.Start[0].Name != "layer01" || p.Start[20].Name != "output" {
			t.Errorf("%s: layers %+v", activation, p.Start)
		}
	}
}

// TestAdvice checks that what is advised does what it is advised for.
func TestAdvice(t *testing.T) {
	p := measure(t, config("sigmoid", 20), 0)
	if lost := profile.Decades(p.Start); lost < 10 {
		t.Fatalf("sigmoid 20 deep loses %.1f decades", lost)
	}
	trials, err := profile.Advise(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	alive := map[string]bool{}
	for _, trial := range trials {
		if trial.Problem != "" {
			t.Errorf("%s: %s", trial.Remedy, trial.Problem)
		}
		alive[strings.Fields(trial.Remedy)[0]] = math.Abs(float64(trial.Decades)) < 3
	}
	if !alive["initializer:"] || !alive["activation:"] {
		t.Errorf("neither or only one of the critical start and the shaped sigmoid keeps the gradient: %+v", trials)
	}
	if v := p.Verdict(); !strings.Contains(v, "dies") || !strings.Contains(v, "χ₁ = 0.05") {
		t.Errorf("verdict: %s", v)
	}
}

// TestHundredLayers starts plain networks of 100 layers critically: the gradient that
// arrives in the first layer is within three decades of the last one's. The smooth
// nonlinearities that have no critical point (package meanfield says why) lose more
// than that from an ordinary start, but not when they are shaped for the depth.
func TestHundredLayers(t *testing.T) {
	if testing.Short() {
		t.Skip("trains nothing, but builds 40 deep networks")
	}
	uncritical := map[string]bool{"softplus": true, "gelu": true, "gelu-tanh": true, "silu": true, "mish": true}
	for _, name := range []string{"identity", "tanh", "scaled-tanh", "sigmoid", "arctan", "erf", "sine", "gaussian", "softplus", "gelu", "gelu-tanh", "silu", "mish"} {
		p := measure(t, config(name, 100), 0)
		c := p.Config
		switch critical := float64(p.Theory.Critical); {
		case uncritical[name]:
			if !p.Theory.Critical.IsNaN() || p.Theory.NoCritical == "" {
				t.Errorf("%s: a critical variance of %g", name, critical)
			}
			if lost := profile.Decades(p.Start); lost < 3 {
				t.Errorf("%s: loses %.1f decades only", name, lost)
			}
			c.Activation = complete(activations.Catalogue, fmt.Sprintf("dks(of=%s,depth=100)", name))
		case math.IsNaN(critical):
			t.Errorf("%s: no critical point: %s", name, p.Theory.NoCritical)
			continue
		default:
			c.Initializer = complete(initializers.Catalogue, fmt.Sprintf("lecun-normal(gain=%.12g)", math.Sqrt(critical)))
		}
		if lost := profile.Decades(measure(t, c, 0).Start); math.Abs(lost) > 3 {
			t.Errorf("%s: from %s with %s the gradient changes by %.1f decades", name, c.Initializer, c.Activation, -lost)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		config record.Config
		want   string
	}{
		{config("tanh", 10), "lives"},
		{func() record.Config {
			c := config("tanh", 60)
			c.Initializer = complete(initializers.Catalogue, "lecun-normal(gain=2.5)")
			return c
		}(), "explodes"},
		{func() record.Config { c := config("sigmoid", 120); c.DType = "float32"; return c }(), "exactly 0 in layer01"},
	} {
		if v := measure(t, c.config, 0).Verdict(); !strings.Contains(v, c.want) {
			t.Errorf("verdict %q, want %q in it", v, c.want)
		}
	}
}

func TestSteps(t *testing.T) {
	p := measure(t, config("tanh", 3), 15)
	if p.Steps != 15 || len(p.Trained) != 4 || p.Trained[0].Gradient == p.Start[0].Gradient {
		t.Errorf("after 15 steps: %d, %+v", p.Steps, p.Trained)
	}
	if _, err := profile.Measure(context.Background(), config("tanh", 3), -1); err == nil {
		t.Error("-1 steps: no error")
	}
	c := config("tanh", 3)
	c.Optimizer = complete(optimizers.Catalogue, "sgd(rate=1e200)")
	if v := measure(t, c, 15).Verdict(); !strings.Contains(v, "diverged") {
		t.Errorf("at a rate of 1e200: %s", v)
	}
}

func TestPicture(t *testing.T) {
	p := measure(t, config("tanh", 12), 3)
	dir := t.TempDir()
	for _, name := range []string{"p.png", "p.svg", "p.pdf"} {
		if err := draw.Write(filepath.Join(dir, name), profile.Figure{Profile: p}); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(filepath.Join(dir, "p.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, err := png.DecodeConfig(f); err != nil || c.Width < 1000 {
		t.Errorf("the picture is %d wide, %v", c.Width, err)
	}
	if err := draw.Write(filepath.Join(dir, "p.gif"), profile.Figure{Profile: p}); err == nil {
		t.Error("a .gif is accepted")
	}
}

// TestCauses: a cause is told only where it was checked, and what a model refuses is not
// advised.
func TestCauses(t *testing.T) {
	residual := func(scale string) record.Config {
		c := config("tanh", 8)
		c.Width, c.DType = 16, "float32"
		c.Model = complete(models.Catalogue, "residual(scale="+scale+",order=inside)")
		c.Initializer = complete(initializers.Catalogue, "glorot-normal")
		return c
	}
	saturated := config("hard-tanh", 5)
	saturated.Width, saturated.DType = 16, "float32"
	saturated.Initializer = complete(initializers.Catalogue, "lecun-normal(gain=1000)")
	deep := config("sigmoid", 120)
	deep.DType = "float32"
	for _, c := range []struct {
		name   string
		config record.Config
		want   []string
	}{
		{"fixup", residual("fixup"), []string{"exactly 0 in layer01 to layer08: it is so by construction", "start at 0"}},
		{"re-zero", residual("re-zero"), []string{"exactly 0 in layer01 to layer08: it is so by construction", "layer02/scale and 3 more"}},
		{"hard-tanh", saturated, []string{"exactly 0 in", "f' is 0 at every pre-activation"}},
		{"sigmoid", deep, []string{"exactly 0 in layer01 to", "too small for float32; in float64"}},
	} {
		p := measure(t, c.config, 0)
		v := p.Verdict()
		for _, want := range c.want {
			if !strings.Contains(v, want) {
				t.Errorf("%s: %q, want %q in it", c.name, v, want)
			}
		}
		if c.name != "sigmoid" && (strings.Contains(v, "underflow") || strings.Contains(v, "too small")) {
			t.Errorf("%s: %q: nothing underflows", c.name, v)
		}
		trials, err := profile.Advise(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, trial := range trials {
			if trial.Problem != "" {
				t.Errorf("%s: %s was tried: %s", c.name, trial.Remedy, trial.Problem)
			}
		}
		if strings.HasPrefix(c.name, "fixup") && len(trials) > 0 {
			t.Errorf("%s: %v was tried", c.name, trials)
		}
	}
}

// TestRecurrent: what an LSTM's gradient goes back by is a time step, its saturated share is
// not defined, and layer norm, which recurrent networks refuse, is not advised.
func TestRecurrent(t *testing.T) {
	c := config("tanh", 1)
	c.Task = complete(tasks.Catalogue, "adding(steps=30)")
	c.Model, c.Width, c.Batch = complete(models.Catalogue, "lstm"), 8, 8
	p := measure(t, c, 1)
	v := p.Verdict()
	if !strings.Contains(v, "a time step") || strings.Contains(v, "a layer") {
		t.Errorf("verdict: %s", v)
	}
	if !strings.Contains(v, "After 1 step the") {
		t.Errorf("verdict: %s", v)
	}
	if s := p.Start[0].Saturated; !s.IsNaN() {
		t.Errorf("%g of an LSTM is saturated, want: not defined", float64(s))
	}
	trials, err := profile.Advise(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(trials) > 0 {
		t.Errorf("tried: %+v", trials)
	}
}

// TestBiases: the theory has the biases that the network starts with.
func TestBiases(t *testing.T) {
	c := config("tanh", 20)
	c.Width = 256
	c.Initializer = complete(initializers.Catalogue, "critical(bias-variance=0.05)")
	p := measure(t, c, 0)
	th := p.Theory
	if b := float64(th.BiasVariance); math.Abs(b-0.05) > 0.005 {
		t.Errorf("biases of variance %g, want 0.05", b)
	}
	// At σ_b² = 0.05 the critical point is σ_w² = 1.761, q* = 0.57.
	if q, chi := float64(th.Q), float64(th.Chi1); math.Abs(q-0.57) > 0.06 || math.Abs(chi-1) > 0.05 {
		t.Errorf("q* = %g, χ₁ = %g, want about 0.57 and 1", q, chi)
	}
	if w := float64(th.Critical); math.Abs(w-1.761) > 0.03 {
		t.Errorf("the critical weight variance is %g, want 1.761", w)
	}
	for _, l := range p.Start[10:19] {
		if got, want := float64(l.PreActivationStd), float64(l.PredictedPreActivation); math.Abs(got/want-1) > 0.15 {
			t.Errorf("%s: deviation %g, predicted %g", l.Name, got, want)
		}
	}
	if v := p.Verdict(); !strings.Contains(v, "biases of variance 0.0") {
		t.Errorf("verdict: %s", v)
	}
}

package profile_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
)

// TestPredictions compares each theory with what is measured at width 1000 (500 with
// -short), by layer: q, 1-c and χ. Of n units a mean over n independent ones has the relative
// deviation √(2/n) and less; those of L layers add up to √(2L/n) at most. Of 1-c, over the
// digits' 64 examples, whose distances differ, within half a decade.
func TestPredictions(t *testing.T) {
	width := 1000
	if testing.Short() {
		width = 500
	}
	const depth = 10
	none := "none"
	for _, c := range []struct{ name, model, activation, initializer, normalization string }{
		{"plain", "mlp", "tanh", "lecun-normal(gain=1.2)", none},
		{"biases", "mlp", "tanh", "critical(bias-variance=0.05)", none},
		{"weight norm", "mlp", "tanh", "lecun-normal", "weight-norm"},
		{"orthogonal", "mlp", "sigmoid", "orthogonal", none},
		{"layer norm", "mlp", "relu", "he-normal", "layer-norm"},
		{"layer norm after f", "mlp", "relu", "he-normal", "layer-norm(placement=after)"},
		{"rms norm", "mlp", "sigmoid", "lecun-normal", "rms-norm"},
		{"rms norm after f", "mlp", "softplus", "lecun-normal", "rms-norm(placement=after)"},
		{"batch norm", "mlp", "relu", "he-normal", "batch-norm"},
		{"batch norm after f", "mlp", "tanh", "lecun-normal", "batch-norm(placement=after)"},
		{"batch norm of a Gaussian", "mlp", "gaussian", "lecun-normal", "batch-norm"},
		{"residual", "residual", "tanh", "lecun-normal", none},
		{"residual by depth", "residual(scale=by-depth,block=1)", "relu", "he-normal", none},
		{"residual inside", "residual(order=inside)", "sigmoid", "lecun-normal", none},
		{"residual inside, blocks of one", "residual(order=inside,block=1)", "tanh", "lecun-normal", none},
		{"residual with layer norm", "residual", "relu", "he-normal", "layer-norm"},
		{"highway", "highway(gate-bias=-1)", "tanh", "lecun-normal", none},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(c.activation, depth)
			cfg.Width = width
			cfg.Model, cfg.Initializer = complete(models.Catalogue, c.model), complete(initializers.Catalogue, c.initializer)
			cfg.Normalization = complete(normalization.Catalogue, c.normalization)
			if strings.HasPrefix(c.name, "batch norm") { // whose theory is of examples that are equally far apart
				cfg.Task = complete(tasks.Catalogue, "teacher-student(inputs=256)")
			}
			p := measure(t, cfg, 0)
			if p.NoPrediction != "" {
				t.Fatal(p.NoPrediction)
			}
			sum := 0.
			for i, l := range p.Start {
				got := math.Hypot(float64(l.PreActivationMean), float64(l.PreActivationStd))
				tolerance := 3 * math.Sqrt(2*float64(i+1)/float64(width))
				if i == depth {
					tolerance = 3 * math.Sqrt(2./10) // ten outputs
				}
				if want := float64(l.PredictedPreActivation); !(math.Abs(got/want-1) < tolerance) {
					t.Errorf("%s: root mean square %.4g, predicted %.4g", l.Name, got, want)
				}
				if got, want := float64(l.Decorrelation), float64(l.PredictedDecorrelation); i < depth && !(math.Abs(got-want) < 0.5) {
					t.Errorf("%s: log10(1-c) %.3f, predicted %.3f", l.Name, got, want)
				}
				if i+1 < depth { // from the output it is of ten units
					sum += math.Log10(float64(l.Chi) / float64(l.PredictedChi))
				}
			}
			if limit := 3 * math.Sqrt(2*depth/float64(width)) / math.Ln10; !(math.Abs(sum) < limit) {
				t.Errorf("the squared gradient is 10^%.3f of the predicted one, want within %.3f", sum, limit)
			}
		})
	}
}

// TestRBFPrediction: the theory of layers of radial basis functions at width 1000 (500 with
// -short). The sums over n units that it is made of have relative deviations of about √(2/n);
// those of L layers add up, and the examples' 1-c is of 64 whose distances differ. The sum of
// the gradient over a layer, which all units share, is that of ten random readouts: its square
// deviates by √(2/10).
func TestRBFPrediction(t *testing.T) {
	c := config("gaussian", 6)
	c.Width, c.Model = 1000, complete(models.Catalogue, "rbf")
	if testing.Short() {
		c.Width = 500
	}
	p := measure(t, c, 0)
	if p.NoPrediction != "" {
		t.Fatal(p.NoPrediction)
	}
	sum := 0.
	for i, l := range p.Start[:c.Depth] {
		if got, want := float64(l.PreActivationStd), float64(l.PredictedPreActivation); !(math.Abs(got/want-1) < 3*math.Sqrt(2*float64(i+1)/float64(c.Width))) {
			t.Errorf("%s: deviation %.4g, predicted %.4g", l.Name, got, want)
		}
		if got, want := float64(l.Decorrelation), float64(l.PredictedDecorrelation); !(math.Abs(got-want) < 0.2) {
			t.Errorf("%s: log10(1-c) %.3f, predicted %.3f", l.Name, got, want)
		}
		sum += math.Log10(float64(l.Chi) / float64(l.PredictedChi))
		if limit := 3 * math.Sqrt(2./10) / math.Ln10; !(math.Abs(sum) < limit) {
			t.Errorf("%s: the squared gradient down to it is 10^%.3f of the predicted one, want within %.3f", l.Name, sum, limit)
		}
	}
	// What carries the gradient changes on the way, and χ with it, by two powers of ten.
	if top, middle := float64(p.Start[5].PredictedChi), float64(p.Start[4].PredictedChi); top < 100*middle {
		t.Errorf("χ is %.3g at the top, %.3g below", top, middle)
	}
}

// TestUnpredicted: where there is no theory, the profile says why.
func TestUnpredicted(t *testing.T) {
	for model, want := range map[string]string{
		"residual(order=post-activation)": "after the sum", "rbf": "share the length", "mlp": "element-wise",
	} {
		c := config("tanh", 4)
		c.Width, c.Model = 16, complete(models.Catalogue, model)
		switch model {
		case "rbf":
			c.Activation, c.Normalization = complete(activations.Catalogue, "gaussian"), complete(normalization.Catalogue, "distance-scale")
		case "mlp":
			c.Activation = complete(activations.Catalogue, "softmax")
		}
		p := measure(t, c, 0)
		if !strings.Contains(p.NoPrediction, want) || !p.Start[1].PredictedChi.IsNaN() || p.Theory != nil {
			t.Errorf("%s: %q, χ %g", model, p.NoPrediction, float64(p.Start[1].PredictedChi))
		}
	}
}

// TestRecurrentPrediction: the states of a recurrent layer over time.
func TestRecurrentPrediction(t *testing.T) {
	c := config("tanh", 1)
	c.Task = complete(tasks.Catalogue, "adding(steps=8)")
	c.Model, c.Width = complete(models.Catalogue, "rnn"), 500
	p := measure(t, c, 0)
	if p.NoPrediction != "" {
		t.Fatal(p.NoPrediction)
	}
	for _, l := range p.Start[:8] {
		if got, want := float64(l.PreActivationStd), float64(l.PredictedPreActivation); !(math.Abs(got/want-1) < 0.3) {
			t.Errorf("%s: deviation %.3g, predicted %.3g", l.Name, got, want)
		}
		if got, want := float64(l.Chi), float64(l.PredictedChi); l.Name != "layer01/t0008" && !(math.Abs(got/want-1) < 0.3) {
			t.Errorf("%s: χ %.3g, predicted %.3g", l.Name, got, want)
		}
	}
}

// TestForwardDeath: softplus of 15 and 30 layers dies forward, by theory and measurement.
func TestForwardDeath(t *testing.T) {
	for _, depth := range []int{15, 30} {
		c := config("softplus", depth)
		c.Width = 256
		p := measure(t, c, 0)
		last := p.Start[depth-1]
		if got, want := float64(last.Decorrelation), float64(last.PredictedDecorrelation); !(math.Abs(got-want) < 0.5*float64(depth)/15) || got > -6 {
			t.Errorf("depth %d: log10(1-c) = %.2f in the last layer, predicted %.2f", depth, got, want)
		}
	}
}

// TestJacobian: the spectrum of orthogonal and of normal weights beside theory; none of batch
// norm.
func TestJacobian(t *testing.T) {
	jacobian := func(c record.Config) *profile.Jacobian {
		t.Helper()
		p := measure(t, c, 0)
		if err := profile.MeasureJacobian(context.Background(), p); err != nil {
			t.Fatal(err)
		}
		return p.Jacobian
	}
	c := config("tanh", 30)
	c.Width, c.Initializer = 64, complete(initializers.Catalogue, "orthogonal")
	j := jacobian(c)
	if got, want := float64(j.RelativeVariance), float64(j.PredictedRelativeVariance); !(math.Abs(got-want) < 0.35*want) || j.Width != 0 || len(j.Layers) != 29 {
		t.Errorf("orthogonal weights: relative variance %.3g, theory %.3g, %d layers", got, want, len(j.Layers))
	}
	c.Initializer = complete(initializers.Catalogue, "lecun-normal")
	j = jacobian(c)
	if want := float64(j.PredictedRelativeVariance); !(want > 29) || j.Width < 30 || j.Width > 200 || !strings.Contains(j.Sentence(), "units on") {
		t.Errorf("normal weights: theory %.3g, from width %d on: %s", want, j.Width, j.Sentence())
	}
	if !(j.Max > j.Median && j.Median > j.Min) {
		t.Errorf("log10 of the singular values: %v, %v, %v", j.Max, j.Median, j.Min)
	}
	c.Normalization = complete(normalization.Catalogue, "batch-norm")
	if err := profile.MeasureJacobian(context.Background(), measure(t, c, 0)); err == nil || !strings.Contains(err.Error(), "couples") {
		t.Errorf("batch norm: %v", err)
	}
}

// TestCoordinates: with SGD at one rate the hidden layers' change does not grow with width in
// the standard parametrisation's first steps by more than the output's, and twice the rate
// changes everything by twice as much.
func TestCoordinates(t *testing.T) {
	c := config("tanh", 3)
	c.Optimizer = complete(optimizers.Catalogue, "sgd(rate=1e-4)")
	list, err := profile.Coordinates(context.Background(), c, []int{32, 256}, []int{2, 4}, 2)
	if err != nil || len(list) != 4 {
		t.Fatalf("%v, %v", list, err)
	}
	c.Optimizer = complete(optimizers.Catalogue, "sgd(rate=2e-4)")
	twice, err := profile.Coordinates(context.Background(), c, []int{32, 256}, []int{2, 4}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range list {
		for name, pair := range map[string][2]record.Number{"first": {at.First, twice[i].First}, "last": {at.Last, twice[i].Last}, "output": {at.Output, twice[i].Output}} {
			if ratio := float64(pair[1] / pair[0]); !(math.Abs(ratio-2) < 0.02) {
				t.Errorf("width %d, depth %d, %s: twice the rate changes %.4f times as much", at.Width, at.Depth, name, ratio)
			}
		}
	}
	// The output's kernel grows with width: its last weights alone have a gradient of width
	// many activations of order 1.
	if ratio := float64(list[1].Output / list[0].Output); !(ratio > 3 && ratio < 20) {
		t.Errorf("from width 32 to 256 the output's change grows by %.3g, want about 8", ratio)
	}
	c.Optimizer = complete(optimizers.Catalogue, "sgd(rate=1e200)")
	broken, err := profile.Coordinates(context.Background(), c, []int{32}, []int{2}, 4)
	if err != nil || broken[0].Reason == "" || !broken[0].First.IsNaN() {
		t.Errorf("a rate of 1e200: %+v, %v", broken, err)
	}
	if _, err := profile.Coordinates(context.Background(), c, []int{32}, []int{2}, 0); err == nil {
		t.Error("no steps are accepted")
	}
}

package initializers_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"gonum.org/v1/gonum/stat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestFixedPoint: D is copies of the identity, or its first columns; folded, sums of inputs.
func TestFixedPoint(t *testing.T) {
	for _, c := range []struct {
		text    string
		in, out int
		rows    string // of D: an input's weights
	}{
		{"fixed-point", 2, 2, "10 01"},
		{"fixed-point", 2, 4, "1010 0101"},
		{"fixed-point", 4, 2, "10 01 00 00"},
		{"fixed-point(fold=true)", 2, 4, "1010 0101"},
		{"fixed-point(fold=true)", 4, 2, "10 01 10 01"},
		{"fixed-point(fold=true)", 5, 2, "10 01 10 01 10"},
		{"fixed-point", 1, 3, "111"},
	} {
		w, err := initializers.Values(made(t, c.text), 1, "w", c.in, c.out)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range strings.Fields(c.rows) {
			for j, d := range row {
				want := float64(d - '0')
				if v := w[i*c.out+j]; !(math.Abs(v-want) < 6*.085/math.Sqrt(float64(c.in))) || v == want {
					t.Errorf("%s of %d inputs and %d units: the weight of input %d and unit %d is %g, want about %g", c.text, c.in, c.out, i, j, v, want)
				}
			}
		}
	}
	const in, out = 400, 300
	w, _ := initializers.Values(made(t, "fixed-point(noise=0.2,slope=3)"), 1, "w", in, out)
	var noise []float64
	for i := range in {
		for j := range out {
			if i != j {
				noise = append(noise, w[i*out+j])
			}
		}
	}
	mean, variance := stat.MeanVariance(noise, nil)
	if !(math.Abs(variance*in/.04-1) < 4*math.Sqrt(2./in/out)) || !(math.Abs(mean) < 4*.01/math.Sqrt(in*out)) {
		t.Errorf("the noise has the mean %g and the variance %g, want 0 and .2²/400", mean, variance)
	}
	if v := w[7*out+7]; math.Abs(v-3) > .06 {
		t.Errorf("the fixed part is %g, want 3", v)
	}
}

// deviations returns those of the activations of the first and the last of 101 layers of 16 and 4
// units.
func deviations(t *testing.T, init initializers.Initializer) (first, last float64) {
	t.Helper()
	p, err := models.NewParameters(tensor.Float64, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := models.Build(models.MLP{Depth: 101, Widths: models.Alternating(16, 4), Activation: activations.Tanh(), Initializer: init},
		models.Shape{Inputs: 8, Outputs: 10, Batch: 64, Loss: models.CrossEntropy}, p, false)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 3))
	for i := range n.Input.Value().(*tensor.Dense).Float64s() {
		n.Input.Value().(*tensor.Dense).Float64s()[i] = r.NormFloat64()
	}
	m, err := n.EvaluationMachine()
	if err != nil {
		t.Fatal(err)
	}
	for i, to := range map[int]*float64{0: &first, 100: &last} {
		if err := m.Observe(n.Layers[i].Activation, func(v G.Value) { *to = stat.PopStdDev(v.(*tensor.Dense).Float64s(), nil) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.RunObserved(); err != nil {
		t.Fatal(err)
	}
	return first, last
}

// TestFixedPointReachesTheEnd: in a narrow network of 101 layers the signal survives, where that
// of Glorot's start does not.
func TestFixedPointReachesTheEnd(t *testing.T) {
	first, last := deviations(t, made(t, "fixed-point"))
	_, glorot := deviations(t, initializers.GlorotNormal(1))
	t.Logf("deviations: %.3g in the first layer, %.3g in the last; Glorot's %.3g", first, last, glorot)
	if !(last > .05*first) || !(glorot < 1e-6) {
		t.Errorf("the activations deviate by %.3g in the first layer and by %.3g in the last, with Glorot's start by %.3g", first, last, glorot)
	}
}

// TestLooksLinear: 100 layers keep the gradient, to rounding for ReLU.
func TestLooksLinear(t *testing.T) {
	for _, c := range []struct {
		f     activations.Activation
		limit float64
	}{
		{activations.ReLU(), 1e-9}, // those of a pair share the gradient in the others
		{activations.Softplus(), .02}, {activations.SiLU(), .02}, {activations.GELU(), .02},
		{activations.Tanh(), 1.2}, {activations.Sigmoid(), 1.2}, // by a power of the depth
	} {
		d := decades(t, c.f, made(t, "looks-linear"), 1)
		t.Logf("%s: %.3g decades over 100 layers", c.f.Name(), d)
		if !(math.Abs(d) <= c.limit) {
			t.Errorf("%s: the gradient changes by %g decades over 100 layers, want at most %g", c.f.Name(), d, c.limit)
		}
	}
	if d := decades(t, activations.Softplus(), made(t, "orthogonal"), 1); !(math.Abs(d) > 3) {
		t.Errorf("softplus with an orthogonal start changes it by %g decades only: the test shows nothing", d)
	}
	_, err := initializers.For(made(t, "looks-linear"), activations.Gaussian())
	if err == nil || !strings.Contains(err.Error(), "slope 0 at 0") {
		t.Errorf("the Gaussian, which is even: %v", err)
	}
	// Of odd numbers the middle one has no partner.
	w, err := initializers.Values(adapted(t, "looks-linear", activations.Tanh()).(initializers.OfLayers).OfLayers(), 1, "w", 5, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, partner := range []int{3, 4, -1} {
		for j := range 3 {
			if v := w[i*3+j]; v == 0 || partner >= 0 && w[partner*3+j] != -v {
				t.Errorf("inputs %d and %d have the weights %g and %g", i, partner, v, w[max(0, partner)*3+j])
			}
		}
		if w[i*3] != -w[i*3+2] || w[i*3+1] == 0 {
			t.Errorf("input %d has the weights %v, want opposite ones at the ends", i, w[i*3:i*3+3])
		}
	}
}

// TestChi: after the start the measured factor of the squared gradient is near 1 in each layer,
// for f that have no critical start, too.
func TestChi(t *testing.T) {
	const depth, width = 20, 64
	for _, c := range []struct {
		f     activations.Activation
		limit float64
	}{
		{activations.Tanh(), .02}, {activations.Gaussian(), .02},
		{activations.Softplus(), .12}, // its error comes along the mean that all examples share
	} {
		f := c.f
		for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
			measure := func(text string) (decades float64, starts []models.Start) {
				p, err := models.NewParameters(dtype, 1)
				if err != nil {
					t.Fatal(err)
				}
				m := models.MLP{Depth: depth, Width: width, Activation: f, Initializer: made(t, text)}
				s := models.Shape{Inputs: width, Outputs: width, Batch: 64, Loss: models.MeanSquaredError}
				if starts, err = models.Prepare(m, s, p, batch{rand.New(rand.NewPCG(1, 2))}); err != nil {
					t.Fatal(err)
				}
				n, err := models.Build(m, s, p, true)
				if err != nil {
					t.Fatal(err)
				}
				batch{rand.New(rand.NewPCG(1, 2))}.fill(n)
				machine, err := n.TrainingMachine()
				if err != nil {
					t.Fatal(err)
				}
				var norms [2]float64
				for i, l := range []models.Layer{n.Layers[0], n.Layers[depth-1]} {
					if err := machine.Observe(l.PreActivation.Deriv(), func(v G.Value) {
						for _, x := range floats(v) {
							norms[i] += x * x
						}
					}); err != nil {
						t.Fatal(err)
					}
				}
				if err := machine.RunObserved(); err != nil {
					t.Fatal(err)
				}
				return math.Log10(norms[0]/norms[1]) / (depth - 1), starts
			}
			d, starts := measure("chi")
			control, _ := measure("lsuv")
			t.Logf("%s, %v: log10 chi %.3f per layer, with LSUV %.3f", f.Name(), dtype, d, control)
			if !(math.Abs(d) < c.limit) || math.Abs(control) < 3*c.limit {
				t.Errorf("%s, %v: log10 chi is %.3f per layer, with LSUV %.3f", f.Name(), dtype, d, control)
			}
			if len(starts) != depth+1 || starts[0].Values["variance_after"] == 0 || !(starts[3].Values["factor"] > 0) {
				t.Errorf("reported: %v", starts)
			}
		}
	}
	fit := made(t, "chi").(initializers.FromBelow)
	for _, slopes := range [][]float64{{0, 0}, {math.NaN(), 1}, {1}} {
		if _, err := fit.FitBelow([]float64{1, 1, 1, 1}, 2, 2, slopes); err == nil {
			t.Errorf("slopes %v are accepted", slopes)
		}
	}
	w := []float64{1, 2, 3, 4}
	if r, err := made(t, "chi(target=2)").(initializers.FromBelow).FitBelow(w, 2, 2, []float64{1, .5}); err != nil || math.Abs(r["chi_before"]-8.75) > 1e-12 || math.Abs(w[0]-math.Sqrt(2/8.75)) > 1e-12 {
		t.Errorf("FitBelow: %v, %v, %v; want (1 + 4)/2 + (9 + 16)/4 = 8.75", w, r, err)
	}
}

// TestChiElsewhere: where χ is not that of one layer, or the weights' scale has no effect.
func TestChiElsewhere(t *testing.T) {
	p, err := models.NewParameters(tensor.Float64, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := models.Shape{Inputs: 4, Outputs: 2, Batch: 4, Loss: models.MeanSquaredError}
	residual := models.Residual{Depth: 2, Width: 6, Activation: activations.Tanh(), Initializer: made(t, "chi")}
	if _, err := models.Build(residual, s, p, true); err == nil || !strings.Contains(err.Error(), "sum with a shortcut") {
		t.Errorf("a residual network: %v", err)
	}
	if p, err = models.NewParameters(tensor.Float64, 1); err != nil {
		t.Fatal(err)
	}
	scaled := models.MLP{Depth: 2, Width: 6, Activation: activations.Softmax(), Initializer: made(t, "chi")}
	if _, err := models.Build(scaled, s, p, true); err == nil || !strings.Contains(err.Error(), "not an element-wise function") {
		t.Errorf("softmax: %v", err)
	}
}

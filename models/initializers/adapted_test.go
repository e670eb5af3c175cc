package initializers_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func made(t testing.TB, text string) initializers.Initializer {
	t.Helper()
	c, err := catalogue.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	init, err := initializers.Catalogue.Make(c)
	if err != nil {
		t.Fatal(err)
	}
	return init
}

func adapted(t testing.TB, text string, f activations.Activation) initializers.Initializer {
	t.Helper()
	init, err := initializers.For(made(t, text), f)
	if err != nil {
		t.Fatal(err)
	}
	return init
}

// TestAdapted compares variances of drawn weights and biases with theory; four
// standard errors are allowed.
func TestAdapted(t *testing.T) {
	const in, out = 400, 300
	for _, c := range []struct {
		text           string
		f              activations.Activation
		weight, biases float64 // weight·fan-in
	}{
		{"critical", activations.Tanh(), 1, 0},
		{"critical(bias-variance=0.05)", activations.Tanh(), 1.76095, 0.05},
		{"critical(bias-variance=0.05)", activations.Gaussian(), 2.93939, 0.05},
		{"critical", activations.ReLU(), 2, 0},
		{"critical(bias-variance=0.05)", nil, 1, 0},
		{"gain", activations.ReLU(), 2, 0},
		{"gain", activations.Identity(), 1, 0},
		{"gain", activations.Gaussian(), math.Sqrt(5), 0},
		{"gain", nil, 1, 0},
	} {
		init := adapted(t, c.text, c.f)
		w, err := initializers.Values(init, 1, "layer01/weight", in, out)
		if err != nil {
			t.Fatal(err)
		}
		if v := in * stat.PopVariance(w, nil); !(math.Abs(v/c.weight-1) <= 4*math.Sqrt(2./(in*out))) {
			t.Errorf("%s for %v: weight variance %g/fan-in, want %g", c.text, c.f, v, c.weight)
		}
		b, ok := init.(initializers.Biased)
		if ok != (c.biases > 0) {
			t.Errorf("%s for %v: draws biases: %v", c.text, c.f, ok)
		}
		if ok {
			x := make([]float64, 10000)
			b.FillBias(x, initializers.Stream(1, "layer01/bias"))
			if v := stat.PopVariance(x, nil); !(math.Abs(v/c.biases-1) <= 4*math.Sqrt(2./10000)) {
				t.Errorf("%s: bias variance %g, want %g", c.text, v, c.biases)
			}
		}
	}
}

func TestCriticalOrthogonal(t *testing.T) {
	const n = 20
	w, err := initializers.Values(adapted(t, "critical(bias-variance=0.05,orthogonal=true)", activations.Tanh()), 1, "w", n, n)
	if err != nil {
		t.Fatal(err)
	}
	m := mat.NewDense(n, n, w)
	var product mat.Dense
	product.Mul(m.T(), m)
	for i := range n {
		if d := product.At(i, i); !(math.Abs(d-1.76095) <= 1e-4) {
			t.Errorf("WᵀW has %g on the diagonal, want σ_w² = 1.76095", d)
		}
	}
}

func TestNotAdapted(t *testing.T) {
	if _, err := initializers.Values(made(t, "critical"), 1, "w", 3, 3); err == nil {
		t.Error("critical fills weights without a nonlinearity")
	}
	_, err := initializers.For(made(t, "critical"), activations.Softplus())
	var none *meanfield.NoCritical
	if !errors.As(err, &none) {
		t.Errorf("critical of softplus: %v", err)
	}
	init := initializers.HeNormal(1)
	if same, err := initializers.For(init, activations.Tanh()); same != init || err != nil {
		t.Errorf("He's for tanh: %v, %v", same, err)
	}
	if _, err := initializers.Critical(initializers.CriticalConfig{BiasVariance: -1}); err == nil {
		t.Error("a negative bias variance is accepted")
	}
}

func TestSparse(t *testing.T) {
	const in, out, k = 50, 400, 7
	w, err := initializers.Values(made(t, "sparse(inputs=7,gain=0.5)"), 1, "w", in, out)
	if err != nil {
		t.Fatal(err)
	}
	var drawn []float64
	used := make([]float64, in)
	for unit := range out {
		n := 0
		for i := range in {
			if v := w[i*out+unit]; v != 0 {
				drawn = append(drawn, v)
				used[i]++
				n++
			}
		}
		if n != k {
			t.Errorf("unit %d has %d inputs, want %d", unit, n, k)
		}
	}
	if v := stat.PopVariance(drawn, nil); !(math.Abs(v/0.25-1) <= 4*math.Sqrt(2/float64(len(drawn)))) {
		t.Errorf("variance %g, want 0.25", v)
	}
	// Each input is used by a binomial number of units.
	mean, limit := float64(out*k)/in, 5*math.Sqrt(out*float64(k)/in*(1-float64(k)/in))
	for i, n := range used {
		if !(math.Abs(n-mean) <= limit) {
			t.Errorf("input %d is used %g times, want %g within %g", i, n, mean, limit)
		}
	}
	if w, _ := initializers.Values(made(t, "sparse"), 1, "w", 3, 2); len(w) != 6 || w[0]*w[5] == 0 {
		t.Errorf("3 inputs of 15: %v, want all used", w)
	}
}

func TestIdentity(t *testing.T) {
	for _, s := range [][2]int{{3, 3}, {2, 4}, {4, 2}} {
		w := []float64{9, 9, 9, 9, 9, 9, 9, 9, 9}[:s[0]*s[1]]
		initializers.Identity(0.5).Fill(w, s[0], s[1], rand.New(rand.NewPCG(1, 1)))
		for i := range s[0] {
			for j := range s[1] {
				want := 0.
				if i == j {
					want = 0.5
				}
				if w[i*s[1]+j] != want {
					t.Errorf("%v: %v", s, w)
				}
			}
		}
	}
}

// batch is data for Prepare.
type batch struct{ r *rand.Rand }

func (b batch) Next64(x, t []float64) error {
	for _, v := range [][]float64{x, t} {
		for i := range v {
			v[i] = 3 + 2*b.r.NormFloat64() // of mean square 13
		}
	}
	return nil
}

func (b batch) Next32(x, t []float32) error {
	for _, v := range [][]float32{x, t} {
		for i := range v {
			v[i] = float32(3 + 2*b.r.NormFloat64())
		}
	}
	return nil
}

// TestLSUV checks that all layers have the variance 1 on the batch, and what is
// reported.
func TestLSUV(t *testing.T) {
	const depth, width = 8, 30
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		p, err := models.NewParameters(dtype, 1)
		if err != nil {
			t.Fatal(err)
		}
		m := models.MLP{Depth: depth, Width: width, Activation: activations.Softplus(), Initializer: made(t, "lsuv(tolerance=0.01)")}
		s := models.Shape{Inputs: 20, Outputs: 5, Batch: 64, Loss: models.MeanSquaredError}
		starts, err := models.Prepare(m, s, p, batch{rand.New(rand.NewPCG(1, 2))})
		if err != nil {
			t.Fatal(err)
		}
		if len(starts) != depth+1 || starts[0].Layer != "layer01" || starts[depth].Layer != "output" {
			t.Fatalf("starts %+v, want one for each layer", starts)
		}
		n, err := models.Build(m, s, p, false)
		if err != nil {
			t.Fatal(err)
		}
		batch{rand.New(rand.NewPCG(1, 2))}.fill(n)
		machine, err := n.EvaluationMachine()
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range n.Layers {
			err := machine.Observe(l.PreActivation, func(v G.Value) {
				variance := stat.PopVariance(floats(v), nil)
				if r := starts[i].Values; !(math.Abs(variance-1) <= 0.01) || !(math.Abs(r["variance_after"]-variance) <= 1e-5) || !(r["tries"] >= 1 && r["tries"] <= 3) {
					t.Errorf("%s: variance %g, reported %v", l.Name, variance, r)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := machine.RunObserved(); err != nil {
			t.Fatal(err)
		}
	}
}

func (b batch) fill(n *models.Network) {
	x, t := n.Input.Value().(*tensor.Dense), n.Target.Value().(*tensor.Dense)
	if x.Dtype() == tensor.Float32 {
		b.Next32(x.Float32s(), t.Float32s())
	} else {
		b.Next64(x.Float64s(), t.Float64s())
	}
}

func floats(v G.Value) []float64 {
	d := v.(*tensor.Dense)
	if d.Dtype() == tensor.Float64 {
		return d.Float64s()
	}
	var list []float64
	for _, x := range d.Float32s() {
		list = append(list, float64(x))
	}
	return list
}

func TestLSUVMistakes(t *testing.T) {
	fit := made(t, "lsuv(tries=3)").(initializers.FromData)
	calls := 0
	_, err := fit.Fit([]float64{1}, func() ([]float64, error) { calls++; return []float64{-5, 5}, nil })
	if err == nil || calls != 4 || !strings.Contains(err.Error(), "was 25 and is 25 after the weights were scaled 3 times") {
		t.Errorf("a layer that scaling does not change: %d evaluations, %v", calls, err)
	}
	if _, err := fit.Fit([]float64{1}, func() ([]float64, error) { return []float64{2, 2}, nil }); err == nil {
		t.Error("constant pre-activations are accepted")
	}
	if _, err := initializers.LSUV(initializers.LSUVConfig{Tolerance: 2}); err == nil {
		t.Error("a tolerance of 2 is accepted")
	}
}

// decades returns by how many powers of ten the gradient's norm falls from the last
// hidden layer's pre-activations to the first's.
func decades(t testing.TB, f activations.Activation, init initializers.Initializer, seed uint64) float64 {
	t.Helper()
	const depth, width = 100, 64
	p, err := models.NewParameters(tensor.Float64, seed)
	if err != nil {
		t.Fatal(err)
	}
	n, err := models.Build(models.MLP{Depth: depth, Width: width, Activation: f, Initializer: init},
		models.Shape{Inputs: width, Outputs: 10, Batch: 8, Loss: models.MeanSquaredError}, p, true)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 3))
	for i := range n.Input.Value().(*tensor.Dense).Float64s() {
		n.Input.Value().(*tensor.Dense).Float64s()[i] = r.NormFloat64()
	}
	for i := range n.Target.Value().(*tensor.Dense).Float64s() {
		n.Target.Value().(*tensor.Dense).Float64s()[i] = r.NormFloat64()
	}
	m, err := n.TrainingMachine()
	if err != nil {
		t.Fatal(err)
	}
	var norms [2]float64
	for i, l := range []models.Layer{n.Layers[0], n.Layers[depth-1]} {
		if err := m.Observe(l.PreActivation.Deriv(), func(v G.Value) {
			for _, x := range v.(*tensor.Dense).Float64s() {
				norms[i] += x * x
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.RunObserved(); err != nil {
		t.Fatal(err)
	}
	return math.Log10(norms[1]/norms[0]) / 2
}

// TestHundredLayers starts plain networks of 100 layers of each nonlinearity at
// criticality, where the gradient must come through; those without a critical point
// after deep kernel shaping.
func TestHundredLayers(t *testing.T) {
	for _, name := range activations.Catalogue.Names() {
		choice, err := activations.Catalogue.Make(catalogue.Choice{Name: name})
		if err != nil {
			continue // it has no meaning without settings
		}
		scalar, ok := choice.(activations.Scalar)
		if !ok {
			continue // not element-wise
		}
		if _, ok := choice.(*activations.Transformed); ok {
			continue // made for a start of its own
		}
		for _, text := range []string{"critical", "critical(bias-variance=0.05)", "critical(orthogonal=true)"} {
			f := scalar
			init, err := initializers.For(made(t, text), f)
			how := text
			var none *meanfield.NoCritical
			switch {
			case errors.As(err, &none) && text == "critical":
				if f, err = activations.DKS(f, activations.Plain(100), 0); err != nil {
					t.Errorf("%s has no critical point, and %v", name, err)
					continue
				}
				how, init = "dks", initializers.LeCunNormal(1)
			case errors.As(err, &none):
				continue
			case err != nil:
				t.Fatal(err)
			}
			d := decades(t, f, init, 1)
			t.Logf("%-14s %-30s %6.2f decades", name, how, d)
			if !(math.Abs(d) <= 3) {
				t.Errorf("%s, %s: the gradient changes by %.1f decades over 100 layers", name, how, d)
			}
		}
	}
	if d := decades(t, activations.Sigmoid(), initializers.GlorotNormal(1), 1); !(d > 20) {
		t.Errorf("sigmoid with Glorot's start loses %.1f decades only: the test shows nothing", d)
	}
}

func ExampleCritical() {
	critical, err := initializers.Critical(initializers.CriticalConfig{BiasVariance: 0.05})
	if err != nil {
		fmt.Println(err)
		return
	}
	init, err := initializers.For(critical, activations.Tanh())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(init.Name())
	_, err = initializers.For(critical, activations.Softplus())
	fmt.Println(err)
	// Output:
	// critical
	// initialiser critical: no critical weight variance for bias variance 0.05: where the q-map is stable, χ₁ is below 1: up to 1 at weight variance 2 (where q* goes to infinity); shape the activation, as dks does, or use another initialiser
}

package models_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func rbf(depth, width int, n normalization.Normalization) models.RBF {
	return models.RBF{Depth: depth, Width: width, Initializer: initializers.LeCunNormal(1), Normalization: n}
}

// norm makes a normalisation of the catalogue.
func norm(t testing.TB, text string) normalization.Normalization {
	t.Helper()
	choice, err := catalogue.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	n, err := normalization.Catalogue.Make(choice)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// examples returns inputs for a network with 5 of them.
func examples(rows int) []float64 {
	x := make([]float64, rows*5)
	for i := range x {
		x[i] = float64(float32(math.Sin(float64(i*i + i))))
	}
	return x
}

// batch gives the same inputs each time.
type batch []float64

func (b batch) Next32(x, _ []float32) error {
	if len(x) != len(b) {
		return fmt.Errorf("%d inputs asked for, there are %d", len(x), len(b))
	}
	for i, v := range b {
		x[i] = float32(v)
	}
	return nil
}

func (b batch) Next64(x, _ []float64) error {
	if len(x) != len(b) {
		return fmt.Errorf("%d inputs asked for, there are %d", len(x), len(b))
	}
	copy(x, b)
	return nil
}

func prepare(t testing.TB, m models.Model, p *models.Parameters, x []float64) []models.Start {
	t.Helper()
	report, err := models.Prepare(m, shape(len(x)/5), p, batch(x))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestRBFAgainstPlainLoops compares a forward pass with one written out.
func TestRBFAgainstPlainLoops(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		tolerance := 1e-13
		if dtype == tensor.Float32 {
			tolerance = 1e-5
		}
		p := parameters(t, dtype, 9)
		prepare(t, rbf(2, 4, nil), p, examples(20))
		n := build(t, rbf(2, 4, nil), shape(3), p, false)
		fill(n)
		m, err := n.EvaluationMachine()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		for row := range 3 {
			x := floats(n.Input.Value().(*tensor.Dense))[row*5 : row*5+5]
			for _, name := range []string{"layer01", "layer02"} {
				c, r := floats(p.Tensor(name+"/center")), floats(p.Tensor(name+"/width"))
				y := make([]float64, 4)
				for j := range y {
					var d float64
					for k, v := range x {
						d += (v - c[j*len(x)+k]) * (v - c[j*len(x)+k])
					}
					y[j] = math.Exp(-math.Log1p(math.Exp(r[j])) * d)
				}
				x = y
			}
			w, b := floats(p.Tensor("output/weight")), floats(p.Tensor("output/bias"))
			for k := range 3 {
				want := b[k]
				for i, v := range x {
					want += v * w[i*3+k]
				}
				if got := floats(n.Output.Value().(*tensor.Dense))[row*3+k]; math.Abs(got-want) > tolerance {
					t.Errorf("%v: output %d of example %d is %g, want %g", dtype, k, row, got, want)
				}
			}
		}
	}
}

// differences compares the gradients of all parameters with central differences.
func differences(t *testing.T, what string, n *models.Network) {
	t.Helper()
	machine, err := n.TrainingMachine()
	if err != nil {
		t.Fatal(err)
	}
	value := func() float64 {
		if err := machine.RunAll(); err != nil {
			t.Fatal(err)
		}
		return float64(*n.Loss.Value().(*G.F64))
	}
	value()
	var gradients [][]float64
	largest := 0.
	for _, l := range n.Learnables {
		g, err := l.Grad()
		if err != nil {
			t.Fatal(err)
		}
		list := slices.Clone(g.(*tensor.Dense).Float64s())
		gradients = append(gradients, list)
		for _, v := range list {
			largest = max(largest, math.Abs(v))
		}
	}
	for i, l := range n.Learnables {
		w := l.Value().(*tensor.Dense).Float64s()
		for k := range w {
			const h = 1e-4
			was := w[k]
			at := func(steps float64) float64 {
				w[k] = was + steps*h
				defer func() { w[k] = was }()
				return value()
			}
			slope := (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * h)
			if !(math.Abs(slope-gradients[i][k]) <= 1e-7*largest+1e-11) {
				t.Errorf("%s: gradient of %s[%d] is %g, the slope %g", what, l.Name(), k, gradients[i][k], slope)
			}
		}
	}
}

func TestRBFGradients(t *testing.T) {
	for _, text := range []string{"none", "distance-scale", "distance-standardize", "batch-norm", "layer-norm(placement=after)"} {
		p := parameters(t, tensor.Float64, 3)
		m := rbf(2, 4, norm(t, text))
		// The first batch holds the examples that became centers: x = c.
		prepare(t, m, p, examples(6))
		n := build(t, m, shape(6), p, true)
		fill(n)
		copy(n.Input.Value().(*tensor.Dense).Float64s(), examples(6))
		differences(t, text, n)
	}
}

// TestRBFStart checks what Prepare says: centers are examples, each once, and the mean
// of z over the batch is kappa in every layer, whatever the normalisation.
func TestRBFStart(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		for _, text := range []string{"none", "distance-scale", "distance-standardize", "rms-norm(placement=after)"} {
			for _, how := range []models.Centers{models.KMeansPP, models.SampleCenters} {
				m := rbf(4, 6, norm(t, text))
				m.Kappa, m.Centers = 0.7, how
				p := parameters(t, dtype, 3)
				x := examples(12)
				report := prepare(t, m, p, x)
				if len(report) != 5 || report[0].Layer != "layer01" || report[0].Values["centers"] != 6 || report[4].Layer != "layer04" {
					t.Errorf("report %v", report)
				}
				centers := floats(p.Tensor("layer01/center"))
				for j := range 6 {
					found := false
					for i := range 12 {
						found = found || slices.Equal(x[i*5:i*5+5], centers[j*5:j*5+5])
					}
					if !found {
						t.Errorf("%s: center %d, %g, is no example", how, j, centers[j*5:j*5+5])
					}
				}
				n := build(t, m, shape(12), p, true)
				set(n.Input.Value().(*tensor.Dense), func(i int) float64 { return x[i] })
				var zs G.Nodes
				for _, l := range n.Layers {
					zs = append(zs, l.PreActivation)
				}
				machine, err := n.TrainingMachine(zs...)
				if err != nil {
					t.Fatal(err)
				}
				if err := machine.RunAll(); err != nil {
					t.Fatal(err)
				}
				for i, l := range n.Layers[:4] {
					var mean float64
					for _, z := range floats(zs[i].Value().(*tensor.Dense)) {
						mean += z / (12 * 6)
					}
					if math.Abs(mean-0.7) > 1e-5 {
						t.Errorf("%v, %s, %s: the mean of z in %s is %g, want 0.7", dtype, text, how, l.Name, mean)
					}
				}
				again := parameters(t, dtype, 3)
				prepare(t, m, again, x)
				for _, name := range p.Names() {
					if !slices.Equal(floats(p.Tensor(name)), floats(again.Tensor(name))) {
						t.Errorf("%s differs the second time", name)
					}
				}
			}
		}
	}
}

// TestKMeansPP has four distant clusters of ten points, and takes one of each.
func TestKMeansPP(t *testing.T) {
	x := make([]float64, 40*5)
	for i := range 40 {
		x[i*5+i%4] = 1000
		x[i*5+4] = math.Sin(float64(i))
	}
	m := rbf(1, 4, nil)
	for seed := range 10 {
		p := parameters(t, tensor.Float64, uint64(seed))
		prepare(t, m, p, x)
		clusters := map[int]bool{}
		for j := range 4 {
			c := p.Tensor("layer01/center").Float64s()[j*5 : j*5+4]
			clusters[slices.Index(c, 1000)] = true
		}
		if len(clusters) != 4 {
			t.Errorf("seed %d: centers in %d of 4 clusters", seed, len(clusters))
		}
	}
	// More units than different examples: each is taken before any is again.
	p := parameters(t, tensor.Float32, 1)
	if r := prepare(t, rbf(1, 9, nil), p, examples(3)); r[0].Values["centers"] != 3 {
		t.Errorf("%v centers from 3 examples", r[0].Values["centers"])
	}
}

// TestRBFVanishes is the claim of the documentation: with centers of variance 1 the
// gradient loses half a decade a layer at least, and is alive if distances are
// standardised, but not if they are only scaled.
func TestRBFVanishes(t *testing.T) {
	const depth, width, rows = 20, 64, 64
	decades := func(text string) float64 {
		m := rbf(depth, width, norm(t, text))
		p := parameters(t, tensor.Float64, 1)
		x := examples(rows)
		prepare(t, m, p, x)
		n := build(t, m, shape(rows), p, true)
		fill(n)
		copy(n.Input.Value().(*tensor.Dense).Float64s(), x)
		first, last := n.Layers[0].PreActivation.Deriv(), n.Layers[depth-1].PreActivation.Deriv()
		machine, err := n.TrainingMachine(first, last)
		if err != nil {
			t.Fatal(err)
		}
		if err := machine.RunAll(); err != nil {
			t.Fatal(err)
		}
		size := func(n *G.Node) (sum float64) {
			for _, v := range n.Value().(*tensor.Dense).Float64s() {
				sum += v * v
			}
			return math.Log10(sum) / 2
		}
		return size(last) - size(first)
	}
	if none, scale, standard := decades("none"), decades("distance-scale"), decades("distance-standardize"); none < depth/2 || scale < depth/2 || math.Abs(standard) > 3 {
		t.Errorf("the gradient falls by %.1f decades without normalisation, %.1f with distance-scale, %.1f with distance-standardize", none, scale, standard)
	}
}

func TestArchitectures(t *testing.T) {
	tanh, gaussian := activations.Tanh(), activations.Gaussian()
	for _, c := range []struct {
		model      string
		activation activations.Activation
		norm, want string
	}{
		{"mlp", tanh, "none", ""},
		{"mlp", tanh, "batch-norm(placement=after)", ""},
		{"mlp", tanh, "weight-standardization", ""},
		{"mlp", tanh, "distance-scale", "squared distances"},
		{"rbf", gaussian, "none", ""},
		{"rbf", gaussian, "distance-standardize", ""},
		{"rbf(centers=sample,kappa=0.5)", gaussian, "layer-norm", ""},
		{"rbf", gaussian, "weight-norm", "centers are points"},
		{"rbf", tanh, "none", "its activation is gaussian"},
		{"deep-linear", activations.Identity(), "batch-norm", ""},
		{"deep-linear", tanh, "none", "no nonlinearity"},
	} {
		choice, err := catalogue.Parse(c.model)
		if err != nil {
			t.Fatal(err)
		}
		a, err := models.Catalogue.Make(choice)
		if err != nil {
			t.Fatal(err)
		}
		m, err := a.Model(models.Plan{Depth: 2, Width: 4, Activation: c.activation, Initializer: initializers.LeCunNormal(1), Normalization: norm(t, c.norm)})
		if err == nil {
			_, err = models.Build(m, shape(4), parameters(t, tensor.Float32, 1), true)
		}
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s, %s, %s: %v", c.model, c.activation.Name(), c.norm, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s, %s, %s: error %v, want one with %q", c.model, c.activation.Name(), c.norm, err, c.want)
		}
	}
	if _, err := models.Catalogue.Make(catalogue.Choice{Name: "rbf", Settings: map[string]any{"centers": "grid"}}); err == nil {
		t.Error("centers from a grid are accepted")
	}
	for name, m := range map[string]models.RBF{
		"negative depth":    {Depth: -1, Width: 3, Initializer: initializers.LeCunNormal(1)},
		"no width":          {Depth: 1, Initializer: initializers.LeCunNormal(1)},
		"negative kappa":    {Depth: 1, Width: 3, Kappa: -1, Initializer: initializers.LeCunNormal(1)},
		"NaN variance":      {Depth: 1, Width: 3, CenterVariance: math.NaN(), Initializer: initializers.LeCunNormal(1)},
		"unknown centers":   {Depth: 1, Width: 3, Centers: "grid", Initializer: initializers.LeCunNormal(1)},
		"no initialiser":    {Depth: 1, Width: 3},
		"infinite variance": {Depth: 1, Width: 3, CenterVariance: math.Inf(1), Initializer: initializers.LeCunNormal(1)},
	} {
		if _, err := models.Build(m, shape(2), parameters(t, tensor.Float32, 1), true); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := models.Prepare(rbf(1, 3, nil), shape(4), parameters(t, tensor.Float32, 1), batch{1, 2, 3}); err == nil {
		t.Error("an error of the examples is lost")
	}
	if _, err := models.Prepare(rbf(1, 3, nil), shape(10), parameters(t, tensor.Float32, 1), batch(make([]float64, 50))); err == nil {
		t.Error("a start from equal examples: no error")
	}
	if r, err := models.Prepare(mlp(1, 3), shape(4), parameters(t, tensor.Float32, 1), nil); r != nil || err != nil {
		t.Errorf("a model without starts: %v, %v", r, err)
	}
}

func ExampleRBF() {
	distances, err := normalization.NewDistanceStandardize(normalization.DistanceStandardizeConfig{})
	if err != nil {
		panic(err)
	}
	m := models.RBF{Depth: 2, Width: 8, Initializer: initializers.LeCunNormal(1), Normalization: distances}
	shape := models.Shape{Inputs: 5, Outputs: 3, Batch: 32, Loss: models.CrossEntropy}
	p, _ := models.NewParameters(tensor.Float64, 1)
	report, err := models.Prepare(m, shape, p, batch(examples(32)))
	if err != nil {
		panic(err)
	}
	for _, s := range report {
		fmt.Print(s.Layer)
		for _, name := range slices.Sorted(maps.Keys(s.Values)) {
			fmt.Printf(", %s %.3g", name, s.Values[name])
		}
		fmt.Println()
	}
	network, err := models.Build(m, shape, p, true)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(network.Learnables), "parameters, the first", network.Learnables[0].Name())
	// Output:
	// layer01, centers 8, examples 32
	// layer01, mean_squared_distance 2, width 0.5
	// layer02, mean_squared_distance 2, width 0.5
	// 8 parameters, the first layer01/center
}

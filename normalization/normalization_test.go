package normalization_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/normalization/normalizationtest"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// variants are other settings of the catalogue's entries.
var variants = map[string][]string{
	"batch-norm":             {"batch-norm(eps=0.1)", "batch-norm(placement=after)"},
	"layer-norm":             {"layer-norm(eps=0.1)", "layer-norm(placement=after)"},
	"group-norm":             {"group-norm(groups=2,eps=0.1)", "group-norm(groups=4,placement=after)"},
	"rms-norm":               {"rms-norm(eps=0.1)", "rms-norm(placement=after)", "rms-norm(beta=0.5)"},
	"pseudo-norm":            {"pseudo-norm(eps=0.1)", "pseudo-norm(every=2,placement=before)"},
	"dyt":                    {"dyt(alpha=0.8)", "dyt(gamma=2,beta=0.5)"},
	"derf":                   {"derf(alpha=0.8)", "derf(shift=0.3,placement=after)"},
	"weight-norm":            nil,
	"weight-standardization": {"weight-standardization(gain=1.5)"},
	"distance-scale":         {"distance-scale(eps=0.1)"},
	"distance-standardize":   {"distance-standardize(shift=1)"},
}

func choose(t *testing.T, text string) normalization.Normalization {
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

func TestCatalogue(t *testing.T) {
	if len(variants) != len(normalization.Catalogue.Names())-1 {
		t.Errorf("%d of %d normalisations are tested", len(variants), len(normalization.Catalogue.Names())-1)
	}
	for name, others := range variants {
		n := choose(t, name)
		if n.Name() != name {
			t.Errorf("%s is called %s", name, n.Name())
		}
		var list []normalization.Normalization
		for _, text := range others {
			v := choose(t, text)
			list = append(list, v)
			t.Run(text, func(t *testing.T) { normalizationtest.Run(t, v, n) })
		}
		t.Run(name, func(t *testing.T) { normalizationtest.Run(t, n, list...) })
	}
	if n := choose(t, "none"); n != nil {
		t.Errorf("none is %v", n)
	}
}

// single is a network that is one normalisation of a matrix.
type single struct {
	n    normalization.Normalization
	x    []float64
	cols int
}

func (s single) Layout(b *models.Builder, _ *G.Node) (*G.Node, error) {
	x, err := b.Learnable("x", func(x []float64) { copy(x, s.x) }, len(s.x)/s.cols, s.cols)
	if err != nil {
		return nil, err
	}
	return s.n.Normalize(b, "layer", x)
}

func (s single) build(t *testing.T, p *models.Parameters, training bool) *models.Network {
	t.Helper()
	n, err := models.Build(s, models.Shape{Inputs: 1, Outputs: s.cols, Batch: len(s.x) / s.cols, Loss: models.MeanSquaredError}, p, training)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func parameters(t testing.TB, dtype tensor.Dtype, seed uint64) *models.Parameters {
	t.Helper()
	p, err := models.NewParameters(dtype, seed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func floats(v G.Value) []float64 {
	d := v.(*tensor.Dense)
	if d.Dtype() == tensor.Float64 {
		return d.Float64s()
	}
	list := make([]float64, len(d.Float32s()))
	for i, x := range d.Float32s() {
		list[i] = float64(x)
	}
	return list
}

func set(d *tensor.Dense, x []float64) {
	for i, v := range x {
		if d.Dtype() == tensor.Float64 {
			d.Float64s()[i] = v
		} else {
			d.Float32s()[i] = float32(v)
		}
	}
}

// TestPyTorch compares values, gradients and running statistics with those that the
// calls in testdata/reference.json gave. The loss there is Σ y·c: with targets
// t = y - n·c/2 the mean squared error of n elements has the same gradient.
func TestPyTorch(t *testing.T) {
	var reference struct {
		Batch, Units int
		C            []float64
		Cases        []struct {
			Name, Call        string
			Inputs, Gradients map[string][]float64
			Y, Evaluation     []float64
			RunningMean       []float64 `json:"running-mean"`
			RunningVariance   []float64 `json:"running-variance"`
		}
	}
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &reference); err != nil {
		t.Fatal(err)
	}
	for _, c := range reference.Cases {
		for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
			tolerance := 1e-12
			if dtype == tensor.Float32 {
				tolerance = 2e-5 // of numbers up to 20
			}
			check := func(what string, got, want []float64) {
				t.Helper()
				if len(got) != len(want) || len(want) == 0 {
					t.Fatalf("%s, %v, %s: %d numbers, want %d", c.Call, dtype, what, len(got), len(want))
				}
				for i := range want {
					if !(math.Abs(got[i]-want[i]) <= tolerance*(1+math.Abs(want[i]))) {
						t.Errorf("%s, %v: element %d of %s is %g, want %g", c.Call, dtype, i, what, got[i], want[i])
					}
				}
			}
			p := parameters(t, dtype, 1)
			s := single{choose(t, c.Name), c.Inputs["x"], reference.Units}
			n := s.build(t, p, true)
			for _, name := range []string{"gamma", "beta", "gain", "alpha", "shift"} {
				if v, ok := c.Inputs[name]; ok {
					set(p.Tensor("layer/"+name), v)
				}
			}
			target := make([]float64, len(c.Y))
			for i := range target {
				target[i] = c.Y[i] - float64(len(c.Y))*reference.C[i]/2
			}
			set(n.Target.Value().(*tensor.Dense), target)
			m, err := n.TrainingMachine(n.Output)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.RunAll(); err != nil {
				t.Fatal(err)
			}
			check("y", floats(n.Output.Value()), c.Y)
			for _, l := range n.Learnables {
				g, err := l.Grad()
				if err != nil {
					t.Fatal(err)
				}
				check("the gradient of "+l.Name(), floats(g), c.Gradients[strings.TrimPrefix(l.Name(), "layer/")])
			}
			if c.RunningMean == nil {
				if len(p.Statistics()) != 0 {
					t.Errorf("%s has statistics %v", c.Name, p.Statistics())
				}
				continue
			}
			if err := n.AfterStep(); err != nil {
				t.Fatal(err)
			}
			check("the running mean", floats(p.Tensor("layer/running-mean")), c.RunningMean)
			check("the running variance", floats(p.Tensor("layer/running-variance")), c.RunningVariance)
			e := s.build(t, p, false)
			if m, err = e.EvaluationMachine(); err != nil {
				t.Fatal(err)
			}
			if err := m.RunAll(); err != nil {
				t.Fatal(err)
			}
			check("y in evaluation", floats(e.Output.Value()), c.Evaluation)
		}
	}
}

// TestStart: with weight norm a network starts as without, with weight standardisation
// as without but for the mean, or with the given length.
func TestStart(t *testing.T) {
	const rows, cols = 5, 3
	v := make([]float64, rows*cols)
	for i := range v {
		v[i] = math.Sin(float64(i * i))
	}
	output := func(text string) []float64 {
		n := single{choose(t, text), v, cols}.build(t, parameters(t, tensor.Float64, 1), false)
		m, err := n.EvaluationMachine()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		return floats(n.Output.Value())
	}
	w, s, g := output("weight-norm"), output("weight-standardization"), output("weight-standardization(gain=1.5)")
	for j := range cols {
		var mean, length float64
		for i := range rows {
			mean += v[i*cols+j] / rows
			length += g[i*cols+j] * g[i*cols+j]
		}
		if math.Abs(length-1.5*1.5) > 1e-12 {
			t.Errorf("column %d has the squared length %g, want 1.5²", j, length)
		}
		for i := range rows {
			if k := i*cols + j; math.Abs(w[k]-v[k]) > 1e-15 || math.Abs(s[k]-(v[k]-mean)) > 1e-15 {
				t.Errorf("element %d: weight norm starts from %g, weight standardisation from %g, want %g and %g", k, w[k], s[k], v[k], v[k]-mean)
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	for name, build := range map[string]func() (normalization.Normalization, error){
		"momentum above 1": func() (normalization.Normalization, error) {
			return normalization.NewBatchNorm(normalization.BatchNormConfig{Momentum: 1.5})
		},
		"negative momentum": func() (normalization.Normalization, error) {
			return normalization.NewDistanceScale(normalization.DistanceScaleConfig{Momentum: -1})
		},
		"negative eps": func() (normalization.Normalization, error) {
			return normalization.NewLayerNorm(normalization.LayerNormConfig{Eps: -1})
		},
		"eps is not a number": func() (normalization.Normalization, error) {
			return normalization.NewRMSNorm(normalization.RMSNormConfig{Eps: math.NaN()})
		},
		"unknown placement": func() (normalization.Normalization, error) {
			return normalization.NewRMSNorm(normalization.RMSNormConfig{Placement: "beside"})
		},
		"negative gain": func() (normalization.Normalization, error) {
			return normalization.NewWeightStandardization(normalization.WeightStandardizationConfig{Gain: -1})
		},
		"infinite shift": func() (normalization.Normalization, error) {
			return normalization.NewDistanceStandardize(normalization.DistanceStandardizeConfig{Shift: math.Inf(1)})
		},
	} {
		if _, err := build(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, c := range []struct {
		normalization string
		rows, cols    int
		want          string
	}{
		{"batch-norm", 1, 3, "batch of 1"},
		{"distance-scale", 1, 3, "batch of 1"},
		{"distance-standardize", 1, 3, "batch of 1"},
		{"layer-norm", 3, 1, "one unit"},
		{"rms-norm", 3, 1, "one unit"},
		{"pseudo-norm", 3, 1, "one unit"},
		{"group-norm(groups=3)", 3, 4, "3 groups do not divide"},
		{"group-norm(groups=4)", 3, 4, "groups of one unit"},
		{"weight-standardization", 1, 3, "one input"},
	} {
		s := single{choose(t, c.normalization), make([]float64, c.rows*c.cols), c.cols}
		shape := models.Shape{Inputs: 1, Outputs: c.cols, Batch: c.rows, Loss: models.MeanSquaredError}
		_, err := models.Build(s, shape, parameters(t, tensor.Float32, 1), true)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s of %d by %d numbers: error %v, want one with %q", c.normalization, c.rows, c.cols, err, c.want)
		}
	}
}

func Example() {
	norm, err := normalization.NewBatchNorm(normalization.BatchNormConfig{Placement: normalization.After})
	if err != nil {
		panic(err)
	}
	p, _ := models.NewParameters(tensor.Float32, 1)
	network, err := models.Build(networkWith(norm, 2, 16), models.Shape{Inputs: 4, Outputs: 2, Batch: 8, Loss: models.CrossEntropy}, p, true)
	if err != nil {
		panic(err)
	}
	fmt.Println(network.Layers[0].Name, p.Names()[:4])
	fmt.Println(p.Statistics())
	// Output:
	// layer01 [layer01/weight layer01/bias layer01/gamma layer01/beta]
	// [layer01/running-mean layer01/running-variance layer02/running-mean layer02/running-variance]
}

func networkWith(norm normalization.Normalization, depth, width int) models.MLP {
	return models.MLP{Depth: depth, Width: width, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1), Normalization: norm}
}

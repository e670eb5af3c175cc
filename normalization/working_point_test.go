package normalization_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestWorkingPoint: χ is within 1/L above 1, at the first point on the way from γ = 1.
func TestWorkingPoint(t *testing.T) {
	for _, name := range []string{"gaussian", "tanh", "sigmoid", "softplus", "relu", "sine", "identity"} {
		f := activation(t, name)
		field, err := meanfield.New(f.(activations.Scalar))
		if err != nil {
			t.Fatal(err)
		}
		last := 2.
		for _, depth := range []int{1, 5, 20, 100} {
			gamma, beta, err := normalization.WorkingPoint(normalization.Network{Activation: f, Depth: depth})
			if err != nil {
				t.Errorf("%s, depth %d: %v", name, depth, err)
				continue
			}
			chi := field.Degree(gamma, beta)
			if !(chi >= 1-1e-9) || chi > 1+1/float64(depth) || gamma > last {
				t.Errorf("%s, depth %d: gamma %g and beta %g of chi %g", name, depth, gamma, beta, chi)
			}
			last = gamma
			t.Logf("%s, depth %d: gamma %.3g, beta %g, chi %.4f", name, depth, gamma, beta, chi)
		}
	}
	// e^(-z²) is even: only a β can help.
	if _, beta, err := normalization.WorkingPoint(normalization.Network{Activation: activations.Gaussian(), Depth: 20}); err != nil || math.Abs(math.Abs(beta)-math.Sqrt(.5)) > .2 {
		t.Errorf("the Gaussian's beta is %g, %v, far from its inflection at .707", beta, err)
	}
	// Both are nearly linear in their tails as well, where rare units outweigh all others.
	formula, err := activations.Formula("tanh(z) + 0.1*z")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []activations.Activation{formula, activations.Softsign()} {
		for _, depth := range []int{10, 50} {
			if gamma, beta, err := normalization.WorkingPoint(normalization.Network{Activation: f, Depth: depth}); err != nil || beta != 0 {
				t.Errorf("%s, depth %d: gamma %g and beta %g, %v, want where it is steep", f.Name(), depth, gamma, beta, err)
			}
		}
	}
	if _, _, err := normalization.WorkingPoint(normalization.Network{Activation: activations.Softmax(), Depth: 20}); err == nil {
		t.Error("softmax, which has no scalar f, has a working point")
	}
}

func activation(t *testing.T, name string) activations.Activation {
	t.Helper()
	for _, f := range []activations.Activation{activations.Gaussian(), activations.Tanh(), activations.Sigmoid(), activations.Softplus(), activations.ReLU(), activations.Sine(), activations.Identity()} {
		if f.Name() == name {
			return f
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

// TestStartingScale: γ and β start as the settings say; not fitted, a working point is an error.
func TestStartingScale(t *testing.T) {
	first := func(n normalization.Normalization) (gamma, beta []float32, err error) {
		p := parameters(t, tensor.Float32, 1)
		m := models.MLP{Depth: 1, Width: 3, Activation: activations.Gaussian(), Initializer: initializers.LeCunNormal(1), Normalization: n}
		if _, err := models.Build(m, models.Shape{Inputs: 2, Outputs: 2, Batch: 4, Loss: models.MeanSquaredError}, p, true); err != nil {
			return nil, nil, err
		}
		if x := p.Tensor("layer01/beta"); x != nil {
			beta = x.Float32s()
		}
		return p.Tensor("layer01/gamma").Float32s(), beta, nil
	}
	for text, want := range map[string][2]float32{
		"batch-norm":                      {1, 0},
		"batch-norm(gamma=0.3)":           {.3, 0},
		"batch-norm(beta=0.707)":          {1, .707},
		"layer-norm(gamma=0.3,beta=-0.7)": {.3, -.7},
		"rms-norm(gamma=2)":               {2, 0},
		"rms-norm(beta=0.5)":              {1, .5},
		"group-norm(groups=1,gamma=0.5)":  {.5, 0},
		"dyt(gamma=0.5,beta=1)":           {.5, 1},
	} {
		gamma, beta, err := first(choose(t, text))
		if err != nil || gamma[2] != want[0] || beta != nil && beta[2] != want[1] || (beta == nil) != (text == "rms-norm(gamma=2)") {
			t.Errorf("%s starts from %v and %v, %v", text, gamma, beta, err)
		}
	}
	for text, want := range map[string]string{
		"batch-norm(working-point=true,gamma=2)":             "leave these out",
		"layer-norm(working-point=true,beta=1)":              "leave these out",
		"rms-norm(working-point=true,placement=after)":       "placement before",
		"group-norm(working-point=true,placement=\"after\")": "placement before",
		"dyt(placement=beside)":                              "before or after",
		"pseudo-norm(placement=beside)":                      "before or after",
	} {
		choice, err := catalogue.Parse(text)
		if err == nil {
			_, err = normalization.Catalogue.Make(choice)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	n := choose(t, "batch-norm(working-point=true)")
	if _, _, err := first(n); err == nil || !strings.Contains(err.Error(), "normalization.For") {
		t.Errorf("a working point of no network: %v", err)
	}
	n, err := normalization.For(n, normalization.Network{Activation: activations.Gaussian(), Depth: 20})
	if err != nil {
		t.Fatal(err)
	}
	if gamma, beta, err := first(n); err != nil || gamma[0] >= .6 || beta[0] == 0 {
		t.Errorf("at its working point it starts from %v and %v, %v", gamma, beta, err)
	}
}

// TestWorkingPointOfUnits: χ = γ²E[f'²]/E[f²] is 1 there, within 1/L where f is nearly linear, and
// exactly where it can't be; computed here with the package's own quadrature of other nodes.
func TestWorkingPointOfUnits(t *testing.T) {
	expect := func(g func(n float64) float64) float64 { return meanfield.Expectation(g).Value }
	for _, c := range []struct {
		name   string
		linear bool // as it is 0 where it is steep
	}{{"gaussian", false}, {"sigmoid", false}, {"softplus", false}, {"tanh", true}, {"sine", true}, {"identity", true}, {"relu", false}} {
		f := activation(t, c.name).(activations.Scalar)
		for _, depth := range []int{4, 20, 100} {
			gamma, beta, err := normalization.WorkingPointOfUnits(normalization.Network{Activation: f, Depth: depth})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			slope := expect(func(n float64) float64 { d := f.Derivative(gamma*n + beta); return d * d })
			square := expect(func(n float64) float64 { y := f.F(gamma*n + beta); return y * y })
			chi, limit := gamma*gamma*slope/square, 1e-4 // a kink's error of its sums
			if c.linear {
				limit = 1 / float64(depth)
			}
			if !(math.Abs(chi-1) <= limit) || c.linear && beta != 0 {
				t.Errorf("%s, depth %d: gamma %g and beta %g of chi %g", c.name, depth, gamma, beta, chi)
			}
			t.Logf("%s, depth %d: gamma %.4f, beta %.4f, chi %.4f", c.name, depth, gamma, beta, chi)
		}
	}
	zero, err := activations.Formula("1e-9*z + 1")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []activations.Activation{zero, activations.Softmax(), nil} {
		if _, _, err := normalization.WorkingPointOfUnits(normalization.Network{Activation: f, Depth: 20}); err == nil {
			t.Errorf("%v has a working point", f)
		}
	}
	for _, text := range []string{"layer-norm", "rms-norm", "group-norm(groups=2)"} {
		text = strings.TrimSuffix(strings.Replace(text, "(", "(working-point=true,", 1), ")")
		if !strings.Contains(text, "(") {
			text += "(working-point=true"
		}
		n, err := normalization.For(choose(t, text+")"), normalization.Network{Activation: activations.Gaussian(), Depth: 20})
		if err != nil {
			t.Fatal(err)
		}
		p := parameters(t, tensor.Float32, 1)
		m := models.MLP{Depth: 1, Width: 8, Activation: activations.Gaussian(), Initializer: initializers.LeCunNormal(1), Normalization: n}
		if _, err := models.Build(m, models.Shape{Inputs: 2, Outputs: 2, Batch: 4, Loss: models.MeanSquaredError}, p, true); err != nil {
			t.Fatal(err)
		}
		gamma, beta := p.Tensor("layer01/gamma").Float32s()[0], p.Tensor("layer01/beta").Float32s()[0]
		if gamma == 1 || beta == 0 {
			t.Errorf("%s starts from %g and %g", text, gamma, beta)
		}
	}
}

// TestPseudoNorm: it stands in the first layer and in every third from there on.
func TestPseudoNorm(t *testing.T) {
	p := parameters(t, tensor.Float64, 1)
	m := models.MLP{Depth: 7, Width: 8, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(.1), Normalization: choose(t, "pseudo-norm(every=3)")}
	n, err := models.Build(m, models.Shape{Inputs: 8, Outputs: 8, Batch: 1, Loss: models.MeanSquaredError}, p, false)
	if err != nil {
		t.Fatal(err)
	}
	x := n.Input.Value().(*tensor.Dense).Float64s()
	for i := range x {
		x[i] = math.Sin(float64(i))
	}
	machine, err := n.EvaluationMachine()
	if err != nil {
		t.Fatal(err)
	}
	size := make([]float64, 8)
	for i, l := range n.Layers {
		if err := machine.Observe(l.PreActivation, func(v G.Value) {
			for _, z := range v.(*tensor.Dense).Float64s() {
				size[i] += z * z / 8
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := machine.RunObserved(); err != nil {
		t.Fatal(err)
	}
	for i, s := range size[1:] { // of what layer i has made
		if normalised := s > 1e-3; normalised != (i%3 == 0) {
			t.Errorf("the mean squares of pre-activations are %.2g: that after layer %d is not as it should be", size, i+1)
		}
	}
}

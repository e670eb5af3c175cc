package normalization_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
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
	} {
		gamma, beta, err := first(choose(t, text))
		if err != nil || gamma[2] != want[0] || beta != nil && beta[2] != want[1] || (beta == nil) != strings.HasPrefix(text, "rms") {
			t.Errorf("%s starts from %v and %v, %v", text, gamma, beta, err)
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

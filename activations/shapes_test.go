package activations_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/activationtest"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/catalogue"
)

func square(f activations.Scalar) float64 {
	return meanfield.Expectation(func(z float64) float64 { y := f.F(z); return y * y }).Value
}

func slope2(f activations.Scalar) float64 {
	return meanfield.Expectation(func(z float64) float64 { d := f.Derivative(z); return d * d }).Value
}

func meanOf(f activations.Scalar) float64 { return meanfield.Expectation(f.F).Value }

// TestGaussianPoincare: E[g²] = E[g'²] = 1 of any f; the numbers for tanh are computed with
// scipy.integrate.quad: a = 1/sqrt(E[sech⁴]), b = sqrt(1 - a² E[tanh²]).
func TestGaussianPoincare(t *testing.T) {
	g, err := activations.GaussianPoincare(activations.Tanh())
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(g.Gamma-1.4674) > 5e-5 || math.Abs(g.Gamma*g.Delta-0.3885) > 5e-5 {
		t.Errorf("a = %g, b = %g", g.Gamma, g.Gamma*g.Delta)
	}
	for _, f := range []activations.Scalar{activations.Tanh(), activations.Sigmoid(), activations.Softplus(), activations.Gaussian(), activations.ReLU(), activations.Identity()} {
		g, err := activations.GaussianPoincare(f)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(square(g)-1) > 1e-10 || math.Abs(slope2(g)-1) > 1e-10 {
			t.Errorf("%s: E[g²] = %.12g, E[g'²] = %.12g", f.Name(), square(g), slope2(g))
		}
		activationtest.Run(t, g)
	}
	if _, err := activations.GaussianPoincare(nil); err == nil {
		t.Error("of nothing")
	}
}

// TestShaped: slope 1 and value 0 at 0, the curvature divided by s.
func TestShaped(t *testing.T) {
	for _, f := range []activations.Scalar{activations.Tanh(), activations.Sigmoid(), activations.Softplus()} {
		g, err := activations.Shaped(f, 8)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(g.F(0)) > 1e-14 || math.Abs(g.Derivative(0)-1) > 1e-14 {
			t.Errorf("%s: g(0) = %g, g'(0) = %g", f.Name(), g.F(0), g.Derivative(0))
		}
		if want := (f.F(0.1) - f.F(0)) / f.Derivative(0) * 8; math.Abs(g.F(0.8)-want) > 1e-13 {
			t.Errorf("%s: g(0.8) = %g, want %g", f.Name(), g.F(0.8), want)
		}
		activationtest.Run(t, g)
	}
	if _, err := activations.Shaped(activations.Gaussian(), 8); err == nil || !strings.Contains(err.Error(), "slope at 0") {
		t.Errorf("a Gaussian: %v", err)
	}
	// By the catalogue it takes the network's size.
	a, err := activations.Catalogue.Make(catalogue.Choice{Name: "shaped"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Node(nil); err == nil {
		t.Error("an activation that is not fitted has a node")
	}
	fitted, err := activations.For(a, activations.Network{Depth: 10, Width: 64})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fitted.(activations.Scalar).F(1), 8*math.Tanh(1./8); math.Abs(got-want) > 1e-14 {
		t.Errorf("at width 64: %g, want %g", got, want)
	}
}

// TestTuned: each pair of conditions is met.
func TestTuned(t *testing.T) {
	measure := map[string]func(activations.Scalar) float64{
		"mean": meanOf, "square": square, "chi": slope2,
		"variance": func(f activations.Scalar) float64 { m := meanOf(f); return square(f) - m*m },
		"slope":    func(f activations.Scalar) float64 { return f.Derivative(0) },
	}
	for _, c := range []struct {
		f          activations.Scalar
		conditions map[string]float64
	}{
		{activations.Sigmoid(), map[string]float64{"mean": 0, "variance": 1}},
		{activations.Sigmoid(), map[string]float64{"mean": 0, "chi": 1}},
		{activations.Softplus(), map[string]float64{"mean": 0.2, "square": 1}},
		{activations.Tanh(), map[string]float64{"mean": 0.5, "slope": 1}},
		{activations.Tanh(), map[string]float64{"square": 0.5, "chi": 0.7}},
		{activations.Softplus(), map[string]float64{"square": 2, "chi": 1}},
		{activations.Gaussian(), map[string]float64{"square": 1, "chi": 1}},
		{activations.Tanh(), map[string]float64{"slope": 2, "chi": 1}},
		{activations.Sigmoid(), map[string]float64{"variance": 0.5, "chi": 1}},
	} {
		g, err := activations.Tuned(c.f, c.conditions)
		if err != nil {
			t.Errorf("%s, %v: %v", c.f.Name(), c.conditions, err)
			continue
		}
		for name, want := range c.conditions {
			if got := measure[name](g); math.Abs(got-want) > 1e-8*(1+math.Abs(want)) {
				t.Errorf("%s, %v: %s is %.12g", c.f.Name(), c.conditions, name, got)
			}
		}
	}
	for _, c := range []map[string]float64{nil, {"mean": 0}, {"mean": 0, "chi": -1}, {"colour": 1, "chi": 1}, {"square": 1, "chi": 1, "mean": 0}, {"mean": 2, "square": 1}, {"square": 1, "chi": 0.1}} {
		if g, err := activations.Tuned(activations.Tanh(), c); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %+v, %v", c, g, err)
		}
	}
}

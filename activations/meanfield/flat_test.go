package meanfield_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
)

// TestFlatAtZero has even functions with f(0) = f'(0) = 0, f = a z²/2 + b z⁴ + …, whose
// values near 0 are differences of numbers near 1: E[f²] = 3/4 a² q² (1 + O(q)), E[f'²] =
// a² q (1 + O(q)), and χ₁ at q* = 0 is 0.
func TestFlatAtZero(t *testing.T) {
	for _, c := range []struct {
		formula string
		a       float64
	}{
		{"log(cosh(z))", 1}, {"sqrt(1+z^2)-1", 1}, {"1-sech(z)", 1}, {"log(1+z^2)", 2}, {"z*tanh(z)", 2},
		{"1-cos(z)", 1}, {"exp(-z^2/2)-1", -1}, {"z^2/2", 1},
	} {
		choice, err := activations.Catalogue.Read(c.formula)
		if err != nil {
			t.Fatal(err)
		}
		f, err := activations.Catalogue.Make(choice)
		if err != nil {
			t.Fatal(err)
		}
		scalar, err := activations.ScalarOf(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := meanfield.New(scalar)
		if err != nil {
			t.Errorf("%s: %v", c.formula, err)
			continue
		}
		for _, q := range []float64{1e-12, 1e-11, 1e-10} {
			if got, want := m.SquaredMean(q).Value, 0.75*c.a*c.a*q*q; !(math.Abs(got/want-1) <= 20*q+1e-12) {
				t.Errorf("%s: E[f²] = %.15g at q = %g, want %.15g", c.formula, got, q, want)
			}
			if got, want := m.SquaredSlope(q).Value, c.a*c.a*q; !(math.Abs(got/want-1) <= 20*q+1e-12) {
				t.Errorf("%s: E[f'²] = %.15g at q = %g, want %.15g", c.formula, got, q, want)
			}
		}
		theory, err := m.Theory(meanfield.Variances{Weight: 0.5})
		if err != nil {
			t.Errorf("%s: %v", c.formula, err)
			continue
		}
		if theory.Q != 0 || theory.Chi1 != 0 || theory.QSlope != 0 || theory.XiGradient != 0 || theory.Phase != meanfield.Ordered {
			t.Errorf("%s: q* = %g, χ₁ = %g, slope %g, ξ %g, %v; want all 0, ordered",
				c.formula, theory.Q, theory.Chi1, theory.QSlope, theory.XiGradient, theory.Phase)
		}
		// A critical point, if there is one, is at a q* above 0.
		if p, err := m.Critical(0); err == nil && !(p.Q > 0 && p.Weight < math.Inf(1)) {
			t.Errorf("%s: critical %+v", c.formula, *p)
		}
	}
}

// TestNoDigits: of z²/2 - log cosh z and of its derivative, rounding leaves nothing near 0.
func TestNoDigits(t *testing.T) {
	f := of("rounded", func(z float64) float64 { return z*z/2 - math.Log(math.Cosh(z)) }, func(z float64) float64 { return z - math.Tanh(z) })
	if _, err := meanfield.New(f); err == nil || !strings.Contains(err.Error(), "cancels its digits") {
		t.Errorf("no digits are left: %v", err)
	}
}

// TestLimits has functions whose E[f'²] has a limit at q = 0 other than f'(0)², or none
// that a power of q leads to.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(z float64) (y, slope float64)
		want float64
	}{
		{"kink", func(z float64) (float64, float64) {
			if z < 0 {
				return z / 2, 0.5
			}
			return 3 * z, 3
		}, (0.25 + 9) / 2},
		{"kinked parabola", func(z float64) (float64, float64) { return z * math.Abs(z), 2 * math.Abs(z) }, 0},
		{"z²⁰", func(z float64) (float64, float64) { return math.Pow(z, 20), 20 * math.Pow(z, 19) }, 0},
		{"nearly flat", func(z float64) (float64, float64) { return 1e-7*z + z*z, 1e-7 + 2*z }, 1e-14},
	} {
		m, err := meanfield.New(of(c.name, func(z float64) float64 { y, _ := c.f(z); return y }, func(z float64) float64 { _, d := c.f(z); return d }))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		theory, err := m.Theory(meanfield.Variances{Weight: 0.01})
		if err != nil || theory.Q != 0 || !(math.Abs(theory.Chi1-0.01*c.want) <= 1e-9*c.want) {
			t.Errorf("%s: χ₁ = %g at q* = %g, want %g at 0 (%v)", c.name, theory.Chi1, theory.Q, 0.01*c.want, err)
		}
	}
}

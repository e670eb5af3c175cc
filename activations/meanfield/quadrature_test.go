package meanfield

import (
	"math"
	"testing"
)

// TestKronrod integrates the monomials that the rule is exact for.
func TestKronrod(t *testing.T) {
	for n := 0; n <= 31; n++ {
		p := kronrod(func(x float64) float64 { return math.Pow(x, float64(n)) }, -1, 2)
		want := (math.Pow(2, float64(n+1)) - math.Pow(-1, float64(n+1))) / float64(n+1)
		if !(math.Abs(p.value/want-1) <= 1e-14) {
			t.Errorf("∫x^%d = %.17g, want %.17g", n, p.value, want)
		}
	}
	// The rule of 10 points within it is exact up to x^19.
	for n := 0; n < 20; n++ {
		p := kronrod(func(x float64) float64 { return math.Pow(x, float64(n)) }, -1, 1)
		if p.err > 1e-15 {
			t.Errorf("x^%d: error %g, want rounding only", n, p.err)
		}
	}
}

func TestExpectation(t *testing.T) {
	heaviside := func(z float64) float64 {
		if z > 0.3 {
			return 1
		}
		return 0
	}
	for _, c := range []struct {
		name string
		g    func(float64) float64
		want float64
	}{
		{"1", func(float64) float64 { return 1 }, 1},
		{"z⁶", func(z float64) float64 { return z * z * z * z * z * z }, 15},
		{"exp 5z", func(z float64) float64 { return math.Exp(5 * z) }, math.Exp(12.5)},
		{"cos 20z", func(z float64) float64 { return 1 + math.Cos(20*z) }, 1 + math.Exp(-200)},
		{"|z - 1/3|", func(z float64) float64 { return math.Abs(z - 1./3) }, 2*density(1./3) + math.Erf(1/math.Sqrt(18))/3},
		{"a step", heaviside, math.Erfc(0.3/math.Sqrt2) / 2},
		{"a narrow bump", func(z float64) float64 { return math.Exp(-1e3 * z * z) }, 1 / math.Sqrt(1+2e3)},
	} {
		e := Expectation(c.g)
		if off := math.Abs(e.Value - c.want); !(off <= 1e-12*c.want && off <= e.Error) {
			t.Errorf("E[%s] = %.16g ± %.1g, want %.16g", c.name, e.Value, e.Error, c.want)
		}
	}
	if e := Expectation(math.Log); !math.IsNaN(e.Value) || !math.IsInf(e.Error, 1) {
		t.Errorf("E[log z] = %v, want NaN ± Inf", e)
	}
}

func TestRoot(t *testing.T) {
	for _, c := range []struct {
		g            func(float64) float64
		lo, hi, want float64
	}{
		{func(x float64) float64 { return x*x - 2 }, 0, 2, math.Sqrt2},
		{func(x float64) float64 { return math.Exp(-x) - 1e-9 }, 0, 100, 9 * math.Ln10},
		{func(x float64) float64 { return math.Cbrt(x - 0.7) }, -5, 1, 0.7},
		{func(x float64) float64 { return x }, 0, 1, 0},
		{func(x float64) float64 { return math.Copysign(1, x-0.25) }, 0, 1, 0.25},
	} {
		if got := root(c.g, c.lo, c.hi, c.g(c.lo), c.g(c.hi), 1e-15); !(math.Abs(got-c.want) <= 1e-14*max(1, c.want)) {
			t.Errorf("root in [%g, %g]: %.17g, want %.17g", c.lo, c.hi, got, c.want)
		}
	}
}

func TestKinks(t *testing.T) {
	for _, c := range []struct {
		name string
		f    function
		want []float64
	}{
		{"tanh", function{math.Tanh, func(z float64) float64 { c := math.Cosh(z); return 1 / (c * c) }}, []float64{0}},
		{"steep", function{func(z float64) float64 { return math.Tanh(1e6 * z) }, func(z float64) float64 { c := math.Cosh(1e6 * z); return 1e6 / (c * c) }}, []float64{0}},
		{"hard", function{
			func(z float64) float64 { return min(max(z, -1), 0.3) },
			func(z float64) float64 {
				if z > -1 && z < 0.3 {
					return 1
				}
				return 0
			}}, []float64{0, -1, 0.3}},
		{"step", function{func(z float64) float64 { return math.Copysign(1, z-2.01) }, func(float64) float64 { return 0 }}, []float64{0, 2.01}},
	} {
		got := kinks(c.f)
		if len(got) != len(c.want) {
			t.Errorf("%s: kinks %v, want %v", c.name, got, c.want)
			continue
		}
		for i := range got {
			if !(math.Abs(got[i]-c.want[i]) <= 1e-15*max(1, math.Abs(c.want[i]))) {
				t.Errorf("%s: kinks %v, want %v", c.name, got, c.want)
			}
		}
	}
}

type function struct{ f, df func(float64) float64 }

func (f function) F(z float64) float64          { return f.f(z) }
func (f function) Derivative(z float64) float64 { return f.df(z) }

package meanfield_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
)

func field(t testing.TB, f meanfield.Function) *meanfield.Field {
	t.Helper()
	m, err := meanfield.New(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func of(name string, f, df func(float64) float64) meanfield.Function {
	return activations.Elementwise(name, f, df)
}

var (
	sine = of("sin", math.Sin, math.Cos)
	erf  = of("erf", math.Erf, func(z float64) float64 { return 2 / math.Sqrt(math.Pi) * math.Exp(-z*z) })
	cube = of("cube", func(z float64) float64 { return z * z * z }, func(z float64) float64 { return 3 * z * z })
	hard = of("hard-tanh", func(z float64) float64 { return min(max(z, -1), 1) }, func(z float64) float64 {
		if z > -1 && z < 1 {
			return 1
		}
		return 0
	})
)

// closed forms of E[f(u₁)f(u₂)] and E[f'(u₁)f'(u₂)] for u₁, u₂ of variance q and
// correlation c.
var closed = []struct {
	f            meanfield.Function
	value, slope func(q, c float64) float64
}{
	{activations.Identity(),
		func(q, c float64) float64 { return q * c },
		func(q, c float64) float64 { return 1 }},
	{cube,
		func(q, c float64) float64 { return q * q * q * (9*c + 6*c*c*c) },
		func(q, c float64) float64 { return 9 * q * q * (1 + 2*c*c) }},
	// The arc-cosine kernels (Y. Cho, L. Saul: Kernel methods for deep learning, 2009).
	{activations.ReLU(),
		func(q, c float64) float64 {
			return q / (2 * math.Pi) * (math.Sqrt(1-c*c) + c*(math.Pi-math.Acos(c)))
		},
		func(q, c float64) float64 { return (math.Pi - math.Acos(c)) / (2 * math.Pi) }},
	// C. Williams: Computing with infinite networks, 1996.
	{erf,
		func(q, c float64) float64 { return 2 / math.Pi * math.Asin(2*c*q/(1+2*q)) },
		func(q, c float64) float64 { return 4 / math.Pi / root2(q, c) }},
	{sine,
		func(q, c float64) float64 {
			if q < 100 {
				return math.Exp(-q) * math.Sinh(q*c) // the other form cancels
			}
			return (math.Exp(-q*(1-c)) - math.Exp(-q*(1+c))) / 2
		},
		func(q, c float64) float64 { return (math.Exp(-q*(1-c)) + math.Exp(-q*(1+c))) / 2 }},
	{activations.Gaussian(),
		func(q, c float64) float64 { return 1 / root2(q, c) },
		func(q, c float64) float64 { return 4 * q * c / math.Pow(root2(q, c), 3) }},
}

// root2 is √((1+2q)² - (2cq)²), in factors that do not cancel.
func root2(q, c float64) float64 { return math.Sqrt((1 + 2*q*(1-c)) * (1 + 2*q*(1+c))) }

func TestClosedForms(t *testing.T) {
	t.Parallel()
	qs := []float64{1e-12, 1e-6, 0.01, 0.5, 1, 7, 100, 1e4, 1e6}
	cs := []float64{-1, -1 + 1e-9, -0.99, -0.5, 0, 0.3, 0.9, 0.999, 1 - 1e-9, 1}
	if testing.Short() {
		qs, cs = []float64{1e-12, 0.5, 100}, []float64{-1, 0, 0.9, 1 - 1e-9}
	}
	for _, k := range closed {
		m := field(t, k.f)
		name := k.f.(activations.Activation).Name()
		for _, q := range qs {
			for _, x := range []struct {
				what string
				got  meanfield.Estimate
				want float64
			}{
				{"E[f²]", m.SquaredMean(q), k.value(q, 1)},
				{"E[f'²]", m.SquaredSlope(q), k.slope(q, 1)},
			} {
				if off := math.Abs(x.got.Value - x.want); !(off <= 1e-11*x.want) {
					t.Errorf("%s: %s at q = %g: %.15g ± %.1g, want %.15g", name, x.what, q, x.got.Value, x.got.Error, x.want)
				}
			}
			if q > 100 && (name == "sin" || name == "relu") {
				continue // 10^4 periods in two dimensions; ReLU looks the same at all q
			}
			for _, c := range cs {
				got, want := m.Covariance(q, c), k.value(q, c)
				if !(math.Abs(got-want) <= 1e-10*k.value(q, 1)) {
					t.Errorf("%s: E[f f] at q = %g, c = %g: %.15g, want %.15g", name, q, c, got, want)
				}
				if name == "relu" && math.Abs(c) < 1 && math.Abs(c) > 0.99 {
					continue // f' jumps along lines that all but meet
				}
				got, want = m.SlopeCovariance(q, c), k.slope(q, c)
				if !(math.Abs(got-want) <= 1e-10*k.slope(q, 1)) {
					t.Errorf("%s: E[f' f'] at q = %g, c = %g: %.15g, want %.15g", name, q, c, got, want)
				}
			}
		}
	}
}

// TestTanh checks numbers computed independently, with Gauss-Hermite quadrature.
func TestTanh(t *testing.T) {
	m := field(t, activations.Tanh())
	near := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-4*max(1, want)) {
			t.Errorf("%s: %g, want %g", what, got, want)
		}
	}
	for _, c := range []struct{ weight, q, chi float64 }{
		{1, .19359, .75903}, {1.5, .41803, .93864}, {2, .72176, 1.04767}, {4, 2.19549, 1.34240},
	} {
		th := theory(t, m, c.weight, 0.05)
		near(fmt.Sprintf("q* at weight variance %g", c.weight), th.Q, c.q)
		near(fmt.Sprintf("χ₁ at weight variance %g", c.weight), th.Chi1, c.chi)
	}
	for _, c := range [][2]float64{{1e-4, 1.0860}, {.0025, 1.2601}, {.01, 1.4242}, {.05, 1.7610}, {.1, 1.9861}} {
		near(fmt.Sprintf("critical weight variance at bias variance %g", c[0]), critical(t, m, c[0]).Weight, c[1])
	}
	s := field(t, activations.ScaledTanh())
	for _, c := range [][2]float64{{.0025, .9141}, {.05, 1.1962}} {
		near(fmt.Sprintf("scaled tanh's critical weight variance at bias variance %g", c[0]), critical(t, s, c[0]).Weight, c[1])
	}
	near("sigmoid's χ₁", theory(t, field(t, activations.Sigmoid()), 1, 0).Chi1, .0557)
	near("depth at 1", theory(t, m, 1, .05).TrainableDepth(), 21.76)
	near("depth at 1.5", theory(t, m, 1.5, .05).TrainableDepth(), 94.75)
}

func theory(t testing.TB, m *meanfield.Field, weight, bias float64) *meanfield.Theory {
	t.Helper()
	th, err := m.Theory(meanfield.Variances{Weight: weight, Bias: bias})
	if err != nil {
		t.Fatal(err)
	}
	return th
}

func critical(t testing.TB, m *meanfield.Field, bias float64) *meanfield.CriticalPoint {
	t.Helper()
	c, err := m.Critical(bias)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCriticalClosedForms checks critical points that algebra gives. For e^(-z²) they
// are at q - 1 - 1/(4q) = σ_b²; for erf at √((1+4q)) asin(2q/(1+2q))/2 = q - σ_b²;
// for the sine without bias, as for any odd f, at 1/f'(0)².
func TestCriticalClosedForms(t *testing.T) {
	near := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-10*want) {
			t.Errorf("%s: %.15g, want %.15g", what, got, want)
		}
	}
	for _, bias := range []float64{0, 1e-6, 0.05, 3} {
		c := critical(t, field(t, activations.Gaussian()), bias)
		q := (1 + bias + math.Hypot(1+bias, 1)) / 2
		near("gaussian's q*", c.Q, q)
		near("gaussian's weight variance", c.Weight, math.Pow(1+4*q, 1.5)/(4*q))
	}
	for _, bias := range []float64{1e-4, 0.05, 3} {
		c := critical(t, field(t, erf), bias)
		near("erf's bias variance", c.Q-math.Sqrt(1+4*c.Q)*math.Asin(2*c.Q/(1+2*c.Q))/2, bias)
		near("erf's weight variance", c.Weight, math.Pi/4*math.Sqrt(1+4*c.Q))
	}
	for _, k := range []struct {
		f    meanfield.Function
		want float64
	}{{sine, 1}, {erf, math.Pi / 4}, {activations.Tanh(), 1}, {activations.Identity(), 1}, {activations.ReLU(), 2}, {hard, 1}} {
		near("weight variance without bias", critical(t, field(t, k.f), 0).Weight, k.want)
	}
}

// TestCriticalAgrees checks that theory at a critical point says that it is one, and
// that a little to either side it is not.
func TestCriticalAgrees(t *testing.T) {
	for _, f := range []meanfield.Function{activations.Tanh(), activations.Sigmoid(), activations.Gaussian(), erf, hard} {
		m := field(t, f)
		for _, bias := range []float64{1e-6, 0.05, 0.5} {
			c := critical(t, m, bias)
			for _, k := range []struct {
				factor float64
				want   meanfield.Phase
			}{{0.99, meanfield.Ordered}, {1, meanfield.Critical}, {1.01, meanfield.Chaotic}} {
				if th := theory(t, m, k.factor*c.Weight, bias); th.Phase != k.want {
					t.Errorf("%s at %g times the critical weight variance, bias variance %g: χ₁ = %.9g is %v, want %v",
						f.(activations.Activation).Name(), k.factor, bias, th.Chi1, th.Phase, k.want)
				}
			}
		}
	}
}

func TestOutcomes(t *testing.T) {
	// f(0) = f'(0) = 0 and f is bounded: small variances die, large ones live.
	bump := of("z³/(1+|z|³)",
		func(z float64) float64 { return z * z * z / (1 + math.Abs(z*z*z)) },
		func(z float64) float64 { d := 1 + math.Abs(z*z*z); return 3 * z * z / (d * d) })
	for _, c := range []struct {
		name         string
		f            meanfield.Function
		weight, bias float64
		outcome      meanfield.Outcome
		phase        meanfield.Phase
		points       int
	}{
		{"identity", activations.Identity(), 1, 0, meanfield.Neutral, meanfield.Critical, 0},
		{"identity", activations.Identity(), 1, 0.1, meanfield.Diverges, meanfield.NoPhase, 0},
		{"identity", activations.Identity(), 0.5, 0.1, meanfield.Converges, meanfield.Ordered, 1},
		{"identity", activations.Identity(), 1.5, 0, meanfield.Diverges, meanfield.NoPhase, 1},
		{"relu", activations.ReLU(), 2, 0, meanfield.Neutral, meanfield.Critical, 0},
		{"relu", activations.ReLU(), 2, 0.1, meanfield.Diverges, meanfield.NoPhase, 0},
		{"relu", activations.ReLU(), 1, 0, meanfield.Converges, meanfield.Ordered, 1},
		{"relu, tiny bias", activations.ReLU(), 1, 1e-20, meanfield.Converges, meanfield.Ordered, 1},
		{"softplus", activations.Softplus(), 2.5, 0, meanfield.Diverges, meanfield.NoPhase, 0},
		{"tanh", activations.Tanh(), 0, 0, meanfield.Converges, meanfield.Ordered, 1},
		{"tanh", activations.Tanh(), 0, 0.1, meanfield.Converges, meanfield.Ordered, 1},
		{"tanh", activations.Tanh(), 3, 0, meanfield.Converges, meanfield.Chaotic, 2},
		{"bump, bistable", bump, 6, 0, meanfield.Converges, meanfield.Chaotic, 3},
		{"bump, dead", bump, 1, 0, meanfield.Converges, meanfield.Ordered, 1},
		{"cube", cube, 0.01, 0, meanfield.Converges, meanfield.Ordered, 2},
		{"cube", cube, 1, 0, meanfield.Diverges, meanfield.NoPhase, 2},
	} {
		th := theory(t, field(t, c.f), c.weight, c.bias)
		if th.Outcome != c.outcome || th.Phase != c.phase || len(th.FixedPoints) != c.points {
			t.Errorf("%s at %g, %g: %v, %v with %d fixed points %v, want %v, %v with %d", c.name, c.weight, c.bias,
				th.Outcome, th.Phase, len(th.FixedPoints), th.FixedPoints, c.outcome, c.phase, c.points)
		}
		if isNaN := math.IsNaN(th.Q); isNaN != (c.outcome == meanfield.Diverges) {
			t.Errorf("%s at %g, %g: q* = %g of a map that %v", c.name, c.weight, c.bias, th.Q, th.Outcome)
		}
		for _, p := range th.FixedPoints {
			m := field(t, c.f)
			v := meanfield.Variances{Weight: c.weight, Bias: c.bias}
			if next := m.QMap(v, p.Q); !(math.Abs(next-p.Q) <= 1e-11*p.Q) {
				t.Errorf("%s: the map takes the fixed point %.15g to %.15g", c.name, p.Q, next)
			}
			// Stability, by following a neighbour.
			q := p.Q*1.01 + 1e-9
			for range 200 {
				q = m.QMap(v, q)
			}
			if returned := math.Abs(q-p.Q) < 0.005*p.Q+5e-10; returned != p.Stable {
				t.Errorf("%s: the fixed point %g is stable: %v, but from nearby q goes to %g", c.name, p.Q, p.Stable, q)
			}
		}
	}
}

// TestIteration compares q* with what iterating the map comes to, from inputs of mean
// square 1.
func TestIteration(t *testing.T) {
	for _, f := range []meanfield.Function{activations.Tanh(), activations.Sigmoid(), activations.Softplus(), activations.Gaussian(), sine, hard, cube} {
		m := field(t, f)
		for _, v := range []meanfield.Variances{{Weight: 0.06, Bias: 0}, {Weight: 0.5, Bias: 0.1}, {Weight: 1.5, Bias: 0.05}, {Weight: 40, Bias: 1}} {
			th := theory(t, m, v.Weight, v.Bias)
			q := v.Weight + v.Bias
			for range 300 {
				if q = m.QMap(v, q); !(q < 1e9) {
					q = math.NaN()
					break
				}
			}
			if math.IsNaN(q) != math.IsNaN(th.Q) || !math.IsNaN(q) && !(math.Abs(q-th.Q) <= 1e-9*th.Q+1e-12) {
				t.Errorf("%s at %v: q* = %.12g, iteration comes to %.12g", f.(activations.Activation).Name(), v, th.Q, q)
			}
		}
	}
}

// TestFallsSlowly checks the property that rules lasting oscillation out.
func TestFallsSlowly(t *testing.T) {
	spike := of("spike", func(z float64) float64 { return math.Exp(-50 * (z - 2) * (z - 2)) },
		func(z float64) float64 { return -100 * (z - 2) * math.Exp(-50*(z-2)*(z-2)) })
	for _, f := range []meanfield.Function{activations.Gaussian(), sine, spike} {
		m := field(t, f)
		before := m.SquaredMean(1e-4).Value
		for q := 1.1e-4; q < 1e6; q *= 1.1 {
			now := m.SquaredMean(q).Value
			if now < before/math.Sqrt(1.1)*(1-1e-9) {
				t.Errorf("%s: E[f²] falls by %g from q = %g, more than by √1.1", f.(activations.Activation).Name(), before/now, q/1.1)
			}
			before = now
		}
	}
}

// TestCorrelation checks the fixed point of the c-map and its slope, by following the
// map and by difference quotients.
func TestCorrelation(t *testing.T) {
	for _, f := range []meanfield.Function{activations.Tanh(), erf, activations.Gaussian(), activations.Sigmoid(), hard} {
		m := field(t, f)
		line := critical(t, m, 0.05)
		for _, factor := range []float64{0.5, 1.02, 1.5, 4} {
			v := meanfield.Variances{Weight: factor * line.Weight, Bias: 0.05}
			th := theory(t, m, v.Weight, v.Bias)
			name := fmt.Sprintf("%s at %.4g, 0.05", f.(activations.Activation).Name(), v.Weight)
			cmap := m.CMap(v, th.Q)
			if end := cmap.At(1); !(math.Abs(end-1) <= 1e-11) {
				t.Errorf("%s: C(1) = %.15g", name, end)
			}
			if s := cmap.Slope(1); !(math.Abs(s-th.Chi1) <= 1e-11*s) {
				t.Errorf("%s: C'(1) = %.15g, χ₁ = %.15g", name, s, th.Chi1)
			}
			const h = 1e-4
			for _, c := range []float64{-0.7, 0.1, 0.8} {
				slope := (8*(cmap.At(c+h)-cmap.At(c-h)) - cmap.At(c+2*h) + cmap.At(c-2*h)) / (12 * h)
				if s := cmap.Slope(c); !(math.Abs(s-slope) <= 1e-7*(1+s)) {
					t.Errorf("%s: C'(%g) = %.12g, but differences give %.12g", name, c, s, slope)
				}
			}
			if factor == 1.5 || factor == 4 {
				c := 0.5
				for range 300 {
					c = cmap.At(c)
				}
				if !(math.Abs(c-th.Correlation) <= 1e-9) {
					t.Errorf("%s: c* = %.12g, the map comes to %.12g", name, th.Correlation, c)
				}
			} else if (th.Correlation == 1) != (factor < 1) {
				t.Errorf("%s: c* = %.12g", name, th.Correlation)
			}
		}
	}
}

func TestDiagram(t *testing.T) {
	weights, biases := []float64{0.3, 1, 1.9, 2.4, 5, 60}, []float64{0, 1e-3, 0.1, 1}
	for _, f := range []meanfield.Function{activations.Tanh(), activations.Sigmoid(), activations.Gaussian(), activations.ReLU(), activations.Softplus(), hard} {
		m := field(t, f)
		got := m.Diagram(weights, biases)
		for k, b := range biases {
			for j, w := range weights {
				want := theory(t, m, w, b).Chi1
				if g := got[k][j]; math.IsNaN(g) != math.IsNaN(want) || !math.IsNaN(g) && !(math.Abs(g-want) <= 3e-3*want) {
					t.Errorf("%s at %g, %g: χ₁ = %g, want %g", f.(activations.Activation).Name(), w, b, g, want)
				}
			}
		}
	}
}

func TestPropagate(t *testing.T) {
	m := field(t, activations.Tanh())
	v := meanfield.Variances{Weight: 1.5, Bias: 0.05}
	layers := m.Propagate(v, 2, 60)
	th := theory(t, m, v.Weight, v.Bias)
	if l := layers[0]; l.Q != 2 || l.Chi >= th.Chi1 {
		t.Errorf("first layer %+v: want q = 2, and more saturation than at q* = %g", l, th.Q)
	}
	if l := layers[59]; math.Abs(l.Q-th.Q) > 1e-9 || math.Abs(l.Chi-th.Chi1) > 1e-9 {
		t.Errorf("last layer %+v, want %g, %g", l, th.Q, th.Chi1)
	}
}

func TestNoCritical(t *testing.T) {
	for _, c := range []struct {
		f            meanfield.Function
		bias         float64
		below, above *meanfield.NearCritical
	}{
		{activations.ReLU(), 0.1, &meanfield.NearCritical{Chi1: 1, Weight: 2, Limit: true}, nil},
		{activations.Identity(), 0.1, &meanfield.NearCritical{Chi1: 1, Weight: 1, Limit: true}, nil},
		{activations.Softplus(), 0, &meanfield.NearCritical{Chi1: 1, Weight: 2, Limit: true}, nil},
		{gelu, 0, &meanfield.NearCritical{Chi1: 1, Weight: 4, Limit: true}, nil},
		{cube, 0.01, &meanfield.NearCritical{}, nil}, // see below
		{of("constant", func(float64) float64 { return 1 }, func(float64) float64 { return 0 }), 0, &meanfield.NearCritical{}, nil},
	} {
		name := c.f.(activations.Activation).Name()
		_, err := field(t, c.f).Critical(c.bias)
		var none *meanfield.NoCritical
		if !errors.As(err, &none) {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		if none.Below == nil || none.Above != c.above || none.Below.Limit != c.below.Limit {
			t.Errorf("%s: %v", name, none)
			continue
		}
		if b := none.Below; name == "cube" {
			// E[f²] = 15q³, E[f'²] = 27q²: χ₁ = 9/5 (1 - σ_b²/q), stable up to q = 3σ_b²/2,
			// where it is 3/5; the grid comes within 1/8 of a decade of that.
			if !(b.Chi1 < 0.6 && b.Chi1 > 0.35) {
				t.Errorf("cube: %v", none)
			}
		} else if !(math.Abs(b.Chi1-c.below.Chi1) <= 1e-3) || c.below.Weight > 0 && !(math.Abs(b.Weight-c.below.Weight) <= 1e-3) {
			t.Errorf("%s: %v, want near %+v", name, none, *c.below)
		}
	}
	// χ₁ jumps over 1.
	_, err := field(t, gelu).Critical(0.05)
	var none *meanfield.NoCritical
	if !errors.As(err, &none) || none.Below == nil || none.Above == nil {
		t.Errorf("gelu: error %v", err)
	}
}

func TestBadInput(t *testing.T) {
	m := field(t, activations.Tanh())
	for _, v := range []meanfield.Variances{{-1, 0}, {1, -0.1}, {math.NaN(), 0}, {1, math.Inf(1)}} {
		if _, err := m.Theory(v); err == nil {
			t.Errorf("variances %v are accepted", v)
		}
	}
	if _, err := m.Critical(-1); err == nil {
		t.Error("a bias variance of -1 is accepted")
	}
	for name, f := range map[string]meanfield.Function{
		"nil":  nil,
		"log":  of("log", math.Log, func(z float64) float64 { return 1 / z }),
		"1/z":  of("inverse", func(z float64) float64 { return 1 / z }, func(z float64) float64 { return -1 / (z * z) }),
		"zero": of("zero", func(float64) float64 { return 0 }, func(float64) float64 { return 0 }),
	} {
		if _, err := meanfield.New(f); err == nil {
			t.Errorf("%s is accepted", name)
		} else {
			t.Log(err)
		}
	}
}

func BenchmarkTheory(b *testing.B) {
	for b.Loop() {
		m := field(b, activations.Tanh())
		theory(b, m, 2, 0.05)
		critical(b, m, 0.05)
	}
}

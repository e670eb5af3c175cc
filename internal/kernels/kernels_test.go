package kernels

import (
	"math"
	"testing"
)

// eachLevel runs a test on every implementation that runs here.
func eachLevel[T interface{ Run(string, func(T)) bool }](t T, f func(T)) {
	all := levels
	defer func() { levels = all }()
	for i := range all {
		levels = all[:i+1]
		t.Run(Name(), f)
	}
}

func near(t *testing.T, what string, got, want, eps float64) {
	t.Helper()
	if math.IsNaN(got) != math.IsNaN(want) || math.Abs(got-want) > eps*math.Abs(want) {
		t.Errorf("%s = %g, want %g", what, got, want)
	}
}

func TestSmoke(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		testSmoke[float32](t, 1e-6)
		testSmoke[float64](t, 1e-14)
	})
}

func testSmoke[F Float](t *testing.T, eps float64) {
	x, dy := []F{-3, -.5, 0, 1, 20}, []F{1, 2, 3, 4, 5}
	dst := make([]F, 5)
	for _, f := range []struct {
		name string
		f    func(dst, x []F)
		want func(float64) float64
	}{{"exp", Exp[F], math.Exp}, {"tanh", Tanh[F], math.Tanh}, {"erf", Erf[F], math.Erf},
		{"gaussian", Gaussian[F], func(x float64) float64 { return math.Exp(-x * x) }},
		{"sin", Sin[F], math.Sin}} {
		f.f(dst, x)
		for i, v := range x {
			near(t, f.name, float64(dst[i]), float64(F(f.want(float64(v)))), eps)
		}
	}
	for _, f := range []struct {
		name string
		f    func(dst, z, dy []F)
		want func(float64) float64
	}{
		{"tanh'", TanhGrad[F], func(x float64) float64 { return 1 / math.Cosh(x) / math.Cosh(x) }},
		{"softplus'", SoftplusGrad[F], func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }},
		{"sigmoid'", SigmoidGrad[F], func(x float64) float64 { return .25 / math.Cosh(x/2) / math.Cosh(x/2) }},
		{"gaussian'", GaussianGrad[F], func(x float64) float64 { return -2 * x * math.Exp(-x*x) }},
		{"erf'", ErfGrad[F], func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) }},
		{"sin'", SinGrad[F], math.Cos}} {
		f.f(dst, x, dy)
		for i, v := range x {
			w := float64(F(f.want(float64(v)) * float64(dy[i])))
			near(t, f.name, float64(dst[i]), w, eps)
		}
	}
	c := make([]F, 4)
	Mul(Dense(2, 2, c), Dense(2, 1, []F{1, 2}), Dense(1, 2, []F{3, 4}), false)
	MulBias(Dense(2, 2, c), Dense(2, 2, append([]F(nil), c...)), Dense(2, 2, []F{1, 0, 0, 1}), []F{10, 20})
	for i, want := range []float64{13, 24, 16, 28} {
		near(t, "product", float64(c[i]), want, 0)
	}
	near(t, "sum of squares", SquaredSum([]F{1, 2, 3}), 14, 0)
	mean, variance := Moments([]F{1, 2, 3})
	near(t, "mean", mean, 2, 0)
	near(t, "variance", variance, 2./3, 1e-15)
	if n := testing.AllocsPerRun(10, func() {
		Tanh(dst, x)
		TanhGrad(dst, x, dy)
		Mul(Dense(2, 2, c), Dense(2, 1, x[:2]), Dense(1, 2, x[:2]), false)
		Adam(dst, x, dy, dy, .1, .9, .99, 1e-8, 1, 1)
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// TestSMORMS3 checks the published steps for a constant gradient of 1.
func TestSMORMS3(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		w, g, mem, g1, g2 := []float64{0}, []float64{1}, []float64{1}, []float64{0}, []float64{0}
		for i, want := range []float64{.001414214, .001195229, .001102670, .001053449} {
			before := w[0]
			SMORMS3(w, g, mem, g1, g2, 1e-3, 1e-16)
			near(t, "step", before-w[0], want, 1e-6)
			near(t, "memory", mem[0], []float64{1.5, 1.45, 1.257449, 1.124362}[i], 1e-6)
		}
	})
}

package activations_test

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/activationtest"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestCatalogue(t *testing.T) {
	for _, name := range activations.Catalogue.Names() {
		c := choiceOf(name)
		a, err := activations.Catalogue.Make(c)
		if err != nil {
			t.Fatal(err)
		}
		if a, err = activations.For(a, activations.Network{Depth: 30, Width: 64}); err != nil {
			t.Fatal(err)
		}
		if a.Name() != name && c.Settings == nil {
			t.Errorf("the activation named %q in the catalogue says %q", name, a.Name())
		}
		t.Run(name, func(t *testing.T) { activationtest.Run(t, a) })
	}
}

// TestElementwise runs the suite on what a user would write, with variants that
// differ in a parameter only.
func TestElementwise(t *testing.T) {
	swish := func(b float64) activations.Scalar {
		s := activations.Sigmoid()
		return activations.Elementwise("swish",
			func(z float64) float64 {
				if math.IsInf(z, -1) {
					return 0
				}
				return z * s.F(b*z)
			},
			func(z float64) float64 {
				if math.IsInf(z, 0) {
					return s.F(z)
				}
				return s.F(b*z) + b*z*s.Derivative(b*z)
			})
	}
	activationtest.Run(t, swish(1), swish(2), swish(0.5))
}

func TestScaledTanhOfOne(t *testing.T) {
	// LeCun chose the constants so that f(±1) = ±1.
	a := activations.ScaledTanh()
	for _, z := range []float64{1, -1} {
		if y := a.F(z); math.Abs(y-z) > 1e-4 {
			t.Errorf("scaled-tanh(%g) = %g, want about %g", z, y, z)
		}
	}
	if d := a.Derivative(0); math.Abs(d-1.1439333) > 1e-6 {
		t.Errorf("scaled-tanh'(0) = %g, want 1.7159·2/3", d)
	}
}

// TestTails checks derivatives against values of the closed form far beyond where
// f itself has become constant in double precision.
func TestTails(t *testing.T) {
	for _, c := range []struct {
		a    activations.Scalar
		z    float64
		want float64
	}{
		{activations.Tanh(), 300, 4 * math.Exp(-600)},
		{activations.Sigmoid(), -700, math.Exp(-700)},
		{activations.Sigmoid(), 700, math.Exp(-700)},
		{activations.Softplus(), -700, math.Exp(-700)},
		{activations.Gaussian(), 20, -40 * math.Exp(-400)},
	} {
		if got := c.a.Derivative(c.z); math.Abs(got/c.want-1) > 1e-12 {
			t.Errorf("%s'(%g) = %g, want %g", c.a.Name(), c.z, got, c.want)
		}
	}
}

func TestSaturation(t *testing.T) {
	inf := math.Inf(1)
	tanhEnd := math.Acosh(math.Sqrt(10)) // 1/cosh² = 1/10
	sigmoidEnd := -math.Log(sigmoidRoot())
	for _, c := range []struct {
		a    activations.Scalar
		want []activations.Interval
	}{
		{activations.Identity(), nil},
		{activations.Tanh(), []activations.Interval{{-inf, -tanhEnd}, {tanhEnd, inf}}},
		{activations.Sigmoid(), []activations.Interval{{-inf, -sigmoidEnd}, {sigmoidEnd, inf}}},
		{activations.Softplus(), []activations.Interval{{-inf, math.Log(0.1 / 0.9)}}},
		{activations.ReLU(), []activations.Interval{{-inf, 0}}},
	} {
		got := activations.Saturation(c.a)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", c.a.Name(), got, c.want)
			continue
		}
		for i, w := range c.want {
			if !(close(got[i].Lo, w.Lo) && close(got[i].Hi, w.Hi)) {
				t.Errorf("%s: %v, want %v", c.a.Name(), got, c.want)
			}
		}
	}
	g := activations.Saturation(activations.Gaussian())
	if len(g) != 3 || !(g[1].Lo < 0 && 0 < g[1].Hi) {
		t.Errorf("gaussian: %v, want both tails and the top", g)
	}
}

// sigmoidRoot is the u = e^-z with u/(1+u)² = 1/40, a tenth of the largest slope.
func sigmoidRoot() float64 { return 19 - math.Sqrt(19*19-1) }

// close allows for softplus, whose largest slope within the bounds is 1 - 1e-14,
// and for the bisection.
func close(a, b float64) bool { return a == b || math.Abs(a-b) < 1e-6 }

// TestRowwise: the values are those of scipy.special.softmax([1, 2, 4]), of the definitions,
// and nothing is allocated after the first run.
func TestRowwise(t *testing.T) {
	maxout, err := activations.Maxout(3)
	if err != nil {
		t.Fatal(err)
	}
	glu, err := activations.GLU(activations.Tanh())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a       activations.Activation
		z, want []float64
	}{
		{activations.Softmax(), []float64{1, 2, 4}, []float64{0.04201006613406605, 0.11419519938459449, 0.8437947344813395}},
		{activations.Softmax(), []float64{1e4, 0, -1e4}, []float64{1, 0, 0}},
		{maxout, []float64{1, 3, 2, -5, -4, -6}, []float64{3, -4}},
		{glu, []float64{2, 3, 0.5, -100}, []float64{2 * math.Tanh(0.5), -3}},
	} {
		for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
			x := tensor.New(tensor.Of(dtype), tensor.WithShape(1, len(c.z)))
			for i, v := range c.z {
				if dtype == tensor.Float32 {
					x.Float32s()[i] = float32(v)
				} else {
					x.Float64s()[i] = v
				}
			}
			z := G.NewMatrix(G.NewGraph(), dtype, G.WithName("z"), G.WithValue(x))
			y, err := c.a.Node(z)
			if err != nil {
				t.Fatal(err)
			}
			d, err := G.Grad(G.Must(G.Sum(y)), z)
			if err != nil {
				t.Fatal(err)
			}
			m, err := vm.Compile(z.Graph(), y, d[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := m.RunAll(); err != nil {
				t.Fatal(err)
			}
			for i, want := range c.want {
				got, tolerance := 0., 1e-14
				if dtype == tensor.Float32 {
					got, tolerance = float64(y.Value().(*tensor.Dense).Float32s()[i]), 1e-6
				} else {
					got = y.Value().(*tensor.Dense).Float64s()[i]
				}
				if math.Abs(got-want) > tolerance {
					t.Errorf("%s of %v, %v: element %d is %g, want %g", c.a.Name(), c.z, dtype, i, got, want)
				}
			}
			forward, err := vm.Compile(z.Graph(), y)
			if err != nil {
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(10, func() { forward.RunAll() }); n > 0 {
				t.Errorf("%s, %v: %g allocations in a run", c.a.Name(), dtype, n)
			}
		}
	}
	if _, err := activations.Maxout(1); err == nil {
		t.Error("a maxout of one piece")
	}
	if _, err := activations.GLU(nil); err == nil {
		t.Error("a glu without a gate")
	}
}

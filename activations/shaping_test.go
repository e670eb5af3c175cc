package activations_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/activationtest"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/catalogue"
)

// resnet is the subnetwork maximising function of the modified ResNet in DeepMind's
// tests (_subnet_max_func).
func resnet(x float64, r func(float64) float64) float64 {
	const w = 0.6
	branch := r(r(r(x)))
	for _, blocks := range []int{3, 4, 23, 3} {
		for j := range blocks {
			res, shortcut := r(r(r(x))), x
			if j == 0 {
				shortcut = r(x)
			}
			x = w*w*shortcut + (1-w*w)*res
		}
	}
	return max(r(x), branch)
}

// TestPublishedParameters compares with the numbers in test_parameter_computation of
// github.com/google-deepmind/dks, tests/test_activation_transform.py, which are for
// slope 1.2, correlation 0.75 and curvature 0.2, and are tested there to 7 digits.
func TestPublishedParameters(t *testing.T) {
	gelu := activations.Elementwise("gelu",
		func(z float64) float64 { return z * math.Erfc(-z/math.Sqrt2) / 2 },
		func(z float64) float64 {
			return math.Erfc(-z/math.Sqrt2)/2 + z*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi)
		})
	for _, c := range []struct {
		method                    string
		f                         activations.Scalar
		alpha, beta, delta, gamma float64
	}{
		{"dks", activations.Softplus(), 0.18761008168267976, 0.40688063442262007, -0.9213466151411376, 8.878672543665223},
		{"dks", activations.Tanh(), 0.07461073057540868, 0.5566915199964182, -0.5034378768692127, 18.002635964442558},
		{"dks", gelu, 0.07043253126531114, 0.259489297927707, -0.15815378961903598, 20.21158902315857},
		{"tat", activations.Softplus(), 0.15011489794748328, 0.5374599901127068, -0.996481014465811, 10.54880187880574},
		{"tat", activations.Tanh(), 0.0580205218578313, 0.5218639804099805, -0.4796430704354356, 22.36066263761713},
		{"tailored-relu", nil, 1, 0, 0, 1.196996549778802},
	} {
		var tr *activations.Transformed
		var err error
		switch c.method {
		case "dks":
			tr, err = activations.DKS(c.f, resnet, 1.2)
		case "tat":
			tr, err = activations.TAT(c.f, resnet, 0.2)
		default:
			tr, err = activations.TailoredReLU(resnet, 0.75)
		}
		if err != nil {
			t.Error(err)
			continue
		}
		name := c.method
		if c.f != nil {
			name += " of " + c.f.Name()
		}
		for _, x := range []struct {
			what      string
			got, want float64
		}{{"α", tr.Alpha, c.alpha}, {"β", tr.Beta, c.beta}, {"γ", tr.Gamma, c.gamma}, {"δ", tr.Delta, c.delta}} {
			if !(math.Abs(x.got-x.want) <= 2e-7*max(1, math.Abs(x.want))) {
				t.Errorf("%s: %s = %.10g, want %.10g", name, x.what, x.got, x.want)
			}
		}
	}
}

// TestPublishedValues compares with the numbers in _run_value_tests of the same file,
// tested there to 8 digits.
func TestPublishedValues(t *testing.T) {
	for _, c := range []struct {
		f        activations.Scalar
		up, down float64
	}{
		{f: activations.Softplus(), up: 0.6923574763139374, down: -0.4935166367766701},
		{f: activations.Tanh(), up: 0.6860178437500071, down: -0.49030275427738146},
		{up: 0.7954047194402861, down: -0.2955187511683813},
	} {
		var tr *activations.Transformed
		var err error
		if c.f != nil {
			tr, err = activations.TAT(c.f, resnet, 4.5)
		} else {
			tr, err = activations.TailoredReLU(resnet, 0.95)
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if up, down := tr.F(0.6), tr.F(-0.6); !(math.Abs(up-c.up) <= 1e-8 && math.Abs(down-c.down) <= 1e-8) {
			t.Errorf("%s of %s: %.10g and %.10g at ±0.6, want %.10g and %.10g", tr.Name(), tr.Of().Name(), up, down, c.up, c.down)
		}
	}
}

// TestConditions checks what defines the transformations by mean field theory, and
// what they are for by following the maps of the whole network.
func TestConditions(t *testing.T) {
	sine := activations.Elementwise("sin", math.Sin, math.Cos)
	near := func(t *testing.T, what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-9) {
			t.Errorf("%s = %.12g, want %.12g", what, got, want)
		}
	}
	for _, f := range []activations.Scalar{activations.Tanh(), activations.Softplus(), activations.Sigmoid(), activations.Gaussian(), sine} {
		for _, depth := range []int{10, 100, 3000} {
			name := fmt.Sprintf("%s/%d", f.Name(), depth)
			t.Run("dks/"+name, func(t *testing.T) {
				_, m := shaped(t, func() (*activations.Transformed, error) { return activations.DKS(f, activations.Plain(depth), 0) })
				near(t, "Q(1)", m.SquaredMean(1).Value, 1)
				near(t, "Q'(1)", growth(m), 1)
				near(t, "C(0)", m.Covariance(1, 0), 0)
				near(t, "C'(1)", m.SlopeCovariance(1, 1), math.Pow(1.5, 1/float64(depth)))
			})
			t.Run("tat/"+name, func(t *testing.T) {
				tr, m := shaped(t, func() (*activations.Transformed, error) { return activations.TAT(f, activations.Plain(depth), 0) })
				near(t, "Q(1)", m.SquaredMean(1).Value, 1)
				near(t, "Q'(1)", growth(m), 1)
				near(t, "C'(1)", m.SlopeCovariance(1, 1), 1)
				// The second derivative at 1, by one-sided differences.
				const h = 1e-3
				c := func(t float64) float64 { return m.SlopeCovariance(1, 1-t) }
				curvature := (25*c(0) - 48*c(h) + 36*c(2*h) - 16*c(3*h) + 3*c(4*h)) / (12 * h)
				if want := 0.3 / float64(depth); !(math.Abs(curvature-want) <= 1e-7*max(1, want)) {
					t.Errorf("C\"(1) = %.9g, want %.9g", curvature, want)
				}
				if d := math.Abs(tr.Derivative(0)); !(d < 2) {
					t.Errorf("slope %g at 0: should be left out", d)
				}
			})
		}
	}
}

func shaped(t *testing.T, solve func() (*activations.Transformed, error)) (*activations.Transformed, *meanfield.Field) {
	t.Helper()
	tr, err := solve()
	if err != nil {
		t.Fatal(err)
	}
	m, err := meanfield.New(tr)
	if err != nil {
		t.Fatal(err)
	}
	return tr, m
}

// growth returns Q'(1) by differences of Q.
func growth(m *meanfield.Field) float64 {
	const h = 1e-3
	q := func(k float64) float64 { return m.SquaredMean(1 + k*h).Value }
	return (45*(q(1)-q(-1)) - 9*(q(2)-q(-2)) + q(3) - q(-3)) / (60 * h)
}

// TestResidualTopology checks that a residual network as a whole has the slope that
// was asked for.
func TestResidualTopology(t *testing.T) {
	const blocks, layers, w = 20, 3, 0.8
	tr, m := shaped(t, func() (*activations.Transformed, error) {
		return activations.DKS(activations.Tanh(), activations.Residual(blocks, layers, w), 2)
	})
	s := m.SlopeCovariance(1, 1)
	if slope := math.Pow(w*w+(1-w*w)*s*s*s, blocks); !(math.Abs(slope-2) <= 1e-8) {
		t.Errorf("slope %g, want 2", slope)
	}
	plain, err := activations.DKS(activations.Tanh(), activations.Plain(blocks*layers), 2)
	if err != nil {
		t.Fatal(err)
	}
	if !(tr.Alpha > plain.Alpha) {
		t.Errorf("α = %g with shortcuts, %g without: want more nonlinearity with them", tr.Alpha, plain.Alpha)
	}
}

// TestTailored checks that unlike examples come to the correlation asked for.
func TestTailored(t *testing.T) {
	for _, depth := range []int{1, 10, 100, 1000} {
		_, m := shaped(t, func() (*activations.Transformed, error) {
			return activations.TailoredReLU(activations.Plain(depth), 0.8)
		})
		c := 0.
		if depth <= 100 {
			for range depth {
				c = m.Covariance(1, c)
			}
			want := 0.8
			if depth == 1 {
				want = 1 / math.Pi // ReLU's, which is less
			}
			if !(math.Abs(c-want) <= 1e-9) {
				t.Errorf("depth %d: correlation %.12g, want %g", depth, c, want)
			}
		}
		if q := m.SquaredMean(7).Value; !(math.Abs(q-7) <= 1e-10) {
			t.Errorf("Q(7) = %g: Q is not the identity", q)
		}
	}
}

func TestTransformed(t *testing.T) {
	for _, c := range []struct {
		of    activations.Scalar
		depth int
	}{{activations.Tanh(), 30}, {activations.Gaussian(), 100},
		{activations.Elementwise("sin", math.Sin, math.Cos), 10}} {
		tr, err := activations.DKS(c.of, activations.Plain(c.depth), 0)
		if err != nil {
			t.Fatal(err)
		}
		other, err := activations.DKS(c.of, activations.Plain(2*c.depth), 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(c.of.Name(), func(t *testing.T) { activationtest.Run(t, tr, other) })
	}
}

func TestShapingMistakes(t *testing.T) {
	make := func(text string) error {
		choice, err := catalogue.Parse(text)
		if err == nil {
			_, err = activations.Catalogue.Make(choice)
		}
		return err
	}
	for text, want := range map[string]string{
		"dks(of=relu)":                        "no α, β, γ, δ found",
		"tat(of=relu)":                        "no α, β, γ, δ found",
		"tat(of=identity)":                    "tat of identity",
		"dks(of=tahn)":                        "did you mean tanh",
		"dks(slope=0.5)":                      "above 1",
		"dks(depth=-3)":                       "at least 0",
		"tat(curvature=-1)":                   "above 0",
		"tailored-relu(correlation=1)":        "below 1",
		"dks(depth=50,shortcut=0.5,branch=3)": "must divide the depth",
		"dks(of=formula(of=\"a*tanh(z)\",learn=layer,a=1))": "are learned",
		"dks(shortcut=1)": "below 1",
	} {
		err := make(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for _, err := range []error{
		second(activations.DKS(activations.Tanh(), activations.Plain(0), 0)),
		second(activations.DKS(nil, activations.Plain(3), 0)),
		second(activations.DKS(activations.Tanh(), activations.Plain(3), math.NaN())),
		second(activations.TAT(activations.Tanh(), activations.Plain(3), -1)),
		second(activations.TailoredReLU(activations.Plain(3), 2)),
	} {
		if err == nil {
			t.Error("nonsense is accepted")
		} else {
			t.Log(err)
		}
	}
	for _, text := range []string{"dks(of=softplus,depth=12,shortcut=0.5,branch=3)", "tat(of=\"sin(z) + z\")"} {
		if err := make(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func second(_ *activations.Transformed, err error) error { return err }

func ExampleDKS() {
	f, err := activations.DKS(activations.Softplus(), activations.Plain(50), 1.5)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f (f(%.4f z + %.4f) %+.4f)\n", f.Gamma, f.Alpha, f.Beta, f.Delta)
	fmt.Printf("%.3f %.3f %.3f\n", f.F(-1), f.F(0), f.F(1))
	// Output:
	// 5.0948 (f(0.3266 z + 0.4094) -0.9313)
	// -0.998 -0.064 0.999
}

// TestShapedFormula: the kernels of a shaped formula compute what its F and Derivative do, to the
// last digits of float64.
func TestShapedFormula(t *testing.T) {
	of, err := activations.Formula("tanh(z) + 0.1*z")
	if err != nil {
		t.Fatal(err)
	}
	shaped, err := activations.DKS(of, activations.Plain(50), 1.5)
	if err != nil {
		t.Fatal(err)
	}
	activationtest.Run(t, shaped)
}

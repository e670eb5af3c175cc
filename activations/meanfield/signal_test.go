package meanfield_test

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
)

func signal(t *testing.T, m *meanfield.Field, n meanfield.Network, in meanfield.Signal) []meanfield.Site {
	t.Helper()
	sites, err := m.Signal(n, in)
	if err != nil {
		t.Fatal(err)
	}
	return sites
}

func layers(n int, v meanfield.Variances) []meanfield.Variances {
	list := make([]meanfield.Variances, n)
	for i := range list {
		list[i] = v
	}
	return list
}

func within(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if !(math.Abs(got-want) <= relative*math.Abs(want)) {
		t.Errorf("%s is %.10g, want %.10g", what, got, want)
	}
}

// A plain network follows the q-map, the c-map and χ.
func TestSignalPlain(t *testing.T) {
	for _, f := range []activations.Scalar{activations.Tanh(), activations.Softplus(), activations.ReLU()} {
		m := field(t, f)
		v := meanfield.Variances{Weight: 1.3, Bias: 0.05}
		sites := signal(t, m, meanfield.Network{Layers: layers(8, v)}, meanfield.Signal{Square: 1, Apart: 0.4})
		q, c := v.Weight+v.Bias, (v.Weight*0.6+v.Bias)/(v.Weight+v.Bias)
		for i, s := range sites {
			within(t, f.Name()+": q", s.Square, q, 1e-12)
			within(t, f.Name()+": 1-c", s.Apart, 1-c, 1e-9)
			if i+1 < len(sites) {
				within(t, f.Name()+": χ", s.Chi, v.Weight*m.SquaredSlope(q).Value, 1e-10)
			}
			next := m.QMap(v, q)
			c = (v.Weight*m.Covariance(q, c) + v.Bias) / next
			q = next
		}
	}
	// Softplus loses .54 decades of 1-c in each layer near its fixed point.
	m := field(t, activations.Softplus())
	sites := signal(t, m, meanfield.Network{Layers: layers(40, meanfield.Variances{Weight: 1})}, meanfield.Signal{Square: 1, Apart: 1})
	fall := math.Log10(sites[38].Apart / sites[39].Apart)
	if math.Abs(fall-0.54) > 0.005 || !(sites[39].Apart > 0) {
		t.Errorf("softplus loses %.4f decades of 1-c a layer, at %g", fall, sites[39].Apart)
	}
}

// Norms of units: the fixed forms of χ, and that scaling the weights changes nothing.
func TestSignalNorms(t *testing.T) {
	m := field(t, activations.Tanh())
	for _, w := range []float64{0.5, 4} {
		v := meanfield.Variances{Weight: w}
		for _, kind := range []meanfield.NormKind{meanfield.RMSNorm, meanfield.LayerNorm} {
			n := meanfield.Network{Layers: layers(5, v), Norm: meanfield.Norm{Kind: kind, Gamma: 1}}
			sites := signal(t, m, n, meanfield.Signal{Square: 1, Apart: 0.5})
			within(t, "χ before f", sites[2].Chi, m.SquaredSlope(1).Value/m.SquaredMean(1).Value, 1e-10)
			n.Norm.After = true
			sites = signal(t, m, n, meanfield.Signal{Square: 1, Apart: 0.5})
			within(t, "q after f", sites[3].Square, w, 1e-12)
			within(t, "χ after f", sites[2].Chi, w*m.SquaredSlope(w).Value/m.SquaredMean(w).Value, 1e-10)
		}
	}
	// With a mean, layer norm divides by the variance, rms norm by the mean square.
	m = field(t, activations.Sigmoid())
	n := meanfield.Network{Layers: layers(5, meanfield.Variances{Weight: 1}), Norm: meanfield.Norm{Kind: meanfield.LayerNorm, After: true, Gamma: 1}}
	variance := m.SquaredMean(1).Value - 0.25
	within(t, "χ of layer norm after sigmoid", signal(t, m, n, meanfield.Signal{Square: 1, Apart: 1})[2].Chi, m.SquaredSlope(1).Value/variance, 1e-9)
}

// Batch norm: 1.467 of ReLU for large batches, 1.49 at 64 and 1.52 at 32 (G. Yang et al., A
// mean field theory of batch normalization, 2019; the small batches simulated), and
// (B-2)/(B-3) of a linear network.
func TestSignalBatchNorm(t *testing.T) {
	for _, c := range []struct {
		f     activations.Scalar
		batch int
		want  float64
	}{
		{activations.ReLU(), 1000, math.Pi / (math.Pi - 1)}, {activations.ReLU(), 64, 1.49}, {activations.ReLU(), 32, 1.52},
		{activations.Identity(), 32, 30. / 29}, {activations.Identity(), 8, 6. / 5},
	} {
		if c.batch == 1000 && testing.Short() {
			continue
		}
		n := meanfield.Network{Layers: layers(5, meanfield.Variances{Weight: 1.7}), Norm: meanfield.Norm{Kind: meanfield.BatchNorm, Gamma: 1, Batch: c.batch}}
		sites := signal(t, field(t, c.f), n, meanfield.Signal{Square: 1, Apart: 0.9})
		within(t, c.f.Name()+" with batch norm: χ", sites[2].Chi, c.want, 0.012)
		if !sites[2].Sampled {
			t.Error("a Monte Carlo average is not marked")
		}
	}
	n := meanfield.Network{Layers: layers(2, meanfield.Variances{Weight: 1}), Norm: meanfield.Norm{Kind: meanfield.BatchNorm, Gamma: 1, Batch: 3}}
	if _, err := field(t, activations.ReLU()).Signal(n, meanfield.Signal{Square: 1, Apart: 1}); err == nil {
		t.Error("batch norm over 3 examples has a theory")
	}
}

// The working point: the mean degree, and what batch norm does with it.
func TestDegree(t *testing.T) {
	m := field(t, activations.Gaussian())
	within(t, "the degree of a Gaussian at γ = 1, β = 0", m.Degree(1, 0), 3.14, 0.002)
	within(t, "at its inflection", m.Degree(0.3, math.Sqrt(0.5)), 1.04, 0.004)
	for _, gamma := range []float64{0.01, 0.3, 1, 3} {
		if d := m.Degree(gamma, 0); d < 2-1e-9 {
			t.Errorf("the degree of an even function at γ = %g is %g", gamma, d)
		}
	}
	within(t, "the degree of a linear function", field(t, activations.Identity()).Degree(0.7, 3), 1, 1e-12)
	n := meanfield.Network{Layers: layers(5, meanfield.Variances{Weight: 1}), Norm: meanfield.Norm{Kind: meanfield.BatchNorm, Gamma: 0.3, Beta: math.Sqrt(0.5), Batch: 256}}
	within(t, "χ with batch norm at the inflection", signal(t, m, n, meanfield.Signal{Square: 1, Apart: 1})[2].Chi, 1.04, 0.02)
}

// Residual networks grow as a power of depth, not exponentially; where f comes last the
// means of x and f add up: sigmoid, a = 0.3, after 20 layers q is 10.2 (simulated, 2000 units), and
// would be 1.5 without.
func TestSignalResidual(t *testing.T) {
	v := meanfield.Variances{Weight: 1}
	m := field(t, activations.Sigmoid())
	n := meanfield.Network{Layers: layers(21, v), Shortcut: meanfield.ResidualInside, Branch: 0.3}
	within(t, "q of sigmoid after 20 layers", signal(t, m, n, meanfield.Signal{Square: 1, Apart: 1})[20].Square, 10.2, 0.01)

	m = field(t, activations.Tanh())
	n = meanfield.Network{Layers: layers(30, v), Shortcut: meanfield.ResidualBefore, Branch: 0.5}
	sites := signal(t, m, n, meanfield.Signal{Square: 1, Apart: 0.5})
	q, apart := 1., 0.5
	for i, s := range sites {
		within(t, "q", s.Square, q, 1e-12)
		within(t, "1-c", s.Apart, apart/q, 1e-9)
		if i+1 < len(sites) {
			next := q + 0.25*m.SquaredMean(q).Value
			within(t, "χ", s.Chi, 1+0.25*m.SquaredSlope(q).Value, 1e-10)
			apart += 0.25 * (m.SquaredMean(q).Value - m.Covariance(q, 1-apart/q))
			q = next
		}
	}
	// By depth the gradient grows by a bounded factor over all layers.
	for _, depth := range []int{10, 100} {
		n.Layers, n.Branch = layers(depth, v), 1/math.Sqrt(float64(depth))
		s := signal(t, m, n, meanfield.Signal{Square: 1, Apart: 0.5})
		if growth := s[0].Gradient / s[depth-1].Gradient; !(growth > 1 && growth < math.E) {
			t.Errorf("depth %d: the squared gradient grows by %g", depth, growth)
		}
	}
}

// A closed highway passes everything, an open one is a plain network.
func TestSignalHighway(t *testing.T) {
	m := field(t, activations.Tanh())
	v := meanfield.Variances{Weight: 1.2, Bias: 0.01}
	in := meanfield.Signal{Square: 1, Apart: 0.3}
	n := meanfield.Network{Layers: layers(6, v), Shortcut: meanfield.HighwayGate, Gate: meanfield.Variances{Weight: 1e-12}, GateBias: -30}
	closed := signal(t, m, n, in)
	within(t, "q behind closed gates", closed[5].Square, v.Weight+v.Bias, 1e-9)
	within(t, "χ of closed gates", closed[2].Chi, 1, 1e-9)
	n.GateBias = 30
	open, plain := signal(t, m, n, in), signal(t, m, meanfield.Network{Layers: layers(6, v)}, in)
	for i := range open {
		within(t, "q of open gates", open[i].Square, plain[i].Square, 1e-9)
		within(t, "1-c of open gates", open[i].Apart, plain[i].Apart, 1e-7)
		within(t, "the gradient of open gates", open[i].Gradient, plain[i].Gradient, 1e-9)
	}
}

// The spread of squared singular values of tanh near criticality, 100 layers.
func TestIsometry(t *testing.T) {
	m := field(t, activations.Tanh())
	c, err := m.Critical(1e-4) // near q* = 0
	if err != nil {
		t.Fatal(err)
	}
	v := meanfield.Variances{Weight: c.Weight, Bias: 1e-4}
	atFixedPoint := m.Isometry(v, c.Q, 100, true)
	within(t, "mean square from q*", math.Exp(atFixedPoint.LogMeanSquare), 1, 1e-6)
	gaussian := m.Isometry(v, c.Q, 100, false)
	within(t, "what normal weights add", gaussian.RelativeVariance-atFixedPoint.RelativeVariance, 100, 1e-12)
	for _, c := range []struct{ from, got, want float64 }{
		{c.Q, atFixedPoint.RelativeVariance, 1.1463}, {1, m.Isometry(v, 1, 100, true).RelativeVariance, 2.5788}, {c.Q, gaussian.RelativeVariance, 101.1463},
	} {
		if math.Abs(c.got-c.want) > 1e-3 {
			t.Errorf("from q = %g the relative variance is %.4f, want %.4f", c.from, c.got, c.want)
		}
	}
	linear := field(t, activations.Identity()).Isometry(meanfield.Variances{Weight: 1}, 1, 100, true)
	if linear.RelativeVariance > 1e-10 || math.Abs(linear.LogMeanSquare) > 1e-10 {
		t.Errorf("a linear orthogonal network: %+v", linear)
	}
	t.Logf("orthogonal: from q* = %g %.4f, from q = 1 %.4f; normal %.4f", c.Q, atFixedPoint.RelativeVariance, m.Isometry(v, 1, 100, true).RelativeVariance, gaussian.RelativeVariance)
}

// The output layer is the last site, and a final f before it is in its gradient.
func TestSignalOutput(t *testing.T) {
	m := field(t, activations.Tanh())
	v, out := meanfield.Variances{Weight: 1.3}, meanfield.Variances{Weight: 0.7}
	in := meanfield.Signal{Square: 1, Apart: 0.5}
	n := meanfield.Network{Layers: layers(4, v), Output: &out}
	sites := signal(t, m, n, in)
	last := sites[3]
	within(t, "q of the output", sites[4].Square, 0.7*m.SquaredMean(last.Square).Value, 1e-10)
	within(t, "χ from the output", last.Chi, 0.7*m.SquaredSlope(last.Square).Value, 1e-10)
	n.Shortcut, n.Branch, n.Final = meanfield.ResidualBefore, 0.5, true
	sites = signal(t, m, n, in)
	q := sites[3].Square + 0.25*1.3*m.SquaredMean(sites[3].Square).Value
	within(t, "q of the output after a final f", sites[4].Square, 0.7*m.SquaredMean(q).Value, 1e-10)
	within(t, "χ from there", sites[3].Chi, 0.7*m.SquaredSlope(q).Value*(1+0.25*1.3*m.SquaredSlope(sites[3].Square).Value), 1e-10)
	n.First = 4
	plain := signal(t, m, meanfield.Network{Layers: layers(4, v), Output: &out, Final: true}, in)
	for i, s := range signal(t, m, n, in) {
		if s.Square != plain[i].Square || s.Gradient != plain[i].Gradient {
			t.Errorf("site %d of plain layers: %+v, want %+v", i, s, plain[i])
		}
	}
}

// The spread of a product of normal matrices, against products.
func TestNormalSpread(t *testing.T) {
	within(t, "one matrix", meanfield.NormalSpread(50, 1), (2+1./50)/(1+2./2500)-1, 1e-12)
	for _, width := range []int{64, 128, 1000, 100000} {
		t.Logf("100 layers of %d units: %.1f", width, meanfield.NormalSpread(width, 100))
	}
	if s := meanfield.NormalSpread(10, 10000); math.Abs(s-9) > 1 {
		t.Errorf("width 10, where one direction is left: %g", s)
	}
	w := meanfield.NormalWidth(100)
	t.Logf("100 layers need %d units", w)
	if meanfield.NormalSpread(w, 100) < 90 || meanfield.NormalSpread(w-1, 100) >= 90 {
		t.Errorf("width %d gives %g, one less %g", w, meanfield.NormalSpread(w, 100), meanfield.NormalSpread(w-1, 100))
	}
}

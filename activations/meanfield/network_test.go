package meanfield_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// sample is a real network that theory is compared with.
type sample struct {
	activation activations.Scalar
	v          meanfield.Variances
	width      int
	depth      int
	batch      int
}

// ratios builds the network from a seed, gives it inputs that make the first layer's
// pre-activations of variance q, and returns, as means over its layers, the factor of
// the squared gradient per layer backwards, and the variance of the pre-activations.
func (s sample) ratios(t testing.TB, q float64, seed uint64) (chi, variance float64) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p, err := models.NewParameters(tensor.Float32, seed)
	must(err)
	mlp := models.MLP{Depth: s.depth, Width: s.width, Activation: s.activation, Initializer: initializers.LeCunNormal(math.Sqrt(s.v.Weight))}
	n, err := models.Build(mlp, models.Shape{Inputs: s.width, Outputs: 10, Batch: s.batch, Loss: models.MeanSquaredError}, p, true)
	must(err)
	r := rand.New(rand.NewPCG(seed, 1))
	normal := func(node *G.Node, deviation float64) {
		x := node.Value().(*tensor.Dense).Float32s()
		for i := range x {
			x[i] = float32(deviation * r.NormFloat64())
		}
	}
	normal(n.Input, math.Sqrt((q-s.v.Bias)/s.v.Weight))
	normal(n.Target, 1e4) // of which the output is a small part, so that its gradient is independent of it
	m, err := n.TrainingMachine()
	must(err)
	squares := make([]float64, s.depth)
	for i, l := range n.Layers[:s.depth] {
		normal(l.Bias, math.Sqrt(s.v.Bias))
		must(m.Observe(l.PreActivation, func(v G.Value) {
			variance += squaredSum(v) / float64(s.batch*s.width*s.depth)
		}))
		must(m.Observe(l.PreActivation.Deriv(), func(v G.Value) { squares[i] = squaredSum(v) }))
	}
	must(m.RunObserved())
	for i := range s.depth - 1 {
		chi += squares[i] / squares[i+1] / float64(s.depth-1)
	}
	return chi, variance
}

func squaredSum(v G.Value) float64 {
	var sum float64
	for _, x := range v.(*tensor.Dense).Float32s() {
		sum += float64(x) * float64(x)
	}
	return sum
}

// compare measures networks of several seeds, and returns χ₁ of theory and the mean of
// what is measured, with the half-width of its 99.9% confidence interval, by Student's
// distribution over the seeds.
func (s sample) compare(t testing.TB, seeds int) (predicted, measured, halfWidth float64) {
	t.Helper()
	th := theory(t, field(t, s.activation), s.v.Weight, s.v.Bias)
	chi := make([]float64, seeds)
	for i := range chi {
		chi[i], _ = s.ratios(t, th.Q, uint64(i+1))
	}
	mean, deviation := stat.MeanStdDev(chi, nil)
	student := distuv.StudentsT{Sigma: 1, Nu: float64(seeds - 1)}
	return th.Chi1, mean, student.Quantile(0.9995) * deviation / math.Sqrt(float64(seeds))
}

// TestNetworks compares χ₁ with real networks of width 1000, ordered, critical and
// chaotic. BenchmarkNetworks does so for all activations.
func TestNetworks(t *testing.T) {
	for _, s := range []sample{
		{activation: activations.Tanh(), v: meanfield.Variances{Weight: 1, Bias: 0.05}},
		{activation: activations.Tanh(), v: meanfield.Variances{Weight: 4, Bias: 0.05}},
		{activation: activations.Sigmoid(), v: meanfield.Variances{Weight: 103.1285, Bias: 0.05}},
		{activation: activations.Gaussian(), v: meanfield.Variances{Weight: 2, Bias: 0}},
		{activation: activations.ReLU(), v: meanfield.Variances{Weight: 2, Bias: 0}},
	} {
		s.width, s.depth, s.batch = 1000, 5, 8
		seeds := 5
		if testing.Short() { // the narrower, the noisier
			s.width, seeds = 300, 16
		}
		predicted, measured, halfWidth := s.compare(t, seeds)
		t.Logf("%s at %v: χ₁ = %.4f, measured %.4f ± %.4f", s.activation.Name(), s.v, predicted, measured, halfWidth)
		if !(math.Abs(measured-predicted) <= halfWidth) {
			t.Errorf("%s at %v: χ₁ = %g, measured %g ± %g", s.activation.Name(), s.v, predicted, measured, halfWidth)
		}
		if !(halfWidth <= 0.15*predicted) {
			t.Errorf("%s at %v: the interval ± %g shows nothing", s.activation.Name(), s.v, halfWidth)
		}
	}
}

// BenchmarkNetworks compares χ₁ with real networks for each activation of the
// catalogue, on its critical line or at weight variance 1.
func BenchmarkNetworks(b *testing.B) {
	for _, name := range activations.Catalogue.Names() {
		a, err := activations.Catalogue.Make(catalogue.Choice{Name: name})
		if err != nil {
			continue // it has no meaning without settings
		}
		f, ok := a.(activations.Scalar)
		if !ok {
			continue // not element-wise
		}
		b.Run("activation="+name, func(b *testing.B) {
			s := sample{activation: f, v: meanfield.Variances{Weight: 1, Bias: 0.05}, width: 1000, depth: 8, batch: 16}
			m := field(b, f)
			if c, err := m.Critical(0.05); err == nil {
				s.v = c.Variances
			}
			if math.IsNaN(theory(b, m, s.v.Weight, s.v.Bias).Q) {
				s.v = meanfield.Variances{Weight: 0.5, Bias: 0.05}
			}
			var predicted, measured, halfWidth float64
			for b.Loop() {
				predicted, measured, halfWidth = s.compare(b, 12)
			}
			if !(math.Abs(measured-predicted) <= halfWidth) {
				b.Errorf("χ₁ = %g, measured %g ± %g", predicted, measured, halfWidth)
			}
			b.ReportMetric(predicted, "chi1-predicted")
			b.ReportMetric(measured, "chi1-measured")
			b.ReportMetric(halfWidth, "chi1-interval")
		})
	}
}

// TestVariance compares q* with real networks.
func TestVariance(t *testing.T) {
	s := sample{activation: activations.Tanh(), v: meanfield.Variances{Weight: 2, Bias: 0.05}, width: 500, depth: 8, batch: 8}
	q := theory(t, field(t, s.activation), s.v.Weight, s.v.Bias).Q
	var measured []float64
	for seed := range 8 {
		_, v := s.ratios(t, q, uint64(seed))
		measured = append(measured, v)
	}
	mean, deviation := stat.MeanStdDev(measured, nil)
	limit := distuv.StudentsT{Sigma: 1, Nu: 7}.Quantile(0.9995) * deviation / math.Sqrt(8)
	if !(math.Abs(mean-q) <= limit && limit <= 0.05*q) {
		t.Errorf("q* = %g, measured %g ± %g", q, mean, limit)
	}
}

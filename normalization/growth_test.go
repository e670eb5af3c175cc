package normalization_test

import (
	"flag"
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"gonum.org/v1/gonum/stat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var (
	growthWidth    = flag.Int("growth-width", 512, "units of a layer in TestBatchNormExplodes")
	growthNetworks = flag.Int("growth-networks", 6, "networks in TestBatchNormExplodes")
)

// growth returns by how much the logarithm of the squared gradient of the
// pre-activations grows in a layer, towards the input, in batch-normalised networks as
// they start, with its standard error over the networks. It leaves out the first layers,
// whose activations still remember the input, and the last.
func growth(t *testing.T, f activations.Activation, batch int) (mean, deviation float64) {
	t.Helper()
	const depth, from, to = 12, 4, 10
	width, networks := *growthWidth, *growthNetworks
	var slopes []float64
	for seed := range networks {
		p := parameters(t, tensor.Float32, uint64(seed))
		m := models.MLP{Depth: depth, Width: width, Activation: f, Initializer: initializers.LeCunNormal(1), Normalization: choose(t, "batch-norm(eps=1e-12)")}
		n, err := models.Build(m, models.Shape{Inputs: width, Outputs: width, Batch: batch, Loss: models.MeanSquaredError}, p, true)
		if err != nil {
			t.Fatal(err)
		}
		r := initializers.Stream(uint64(seed), "data")
		for _, node := range []*G.Node{n.Input, n.Target} {
			x := node.Value().(*tensor.Dense).Float32s()
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
		}
		first, last := n.Layers[from].PreActivation.Deriv(), n.Layers[to].PreActivation.Deriv()
		machine, err := n.TrainingMachine(first, last)
		if err != nil {
			t.Fatal(err)
		}
		if err := machine.RunAll(); err != nil {
			t.Fatal(err)
		}
		square := func(n *G.Node) float64 { return kernels.SquaredSum(n.Value().(*tensor.Dense).Float32s()) }
		slopes = append(slopes, math.Log(square(first)/square(last))/(to-from))
	}
	mean, deviation = stat.MeanStdDev(slopes, nil)
	return mean, deviation / math.Sqrt(float64(networks))
}

// TestBatchNormExplodes: batch normalisation makes the squared gradient of a network
// that starts grow in each layer, by (B-2)/(B-3) in a linear network and, in large
// batches, by π/(π-1) = 1.467 with ReLU (G. Yang et al.: A Mean Field Theory of Batch
// Normalization, 2019, for infinite width).
//
// The tolerance is four standard errors of the mean over the networks, and what is
// left of the limits: B/width for the width; for the batch of ReLU, extrapolated from B
// and 2B linearly in 1/B, the square of 1/B.
func TestBatchNormExplodes(t *testing.T) {
	if testing.Short() {
		t.Skip("wide networks")
	}
	const small = 8
	got, deviation := growth(t, activations.Identity(), small)
	want := math.Log((small - 2.) / (small - 3))
	t.Logf("linear, batch %d: %.4f a layer, standard error %.4f; theory %.4f", small, math.Exp(got), deviation, math.Exp(want))
	if tolerance := 4*deviation + small/float64(*growthWidth); math.Abs(got-want) > tolerance || tolerance > 0.1 {
		t.Errorf("linear: the squared gradient grows by e^%.4f a layer, want e^%.4f ± %.4f", got, want, tolerance)
	}
	const batch = 32
	one, oneError := growth(t, activations.ReLU(), batch)
	two, twoError := growth(t, activations.ReLU(), 2*batch)
	got, deviation = 2*two-one, math.Hypot(oneError, 2*twoError)
	want = math.Log(math.Pi / (math.Pi - 1))
	t.Logf("ReLU: %.4f a layer in batches of %d, %.4f of %d, in the limit %.4f, standard error %.4f; theory %.4f",
		math.Exp(one), batch, math.Exp(two), 2*batch, math.Exp(got), deviation, math.Exp(want))
	if tolerance := 4*deviation + 1./(batch*batch); math.Abs(got-want) > tolerance || tolerance > 0.1 {
		t.Errorf("ReLU: the squared gradient grows by e^%.4f a layer, want e^%.4f ± %.4f", got, want, tolerance)
	}
}

// TestBatchNormWithoutExplosion: with orthogonal weights, and a nonlinearity that is more linear
// the deeper the network is, batch normalisation does not make the gradient grow (A. Meterez et
// al., 2023, arXiv 2310.02012). As measured, the nonlinearity is what matters, and orthogonal weights
// change little; and batches have to be large.
func TestBatchNormWithoutExplosion(t *testing.T) {
	const depth, width = 50, 128
	decades := func(f, init, norm string, batch int) float64 {
		made, err := activations.Catalogue.Read(f)
		if err != nil {
			t.Fatal(err)
		}
		a, err := activations.Catalogue.Make(made)
		if err != nil {
			t.Fatal(err)
		}
		if a, err = activations.For(a, activations.Network{Depth: depth, Width: width}); err != nil {
			t.Fatal(err)
		}
		n, err := normalization.For(choose(t, norm), normalization.Network{Activation: a, Depth: depth})
		if err != nil {
			t.Fatal(err)
		}
		weights := initializers.LeCunNormal(1)
		if init == "orthogonal" {
			weights = initializers.Orthogonal(1)
		}
		m := models.MLP{Depth: depth, Width: width, Activation: a, Initializer: weights, Normalization: n}
		network, err := models.Build(m, models.Shape{Inputs: width, Outputs: width, Batch: batch, Loss: models.MeanSquaredError}, parameters(t, tensor.Float64, 1), true)
		if err != nil {
			t.Fatal(err)
		}
		r := initializers.Stream(1, "data")
		for _, node := range []*G.Node{network.Input, network.Target} {
			x := node.Value().(*tensor.Dense).Float64s()
			for i := range x {
				x[i] = r.NormFloat64()
			}
		}
		first, last := network.Layers[0].PreActivation.Deriv(), network.Layers[depth-1].PreActivation.Deriv()
		machine, err := network.TrainingMachine(first, last)
		if err != nil {
			t.Fatal(err)
		}
		if err := machine.RunAll(); err != nil {
			t.Fatal(err)
		}
		square := func(n *G.Node) float64 { return kernels.SquaredSum(n.Value().(*tensor.Dense).Float64s()) }
		return math.Log10(square(first)/square(last)) / 2
	}
	for _, c := range []struct {
		f, init, norm string
		batch         int
		from, to      float64
	}{
		{"tanh", "lecun", "batch-norm", 64, 1.5, 3},
		{"tanh", "orthogonal", "batch-norm", 64, 1.5, 3},
		{"shaped(of=tanh,with=depth)", "lecun", "batch-norm", 64, -.1, .1},
		{"shaped(of=tanh,with=depth)", "orthogonal", "batch-norm", 64, -.1, .1},
		{"shaped(of=softplus,with=depth)", "orthogonal", "batch-norm", 64, -.1, .1},
		{"shaped(of=tanh,with=depth)", "orthogonal", "batch-norm", 4, 5, 9},
		{"gaussian", "lecun", "batch-norm", 64, 10, 15},
		{"gaussian", "orthogonal", "batch-norm(working-point=true)", 64, -.1, .5},
	} {
		d := decades(c.f, c.init, c.norm, c.batch)
		t.Logf("%s, %s, %s, batch %d: %.3f decades", c.f, c.init, c.norm, c.batch, d)
		if !(d >= c.from && d <= c.to) {
			t.Errorf("%s, %s, %s, batch %d: the gradient grows by %.3f decades over %d layers, want %g to %g", c.f, c.init, c.norm, c.batch, d, depth, c.from, c.to)
		}
	}
}

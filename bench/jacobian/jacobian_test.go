package jacobian_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/bench/jacobian"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/vm"
	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"
)

func network(t testing.TB, m models.Model, inputs, outputs int) jacobian.Network {
	t.Helper()
	p, err := models.NewParameters(tensor.Float64, 3)
	if err != nil {
		t.Fatal(err)
	}
	return func(batch int) (*models.Network, error) {
		return models.Build(m, models.Shape{Inputs: inputs, Outputs: outputs, Batch: batch, Loss: models.CrossEntropy}, p, false)
	}
}

func example(n int, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 9))
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

func measure(t testing.TB, n jacobian.Network, every bool, examples ...[]float64) *jacobian.Result {
	t.Helper()
	r, err := jacobian.Measure(context.Background(), n, examples, every)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// differences returns the singular values of the input-output Jacobian by five-point
// differences.
func differences(t *testing.T, build jacobian.Network, x []float64) []float64 {
	t.Helper()
	const h = 1e-3
	n, err := build(1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := vm.Compile(n.Graph, n.Output)
	if err != nil {
		t.Fatal(err)
	}
	at := func(x []float64) []float64 {
		copy(n.Input.Value().(*tensor.Dense).Float64s(), x)
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(n.Output.Value().(*tensor.Dense).Float64s())
	}
	j := mat.NewDense(n.Shape.Outputs, len(x), nil)
	for i := range x {
		moved := func(k float64) []float64 {
			y := slices.Clone(x)
			y[i] += k * h
			return at(y)
		}
		a, b, c, d := moved(1), moved(-1), moved(2), moved(-2)
		for o := range a {
			j.Set(o, i, (8*(a[o]-b[o])-(c[o]-d[o]))/(12*h))
		}
	}
	var svd mat.SVD
	if !svd.Factorize(j, mat.SVDNone) {
		t.Fatal("no singular values")
	}
	return svd.Values(nil)
}

// TestDifferences compares the input-output spectrum of every kind of network with that of
// differences.
func TestDifferences(t *testing.T) {
	norm, err := normalization.NewLayerNorm(normalization.LayerNormConfig{})
	if err != nil {
		t.Fatal(err)
	}
	tanh, init := activations.Tanh(), initializers.GlorotNormal(1.3)
	for name, m := range map[string]models.Model{
		"plain":           models.MLP{Depth: 4, Width: 7, Activation: tanh, Initializer: init},
		"softmax":         models.MLP{Depth: 2, Width: 7, Activation: activations.Softmax(), Initializer: init},
		"layer norm":      models.MLP{Depth: 3, Width: 7, Activation: tanh, Initializer: init, Normalization: norm},
		"residual":        models.Residual{Depth: 4, Width: 7, Activation: tanh, Initializer: init},
		"residual inside": models.Residual{Depth: 4, Width: 7, Activation: tanh, Initializer: init, Order: models.Inside, Scale: models.ByDepth},
		"highway":         models.Highway{Depth: 4, Width: 7, Activation: tanh, Initializer: init, GateBias: -1},
		"rbf":             models.RBF{Depth: 1, Width: 7, Initializer: init},
		"narrow":          models.MLP{Depth: 2, Width: 2, Activation: tanh, Initializer: init},
	} {
		build, x := network(t, m, 5, 4), example(5, 1)
		r, err := jacobian.Measure(context.Background(), build, [][]float64{x}, true)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := differences(t, build, x)
		if r.InputOutput.Directions > 4 {
			t.Errorf("%s: %d directions", name, r.InputOutput.Directions)
		}
		for i, l := range r.InputOutput.Log10 {
			if got := math.Pow(10, float64(l)); math.Abs(got-want[i]) > 1e-9*(1+want[0]) {
				t.Errorf("%s: singular value %d is %.12g, by differences %.12g", name, i, got, want[i])
			}
		}
	}
}

// TestExtremes: sizes far beyond a float64's, and directions that vanish.
func TestExtremes(t *testing.T) {
	for _, gain := range []float64{1e-20, 1e20} {
		m := models.MLP{Depth: 60, Width: 6, Activation: activations.Identity(), Initializer: initializers.Orthogonal(gain)}
		r := measure(t, network(t, m, 6, 6), false, example(6, 1))
		want := 59 * math.Log10(gain)
		for _, l := range r.Hidden.Log10 {
			if math.Abs(float64(l)-want) > 1e-9*math.Abs(want) {
				t.Errorf("gain %g: log10 s = %g, want %g", gain, l, want)
			}
		}
		if !(math.Abs(float64(r.Hidden.RelativeVariance)) < 1e-9) || math.Abs(float64(r.Hidden.MeanSquare)-2*want) > 1e-6 {
			t.Errorf("gain %g: %+v", gain, r.Hidden)
		}
	}
	// Normal weights: the smallest direction falls by many decades a layer, and is known: the
	// sum of all log s is that of the log determinants.
	m := models.MLP{Depth: 300, Width: 8, Activation: activations.Identity(), Initializer: initializers.LeCunNormal(1)}
	build := network(t, m, 8, 8)
	r := measure(t, build, false, example(8, 1))
	n, err := build(1)
	if err != nil {
		t.Fatal(err)
	}
	determinant := 0.
	for _, l := range n.Layers[1:300] {
		d, _ := mat.LogDet(mat.NewDense(8, 8, l.Weight.Value().(*tensor.Dense).Float64s()))
		determinant += d / math.Ln10
	}
	sum := 0.
	for _, l := range r.Hidden.Log10 {
		sum += float64(l)
	}
	if spread := r.Hidden.Max - r.Hidden.Min; math.Abs(sum-determinant) > 1e-9*math.Abs(determinant) || spread < 100 {
		t.Errorf("the sum of log10 s is %.12g, that of the determinants %.12g; the spread %g decades", sum, determinant, spread)
	}
	// Rectifiers that are all closed.
	dead := models.MLP{Depth: 2, Width: 4, Activation: activations.ReLU(), Initializer: constant(-1)}
	x := []float64{1, 1, 1, 1}
	r = measure(t, network(t, dead, 4, 3), false, x)
	if !math.IsInf(float64(r.InputOutput.Max), -1) || !math.IsNaN(float64(r.InputOutput.RelativeVariance)) {
		t.Errorf("a dead network: %+v", r.InputOutput)
	}
}

type constant float64

func (constant) Name() string { return "constant" }
func (c constant) Fill(w []float64, _, _ int, _ *rand.Rand) {
	for i := range w {
		w[i] = float64(c)
	}
}

// TestIsometry: the relative variance of orthogonal tanh networks of 100 layers follows the
// theory's sum over layers from the data's own size, and at the fixed point is 1.15.
func TestIsometry(t *testing.T) {
	field, err := meanfield.New(activations.Tanh())
	if err != nil {
		t.Fatal(err)
	}
	const depth, width = 101, 64
	m := models.MLP{Depth: depth, Width: width, Activation: activations.Tanh(), Initializer: initializers.Orthogonal(1)}
	var examples [][]float64
	for i := range 3 {
		x := example(width, uint64(i))
		size := 0.
		for _, v := range x {
			size += v * v / width
		}
		for k := range x {
			x[k] /= math.Sqrt(size)
		}
		examples = append(examples, x)
	}
	r := measure(t, network(t, m, width, 10), false, examples...)
	theory := field.Isometry(meanfield.Variances{Weight: 1}, 1, depth-1, true)
	if got, want := float64(r.Hidden.RelativeVariance), theory.RelativeVariance; math.Abs(got-want) > 0.35*want {
		t.Errorf("relative variance %.3f, theory %.3f", got, want)
	}
	if got, want := float64(r.Hidden.MeanSquare), theory.LogMeanSquare/math.Ln10; math.Abs(got-want) > 0.15 {
		t.Errorf("log10 of the mean square %.3f, theory %.3f", got, want)
	}
	t.Logf("measured %.3f, theory %.3f", r.Hidden.RelativeVariance, theory.RelativeVariance)
}

// TestSampled: random directions give the mean and the spread of a wide network, as all do.
func TestSampled(t *testing.T) {
	m := models.MLP{Depth: 3, Width: 600, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1)}
	r := measure(t, network(t, m, 8, 4), false, example(8, 1))
	// Two layers of normal weights: each adds 1 to the relative variance, f' a little.
	if v := float64(r.Hidden.RelativeVariance); r.Hidden.Vectors == 0 || !math.IsNaN(float64(r.Hidden.Max)) || v < 1.5 || v > 4 {
		t.Errorf("%+v", r.Hidden)
	}
}

func TestRefused(t *testing.T) {
	lstm := models.Recurrent{Depth: 1, Width: 4, Cell: models.LSTM, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)}
	build := func(batch int) (*models.Network, error) {
		p, err := models.NewParameters(tensor.Float64, 3)
		if err != nil {
			return nil, err
		}
		return models.Build(lstm, models.Shape{Inputs: 6, Outputs: 2, Batch: batch, Loss: models.CrossEntropy, Steps: 3, TargetSteps: 1}, p, false)
	}
	_, err := jacobian.Measure(context.Background(), build, [][]float64{example(6, 1)}, false)
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("an LSTM: %v", err)
	}
	plain := network(t, models.MLP{Depth: 1, Width: 3, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)}, 3, 2)
	for _, x := range [][][]float64{nil, {{1, 2}}} {
		if _, err := jacobian.Measure(context.Background(), plain, x, false); err == nil {
			t.Errorf("examples %v are measured", x)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := jacobian.Measure(ctx, plain, [][]float64{{1, 2, 3}}, false); err == nil {
		t.Error("a measurement that is to stop goes on")
	}
}

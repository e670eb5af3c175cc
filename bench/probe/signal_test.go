package probe_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/normalization"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// naive computes 1-c from all pairs of examples: the mean of ‖a-b‖²/2 over the mean of ‖a‖².
func naive(z []float64, rows int) float64 {
	n := len(z) / rows
	squares, distances := 0., 0.
	for i := range rows {
		for k := range n {
			squares += z[i*n+k] * z[i*n+k] / float64(rows)
			for j := range rows {
				d := z[i*n+k] - z[j*n+k]
				distances += d * d / 2 / float64(rows*(rows-1))
			}
		}
	}
	return math.Log10(distances / squares)
}

// bedOf probes any model for some steps at a rate.
func bedOf(t testing.TB, m models.Model, dtype tensor.Dtype, s models.Shape, stream train.Stream, rate float64, steps int, request ...probe.Quantity) *bed {
	t.Helper()
	params, err := models.NewParameters(dtype, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := models.Build(m, s, params, true)
	if err != nil {
		t.Fatal(err)
	}
	l, err := train.New(n, stream, G.NewVanillaSolver(G.WithLearnRate(rate)), steps)
	if err != nil {
		t.Fatal(err)
	}
	l.FlushToZero = false
	p, err := probe.New(n, l.Machine, map[string][]activations.Interval{"relu": activations.Saturation(activations.ReLU()), "tanh": activations.Saturation(activations.Tanh())}, steps, request...)
	if err != nil {
		t.Fatal(err)
	}
	l.Hooks = append(l.Hooks, p.Hook(nil))
	return &bed{n, l, p}
}

// TestSignal compares the quantities of the signal with plain sums over the values that the
// machine computes, for layers of every kind, with and without a norm.
func TestSignal(t *testing.T) {
	layerNorm, err := normalization.NewLayerNorm(normalization.LayerNormConfig{})
	if err != nil {
		t.Fatal(err)
	}
	batchNorm, err := normalization.NewBatchNorm(normalization.BatchNormConfig{Placement: normalization.After})
	if err != nil {
		t.Fatal(err)
	}
	f, init := activations.ReLU(), initializers.HeNormal(1)
	plain := models.Shape{Inputs: 4, Outputs: 2, Batch: 8, Loss: models.CrossEntropy}
	for _, c := range []struct {
		name   string
		model  models.Model
		shape  models.Shape
		stream train.Stream
	}{
		{"mlp", models.MLP{Depth: 3, Width: 6, Activation: f, Initializer: init}, plain, ramp{}},
		{"mlp, layer norm", models.MLP{Depth: 3, Width: 6, Activation: f, Initializer: init, Normalization: layerNorm}, plain, ramp{}},
		{"residual, batch norm", models.Residual{Depth: 4, Width: 6, Activation: f, Initializer: init, Normalization: batchNorm}, plain, ramp{}},
		{"highway", models.Highway{Depth: 3, Width: 6, Activation: f, Initializer: init, GateBias: -1}, plain, ramp{}},
		{"rbf", models.RBF{Depth: 2, Width: 6, Initializer: init}, plain, ramp{}},
		{"recurrent", models.Recurrent{Depth: 2, Width: 5, Cell: models.RNN, Activation: f, Initializer: init},
			models.Shape{Inputs: 6, Outputs: 1, Batch: 3, Loss: models.MeanSquaredError, Steps: 3, TargetSteps: 1}, sequences{}},
	} {
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			b := bedOf(t, c.model, dtype, c.shape, c.stream, 0, 1, probe.EffectiveRank)
			b.run(t)
			var wanted []*G.Node
			for _, l := range b.n.Layers {
				wanted = append(wanted, l.PreActivation, l.PreActivation.Deriv())
			}
			m, err := b.n.TrainingMachine(wanted...)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.RunAll(); err != nil {
				t.Fatal(err)
			}
			tolerance := 1e-9
			if dtype == tensor.Float32 {
				tolerance = 1e-4
			}
			rows := c.shape.Batch
			gradients := make([][]float64, len(b.n.Layers))
			for i, l := range b.n.Layers {
				gradients[i] = values(l.PreActivation.Deriv().Value())
			}
			for i, l := range b.n.Layers {
				z, d := values(l.PreActivation.Value()), gradients[i]
				n := len(z) / rows
				var means, variances []float64
				below, dead := 0., 0.
				for j := range n {
					var column []float64
					off, zero := true, true
					for r := range rows {
						column = append(column, z[r*n+j])
						off, zero = off && z[r*n+j] <= 0, zero && d[r*n+j] == 0
					}
					mean, variance := stat.PopMeanVariance(column, nil)
					means, variances = append(means, mean), append(variances, variance)
					if off {
						below += 1 / float64(n)
					}
					if zero {
						dead += 1 / float64(n)
					}
				}
				_, spread := stat.PopMeanVariance(means, nil)
				gram := mat.NewDense(rows, rows, nil)
				x := mat.NewDense(rows, n, z)
				gram.Mul(x, x.T())
				var square mat.Dense
				square.Mul(gram, gram)
				want := map[probe.Quantity]float64{
					probe.Decorrelation:         naive(z, rows),
					probe.GradientDecorrelation: naive(d, rows),
					probe.ExampleDeviation:      math.Sqrt(stat.Mean(variances, nil)),
					probe.UnitDeviation:         math.Sqrt(spread),
					probe.DeadUnits:             dead,
					probe.EffectiveRank:         mat.Trace(gram) * mat.Trace(gram) / mat.Trace(&square),
					probe.Drift:                 math.NaN(),
					probe.Chi:                   math.NaN(),
				}
				if l.Function == "relu" {
					want[probe.SaturatedBelow], want[probe.SaturatedAbove] = below, 0
				}
				if i+1 < len(b.n.Layers) && l.Name != "layer01/t0003" {
					want[probe.Chi] = math.Log10(squared(d) / squared(gradients[i+1]))
				}
				for q, w := range want {
					got := b.p.Samples[0].At(i, q)
					if math.IsNaN(w) != math.IsNaN(got) || math.Abs(got-w) > tolerance*max(1, math.Abs(w)) {
						t.Errorf("%s, %v, %s, %s: %g, want %g", c.name, dtype, l.Name, q, got, w)
					}
				}
			}
			m.Close()
		}
	}
}

func squared(x []float64) (sum float64) {
	for _, v := range x {
		sum += v * v
	}
	return sum
}

// TestForwardDeath: in float64 softplus loses half a decade of 1-c in each layer, far below
// what the difference of two sums could show; float32 stops at its floor.
func TestForwardDeath(t *testing.T) {
	s := models.Shape{Inputs: 4, Outputs: 2, Batch: 8, Loss: models.CrossEntropy}
	m := models.MLP{Depth: 40, Width: 64, Activation: activations.Softplus(), Initializer: initializers.LeCunNormal(1)}
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		b := bedOf(t, m, dtype, s, ramp{}, 0, 1)
		b.run(t)
		at := func(i int) float64 { return b.p.Samples[0].At(i, probe.Decorrelation) }
		if dtype == tensor.Float64 {
			if fall := (at(15) - at(39)) / 24; math.Abs(fall-0.54) > 0.1 || at(39) > -17 {
				t.Errorf("1-c falls by %.2f decades a layer to %.1f", fall, at(39))
			}
			continue
		}
		if at(39) > probe.Floor("float32") {
			t.Errorf("float32 shows log10(1-c) = %.1f in layer 40", at(39))
		}
	}
}

// TestEqual: equal examples have no distance at all, or that of rounding.
func TestEqual(t *testing.T) {
	s := models.Shape{Inputs: 4, Outputs: 2, Batch: 8, Loss: models.CrossEntropy}
	plain := models.MLP{Depth: 1, Width: 6, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1)}
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		c := bedOf(t, plain, dtype, s, same{}, 0, 1)
		c.run(t)
		if got := c.p.Samples[0].At(0, probe.Decorrelation); got > probe.Floor(dtype.String()) {
			t.Errorf("%v: equal examples have log10(1-c) = %g", dtype, got)
		}
	}
}

// same gives examples that are all equal.
type same struct{}

func (same) Next32(x, t []float32) error { clear(t); return constant(x) }
func (same) Next64(x, t []float64) error { clear(t); return constant(x) }

func constant[F float32 | float64](x []F) error {
	for i := range x {
		x[i] = F(i%4) + 0.3
	}
	return nil
}

// TestDrift moves the biases of a network that stands still otherwise: units' means move by
// as much.
func TestDrift(t *testing.T) {
	s := models.Shape{Inputs: 4, Outputs: 2, Batch: 8, Loss: models.CrossEntropy}
	m := models.MLP{Depth: 1, Width: 6, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1)}
	b := bedOf(t, m, tensor.Float64, s, ramp{}, 0, 4)
	b.l.Hooks = append(b.l.Hooks, train.Hook{After: func(state *train.State) error {
		z := b.n.Layers[0].Bias.Value().(*tensor.Dense).Float64s()
		for j := range z {
			z[j] += 0.25
		}
		return nil
	}})
	b.run(t)
	// Of one layer z = x·W + b: only the means move.
	x := mat.NewDense(8, 4, values(b.n.Input.Value()))
	w := mat.NewDense(4, 6, values(b.n.Layers[0].Weight.Value()))
	var z mat.Dense
	z.Mul(x, w)
	sum := 0.
	for j := range 6 {
		_, variance := stat.PopMeanVariance(mat.Col(nil, j, &z), nil)
		sum += 0.25 * 0.25 / variance / 6
	}
	want := math.Log10(sum) / 2
	for i, sample := range b.p.Samples {
		got := sample.At(0, probe.Drift)
		if i == 0 && !math.IsNaN(got) || i > 0 && math.Abs(got-want) > 1e-9 {
			t.Errorf("sample %d: drift %g, want %g", i, got, want)
		}
	}
	// What was kept is saved.
	text, err := b.p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	resumed := bedOf(t, m, tensor.Float64, s, ramp{}, 0, 1)
	if err := resumed.p.UnmarshalBinary(text); err != nil {
		t.Fatal(err)
	}
	again, err := resumed.p.MarshalBinary()
	if err != nil || string(again) != string(text) {
		t.Errorf("a probe that is saved and loaded is another one: %v", err)
	}
}

// TestRequest: a costly quantity is measured only if it is asked for.
func TestRequest(t *testing.T) {
	b := newBed(t, tensor.Float64, activations.Tanh(), 1, 1, 0.1, 1)
	b.run(t)
	if got := b.p.Samples[0].At(0, probe.EffectiveRank); !math.IsNaN(got) {
		t.Errorf("the effective rank is %g without being asked for", got)
	}
	if _, err := probe.New(b.n, b.l.Machine, nil, 1, "fun"); err == nil {
		t.Error("a quantity that does not exist is measured")
	}
	if list := probe.OnRequest(); !slices.Contains(list, string(probe.EffectiveRank)) || slices.Contains(list, string(probe.Chi)) {
		t.Errorf("on request: %v", list)
	}
}

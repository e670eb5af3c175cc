package jacobian_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/jacobian"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"gorgonia.org/tensor"
)

// TestPartial: the estimate is the mean square of the singular values, which are known exactly,
// over the last layer's units. A sum over batch·vectors random rows of n units has a relative
// deviation of √(2/(batch·vectors)) at most.
func TestPartial(t *testing.T) {
	for name, m := range map[string]models.Model{
		"dense":    models.MLP{Depth: 6, Width: 12, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1.3)},
		"residual": models.Residual{Depth: 6, Width: 12, Block: 2, Activation: activations.Softplus(), Initializer: initializers.LeCunNormal(1)},
	} {
		build := network(t, m, 7, 3)
		x := example(7, 1)
		layers, err := jacobian.Layers(t.Context(), build, x)
		if err != nil {
			t.Fatal(err)
		}
		const batch, vectors = 50, 20
		n, err := build(batch)
		if err != nil {
			t.Fatal(err)
		}
		var rows []float64
		for range batch {
			rows = append(rows, x...)
		}
		norms, err := jacobian.Partial(n, rows, vectors)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range layers {
			i := slices.IndexFunc(norms, func(p jacobian.Norm) bool { return p.Name == l.Name })
			if i < 0 {
				t.Fatalf("%s: no partial norm of %s", name, l.Name)
			}
			want := float64(l.MeanSquare) + math.Log10(float64(l.Directions)/12)
			if got := float64(norms[i].Log10); !(math.Abs(got-want) < 4*math.Sqrt(2./(batch*vectors))/math.Ln10) {
				t.Errorf("%s: %s has a partial norm of 10^%.4f, want 10^%.4f", name, l.Name, got, want)
			}
		}
	}
}

// TestPartialUnderflow: a norm far below the smallest number.
func TestPartialUnderflow(t *testing.T) {
	n, err := network(t, models.MLP{Depth: 40, Width: 8, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1e-10)}, 8, 2)(4)
	if err != nil {
		t.Fatal(err)
	}
	norms, err := jacobian.Partial(n, slices.Concat(example(8, 1), example(8, 2), example(8, 3), example(8, 4)), 2)
	if err != nil {
		t.Fatal(err)
	}
	if first := float64(norms[0].Log10); !(first < -700 && first > -860) {
		t.Errorf("39 layers of 10^-20 have a partial norm of 10^%.1f", first)
	}
}

// TestPartialOfBatchNorm: ReLU behind batch norm explodes by 1.49 a layer at a batch of 64, by
// theory (see meanfield).
func TestPartialOfBatchNorm(t *testing.T) {
	norm, err := normalization.NewBatchNorm(normalization.BatchNormConfig{})
	if err != nil {
		t.Fatal(err)
	}
	const depth, width, batch = 12, 200, 64
	m := models.MLP{Depth: depth, Width: width, Activation: activations.ReLU(), Initializer: initializers.HeNormal(1), Normalization: norm}
	p, err := models.NewParameters(tensor.Float64, 3)
	if err != nil {
		t.Fatal(err)
	}
	n, err := models.Build(m, models.Shape{Inputs: width, Outputs: 3, Batch: batch, Loss: models.CrossEntropy}, p, true)
	if err != nil {
		t.Fatal(err)
	}
	norms, err := jacobian.Partial(n, example(width*batch, 4), 2)
	if err != nil {
		t.Fatal(err)
	}
	growth := math.Pow(10, float64(norms[0].Log10-norms[depth-2].Log10)/(depth-2))
	if !(math.Abs(growth/1.49-1) < .05) {
		t.Errorf("the partial norm grows by %.3f a layer, want 1.49", growth)
	}
	if _, err := jacobian.Partial(n, example(3, 1), 2); err == nil {
		t.Error("a batch of three numbers is taken")
	}
	if _, err := jacobian.Partial(n, example(width*batch, 1), 0); err == nil {
		t.Error("no vectors are taken")
	}
}

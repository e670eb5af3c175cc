package train_test

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// asking is a solver that computes the gradient of the batch again, twice, at other
// parameters, and leaves them where they were.
type asking struct{}

func (asking) Needs() optimizers.Needs  { return optimizers.NeedsGradient }
func (asking) Step([]G.ValueGrad) error { return optimizers.ErrNeedsMore }
func (asking) StepWith(params []G.ValueGrad, b optimizers.StepInfo) error {
	w := params[0].Value().(*tensor.Dense).Float64s()
	was := w[0]
	for range 2 {
		w[0]++
		if _, err := b.Gradient(); err != nil {
			return err
		}
	}
	w[0] = was
	return nil
}

// same is a stream of one batch.
type same struct{}

func (same) Next32(x, t []float32) error { return next(newStream(1), x, t) }
func (same) Next64(x, t []float64) error { return next(newStream(1), x, t) }

// TestRunningStatistics trains on one batch over and over: after k steps the running mean
// is the batch's times 1 - 0.9^k, however many gradients the solver asks for.
func TestRunningStatistics(t *testing.T) {
	norm, err := normalization.NewBatchNorm(normalization.BatchNormConfig{})
	if err != nil {
		t.Fatal(err)
	}
	m := models.MLP{Depth: 1, Width: 4, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1), Normalization: norm}
	var first []float64
	for _, steps := range []int{1, 3} {
		p, err := models.NewParameters(tensor.Float64, 1)
		if err != nil {
			t.Fatal(err)
		}
		n, err := models.Build(m, models.Shape{Inputs: 3, Outputs: 2, Batch: 6, Loss: models.CrossEntropy}, p, true)
		if err != nil {
			t.Fatal(err)
		}
		l, err := train.New(n, same{}, asking{}, steps)
		if err != nil {
			t.Fatal(err)
		}
		run(t, l)
		mean := p.Tensor("layer01/running-mean").Float64s()
		if first == nil {
			first = append(first, mean...)
			if mean[0] == 0 {
				t.Error("the running mean is 0 after a step")
			}
			continue
		}
		for i, v := range mean {
			if want := first[i] / 0.1 * (1 - math.Pow(0.9, 3)); math.Abs(v-want) > 1e-12 {
				t.Errorf("after 3 steps the running mean %d is %g, want %g", i, v, want)
			}
		}
	}
}

package models_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// cubed is the mean of |y - t|³: a loss from outside.
type cubed struct {
	Scale float64 `json:"scale" default:"1" doc:"factor"`
}

func (c cubed) Node(y, t *G.Node, _ models.Shape) (*G.Node, error) {
	d, err := G.Sub(y, t)
	if err != nil {
		return nil, err
	}
	if d, err = G.Abs(d); err != nil {
		return nil, err
	}
	if d, err = G.Cube(d); err != nil {
		return nil, err
	}
	if d, err = G.Mean(d); err != nil {
		return nil, err
	}
	factor := G.NewConstant(c.Scale)
	if y.Dtype() == tensor.Float32 {
		factor = G.NewConstant(float32(c.Scale))
	}
	return G.Mul(d, factor)
}

func (c cubed) Of(y, t []float64, _ models.Shape) float64 {
	var sum float64
	for i := range y {
		sum += math.Pow(math.Abs(y[i]-t[i]), 3) / float64(len(y))
	}
	return c.Scale * sum
}

// shapeless makes what is no scalar.
type shapeless struct{ cubed }

func (shapeless) Node(y, _ *G.Node, _ models.Shape) (*G.Node, error) { return y, nil }

func init() {
	for _, err := range []error{
		models.Losses.Add(catalogue.Row("cubed", "mean of |y - t|³", func(c cubed) (models.Objective, error) { return c, nil })),
		models.Losses.Add(catalogue.Row("shapeless", "no scalar", func(c cubed) (models.Objective, error) { return shapeless{c}, nil })),
	} {
		if err != nil {
			panic(err)
		}
	}
}

// TestOwnLoss trains on, and evaluates, a loss of the catalogue from outside.
func TestOwnLoss(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		s := shape(4)
		s.Loss = "cubed(scale=2)"
		p := parameters(t, dtype, 3)
		n := build(t, mlp(2, 5), s, p, true)
		fill(n)
		if dtype == tensor.Float64 {
			differences(t, "cubed", n)
		}
		machine, err := n.TrainingMachine()
		if err != nil {
			t.Fatal(err)
		}
		if err := machine.RunAll(); err != nil {
			t.Fatal(err)
		}
		want := 0.
		switch v := n.Loss.Value().(type) {
		case *G.F64:
			want = float64(*v)
		case *G.F32:
			want = float64(*v)
		}
		x, target := n.Input.Value().Data(), n.Target.Value().Data()
		e, err := train.NewEvaluator(build(t, mlp(2, 5), s, p, false), x, target)
		if err != nil {
			t.Fatal(err)
		}
		score, err := e.Score()
		if err != nil || !(math.Abs(score.Loss-want) <= 1e-5*want) || !math.IsNaN(score.Accuracy) {
			t.Errorf("%v: the evaluation gives %+v, %v; the graph's loss is %g", dtype, score, err, want)
		}
	}
	for loss, want := range map[models.Loss]string{
		"": "no loss", "cube": "did you mean cubed", "cubed(scale=x)": "scale", "shapeless": "want a scalar",
		models.StepCrossEntropy: "that of a sequence",
	} {
		s := shape(4)
		s.Loss = loss
		if _, err := models.Build(mlp(1, 3), s, parameters(t, tensor.Float32, 1), true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("loss %q: %v, want %q", loss, err, want)
		}
	}
}

package models_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestAgainstPyTorch compares losses and gradients with those of PyTorch's torch.nn.LSTM,
// GRU, RNN and of highway and residual networks of torch.nn.Linear, on the same weights;
// testdata/pytorch.py has the calls.
func TestAgainstPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/pytorch.json")
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Cases []struct {
			Model                 string
			Depth, Width          int
			Shape                 models.Shape
			Loss                  float64
			X, T                  []float64
			Parameters, Gradients map[string][]float64
		}
	}
	if err := json.Unmarshal(text, &reference); err != nil {
		t.Fatal(err)
	}
	const tolerance = 1e-10
	for i, c := range reference.Cases {
		t.Run(fmt.Sprintf("%d/%s", i, c.Model), func(t *testing.T) {
			c.Shape.Loss = models.MeanSquaredError
			p := parameters(t, tensor.Float64, 1)
			n := build(t, architecture(t, c.Model, plan(c.Depth, c.Width, activations.Tanh())), c.Shape, p, true)
			copy(n.Input.Value().(*tensor.Dense).Float64s(), c.X)
			copy(n.Target.Value().(*tensor.Dense).Float64s(), c.T)
			names := p.Names()
			if len(names) != len(c.Parameters) {
				t.Fatalf("parameters %v, PyTorch has %d", names, len(c.Parameters))
			}
			for _, name := range names {
				if values := p.Tensor(name).Float64s(); copy(values, c.Parameters[name]) != len(values) {
					t.Fatalf("%s: PyTorch's has %d elements, not %d", name, len(c.Parameters[name]), len(values))
				}
			}
			m, err := n.TrainingMachine()
			if err != nil {
				t.Fatal(err)
			}
			if err := m.RunAll(); err != nil {
				t.Fatal(err)
			}
			if loss := float64(*n.Loss.Value().(*G.F64)); math.Abs(loss-c.Loss) > tolerance {
				t.Errorf("loss %.15g, PyTorch's %.15g", loss, c.Loss)
			}
			for k, got := range gradients(t, n) {
				name := n.Learnables[k].Name()
				want := c.Gradients[name]
				if slices.Max(want) == 0 && slices.Min(want) == 0 {
					t.Errorf("PyTorch's gradient of %s is 0", name)
				}
				for j := range got {
					if math.Abs(got[j]-want[j]) > tolerance {
						t.Fatalf("gradient of %s[%d] is %.15g, PyTorch's %.15g", name, j, got[j], want[j])
					}
				}
			}
		})
	}
}

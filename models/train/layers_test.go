package train_test

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/tensor"
)

// TestLayers has an optimizer put together the gradients of all weights from what it is given
// of their layers, Σ xᵀ·g over the products, and compares them with the gradients.
func TestLayers(t *testing.T) {
	for text, products := range map[string]map[string]int{ // by parameter; of the others there are none
		"mlp":      {"layer01/weight": 1, "layer02/weight": 1, "output/weight": 1},
		"residual": {},
		"highway":  {"layer01/weight": 1, "layer02/weight": 1, "layer02/gate/weight": 1, "output/weight": 1},
		"rnn":      {"layer01/weight": 1, "layer01/recurrent": 3},
		"lstm":     {"layer01/weight": 1, "layer01/recurrent": 3},
		"gru":      {"layer01/weight": 1, "layer01/recurrent": 3},
	} {
		for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
			choice, err := catalogue.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			architecture, err := models.Catalogue.Make(choice)
			if err != nil {
				t.Fatal(err)
			}
			model, err := architecture.Model(models.Plan{Depth: 2, Width: 8, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)})
			if err != nil {
				t.Fatal(err)
			}
			p, err := models.NewParameters(dtype, 1)
			if err != nil {
				t.Fatal(err)
			}
			shape := models.Shape{Inputs: 3 * inputs, Outputs: 2, Batch: 16, Loss: models.CrossEntropy}
			if text == "rnn" || text == "lstm" || text == "gru" {
				shape.Steps, shape.TargetSteps = 3, 1
			}
			n, err := models.Build(model, shape, p, true)
			if err != nil {
				t.Fatal(text, err)
			}
			tol, seen := 1e-13, map[string]int{}
			if dtype == tensor.Float32 {
				tol = 1e-5
			}
			solver, err := optimizers.New(optimizers.Rule{Name: "by-layers", Needs: optimizers.NeedsLayers, Update: func(b *optimizers.Block[float64]) {
				if len(b.Inputs) == 0 {
					return
				}
				seen[b.Name] = len(b.Inputs)
				sum, worst := make([]float64, len(b.G)), 0.
				for k, x := range b.Inputs {
					for row := range len(x) / b.Rows {
						for i := range b.Rows {
							for j := range b.Cols {
								sum[i*b.Cols+j] += x[row*b.Rows+i] * b.OutputGradients[k][row*b.Cols+j]
							}
						}
					}
				}
				for i, g := range b.G {
					worst = max(worst, math.Abs(sum[i]-g))
					b.To[i] -= 0.5 * sum[i]
				}
				if !(worst <= tol) {
					t.Errorf("%s, %v: the gradient of %s differs by %g from that of its products", text, dtype, b.Name, worst)
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			run(t, loop(t, n, solver, 4))
			for name, want := range products {
				if seen[name] != want {
					t.Errorf("%s: %s is in %d products, want %d", text, name, seen[name], want)
				}
			}
			for _, node := range n.Learnables {
				if k := seen[node.Name()]; (k > 0) != (node.Dims() == 2) {
					t.Errorf("%s: %s of shape %v is in %d products", text, node.Name(), node.Shape(), k)
				}
			}
		}
	}
}

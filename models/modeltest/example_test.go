package modeltest_test

import (
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/modeltest"
	G "gorgonia.org/gorgonia"
)

// Dense has layers that read the inputs and all layers before.
type Dense struct{ Depth, Width int }

// Layout implements models.Model.
func (d Dense) Layout(b *models.Builder, x *G.Node) (*G.Node, error) {
	init := initializers.LeCunNormal(1)
	for i := range d.Depth {
		y, err := b.Dense(models.LayerName(i), x, d.Width, activations.Tanh(), init, nil)
		if err != nil {
			return nil, err
		}
		if x, err = G.Concat(1, x, y); err != nil {
			return nil, err
		}
	}
	return b.Output(x, init)
}

func Example() {
	shape := models.Shape{Inputs: 4, Outputs: 3, Batch: 3, Loss: models.CrossEntropy}
	_ = func(t *testing.T) { modeltest.Run(t, Dense{1, 5}, shape, Dense{2, 5}) }
	// Output:
}

func TestExample(t *testing.T) {
	shape := models.Shape{Inputs: 4, Outputs: 3, Batch: 3, Loss: models.CrossEntropy}
	modeltest.Run(t, Dense{1, 5}, shape, Dense{2, 5})
}

package jacobian_test

import (
	"context"
	"fmt"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/jacobian"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"gorgonia.org/tensor"
)

// A deep linear network of orthogonal weights is an isometry: all singular values are 1.
func Example() {
	parameters, err := models.NewParameters(tensor.Float64, 1)
	if err != nil {
		panic(err)
	}
	model := models.MLP{Depth: 100, Width: 8, Activation: activations.Identity(), Initializer: initializers.Orthogonal(1)}
	network := func(batch int) (*models.Network, error) {
		return models.Build(model, models.Shape{Inputs: 8, Outputs: 8, Batch: batch, Loss: models.CrossEntropy}, parameters, false)
	}
	example := []float64{1, 2, 3, 4, 5, 6, 7, 8}
	r, err := jacobian.Measure(context.Background(), network, [][]float64{example}, false)
	if err != nil {
		panic(err)
	}
	s := r.Hidden // from the first hidden layer to the last
	fmt.Printf("%d directions, all stretched alike: %v\n", s.Directions, s.Max < 1e-9 && s.Min > -1e-9)
	// Output: 8 directions, all stretched alike: true
}

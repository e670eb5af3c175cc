package train_test

import (
	"context"
	"fmt"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/tensor"
)

// A loop trains a network on a stream; a hook looks on at some steps.
func ExampleLoop() {
	parameters, err := models.NewParameters(tensor.Float64, 1)
	if err != nil {
		panic(err)
	}
	network, err := models.Build(
		models.MLP{Depth: 2, Width: 8, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)},
		models.Shape{Inputs: inputs, Outputs: 2, Batch: 16, Loss: models.CrossEntropy}, parameters, true)
	if err != nil {
		panic(err)
	}
	solver, err := optimizers.NewSGD(optimizers.SGDConfig{Rate: 0.5})
	if err != nil {
		panic(err)
	}
	loop, err := train.New(network, newStream(1), solver, 101)
	if err != nil {
		panic(err)
	}
	loop.Hooks = []train.Hook{{When: train.Every(50), Before: func(s *train.State) error {
		fmt.Printf("after %d updates the loss is below 0.3: %v\n", s.Step, s.Loss < 0.3)
		return nil
	}}}
	result, err := loop.Run(context.Background())
	fmt.Println(result.Status, err)
	// Output:
	// after 0 updates the loss is below 0.3: false
	// after 50 updates the loss is below 0.3: true
	// after 100 updates the loss is below 0.3: true
	// done <nil>
}

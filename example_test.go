package gradflow_test

import (
	"context"
	"fmt"
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/tensor"
)

// A nonlinearity of one's own is made of two functions, and trains a network of ten
// layers on handwritten digits.
func Example_ownActivation() {
	sigmoid := func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
	swish := activations.Elementwise("swish",
		func(z float64) float64 { return z * sigmoid(z) },
		func(z float64) float64 { return sigmoid(z) * (1 + z*(1-sigmoid(z))) })
	// In a test of yours: activationtest.Run(t, swish)

	digits, err := tasks.NewDigits(tasks.DigitsConfig{})
	if err != nil {
		panic(err)
	}
	parameters, err := models.NewParameters(tensor.Float32, 1)
	if err != nil {
		panic(err)
	}
	model := models.MLP{Depth: 10, Width: 64, Activation: swish, Initializer: initializers.HeNormal(1)}
	shape := models.Shape{Inputs: digits.Inputs(), Outputs: digits.Outputs(), Batch: 64, Loss: models.CrossEntropy}
	network, err := models.Build(model, shape, parameters, true)
	if err != nil {
		panic(err)
	}
	solver, err := optimizers.NewSMORMS3(optimizers.SMORMS3Config{Rate: 0.003})
	if err != nil {
		panic(err)
	}
	loop, err := train.New(network, digits.Train().Batches(1, shape.Batch), solver, 200)
	if err != nil {
		panic(err)
	}
	result, err := loop.Run(context.Background())
	if err != nil {
		panic(err)
	}

	evaluation, err := models.Build(model, shape, parameters, false)
	if err != nil {
		panic(err)
	}
	validation := digits.Validation()
	evaluator, err := train.NewEvaluator(evaluation, validation.X32(), validation.T32())
	if err != nil {
		panic(err)
	}
	score, err := evaluator.Score()
	if err != nil {
		panic(err)
	}
	fmt.Println(result.Status, "after", result.Steps, "steps; more than 85% right:", score.Accuracy > 0.85)
	// Output: done after 200 steps; more than 85% right: true
}

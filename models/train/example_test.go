package train_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/tensor"
)

// halfPlane has endless examples of two classes: the sides of a line.
type halfPlane struct{ r *rand.Rand }

// Next64 implements train.Stream.
func (s halfPlane) Next64(x, t []float64) error {
	clear(t)
	for i := range len(x) / 2 {
		x[2*i], x[2*i+1] = s.r.NormFloat64(), s.r.NormFloat64()
		if x[2*i] > x[2*i+1] {
			t[2*i] = 1
		} else {
			t[2*i+1] = 1
		}
	}
	return nil
}

// Next32 implements train.Stream: this one is for float64.
func (halfPlane) Next32(x, t []float32) error { return errors.New("no examples of float32") }

// A loop trains a network on a stream; a hook reports at some steps.
func ExampleLoop() {
	parameters, err := models.NewParameters(tensor.Float64, 1)
	if err != nil {
		panic(err)
	}
	network, err := models.Build(
		models.MLP{Depth: 2, Width: 8, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)},
		models.Shape{Inputs: 2, Outputs: 2, Batch: 16, Loss: models.CrossEntropy}, parameters, true)
	if err != nil {
		panic(err)
	}
	solver, err := optimizers.NewSGD(optimizers.SGDConfig{Rate: 0.5})
	if err != nil {
		panic(err)
	}
	loop, err := train.New(network, halfPlane{rand.New(rand.NewPCG(1, 1))}, solver, 101)
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

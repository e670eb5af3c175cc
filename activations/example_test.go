package activations_test

import (
	"errors"
	"fmt"
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"gorgonia.org/tensor"
)

// A nonlinearity of two Go functions.
func ExampleElementwise() {
	s := func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
	swish := activations.Elementwise("swish",
		func(z float64) float64 { return z * s(z) },
		func(z float64) float64 { return s(z) * (1 + z*s(-z)) })
	fmt.Printf("%s: %.4f with the slope %.4f at 1\n", swish.Name(), swish.F(1), swish.Derivative(1))
	// Output:
	// swish: 0.7311 with the slope 0.9277 at 1
}

// A formula whose parameters each layer learns for itself.
func ExampleFormula() {
	f, err := activations.Formula("a*tanh(b*z) + c*z",
		activations.Parameter{Name: "a", Start: 1.5, Learn: activations.PerLayer, Penalty: activations.LogSquared(1e-3)},
		activations.Parameter{Name: "b", Start: 0.7},
		activations.Parameter{Name: "c", Start: 0.1, Learn: activations.PerUnit})
	if err != nil {
		panic(err)
	}
	fmt.Printf("slope at 0: %.2f\n", f.Derivative(0))
	p, err := models.NewParameters(tensor.Float32, 1)
	if err != nil {
		panic(err)
	}
	_, err = models.Build(
		models.MLP{Depth: 2, Width: 16, Activation: f, Initializer: initializers.LeCunNormal(1)},
		models.Shape{Inputs: 8, Outputs: 3, Batch: 32, Loss: models.CrossEntropy}, p, true)
	if err != nil {
		panic(err)
	}
	for _, name := range p.Names()[:4] {
		fmt.Println(name, p.Tensor(name).Shape())
	}
	// Output:
	// slope at 0: 1.15
	// layer01/weight (8, 16)
	// layer01/bias (16)
	// layer01/a (1)
	// layer01/c (16)
}

// An error shows where the formula is wrong.
func ExampleFormulaError() {
	_, err := activations.Formula("1.5*thna(z)")
	fmt.Println(err)
	var wrong *activations.FormulaError
	fmt.Println(errors.As(err, &wrong), wrong.Column)
	_, err = activations.Formula("sin(z)/z")
	fmt.Println(err)
	// Output:
	// formula "1.5*thna(z)", column 5: unknown function "thna"; did you mean tanh?
	// true 5
	// formula "sin(z)/z", column 7: division by zero at z = 0
}

// a·softsign(z), with an a for each layer that is drawn to 1.
func ExampleScaled() {
	f, err := activations.Scaled(activations.Softsign(),
		activations.Parameter{Start: 2, Learn: activations.PerLayer, Penalty: activations.LogSquared(1e-3)})
	if err != nil {
		panic(err)
	}
	now, err := f.At(1.25) // as it may be after some training
	if err != nil {
		panic(err)
	}
	fmt.Println(f.Name(), f.F(1), now.F(1))
	// Output:
	// scaled(softsign) 1 0.625
}

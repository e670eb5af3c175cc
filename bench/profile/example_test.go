package profile_test

import (
	"context"
	"fmt"

	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/catalogue"
)

// A network's start: the gradient, layer by layer, beside what theory predicts.
func Example() {
	named := func(name string) catalogue.Choice { return catalogue.Choice{Name: name} }
	p, err := profile.Measure(context.Background(), record.Config{
		Task: named("digits"), Model: named("mlp"), Depth: 20, Width: 128, Batch: 64, DType: "float64", Seed: 1,
		Activation: named("sigmoid"), Initializer: named("lecun-normal"), Normalization: named("none"), Optimizer: named("sgd"),
	}, 0)
	if err != nil {
		panic(err)
	}
	fmt.Printf("The gradient loses %.0f decades; χ₁ is %.2f.\n", profile.Decades(p.Start), float64(p.Theory.Chi1))
	// Output: The gradient loses 13 decades; χ₁ is 0.06.
}

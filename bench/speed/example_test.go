package speed_test

import (
	"context"
	"fmt"

	"github.com/gradflow/gradflow/bench/speed"
	"github.com/gradflow/gradflow/catalogue"
)

// The same network is timed on both machines, in turn.
func ExampleMeasure() {
	results, err := speed.Measure(context.Background(), speed.Config{
		Depth: 4, Width: 32, Batch: 8, Steps: 10, DType: "float32",
		Activation: catalogue.Choice{Name: "tanh"},
		Optimizer:  catalogue.Choice{Name: "sgd"},
	}, speed.Gradflow, speed.Tape)
	if err != nil {
		panic(err)
	}
	for _, r := range results {
		fmt.Println(r.VM, "allocates in a step:", r.Allocs > 0)
	}
	// Output:
	// gradflow allocates in a step: false
	// tape allocates in a step: true
}

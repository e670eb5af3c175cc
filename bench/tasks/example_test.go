package tasks_test

import (
	"fmt"

	"github.com/gradflow/gradflow/bench/tasks"
)

func Example() {
	task, err := tasks.NewDigits(tasks.DigitsConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %d inputs, %d classes, %s, chance %.3f, solved from %.2f\n",
		task.Name(), task.Inputs(), task.Outputs(), task.Loss(), task.Chance(), task.Target())

	const batch = 3
	x, t := make([]float32, batch*task.Inputs()), make([]float32, batch*task.Outputs())
	stream := task.Train().Batches(1, batch)
	if err := stream.Next32(x, t); err != nil {
		fmt.Println(err)
		return
	}
	for b := range batch {
		fmt.Println(t[b*task.Outputs() : (b+1)*task.Outputs()])
	}
	fmt.Println(task.Validation().Len(), "validation examples, the first is a", task.Validation().Labels()[0])
	// Output:
	// digits: 64 inputs, 10 classes, cross-entropy, chance 0.102, solved from 0.90
	// [1 0 0 0 0 0 0 0 0 0]
	// [0 0 0 0 0 0 1 0 0 0]
	// [0 0 0 0 0 0 1 0 0 0]
	// 360 validation examples, the first is a 0
}

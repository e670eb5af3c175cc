package tasks_test

import (
	"fmt"

	"github.com/gradflow/gradflow/bench/tasks"
)

// A sequence of the adding problem, a step in a line: the target is the sum of the
// two values that are marked.
func ExampleSequence() {
	task, err := tasks.NewAdding(tasks.AddingConfig{Steps: 6})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := task.(tasks.Sequence)
	x, t := make([]float64, s.Inputs()), make([]float64, s.Outputs())
	if err := s.Train().Batches(1, 1).Next64(x, t); err != nil {
		fmt.Println(err)
		return
	}
	for step := range s.Steps() {
		fmt.Printf("%.3f\n", x[step*s.StepInputs():(step+1)*s.StepInputs()])
	}
	fmt.Printf("target %.3f, chance %.4f, solved at %.4f\n", t[0], s.Chance(), s.Target())
	// Output:
	// [0.417 0.000]
	// [0.778 0.000]
	// [0.457 1.000]
	// [0.381 0.000]
	// [0.066 0.000]
	// [0.290 1.000]
	// target 0.747, chance 0.1667, solved at 0.0016
}

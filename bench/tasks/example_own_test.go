package tasks_test

import (
	"fmt"
	"github.com/gradflow/gradflow/models"
	"math/rand/v2"

	"github.com/gradflow/gradflow/bench/tasks"
)

// NewNestedRings is a task of one's own: does a point of the plane lie inside
// the ring of radius 1? The points are standard normal, so that the share of
// those inside is 1-exp(-1/2) = 0.393, and the constant answer "outside" is
// right for 0.607 of them.
func NewNestedRings() (tasks.Task, error) {
	points := tasks.Generator{Inputs: 2, Outputs: 2, Loss: models.CrossEntropy, Draw: func(r *rand.Rand, x, t []float64) {
		x[0], x[1] = r.NormFloat64(), r.NormFloat64()
		if x[0]*x[0]+x[1]*x[1] < 1 {
			t[0] = 1
		} else {
			t[1] = 1
		}
	}}
	return tasks.Endless("nested-rings", points, 0.607, 0.99, 1, 1000)
}

// Your own task is one constructor. A test hands it to tasktest.Run.
func ExampleEndless() {
	task, err := NewNestedRings()
	if err != nil {
		fmt.Println(err)
		return
	}
	x, t := make([]float64, 2*2), make([]float64, 2*2)
	if err := task.Train().Batches(7, 2).Next64(x, t); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f %v\n", x, t)
	// Output:
	// [0.57 0.48 0.67 2.31] [1 0 0 1]
}

package bench_test

import (
	"context"
	"fmt"

	"github.com/gradflow/gradflow/bench/study"
)

// The benchmarks run studies that are files, too.
func Example() {
	s, err := study.Load(context.Background(), "studies/quickstart.yaml")
	if err != nil {
		panic(err)
	}
	c := s.Configs[0]
	fmt.Println(s.Name, c.Task.Name, c.Activation.Name, c.Depth, c.Optimizer.Name)
	// Output: quickstart digits softplus 10 sgd
}

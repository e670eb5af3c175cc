package study_test

import (
	"context"
	"fmt"
	"os"

	"github.com/gradflow/gradflow/bench/study"
)

// A study is parsed, run into a directory, and read back.
func Example() {
	spec, err := study.Parse(context.Background(), "example.yaml", []byte(`
name: example
task: digits
budget: {steps: 60, batch: 32}
seeds: 2
grid:
  depth: [1, 5]
  width: 32
  activation: tanh
  initializer: glorot-normal
  optimizer: {name: sgd, rate: 0.1}
`))
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "study")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	outcome, err := study.Run(context.Background(), spec, dir, study.Options{})
	if err != nil {
		panic(err)
	}
	results, err := study.Open(context.Background(), dir)
	if err != nil {
		panic(err)
	}
	fmt.Println(outcome.Finished, "runs;", len(results.Records), "records")
	for _, r := range results.Records {
		fmt.Println("depth", r.Config.Depth, "seed", r.Config.Seed, r.Summary.Status, "above 0.7:", r.Summary.Final.ValidationAccuracy > 0.7)
	}
	// Output:
	// 4 runs; 4 records
	// depth 1 seed 1 done above 0.7: true
	// depth 1 seed 2 done above 0.7: true
	// depth 5 seed 1 done above 0.7: true
	// depth 5 seed 2 done above 0.7: true
}

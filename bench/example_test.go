package bench_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gradflow/gradflow/bench"
	"github.com/gradflow/gradflow/bench/study"
)

// A benchmark is one line; what it runs is a study, in a file, as text or made in Go:
//
//	func BenchmarkMine(b *testing.B) { bench.Study(b, "mine.yaml") }
func Example() {
	s, err := study.New(context.Background(), study.Settings{
		Name: "mine", Task: "digits", Steps: 30, Batch: 32, Seeds: 6,
		Grid: study.Grid{"depth": 1, "width": 16, "activation": "tanh", "initializer": "glorot-normal",
			"optimizer": []string{"sgd(rate=0.3)", "smorms3"}},
	})
	if err != nil {
		panic(err)
	}
	for _, name := range bench.Names(s) {
		fmt.Println("BenchmarkMine/" + name)
	}
	result := testing.Benchmark(func(b *testing.B) { bench.Run(b, s) })
	fmt.Println("it ran:", result.N > 0)
	// Output:
	// BenchmarkMine/optimizer=sgd
	// BenchmarkMine/optimizer=smorms3
	// it ran: true
}

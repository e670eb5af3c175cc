package bench_test

import (
	"fmt"
	"os"
	"testing"
)

// BenchmarkShortcuts trains fifty tanh layers from an ordinary start, plain and with
// shortcuts, as studies/deep-highway.yaml has them.
func BenchmarkShortcuts(b *testing.B) { architectures(b, "studies/deep-highway.yaml") }

// BenchmarkAdding trains a tanh RNN, an LSTM and a GRU on the adding problem over 100
// steps, as studies/adding-lstm.yaml has them. val-acc has no meaning here; what counts is
// steps-to-target, which is missing where the target is not reached.
func BenchmarkAdding(b *testing.B) { architectures(b, "studies/adding-lstm.yaml") }

func architectures(b *testing.B, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range grid(b, string(text)) {
		name := fmt.Sprintf("model=%v/optimizer=%v", c.Model, c.Optimizer)
		if !seen[name] { // the seeds are the benchmark's
			seen[name] = true
			b.Run(name, func(b *testing.B) { benchmark(b, c) })
		}
	}
}

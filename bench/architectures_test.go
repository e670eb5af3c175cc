package bench_test

import (
	"testing"

	"github.com/gradflow/gradflow/bench"
)

// BenchmarkShortcuts trains fifty tanh layers from an ordinary start, plain and with
// shortcuts.
func BenchmarkShortcuts(b *testing.B) { bench.Study(b, "studies/deep-highway.yaml") }

// BenchmarkAdding trains a tanh RNN, an LSTM and a GRU on the adding problem over 100
// steps.
func BenchmarkAdding(b *testing.B) { bench.Study(b, "studies/adding-lstm.yaml") }

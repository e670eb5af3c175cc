package initializertest_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models/initializers/initializertest"
)

// Laplace draws weights of variance 1/fan-in with tails that fall as e^-|w|.
type Laplace struct{}

func (Laplace) Name() string { return "laplace" }

func (Laplace) Fill(w []float64, fanIn, _ int, r *rand.Rand) {
	b := 1 / math.Sqrt(2*float64(fanIn))
	for i := range w {
		w[i] = b * r.ExpFloat64()
		if r.Uint64()&1 == 0 {
			w[i] = -w[i]
		}
	}
}

// Variances makes theory know the start; the suite checks it.
func (Laplace) Variances(fanIn, _ int) (weight, bias float64) { return 1 / float64(fanIn), 0 }

func Example() {
	_ = func(t *testing.T) { initializertest.Run(t, Laplace{}, activations.Tanh()) }
	// Output:
}

func TestExample(t *testing.T) { initializertest.Run(t, Laplace{}, activations.Tanh()) }

package activationtest_test

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/activationtest"
)

// The suite is called from a test of the activation's package. Variants are the same
// function with other parameters: closures that must not be confused in a graph.
func Example() {
	bent := func(a float64) activations.Scalar {
		return activations.Elementwise("bent",
			func(z float64) float64 { return a * math.Atan(z/a) },
			func(z float64) float64 { return 1 / (1 + z/a*(z/a)) })
	}
	_ = func(t *testing.T) { activationtest.Run(t, bent(1), bent(2), bent(5)) }
	// Output:
}

func TestRun(t *testing.T) {
	bent := func(a float64) activations.Scalar {
		return activations.Elementwise("bent",
			func(z float64) float64 { return a * math.Atan(z/a) },
			func(z float64) float64 { return 1 / (1 + z/a*(z/a)) })
	}
	activationtest.Run(t, bent(1), bent(2), bent(5))
}

package optimizertest_test

import (
	"testing"

	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/optimizers/optimizertest"
	"gorgonia.org/gorgonia"
)

// The suite is called from a test of the optimizer's package, with a function that
// makes a new one each time.
func Example() {
	_ = func(t *testing.T) {
		optimizertest.Run(t, "sgd", func() gorgonia.Solver {
			s, err := optimizers.NewSGD(optimizers.SGDConfig{Rate: 0.1})
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
	}
	// Output:
}

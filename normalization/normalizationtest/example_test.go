package normalizationtest_test

import (
	"testing"

	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/normalization/normalizationtest"
)

// The suite is called from a test of the normalisation's package, with another one of other
// settings, which must stay apart from it in one graph.
func Example() {
	_ = func(t *testing.T) {
		one, err := normalization.NewRMSNorm(normalization.RMSNormConfig{})
		if err != nil {
			t.Fatal(err)
		}
		other, err := normalization.NewRMSNorm(normalization.RMSNormConfig{Eps: 0.01})
		if err != nil {
			t.Fatal(err)
		}
		normalizationtest.Run(t, one, other)
	}
	// Output:
}

//go:build !race

// The race detector makes pools forget at random what they hold.

package models_test

import (
	"testing"

	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"gorgonia.org/tensor"
)

// TestLearnedAllocations: a step with learned parameters allocates nothing.
func TestLearnedAllocations(t *testing.T) {
	for name, f := range learned(t) {
		n := build(t, models.MLP{Depth: 3, Width: 40, Activation: f, Initializer: initializers.LeCunNormal(1)}, shape(30), parameters(t, tensor.Float32, 1), true)
		fill(n)
		m, err := n.TrainingMachine()
		if err != nil {
			t.Fatal(err)
		}
		if got := testing.AllocsPerRun(5, func() {
			if err := m.RunAll(); err != nil {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("%s: %g allocations in a step", name, got)
		}
	}
}

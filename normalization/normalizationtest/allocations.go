//go:build !race

package normalizationtest

import (
	"testing"

	"github.com/gradflow/gradflow/normalization"
	"gorgonia.org/tensor"
)

// allocations counts those of a training step. (The race detector adds some.)
func allocations(t *testing.T, n normalization.Normalization, dtype tensor.Dtype) {
	cols := columns(5, n)
	b := newBed(t, parameters(t, dtype), true, numbers(n, 7, 6, cols, 1, 1), cols, n)
	if stock(b) {
		t.Skip("stock operations of Gorgonia allocate")
	}
	m := b.train(t)
	if a := testing.AllocsPerRun(10, func() {
		run(t, m)
		if err := b.AfterStep(); err != nil {
			t.Fatal(err)
		}
	}); a != 0 {
		t.Errorf("%g allocations in a training step", a)
	}
}

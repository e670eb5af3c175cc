package study

import (
	"testing"

	"github.com/gradflow/gradflow/models/train"
)

// TestProbes: by default measurements take 3% of a run's time or less, unless it is so short that
// this is not one for each factor of ten.
func TestProbes(t *testing.T) {
	for steps, want := range map[int]int{1: 1, 100: 1, 400: 2, 1000: 7, 3000: 8, 1_000_000: 8} {
		if got := probes(steps); got != want {
			t.Errorf("%d steps: %d probes in a factor of ten, want %d", steps, got, want)
		}
	}
	n, when := 0, train.LogSpaced(probes(1000))
	for step := range 1000 {
		if when(step) {
			n++
		}
	}
	if share := 1.3 * float64(n+1) / 1000; share > .03 || share < .02 {
		t.Errorf("%d measurements in 1000 steps take %.3f of the time", n+1, share)
	}
}

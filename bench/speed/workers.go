package speed

import (
	"sync"
	"time"

	"github.com/pkg/errors"
)

// Workers has steps of so many networks made side by side, by a goroutine each, and
// compares that with one network alone, in turn. It returns the speedup: how many
// times as many steps are made in the same time, at best the number of workers (the
// median of ten comparisons).
func Workers(c Config, workers int) (speedup float64, err error) {
	if workers < 1 {
		return 0, errors.Errorf("workers %d: must be at least 1", workers)
	}
	steps := make([]func() error, workers)
	for i := range steps {
		if steps[i], _, err = Step(c); err != nil {
			return 0, err
		}
	}
	failures := make([]error, workers)
	block := (max(c.Steps, 1) + blocks - 1) / blocks
	timed := func(steps []func() error) time.Duration {
		begin := time.Now()
		var group sync.WaitGroup
		for i, step := range steps {
			group.Go(func() {
				for range block {
					if failures[i] == nil {
						failures[i] = step()
					}
				}
			})
		}
		group.Wait()
		return time.Since(begin)
	}
	ratios := make([]float64, blocks)
	for i := range ratios {
		// Each of them in turn is the one alone.
		alone := timed(steps[i%workers : i%workers+1])
		together := timed(steps)
		ratios[i] = float64(workers) * float64(alone) / float64(together)
	}
	for _, err := range failures {
		if err != nil {
			return 0, err
		}
	}
	return middle(ratios), nil
}

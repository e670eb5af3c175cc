package speed

import (
	"context"
	"sync"
	"time"

	"github.com/pkg/errors"
)

// Workers has steps of this many networks made side by side, by a goroutine each, and
// compares that with one network alone, in turn. It returns the speedup: how many
// times as many steps are made in the same time, at best the number of workers (the
// median of ten comparisons). When ctx ends it stops and returns its error.
func Workers(ctx context.Context, c Config, workers int) (speedup float64, err error) {
	if workers < 1 {
		return 0, errors.Errorf("workers %d: must be at least 1", workers)
	}
	steps := make([]func() error, workers)
	for i := range steps {
		if steps[i], _, err = Step(c); err != nil {
			return 0, err
		}
	}
	ratios := make([]float64, blocks)
	for i := range ratios {
		// Each of them in turn is the one alone.
		ratio, err := ratio(ctx, c, steps[i%workers:i%workers+1], steps)
		if err != nil {
			return 0, err
		}
		ratios[i] = float64(workers) * ratio
	}
	return middle(ratios), nil
}

// SplitSpeedup returns how many times as fast a step is whose large products are divided
// over this many goroutines (the median of ten comparisons, in turn).
func SplitSpeedup(ctx context.Context, c Config, workers int) (speedup float64, err error) {
	whole, _, err := Step(c)
	if err != nil {
		return 0, err
	}
	c.Split = workers
	split, _, err := Step(c)
	if err != nil {
		return 0, err
	}
	ratios := make([]float64, blocks)
	for i := range ratios {
		if ratios[i], err = ratio(ctx, c, []func() error{whole}, []func() error{split}); err != nil {
			return 0, err
		}
	}
	return middle(ratios), nil
}

// ratio returns how many times as long a block of the steps a takes as one of the steps
// b, each of which a goroutine makes.
func ratio(ctx context.Context, c Config, a, b []func() error) (float64, error) {
	block := (max(c.Steps, 1) + blocks - 1) / blocks
	timed := func(steps []func() error) (time.Duration, error) {
		failures := make([]error, len(steps))
		begin := time.Now()
		var group sync.WaitGroup
		for i, step := range steps {
			group.Go(func() {
				for range block {
					if failures[i] == nil {
						failures[i] = ctx.Err()
					}
					if failures[i] == nil {
						failures[i] = step()
					}
				}
			})
		}
		group.Wait()
		return time.Since(begin), errors.Wrap(first(failures), "step")
	}
	first, err := timed(a)
	if err != nil {
		return 0, err
	}
	second, err := timed(b)
	return float64(first) / float64(second), err
}

func first(list []error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

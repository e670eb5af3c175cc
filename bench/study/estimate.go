package study

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/pkg/errors"
)

// Estimate is what the runs of a study take, by measurements of some of their steps.
type Estimate struct {
	Seconds []float64 // of each configuration asked about, on one core
	Total   float64   // their sum
	Longest float64
	Memory  float64 // bytes of the largest network in training, about
	// Shapes is the number of kinds of networks among the runs, and Measured how many of them
	// were timed before the time was up; the others' times follow from their sizes.
	Shapes, Measured int
}

// timedSteps are those that are timed at first, after one that is not.
const timedSteps = 8

// shape is what a run's time depends on: the configuration without seed, budget, and settings of
// its parts.
func shape(c Config) string {
	return fmt.Sprint(c.Task, c.Model, c.Depth, " ", c.Units(), " ", c.Activation.Name, c.Normalization.Name, c.Initializer.Name,
		c.Optimizer.Name, c.Keep.Name, c.DType, c.Batch, c.Quantities)
}

// Estimate times a few steps and evaluations of each kind of network among the configurations,
// for about so long, and works out what all the runs take. The probes' measurements, a few
// percent, are left out. The machine should have nothing else to do.
func (s *Spec) Estimate(ctx context.Context, configs []Config, limit time.Duration) (Estimate, error) {
	e := Estimate{Seconds: make([]float64, len(configs))}
	of := map[string][]int{}
	var shapes []string
	for i, c := range configs {
		k := shape(c)
		if of[k] == nil {
			shapes = append(shapes, k)
		}
		of[k] = append(of[k], i)
	}
	e.Shapes = len(shapes)
	// The order of the time up to which they are measured spreads over the study.
	slices.SortStableFunc(shapes, func(a, b string) int { return spread(of[a][0], len(configs)) - spread(of[b][0], len(configs)) })
	begin := time.Now()
	var paces []float64 // seconds for each unit of work, of the shapes that were measured
	done := map[string]bool{}
	for _, k := range shapes {
		if err := ctx.Err(); err != nil {
			return e, err
		}
		if e.Measured > 0 && time.Since(begin) > limit {
			break
		}
		cost, err := s.cost(ctx, configs[of[k][0]])
		if err != nil {
			return e, err
		}
		e.Measured++
		done[k] = true
		for _, i := range of[k] {
			e.Seconds[i] = cost.of(configs[i])
		}
		first := of[k][0]
		paces = append(paces, e.Seconds[first]/work(configs[first]))
	}
	// The median, the lower of two: a shape that is slow for a reason of its own says nothing about
	// the others.
	slices.Sort(paces)
	pace := paces[(len(paces)-1)/2]
	for _, k := range shapes {
		for _, i := range of[k] {
			if !done[k] {
				e.Seconds[i] = pace * work(configs[i])
			}
			e.Total += e.Seconds[i]
			e.Longest = max(e.Longest, e.Seconds[i])
		}
		c := configs[of[k][0]]
		task, err := s.catalogues().tasks.Make(c.Task)
		if err != nil {
			return e, err
		}
		memory, err := s.catalogues().memory(shapeOf(task, c.Batch), c)
		if err != nil {
			return e, err
		}
		e.Memory = max(e.Memory, memory.Total())
	}
	return e, nil
}

// spread is a permutation of the numbers below n, in which neighbours are far apart: bits
// reversed.
func spread(i, n int) int {
	r := 0
	for b := 1; b < n; b <<= 1 {
		r = r<<1 | i&1
		i >>= 1
	}
	return r
}

// cost is what a kind of run takes, in seconds.
type cost struct{ start, step, evaluation float64 }

func (k cost) of(c Config) float64 {
	return k.start + k.step*float64(c.Steps-1) + k.evaluation*float64(c.Steps/c.Evaluate)
}

// cost measures runs of one step, of as many as take long enough to be timed, and of some that
// evaluate after each. Of several turns the quickest counts: the others were disturbed. A network
// that is slow is measured once, by fewer steps: its time is long enough to be told from the
// noise, and others are to be measured too.
func (s *Spec) cost(ctx context.Context, c Config) (cost, error) {
	const enough, most, slow = 0.005, 512, 0.1 // seconds, steps, seconds
	c.Probe = 0
	diverged := false
	turns, timed := 2, timedSteps
	measure := func(steps, evaluate int) (float64, error) {
		c.Steps, c.Evaluate = steps, evaluate
		least := math.Inf(1)
		for range turns {
			r, err := s.Execute(ctx, c, nil)
			if err != nil {
				return 0, errors.Wrap(err, "measure the time of a run")
			}
			if r == nil {
				return 0, ctx.Err()
			}
			diverged = diverged || r.Summary.Steps < steps
			least = min(least, r.Timing.Seconds)
		}
		return least, nil
	}
	one, err := measure(1, 1)
	if err != nil || diverged {
		return cost{start: one}, err
	}
	if one > slow {
		turns, timed = 1, timedSteps/4
	}
	step := 0.
	for n := timed; ; n *= 4 {
		some, err := measure(1+n, 1+n)
		if err != nil || diverged { // then the rest takes nothing
			return cost{start: one}, err
		}
		if step = max(0, some-one) / float64(n); some-one > enough || n >= most {
			break
		}
	}
	evaluated, err := measure(1+timed, 1)
	if err != nil {
		return cost{}, err
	}
	evaluation := max(0, evaluated-one-float64(timed)*step) / float64(timed)
	return cost{max(0, one-evaluation), step, evaluation}, nil
}

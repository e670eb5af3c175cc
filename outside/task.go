package main

import (
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
)

type wavesConfig struct {
	Waves int `json:"waves" default:"2" range:"[1,8]" doc:"sines in the sum"`
	catalogue.Given
}

// newWaves returns a regression with a loss from outside:
//
//	t = Σ_k sin(k x_k)/k + e,  x_k ~ N(0, 1),  e ~ ±3 for one example in 20, else 0
func newWaves(c wavesConfig) (tasks.Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	g := tasks.Generator{Inputs: c.Waves, Outputs: 1, Loss: "huber", Draw: func(r *rand.Rand, x, t []float64) {
		for k := range x {
			x[k] = r.NormFloat64()
			t[0] += math.Sin(float64(k+1)*x[k]) / float64(k+1)
		}
		switch r.IntN(40) {
		case 0:
			t[0] += 3
		case 1:
			t[0] -= 3
		}
	}}
	// The answer 0 is the best constant one, as t is as often -t.
	held, err := g.Set(2, 20000)
	if err != nil {
		return nil, err
	}
	chance := 0.
	for _, t := range held.T64() {
		chance += (math.Hypot(1, t) - 1) / 20000
	}
	return tasks.Endless("waves", g, chance, 0.2, 1, 2000)
}

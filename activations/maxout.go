package activations

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// Maxout is the largest of each group of adjacent pre-activations: a layer of
// n units has n·pieces pre-activations, and each unit is a convex function that is learned,
// of as many linear pieces. The gradient goes to the largest, to the first of equal ones.
//
// Source: I. Goodfellow et al., Maxout networks, 2013 (arXiv 1302.4389).
func Maxout(pieces int) (Activation, error) {
	if pieces < 2 {
		return nil, catalogue.Invalid("pieces", "must be at least 2, got %d", pieces)
	}
	largest := func(z []float64) (at int) {
		for i, v := range z {
			if v > z[at] || math.IsNaN(v) {
				at = i
			}
		}
		return at
	}
	return Rowwise("maxout", pieces, 1,
		func(y, z []float64) {
			for i := range y {
				group := z[i*pieces : (i+1)*pieces]
				y[i] = group[largest(group)]
			}
		},
		func(dz, z, dy []float64) {
			clear(dz)
			for i, v := range dy {
				group := z[i*pieces : (i+1)*pieces]
				at := largest(group)
				if math.IsNaN(group[at]) {
					v = math.NaN()
				}
				dz[i*pieces+at] = v
			}
		}), nil
}

type maxoutSettings struct {
	Pieces int `json:"pieces" default:"2" range:"[2,64]" doc:"pre-activations of each unit"`
}

func makeMaxout(s maxoutSettings) (Activation, error) { return Maxout(s.Pieces) }

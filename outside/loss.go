package main

import (
	"math"

	"github.com/gradflow/gradflow/models"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

type huberConfig struct {
	Delta float64 `json:"delta" default:"1" range:"(0,]" doc:"from where on it is linear"`
}

// newHuber returns the smooth form of Huber's loss, the mean over batch and outputs of
//
//	delta² (√(1 + ((y - t)/delta)²) - 1)
func newHuber(c huberConfig) (models.Objective, error) { return c, nil }

// Node implements models.Objective.
func (c huberConfig) Node(y, t *gorgonia.Node, _ models.Shape) (*gorgonia.Node, error) {
	constant := func(v float64) *gorgonia.Node {
		if y.Dtype() == tensor.Float32 {
			return gorgonia.NewConstant(float32(v))
		}
		return gorgonia.NewConstant(v)
	}
	d, err := gorgonia.Sub(y, t)
	for _, next := range []func() (*gorgonia.Node, error){
		func() (*gorgonia.Node, error) { return gorgonia.HadamardDiv(d, constant(c.Delta)) },
		func() (*gorgonia.Node, error) { return gorgonia.Square(d) },
		func() (*gorgonia.Node, error) { return gorgonia.Add(d, constant(1)) },
		func() (*gorgonia.Node, error) { return gorgonia.Sqrt(d) },
		func() (*gorgonia.Node, error) { return gorgonia.Sub(d, constant(1)) },
		func() (*gorgonia.Node, error) { return gorgonia.Mean(d) },
		func() (*gorgonia.Node, error) { return gorgonia.Mul(d, constant(c.Delta*c.Delta)) },
	} {
		if err != nil {
			return nil, errors.Wrap(err, "huber")
		}
		d, err = next()
	}
	return d, errors.Wrap(err, "huber")
}

// Of implements models.Objective.
func (c huberConfig) Of(y, t []float64, _ models.Shape) float64 {
	sum := 0.
	for i := range y {
		sum += c.Delta * c.Delta * (math.Hypot(1, (y[i]-t[i])/c.Delta) - 1)
	}
	return sum / float64(len(y))
}

package main

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/gorgonia"
)

type diagonalKronConfig struct {
	Rate    float64 `json:"rate" default:"0.01" range:"(0,]" doc:"step size"`
	Damping float64 `json:"damping" default:"0.1" range:"(0,]" doc:"added to the mean square of an input"`
	catalogue.Given
}

// newDiagonalKron divides the rows of a weight's gradient by the mean squares of the layer's inputs
// and its columns by those of the output gradients, both relative to their means over the
// layer: the diagonal of Kronecker-factored curvature (J. Martens, R. Grosse, 2015).
// Parameters that are no factor of a product, such as biases, step by their gradient.
func newDiagonalKron(c diagonalKronConfig) (gorgonia.Solver, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	memory := map[string][2][]float64{} // so that a step allocates nothing
	return optimizers.New(optimizers.Rule{
		Name:  "diagonal-kron",
		Needs: optimizers.NeedsLayers,
		Update: func(b *optimizers.Block[float64]) {
			m, ok := memory[b.Name]
			if !ok {
				m = [2][]float64{make([]float64, b.Rows), make([]float64, b.Cols)}
				memory[b.Name] = m
			}
			rows, cols := m[0], m[1]
			meanSquares(rows, b.Inputs)
			meanSquares(cols, b.OutputGradients)
			for i, g := range b.G {
				b.To[i] -= c.Rate * g / math.Sqrt((rows[i/b.Cols]+c.Damping)*(cols[i%b.Cols]+c.Damping))
			}
		},
	})
}

// meanSquares sets m to the columns' mean squares over all tables, over their mean; 1 where
// there is nothing.
func meanSquares(m []float64, tables [][]float64) {
	clear(m)
	for _, x := range tables {
		for i, v := range x {
			m[i%len(m)] += v * v
		}
	}
	mean := 0.
	for _, v := range m {
		mean += v / float64(len(m))
	}
	for i := range m {
		if mean > 0 && !math.IsInf(mean, 0) {
			m[i] /= mean
		} else {
			m[i] = 1
		}
	}
}

// newAgree sets the gradient to 0 where its sign is not that of the step before.
func newAgree(struct{}) (*optimizers.Link, error) {
	return optimizers.NewLink(optimizers.Transform{
		Name:    "agree",
		Vectors: []float64{0},
		Change: func(b *optimizers.Block[float64], _ int) {
			for i, g := range b.G {
				if g*b.State[0][i] < 0 {
					b.G[i] = 0
				}
				b.State[0][i] = math.Copysign(1, g)
			}
		},
	})
}

type sawConfig struct {
	Steps int `json:"steps" default:"20" range:"[1,]" doc:"of a tooth"`
	catalogue.Given
}

func newSaw(c sawConfig) (optimizers.Schedule, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return optimizers.ScheduleFunc(func(step int) float64 {
		return 1 - float64(step%c.Steps)/float64(c.Steps)
	}), nil
}

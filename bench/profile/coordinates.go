package profile

import (
	"context"
	"math"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Coordinate is a network's place in a coordinate check: by how much training changes its
// pre-activations on one batch, at one width and depth. Where a parametrisation fits, that
// does not depend on either: what grows with width will diverge in a wide network, and what
// falls does not learn there (G. Yang, E. Hu: Tensor programs IV, 2021).
type Coordinate struct {
	Width int `json:"width"`
	Depth int `json:"depth"`
	Steps int `json:"steps"`
	// First, Last and Output are √(mean Δz²)/steps of the first hidden layer, the last and the
	// output layer; NaN where training diverged.
	First  record.Number `json:"first_layer"`
	Last   record.Number `json:"last_layer"`
	Output record.Number `json:"output"`
	Reason string        `json:"reason,omitempty"` // why training stopped
}

// Coordinates trains the network of a configuration for some steps at each width and depth.
func Coordinates(ctx context.Context, c record.Config, widths, depths []int, steps int) ([]Coordinate, error) {
	if steps < 1 {
		return nil, errors.Errorf("%d steps: a coordinate check needs at least 1", steps)
	}
	var list []Coordinate
	for _, depth := range depths {
		for _, width := range widths {
			c := c
			c.Depth, c.Width, c.Steps, c.Evaluate, c.Probe = depth, width, steps, steps, 0
			place, err := coordinate(ctx, c)
			if err != nil {
				return nil, errors.Wrapf(err, "width %d, depth %d", width, depth)
			}
			list = append(list, place)
		}
	}
	return list, nil
}

func coordinate(ctx context.Context, c record.Config) (Coordinate, error) {
	nan := record.Number(math.NaN())
	at := Coordinate{Width: c.Width, Depth: c.Depth, Steps: c.Steps, First: nan, Last: nan, Output: nan}
	a, err := study.Assemble(c)
	if err != nil {
		return at, err
	}
	n, err := a.Training()
	if err != nil {
		return at, err
	}
	last := len(n.Layers) - 1
	watched := []*G.Node{n.Layers[0].PreActivation, n.Layers[max(0, last-1)].PreActivation, n.Layers[last].PreActivation}
	m, err := vm.Compile(n.Graph, watched...)
	if err != nil {
		return at, err
	}
	defer m.Close()
	x, t := n.Input.Value().(*tensor.Dense).Clone().(*tensor.Dense), n.Target.Value().(*tensor.Dense).Clone().(*tensor.Dense)
	stream := a.Task.Train().Batches(c.Seed, c.Batch)
	if x.Dtype() == tensor.Float32 {
		err = stream.Next32(x.Float32s(), t.Float32s())
	} else {
		err = stream.Next64(x.Float64s(), t.Float64s())
	}
	if err != nil {
		return at, err
	}
	run := func() (z [][]float64, err error) {
		input := n.Input.Value().(*tensor.Dense)
		if x.Dtype() == tensor.Float32 {
			copy(input.Float32s(), x.Float32s())
		} else {
			copy(input.Float64s(), x.Float64s())
		}
		if err := m.RunAll(); err != nil {
			return nil, err
		}
		for _, w := range watched {
			z = append(z, numbers(w.Value().(*tensor.Dense)))
		}
		return z, nil
	}
	before, err := run()
	if err != nil {
		return at, err
	}
	loop, err := a.Loop()
	if err != nil {
		return at, err
	}
	result, err := loop.Run(ctx)
	switch {
	case err != nil:
		return at, err
	case result.Status == train.Interrupted:
		return at, ctx.Err()
	case result.Status != train.Done:
		at.Reason = result.Reason
		return at, nil
	}
	after, err := run()
	if err != nil {
		return at, err
	}
	for i, into := range []*record.Number{&at.First, &at.Last, &at.Output} {
		sum := 0.
		for k, z := range after[i] {
			d := z - before[i][k]
			sum += d * d
		}
		*into = record.Number(math.Sqrt(sum/float64(len(after[i]))) / float64(c.Steps))
	}
	return at, nil
}

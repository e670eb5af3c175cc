package study

import (
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// check tries each combination of a model with what it is made of: that it can be built,
// that it fits into memory, and that the optimizer can look after its parameters. path is
// where the combinations stand.
func (r *reader) check(points []point, path []any) {
	most, err := MaxMemory()
	if err != nil {
		r.fail(nil, "%v", err)
		return
	}
	built, measured, prepared := map[string]bool{}, map[string]bool{}, map[string]bool{}
	first := func(tried map[string]bool, c Config) bool {
		key := c.Hash()
		again := tried[key]
		tried[key] = true
		return !again
	}
	at := func(p point, keys ...string) []any {
		if where := p.path(keys...); where != nil {
			return where
		}
		return path
	}
	var names gorgonia.Nodes // of the network that was looked at last
	var namesOf string
	for _, p := range points {
		if r.stopped() {
			return
		}
		if p.FlushToZero && p.DType != "float32" {
			r.fail(at(p, "flush-to-zero"), "%s runs do not flush to zero: leave flush-to-zero out, or use float32", p.DType)
			return
		}
		c := p.Config
		c.Steps, c.Evaluate, c.Probe, c.Target, c.FlushToZero = 0, 0, 0, 0, false
		withOptimizer := c
		c.Optimizer = Choice{}
		if first(measured, c) {
			task, err := r.task(c.Task)
			if err != nil {
				r.fail(at(p, "task"), "%v", err)
				return
			}
			if s, ok := task.Train().(interface{ Len() int }); ok && c.Batch > s.Len() {
				where := p.path("batch")
				if where == nil {
					where = []any{"budget", "batch"}
				}
				r.fail(where, "batch must be at most %d, the number of training examples of %s, not %d", s.Len(), task.Name(), c.Batch)
				return
			}
			// What can't be built is shown at the most particular axis of those that are given.
			kinds := []string{"normalization", "model", "activation"}
			need, err := r.parts.memory(task, c)
			if err != nil {
				r.fail(at(p, kinds...), "%v", err)
				return
			}
			if need.Total() > most {
				key := "width"
				if need.Graph > need.Total()/2 {
					key = "depth"
				} else if need.Values > need.Total()/2 && c.Batch > c.Width {
					key = "batch"
				}
				where := at(p, key)
				if key == "batch" && p.path(key) == nil {
					where = []any{"budget", "batch"}
				}
				r.fail(where, "a network of depth %d and width %d with a batch of %d would take %v; the limit is %s, which the environment variable %s raises",
					c.Depth, c.Width, c.Batch, need, size(most), memoryVariable)
				return
			}
			small := c
			small.Batch, small.DType = min(c.Batch, 2), ""
			if first(built, small) {
				if err := r.parts.buildable(task, small); err != nil {
					r.fail(at(p, kinds...), "%v", err)
					return
				}
			}
		}
		withOptimizer.Batch, withOptimizer.DType = min(c.Batch, 2), ""
		if !first(prepared, withOptimizer) {
			continue
		}
		c.Batch, c.DType = withOptimizer.Batch, ""
		if key := c.Hash(); key != namesOf {
			task, err := r.task(c.Task)
			if err == nil {
				names, err = r.parts.narrow(task, c)
			}
			if err != nil {
				r.fail(at(p, "depth", "model"), "%v", err)
				return
			}
			namesOf = key
		}
		solver, err := r.parts.optimizers.Make(p.Optimizer)
		if err == nil {
			err = optimizers.Prepare(solver, gorgonia.NodesToValueGrads(names))
		}
		if err != nil {
			r.fail(at(p, "optimizer"), "%v", err)
			return
		}
	}
}

// buildable returns why a configuration's network can't be built for training. It builds
// the smallest of its kind.
func (s *parts) buildable(task tasks.Task, c Config) error {
	m, err := s.model(c)
	if err != nil {
		return err
	}
	if small, _, err := s.ofDepth(c, min(c.Depth, 2), min(c.Width, 2), c.Width); err == nil {
		m = small
	}
	p, err := models.NewParameters(tensor.Float32, 0)
	if err != nil {
		return err
	}
	_, err = models.Build(m, shapeOf(task, c.Batch), p, true)
	return err
}

// ofDepth returns the model of the least depth from one on, and up to the configuration's,
// that the architecture allows with one of the widths, and its depth.
func (s *parts) ofDepth(c Config, depth int, widths ...int) (models.Model, int, error) {
	var first error
	for _, width := range widths {
		for d := depth; d <= c.Depth; d++ {
			small := c
			small.Depth, small.Width = d, width
			m, err := s.model(small)
			if err == nil {
				return m, d, nil
			}
			if first == nil {
				first = err
			}
		}
	}
	return nil, 0, first
}

// memory estimates what a run takes, from the sizes of networks of small depths.
func (s *parts) memory(task tasks.Task, c Config) (Memory, error) {
	dtype, err := dtypeOf(c)
	if err != nil {
		return Memory{}, err
	}
	measure := func(m models.Model) (models.Size, error) {
		return models.Measure(m, shapeOf(task, c.Batch), dtype)
	}
	m, d, err := s.ofDepth(c, min(c.Depth, 3), c.Width)
	if err != nil {
		return Memory{}, err
	}
	a, err := measure(m)
	if err != nil || d == c.Depth {
		return memoryOf(a, dtype), err
	}
	m, e, err := s.ofDepth(c, d+1, c.Width)
	if err != nil {
		return Memory{}, err
	}
	b, err := measure(m)
	if err != nil {
		return Memory{}, err
	}
	// All sizes grow in proportion to the depth, once the first layers are there.
	ma, mb := memoryOf(a, dtype), memoryOf(b, dtype)
	at := func(x, y float64) float64 { return x + (y-x)*float64(c.Depth-d)/float64(e-d) }
	return Memory{at(ma.Parameters, mb.Parameters), at(ma.Values, mb.Values), at(ma.Graph, mb.Graph)}, nil
}

// narrow builds a network of the configuration's depth, as narrow as can be, and returns
// its parameters, which have the names of the real ones.
func (s *parts) narrow(task tasks.Task, c Config) (gorgonia.Nodes, error) {
	var m models.Model
	var err error
	for _, width := range []int{min(c.Width, 2), c.Width} {
		small := c
		small.Width = width
		if m, err = s.model(small); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	p, err := models.NewParameters(tensor.Float32, 0)
	if err != nil {
		return nil, err
	}
	n, err := models.Build(m, shapeOf(task, c.Batch), p, false)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	return n.Learnables, nil
}

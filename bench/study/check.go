package study

import (
	"fmt"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/normalization"
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
			widths, err := widthsOf(c)
			if err == nil {
				_, err = widths.Of(c.Depth, c.Width)
			}
			if err != nil {
				r.fail(at(p, "width"), "%v", err)
				return
			}
			// What can't be built is shown at the most particular axis of those that are given.
			kinds := []string{"normalization", "model", "activation"}
			err = checkBatch(task, c)
			if err == nil {
				err = r.parts.checkSize(shapeOf(task, c.Batch), c, most)
			}
			var tooLarge *SizeError
			if errors.As(err, &tooLarge) {
				where := at(p, tooLarge.Key)
				if tooLarge.Key == "batch" && p.path("batch") == nil {
					where = []any{"budget", "batch"}
				}
				r.fail(where, "%v", err)
				return
			}
			if err != nil {
				r.fail(at(p, kinds...), "%v", err)
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
		if p.Keep.Name == "" {
			continue
		}
		task, err := r.task(c.Task)
		if err == nil {
			err = r.parts.keepable(task, p.Config, solver)
		}
		if err != nil {
			r.fail(at(p, "keep"), "%v", err)
			return
		}
	}
}

// keepable returns why a configuration's network, of the smallest of its kind, can't have what
// is to be kept.
func (s *parts) keepable(task tasks.Task, c Config, solver gorgonia.Solver) error {
	c.Batch = min(c.Batch, 2)
	m, err := s.model(c)
	if err != nil {
		return err
	}
	if small, _, err := s.ofDepth(c, min(c.Depth, 4), s.leastWidth(c), c.Width); err == nil {
		m = small
	}
	k, err := s.keep(c)
	if err != nil {
		return err
	}
	p, err := models.NewParameters(tensor.Float32, 0)
	if err != nil {
		return err
	}
	n, err := models.Build(k.Model(m), shapeOf(task, c.Batch), p, true)
	if err != nil {
		return err
	}
	return k.Attach(&train.Loop{Stepper: &train.Stepper{Network: n, Solver: solver}})
}

// buildable returns why a configuration's network can't be built for training. It builds
// the smallest of its kind.
func (s *parts) buildable(task tasks.Task, c Config) error {
	m, err := s.model(c)
	if err != nil {
		return err
	}
	if small, _, err := s.ofDepth(c, min(c.Depth, 2), s.leastWidth(c), c.Width); err == nil {
		m = small
	}
	p, err := models.NewParameters(tensor.Float32, 0)
	if err != nil {
		return err
	}
	_, err = models.Build(m, shapeOf(task, c.Batch), p, true)
	return err
}

// leastWidth returns the least width at which a configuration's network can be built if it can
// at its own: 2, or what groups of units divide.
func (s *parts) leastWidth(c Config) int {
	n, err := s.normalizations.Make(c.Normalization)
	if g, ok := n.(normalization.Grouped); ok && err == nil {
		if c.Widths != "" || c.Width%g.Groups() != 0 {
			return c.Width
		}
		return min(c.Width, 2*g.Groups())
	}
	return min(c.Width, 2)
}

// every returns the distance of layers that a configuration's normalisation stands in.
func (s *parts) every(c Config) int {
	n, err := s.normalizations.Make(c.Normalization)
	if p, ok := n.(normalization.Spaced); ok && err == nil {
		return p.Every()
	}
	return 1
}

// ofDepth returns the model of the least depth from one on, and up to the configuration's,
// that the architecture allows with one of the widths, and its depth.
func (s *parts) ofDepth(c Config, depth int, widths ...int) (models.Model, int, error) {
	var first error
	for _, width := range widths {
		for d := depth; d <= c.Depth; d++ {
			small := c
			small.Depth = d
			small = ofWidth(small, width)
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

// ofWidth returns a configuration with another width, of all layers.
func ofWidth(c Config, width int) Config {
	if width != c.Width {
		c.Width, c.Widths = width, ""
	}
	return c
}

// SizeError says that a network is too large, and which axis to blame.
type SizeError struct {
	Key     string // "depth", "width" or "batch"
	message string
}

func (e *SizeError) Error() string { return e.message }

// CheckSize returns why the network of a configuration can't be trained, without asking
// for its memory: a count is out of its range, the batch is larger than the data set, or
// the network would take more than [MaxMemory]. A [SizeError] names the axis.
func CheckSize(c Config) error {
	task, err := tasks.Catalogue.Make(c.Task)
	if err != nil {
		return err
	}
	if err := checkBatch(task, c); err != nil {
		return err
	}
	return CheckShape(shapeOf(task, c.Batch), c, 1)
}

// CheckShape is [CheckSize] of this many networks for inputs and outputs of this shape, in
// place of the configuration's task.
func CheckShape(shape models.Shape, c Config, networks int) error {
	for _, n := range []struct {
		Count
		value int
	}{{Depth, c.Depth}, {Width, c.Width}, {Batch, c.Batch}} {
		if err := n.Check(n.value); err != nil {
			return &SizeError{n.Key, err.Error()}
		}
	}
	widths, err := widthsOf(c)
	if err == nil {
		_, err = widths.Of(c.Depth, c.Width)
	}
	if err != nil {
		return &SizeError{Width.Key, err.Error()}
	}
	most, err := MaxMemory()
	if err != nil {
		return err
	}
	return catalogues().checkSize(shape, c, most/float64(max(1, networks)))
}

func checkBatch(task tasks.Task, c Config) error {
	if s, ok := task.Train().(interface{ Len() int }); ok && c.Batch > s.Len() {
		return &SizeError{"batch", fmt.Sprintf("batch must be at most %d, the number of training examples of %s, not %d", s.Len(), task.Name(), c.Batch)}
	}
	return nil
}

func (s *parts) checkSize(shape models.Shape, c Config, most float64) error {
	need, err := s.memory(shape, c)
	if err != nil || need.Total() <= most {
		return err
	}
	key := "width"
	if need.Graph > need.Total()/2 {
		key = "depth"
	} else if need.Values > need.Total()/2 && c.Batch > c.Width {
		key = "batch"
	}
	return &SizeError{key, fmt.Sprintf("a network of depth %d and width %s with a batch of %d would take %v; %s",
		c.Depth, c.Units(), c.Batch, need, limit(most))}
}

// memory estimates what a run takes, from the sizes of networks of small depths.
func (s *parts) memory(shape models.Shape, c Config) (Memory, error) {
	dtype, err := dtypeOf(c)
	if err != nil {
		return Memory{}, err
	}
	measure := func(m models.Model) (models.Size, error) {
		return models.Measure(m, shape, dtype)
	}
	m, d, err := s.ofDepth(c, min(c.Depth, 3), c.Width)
	if err != nil {
		return Memory{}, err
	}
	a, err := measure(m)
	if err != nil || d == c.Depth {
		return memoryOf(a, dtype), err
	}
	widths, err := widthsOf(c)
	if err != nil {
		return Memory{}, err
	}
	// The period is at least 1: a list makes no network of a lesser depth.
	period := max(widths.Period(), s.every(c))
	m, e, err := s.ofDepth(c, min(c.Depth, d+period), c.Width)
	if err != nil {
		return Memory{}, err
	}
	b, err := measure(m)
	if err != nil {
		return Memory{}, err
	}
	// All sizes grow in proportion to the depth, once the first layers are there: with widths
	// that repeat, from one period to the next.
	ma, mb := memoryOf(a, dtype), memoryOf(b, dtype)
	at := func(x, y float64) float64 { return x + (y-x)*float64(c.Depth-d)/float64(e-d) }
	return Memory{at(ma.Parameters, mb.Parameters), at(ma.Values, mb.Values), at(ma.Graph, mb.Graph)}, nil
}

// narrow builds a network of the configuration's depth, as narrow as can be, and returns
// its parameters, which have the names of the real ones.
func (s *parts) narrow(task tasks.Task, c Config) (gorgonia.Nodes, error) {
	var m models.Model
	var err error
	for _, width := range []int{s.leastWidth(c), c.Width} {
		if m, err = s.model(ofWidth(c, width)); err == nil {
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

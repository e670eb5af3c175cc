package optimizers

import (
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// Averager is a solver that may take its gradients at one point and have its result at another:
// an average over the steps. What it has reached is to be judged at the average: see
// train.Stepper.AtAverage, which evaluates there and then continues training from where it was.
type Averager interface {
	gorgonia.Solver
	// Averages reports whether it is so: it can depend on the settings.
	Averages() bool
	// Average sets into, of the parameter's shape and type, to the average of the parameter of
	// that name. It reports false, and leaves into alone, where the parameter itself is the
	// result: before its first step, or because its optimizer takes no average.
	Average(name string, into gorgonia.Value) (bool, error)
}

// IsAverager reports whether s has its result at an average.
func IsAverager(s gorgonia.Solver) bool {
	a, ok := s.(Averager)
	return ok && a.Averages()
}

// average is Average of any solver.
func average(s gorgonia.Solver, name string, into gorgonia.Value) (bool, error) {
	if a, ok := s.(Averager); ok {
		return a.Average(name, into)
	}
	return false, nil
}

// Averages reports whether the rule takes an average.
func (o *Optimizer) Averages() bool { return o.rule.Average != nil }

// Average sets into to the average of a parameter.
func (o *Optimizer) Average(name string, into gorgonia.Value) (bool, error) {
	p := o.params[name]
	if o.rule.Average == nil || p == nil {
		return false, nil
	}
	v, err := p.like(into, "average")
	if err != nil {
		return false, errors.Wrap(err, o.name)
	}
	x := o.rule.Average(p.block64)
	copy(v.f64, x)
	for i := range min(len(v.f32), len(x)) {
		v.f32[i] = float32(x[i])
	}
	return x != nil, nil
}

// Averages reports whether the optimizer of the chain does.
func (o *Chain) Averages() bool { return IsAverager(o.Optimizer) }

// Average sets into to the average of a parameter by the chain's optimizer.
func (o *Chain) Average(name string, into gorgonia.Value) (bool, error) {
	ok, err := average(o.Optimizer, name, into)
	return ok, errors.Wrap(err, "chain")
}

// Averages reports whether one of the optimizers does.
func (o *Partition) Averages() bool {
	for _, g := range o.groups {
		if IsAverager(g.Optimizer) {
			return true
		}
	}
	return false
}

// Average sets into to the average of a parameter by its optimizer.
func (o *Partition) Average(name string, into gorgonia.Value) (bool, error) {
	g, err := o.group(name)
	if err != nil {
		return false, errors.Wrap(err, "partition")
	}
	ok, err := average(g.Optimizer, name, into)
	return ok, errors.Wrap(err, "partition")
}

var (
	_ Averager = (*Optimizer)(nil)
	_ Averager = (*Chain)(nil)
	_ Averager = (*Partition)(nil)
)

package optimizers

import (
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// SeparableSolver is a solver whose step of several parameters may be the same as a step of
// each of them alone, in any order. A training loop can then make each parameter's step
// as soon as its gradient is there, before those of the other layers are computed, and
// need not keep it. What is lost is that a step whose gradients are not all finite
// changes nothing.
type SeparableSolver interface {
	InformedSolver
	// Separable reports whether it is so: it can depend on the settings.
	Separable() bool
	// Bind returns the step of one parameter by this gradient, which adds the update to the
	// value of into, or to that of p if into is nil, and keeps its state where StepWith does.
	// It holds as long as these stay where they are in memory.
	Bind(p gorgonia.ValueGrad, gradient, into gorgonia.Value) (step func(StepInfo) error, err error)
}

// IsSeparable reports whether s steps each parameter by itself.
func IsSeparable(s gorgonia.Solver) bool {
	o, ok := s.(SeparableSolver)
	return ok && o.Separable()
}

// Separable reports whether all its optimizers are.
func (o *Partition) Separable() bool {
	for _, g := range o.groups {
		if !IsSeparable(g.Optimizer) {
			return false
		}
	}
	return true
}

// Bind returns the step of one parameter by its optimizer.
func (o *Partition) Bind(p gorgonia.ValueGrad, gradient, into gorgonia.Value) (func(StepInfo) error, error) {
	name, err := nameOf(p)
	if err != nil {
		return nil, errors.Wrap(err, "partition")
	}
	g, err := o.group(name)
	if err != nil {
		return nil, errors.Wrap(err, "partition")
	}
	s, ok := g.Optimizer.(SeparableSolver)
	if !ok {
		return nil, errors.Errorf("partition, pattern %s: the optimizer does not step each parameter by itself", g.Pattern)
	}
	step, err := s.Bind(p, gradient, into)
	if err != nil {
		return nil, errors.Wrapf(err, "partition, pattern %s", g.Pattern)
	}
	return func(info StepInfo) error {
		err := step(info)
		if err == nil {
			return nil
		}
		var bad *NonFiniteError
		if errors.As(err, &bad) { // which the partition finds itself where it steps all together
			return errors.Wrap(bad, "partition")
		}
		return errors.Wrapf(err, "partition, pattern %s", g.Pattern)
	}, nil
}

// NonFiniteError says which parameter's gradient is not finite. It is [ErrNonFinite].
type NonFiniteError struct {
	Parameter string
	What      string // such as "element 3 of 10 is NaN"
}

func (e *NonFiniteError) Error() string {
	return "parameter " + e.Parameter + ": " + e.What + ": " + ErrNonFinite.Error()
}

// Unwrap returns ErrNonFinite.
func (e *NonFiniteError) Unwrap() error { return ErrNonFinite }

var (
	_ SeparableSolver = (*Partition)(nil)
	_ SeparableSolver = (*Chain)(nil)
)

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
	BatchSolver
	// Separable tells whether it is so: it can depend on the settings.
	Separable() bool
	// Bind returns the step of one parameter, which updates its present value by this
	// gradient and keeps its state where StepBatch does. It holds as long as the two stay
	// where they are in memory.
	Bind(p gorgonia.ValueGrad, gradient gorgonia.Value) (step func(Batch) error, err error)
}

// IsSeparable tells whether s steps each parameter by itself.
func IsSeparable(s gorgonia.Solver) bool {
	o, ok := s.(SeparableSolver)
	return ok && o.Separable()
}

// Separable tells whether the rule is applied to each parameter by itself, with
// nothing but its gradient and the loss.
func (m *method) Separable() bool { return m.all == nil && m.needs&^NeedsLoss == 0 }

// Bind returns the step of one parameter.
func (m *method) Bind(vg gorgonia.ValueGrad, gradient gorgonia.Value) (func(Batch) error, error) {
	if !m.Separable() {
		return nil, errors.Errorf("%s does not step each parameter by itself", m.name)
	}
	var (
		p     *param
		w, g  view
		loads int
	)
	find := func() (err error) {
		m.visit++
		if p, err = m.find(vg); err == nil {
			w, loads = p.w, m.loads
			g, err = p.like(gradient, "gradient")
		}
		return errors.Wrap(err, m.name)
	}
	if err := find(); err != nil {
		return nil, err
	}
	return func(b Batch) error {
		if loads != m.loads {
			if err := find(); err != nil {
				return err
			}
		}
		p.w, p.g, p.to = w, g, w
		if err := m.check(p); err != nil {
			return errors.Wrap(err, m.name)
		}
		m.take(b)
		err := m.one(p)
		m.batch = Batch{}
		return errors.Wrap(err, m.name)
	}, nil
}

// Separable tells whether all its optimizers are.
func (o *Partition) Separable() bool {
	for _, g := range o.groups {
		if !IsSeparable(g.Optimizer) {
			return false
		}
	}
	return true
}

// Bind returns the step of one parameter by its optimizer.
func (o *Partition) Bind(p gorgonia.ValueGrad, gradient gorgonia.Value) (func(Batch) error, error) {
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
	step, err := s.Bind(p, gradient)
	if err != nil {
		return nil, errors.Wrapf(err, "partition, pattern %s", g.Pattern)
	}
	return func(b Batch) error {
		err := step(b)
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
	_ SeparableSolver = (*method)(nil)
	_ SeparableSolver = (*Partition)(nil)
)

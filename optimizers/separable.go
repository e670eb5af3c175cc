package optimizers

import "gorgonia.org/gorgonia"

// Separable is a solver whose step of several parameters may be the same as a step of
// each of them alone, in any order. A training loop can then make each parameter's step
// as soon as its gradient is there, before those of the other layers are computed, and
// need not keep it. What is lost is that a step whose gradients are not all finite
// changes nothing.
type Separable interface {
	BatchSolver
	// Separable tells whether it is so: it can depend on the settings.
	Separable() bool
}

// IsSeparable tells whether s steps each parameter by itself.
func IsSeparable(s gorgonia.Solver) bool {
	o, ok := s.(Separable)
	return ok && o.Separable()
}

// Separable tells whether the rule is applied to each parameter by itself, with
// nothing but its gradient and the loss.
func (m *method) Separable() bool { return m.all == nil && m.needs&^NeedsLoss == 0 }

// Separable tells whether all its optimizers are.
func (o *Partition) Separable() bool {
	for _, g := range o.groups {
		if !IsSeparable(g.Optimizer) {
			return false
		}
	}
	return true
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
	_ Separable = (*method)(nil)
	_ Separable = (*Partition)(nil)
)

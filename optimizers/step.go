package optimizers

import (
	"fmt"

	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// Step makes one step of any solver, with all that the training loop knows. An
// [InformedSolver] leaves the gradients as they are, others set them to zero.
func Step(s gorgonia.Solver, params []gorgonia.ValueGrad, info StepInfo) error {
	if isNil(s) {
		return errNoSolver
	}
	if s, ok := s.(InformedSolver); ok {
		return s.StepWith(params, info)
	}
	return s.Step(params)
}

// NeedsOf returns what s can't do without: nothing, unless it is an [InformedSolver].
func NeedsOf(s gorgonia.Solver) Needs {
	if i, ok := s.(InformedSolver); ok {
		return i.Needs()
	}
	return 0
}

// AsUpdater returns s if it is an [Updater], and otherwise one that finds out the update of s
// by having it step copies of the values.
func AsUpdater(s gorgonia.Solver) Updater {
	if u, ok := s.(Updater); ok {
		return u
	}
	return &plain{Solver: s, check: table{name: fmt.Sprintf("%T", s)}, copies: make(proxies)}
}

// plain makes an Updater of a solver that only steps.
type plain struct {
	gorgonia.Solver
	check  table
	copies proxies
	params []gorgonia.ValueGrad
}

func (o *plain) Needs() Needs { return NeedsOf(o.Solver) }

func (o *plain) StepWith(params []gorgonia.ValueGrad, info StepInfo) error {
	return Step(o.Solver, params, info)
}

// Update adds the difference that a step makes to copies of the values.
func (o *plain) Update(params []gorgonia.ValueGrad, info StepInfo, into []gorgonia.Value) error {
	if into == nil {
		return o.StepWith(params, info)
	}
	if o.Needs()&NeedsGradient != 0 {
		return errors.Errorf("%s takes second gradients, and can't tell its update without making it: it does not implement optimizers.Updater", o.check.name)
	}
	if err := o.check.begin(params, into); err != nil {
		return errors.Wrap(err, o.check.name)
	}
	o.params = o.params[:0]
	for _, vg := range params { // in the order in which they come: a solver may count them
		p := o.check.params[vg.(gorgonia.Namer).Name()]
		x := o.copies.of(p)
		if x.value == nil {
			x.value, x.copy = p.zeros()
		}
		p.w.copyTo(x.copy)
		o.params = append(o.params, x)
	}
	if err := Step(o.Solver, o.params, info); err != nil {
		return errors.Wrap(err, o.check.name)
	}
	for _, p := range o.check.active {
		moved := o.copies[p.name].copy
		p.w.addTo(moved, -1)
		moved.addTo(p.to, 1)
	}
	return nil
}

// stepAndClear is Step of gorgonia.Solver: an update of the parameters in place, after which
// all gradients are set to zero, as Gorgonia's own solvers do. A TapeMachine with
// gorgonia.BindDualValues adds each run's gradients to what is there. A step that fails
// leaves the gradients as they are.
func stepAndClear(o Updater, name string, params []gorgonia.ValueGrad) error {
	if n := o.Needs(); n != 0 {
		return errors.Wrapf(ErrNeedsMore, "%s needs %v: call StepWith", name, n)
	}
	if err := o.Update(params, StepInfo{}, nil); err != nil {
		return err
	}
	for _, vg := range params {
		if g, err := vg.Grad(); err != nil {
			return errors.Wrapf(err, "%s: gradient to set to zero", name)
		} else if !added(vg, g) {
			continue
		} else if v, err := viewOf(g); err != nil {
			return errors.Wrapf(err, "%s: gradient to set to zero", name)
		} else {
			v.zero()
		}
	}
	return nil
}

// added reports whether a machine may add the next gradient to g, the gradient of vg. It
// does not where the derivative's node itself has the value and is a constant, whose
// value all graphs of the process share, or an input, whose value is the program's.
func added(vg gorgonia.ValueGrad, g gorgonia.Value) bool {
	n, ok := vg.(*gorgonia.Node)
	if !ok || n.Deriv() == nil || n.Deriv().Value() != g {
		return true
	}
	op := n.Deriv().Op()
	_, constant := op.(gorgonia.Valuer)
	return op != nil && !constant
}

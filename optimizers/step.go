package optimizers

import (
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// stepAndClear is Step of gorgonia.Solver: an update of the parameters in place, after which
// all gradients are set to zero, as Gorgonia's own solvers do. A TapeMachine with
// gorgonia.BindDualValues adds each run's gradients to what is there. A step that fails
// leaves the gradients as they are.
func stepAndClear(o Updater, name string, params []gorgonia.ValueGrad) error {
	if n := o.Needs(); n != 0 {
		return errors.Wrapf(ErrNeedsBatch, "%s needs %v: call StepBatch", name, n)
	}
	if err := o.Update(params, Batch{}, nil); err != nil {
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

// added tells whether a machine may add the next gradient to g, the gradient of vg. It
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

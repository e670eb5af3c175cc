package optimizers

import (
	"strings"

	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// StepInfo is what a training loop knows of a step beyond the gradient of each parameter.
type StepInfo struct {
	Size int  // examples in the batch; 0 = unknown
	Full bool // the batch is the whole training set

	// Loss of the batch at the point where the gradients were taken.
	Loss float64

	// Gradient computes the loss and all gradients of the same batch again, at
	// the parameters' current values. The gradients replace the earlier ones.
	Gradient func() (loss float64, err error)

	// Curvature returns the diagonal Gauss-Newton approximation of the second
	// derivatives by the parameter of that name, in its shape and type; nil where
	// the loop has none.
	Curvature func(name string) gorgonia.Value

	// Layer returns, of each matrix product x·W of which the parameter of that name is the
	// factor W, the inputs x and the gradient of the loss by the product, both with a row for
	// each example of the batch; none where the parameter is no such factor.
	Layer func(name string) (inputs, outputGradients []gorgonia.Value)
}

// Needs is the set of what an optimizer cannot do without. Fields of StepInfo that
// are not in the set may be left empty.
type Needs uint

const (
	NeedsLoss Needs = 1 << iota
	NeedsGradient
	NeedsCurvature
	NeedsLayers
)

// String lists the set: "loss and curvature"; the empty set is "nothing".
func (n Needs) String() string {
	var parts []string
	for i, name := range []string{"the loss", "a second gradient", "curvature", "the inputs and output gradients of layers"} {
		if n&(1<<i) != 0 {
			parts = append(parts, name)
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " and ")
}

// InformedSolver is a Solver that can use more than gradients. If Needs is empty,
// Step works as well; otherwise Step returns [ErrNeedsMore]. StepWith leaves the gradients as
// they are.
type InformedSolver interface {
	gorgonia.Solver
	Needs() Needs
	StepWith(params []gorgonia.ValueGrad, b StepInfo) error
}

// Updater is a Solver that can tell its update without making it. Schedules and
// scaling by layer need that.
type Updater interface {
	InformedSolver
	// Update adds to into[i] what StepWith would add to the value of params[i],
	// and changes no value.
	Update(params []gorgonia.ValueGrad, b StepInfo, into []gorgonia.Value) error
}

// Preparer is a Solver that can look at all parameters before the first step:
// it checks them, as far as their gradients are not needed for it, and
// allocates its state. See [Prepare].
type Preparer interface {
	Prepare(params []gorgonia.ValueGrad) error
}

// Prepare lets s look at all parameters before the first step, if it can.
func Prepare(s gorgonia.Solver, params []gorgonia.ValueGrad) error {
	if isNil(s) {
		return errNoSolver
	}
	if p, ok := s.(Preparer); ok {
		return p.Prepare(params)
	}
	return nil
}

// Warner is a Solver that can warn of how it is used. A loop reads
// Warnings after a step or at the end; each warning is there once, and stays.
type Warner interface {
	Warnings() []string
}

var (
	// ErrNonFinite is the cause of the error of a step whose gradients hold a NaN
	// or an infinity (see [NonFiniteError]). Nothing was changed by it; of steps that were
	// bound one by one (see [SeparableSolver]), that holds for each.
	ErrNonFinite = errors.New("gradient is not finite")

	errNoSolver = errors.New("the solver is nil")

	// ErrNeedsMore is the cause of the error of a step that was not given what
	// the optimizer needs.
	ErrNeedsMore = errors.New("the training loop does not give what the optimizer needs")
)

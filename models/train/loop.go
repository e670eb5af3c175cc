package train

import (
	"context"
	"math"

	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Stream gives the batches of a run: each call fills row-major inputs x and targets t, of
// the network's batch size, in its element type. One that is a [Seeker] lets a run resume.
type Stream interface {
	Next32(x, t []float32) error
	Next64(x, t []float64) error
}

// Loop trains a network. Make it with [New].
type Loop struct {
	*Stepper
	Stream      Stream
	Steps       int // stop after this many
	Hooks       []Hook
	Checkpoints Checkpoints

	state State
	first float64 // loss
	from  int     // step to begin with, of a run that was restored
}

// State is what hooks see. Step counts the updates done so far.
type State struct {
	Step int
	Loss float64 // of the step's batch, at the parameters before the update
	// DenormalSteps is the number of updates, in this run of the loop, in which the
	// processor met a number below the smallest normal one, or computed one: see
	// "Denormals" in the description of the package. 0 where it can't tell.
	DenormalSteps int

	Network *models.Network
	Machine *vm.Machine
}

// Hook is called in each step that its schedule selects (nil: in all), with the
// number of updates before the step. Hooks read; they must not use the run's random
// numbers. An error ends the run.
type Hook struct {
	When Schedule
	// Observe asks for the machine's observers to be called in the step's run.
	Observe bool
	Before  func(*State) error // with the gradients, before the update
	// After is called after the update, which Step counts. There are no gradients any
	// more: what Node.Grad returns then may be of an earlier step.
	After func(*State) error
	// Memory, if not nil, is saved and restored with the run: see Loop.Save.
	Memory Memory
}

// Status is how a run ended. Of a run that diverged by its gradients the parameters mean
// nothing: some have made the last step, others not.
type Status string

const (
	Done        Status = "done"        // all steps done
	Diverged    Status = "diverged"    // see Result
	Interrupted Status = "interrupted" // the context ended; the last step is whole
)

// Result is the end of a run.
type Result struct {
	Status Status
	Steps  int     // updates done
	Loss   float64 // of the last batch
	// DenormalSteps is as in State. FlushedSteps is the same number if denormals were
	// flushed to zero, 0 if not.
	DenormalSteps, FlushedSteps int
	// Of a diverged run: why, and the first layer, from the input, whose values are not
	// finite or, if the loss is, whose parameters' gradients are not; "" where all are.
	Reason string
	Layer  string
}

// A loss above ExplodedFactor times the first loss, or times 1 if that was less,
// counts as exploded.
const ExplodedFactor = 1e4

// New makes the loop for a network built for training: see [NewStepper].
func New(n *models.Network, stream Stream, solver G.Solver, steps int) (*Loop, error) {
	s, err := NewStepper(n, solver)
	switch {
	case err != nil:
		return nil, err
	case stream == nil:
		return nil, errors.New("train: the stream of batches is nil")
	case steps < 0:
		return nil, errors.Errorf("train: %d steps: want 0 or more", steps)
	}
	return &Loop{Stepper: s, Stream: stream, Steps: steps}, nil
}

// errExploded ends a step whose loss says that the run has diverged.
var errExploded = errors.New("exploded")

// Run does the steps, or fewer if the run diverges or ctx ends. Errors are those of
// the stream, the machine, the solver or a hook.
func (l *Loop) Run(ctx context.Context) (Result, error) {
	switch {
	case ctx == nil:
		return Result{}, errors.New("train: the context is nil")
	case l.Stepper == nil || l.Stream == nil:
		return Result{}, errors.New("train: the loop has no stepper or no stream: make it with New")
	}
	if l.Checkpoints.Every > 0 {
		if l.Checkpoints.Save == nil {
			return Result{}, errors.New("train: checkpoints without a function that saves them")
		}
		if err := l.Resumable(); err != nil {
			return Result{}, err
		}
	}
	if l.from == 0 {
		l.state = State{Network: l.Network, Machine: l.Machine}
	}
	state := &l.state
	result, err := l.run(ctx, state)
	l.from = 0
	if err != nil {
		return Result{}, err
	}
	result.Steps, result.Loss, result.DenormalSteps = state.Step, state.Loss, state.DenormalSteps
	if flushes(l.FlushToZero, l.Network) {
		result.FlushedSteps = state.DenormalSteps
	}
	return result, nil
}

// run is Run without the numbers that state has at the end.
func (l *Loop) run(ctx context.Context, state *State) (Result, error) {
	var reason string
	check := func(loss float64) error {
		state.Loss = loss
		if state.Step == 0 {
			l.first = loss
		}
		if reason = exploded(loss, l.first); reason != "" {
			return errExploded
		}
		return nil
	}
	for step := l.from; step < l.Steps; step++ {
		if ctx.Err() != nil {
			if l.Checkpoints.Every > 0 && step > l.from {
				return Result{Status: Interrupted}, l.Checkpoints.Save(l)
			}
			return Result{Status: Interrupted}, nil
		}
		if err := l.feed(); err != nil {
			return Result{}, errors.Wrapf(err, "train: batch %d", step)
		}
		l.MetDenormals()
		var err error
		if watched, observed := l.watched(step); watched {
			err = l.watchedStep(state, check, observed)
		} else {
			err = l.Step(check)
		}
		switch {
		case errors.Is(err, errExploded):
			layer, err := l.firstBad()
			return Result{Status: Diverged, Reason: reason, Layer: layer}, err
		case errors.Is(err, optimizers.ErrNonFinite):
			return Result{Status: Diverged, Reason: err.Error(), Layer: l.layerOf(err)}, nil
		case err != nil:
			return Result{}, errors.Wrapf(err, "train: step %d", step)
		}
		state.Step = step + 1
		if l.MetDenormals() {
			state.DenormalSteps++
		}
		if err := l.call(step, state, true); err != nil {
			return Result{}, errors.Wrapf(err, "train: step %d", step)
		}
		if l.Checkpoints.Every > 0 && state.Step%l.Checkpoints.Every == 0 && state.Step < l.Steps {
			if err := l.Checkpoints.Save(l); err != nil {
				return Result{}, err
			}
		}
	}
	return Result{Status: Done}, nil
}

// Look runs the next batch with its gradients, as a step whose hooks look at it, and makes
// no update: the hooks of step 0 are called before what would be the update, and not after
// it. It returns the batch's loss.
func (l *Loop) Look(ctx context.Context) (loss float64, err error) {
	switch {
	case ctx == nil:
		return 0, errors.New("train: the context is nil")
	case l.Stepper == nil || l.Stream == nil:
		return 0, errors.New("train: the loop has no stepper or no stream: make it with New")
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	l.state = State{Network: l.Network, Machine: l.Machine}
	if err := l.feed(); err != nil {
		return 0, errors.Wrap(err, "train: batch 0")
	}
	_, observed := l.watched(0)
	if err := l.gradients(observed, func(v float64) error { l.state.Loss = v; return nil }); err != nil {
		return 0, errors.Wrap(err, "train")
	}
	return l.state.Loss, errors.Wrap(l.call(0, &l.state, false), "train")
}

// watched reports whether a hook looks at the gradients of a step, and whether one
// observes the run.
func (l *Loop) watched(step int) (watched, observed bool) {
	for i := range l.Hooks {
		if h := &l.Hooks[i]; (h.Observe || h.Before != nil) && h.When.selects(step) {
			watched, observed = true, observed || h.Observe
		}
	}
	return watched, observed
}

// watchedStep is a step with hooks before the update.
func (l *Loop) watchedStep(s *State, check func(float64) error, observed bool) error {
	if err := l.gradients(observed, check); err != nil {
		return err
	}
	if err := l.call(s.Step, s, false); err != nil {
		return err
	}
	return l.Update()
}

// feed fills the network's input and target.
func (l *Loop) feed() error {
	x, t := l.Network.Input.Value().(*tensor.Dense), l.Network.Target.Value().(*tensor.Dense)
	if x.Dtype() == tensor.Float32 {
		return l.Stream.Next32(x.Float32s(), t.Float32s())
	}
	return l.Stream.Next64(x.Float64s(), t.Float64s())
}

func (l *Loop) call(step int, s *State, after bool) error {
	for i := range l.Hooks {
		h := &l.Hooks[i]
		f := h.Before
		if after {
			f = h.After
		}
		if f != nil && h.When.selects(step) {
			if err := f(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func scalar(v G.Value) float64 {
	switch v := v.(type) {
	case *G.F32:
		return float64(*v)
	case *G.F64:
		return float64(*v)
	}
	return math.NaN()
}

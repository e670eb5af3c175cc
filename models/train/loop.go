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

// Stream gives the batches of a run: row-major inputs x and targets t of the
// network's batch size, in its element type.
type Stream interface {
	Next32(x, t []float32) error
	Next64(x, t []float64) error
}

// Loop trains a network. Make it with [New].
type Loop struct {
	Network *models.Network
	Machine *vm.Machine // computes the loss and the gradients
	Stream  Stream
	Solver  G.Solver
	Steps   int // stop after so many
	Hooks   []Hook
	// FullBatch says that each batch is the whole training set, for optimizers that are
	// made for that.
	FullBatch bool

	params []G.ValueGrad
	batch  optimizers.Batch
	second *vm.Machine // computes second gradients
}

// State is what hooks see. Step counts the updates done so far.
type State struct {
	Step    int
	Loss    float64 // of the step's batch, at the parameters before the update
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
	After   func(*State) error // after the update; Step counts it
}

// Status is how a run ended.
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
	// Of a diverged run: why, and the first layer, from the input, in which something
	// is not finite, or "" where all layers are.
	Reason string
	Layer  string
}

// A loss above ExplodedFactor times the first loss, or times 1 if that was less,
// counts as exploded.
const ExplodedFactor = 1e4

// New makes the loop for a network built for training, and has the solver look at the
// parameters (optimizers.Prepare). If the solver needs curvature, the machine computes
// that too, in the pass of [models.Network.Curvature]. New returns an error if the loop
// can't give what the solver needs.
func New(n *models.Network, stream Stream, solver G.Solver, steps int) (*Loop, error) {
	l := &Loop{Network: n, Stream: stream, Solver: solver, Steps: steps, params: G.NodesToValueGrads(n.Learnables)}
	l.batch = optimizers.Batch{Size: n.Shape.Batch, Gradient: l.gradient}
	if err := optimizers.Prepare(solver, l.params); err != nil {
		return nil, errors.Wrap(err, "train")
	}
	curvature, err := l.curvature()
	if err != nil {
		return nil, errors.Wrap(err, "train")
	}
	if l.Machine, err = n.TrainingMachine(curvature...); err != nil {
		return nil, errors.Wrap(err, "train")
	}
	l.second = l.Machine
	if len(curvature) > 0 { // which stays that of the first gradient
		if l.second, err = n.TrainingMachine(); err != nil {
			return nil, errors.Wrap(err, "train")
		}
	}
	return l, nil
}

// curvature returns the nodes that are computed for the solver besides the gradients.
func (l *Loop) curvature() (G.Nodes, error) {
	b, ok := l.Solver.(optimizers.BatchSolver)
	if !ok {
		return nil, nil
	}
	const known = optimizers.NeedsLoss | optimizers.NeedsGradient | optimizers.NeedsCurvature
	if missing := b.Needs() &^ known; missing != 0 {
		return nil, errors.Errorf("the optimizer needs %v, which training does not compute", missing)
	}
	if b.Needs()&optimizers.NeedsCurvature == 0 {
		return nil, nil
	}
	nodes, err := l.Network.Curvature()
	if err != nil {
		return nil, errors.Wrap(err, "the optimizer needs curvature")
	}
	of := make(map[string]*G.Node, len(nodes))
	for i, p := range l.Network.Learnables {
		of[p.Name()] = nodes[i]
	}
	l.batch.Curvature = func(name string) G.Value {
		if h := of[name]; h != nil {
			return h.Value()
		}
		return nil
	}
	return nodes, nil
}

// Run does the steps, or fewer if the run diverges or ctx ends. Errors are those of
// the stream, the machine, the solver or a hook.
func (l *Loop) Run(ctx context.Context) (Result, error) {
	state := State{Network: l.Network, Machine: l.Machine}
	var first float64
	for step := range l.Steps {
		if ctx.Err() != nil {
			return Result{Status: Interrupted, Steps: step, Loss: state.Loss}, nil
		}
		state.Step = step
		if err := l.feed(); err != nil {
			return Result{}, errors.Wrapf(err, "train: batch %d", step)
		}
		if err := l.run(step); err != nil {
			return Result{}, errors.Wrapf(err, "train: step %d", step)
		}
		state.Loss = scalar(l.Network.Loss.Value())
		if step == 0 {
			first = state.Loss
		}
		if reason := exploded(state.Loss, first); reason != "" {
			return l.diverged(step, state.Loss, reason)
		}
		if err := l.call(step, &state, false); err != nil {
			return Result{}, errors.Wrapf(err, "train: step %d", step)
		}
		if err := l.Network.AfterStep(); err != nil { // not for a gradient at another point
			return Result{}, errors.Wrapf(err, "train: step %d", step)
		}
		switch err := l.update(state.Loss); {
		case errors.Is(err, optimizers.ErrNonFinite):
			return l.diverged(step, state.Loss, err.Error())
		case err != nil:
			return Result{}, errors.Wrapf(err, "train: step %d", step)
		}
		state.Step = step + 1
		if err := l.call(step, &state, true); err != nil {
			return Result{}, errors.Wrapf(err, "train: step %d", step)
		}
	}
	return Result{Status: Done, Steps: l.Steps, Loss: state.Loss}, nil
}

// feed fills the network's input and target.
func (l *Loop) feed() error {
	x, t := l.Network.Input.Value().(*tensor.Dense), l.Network.Target.Value().(*tensor.Dense)
	if x.Dtype() == tensor.Float32 {
		return l.Stream.Next32(x.Float32s(), t.Float32s())
	}
	return l.Stream.Next64(x.Float64s(), t.Float64s())
}

func (l *Loop) run(step int) error {
	for i := range l.Hooks {
		if h := &l.Hooks[i]; h.Observe && h.When.selects(step) {
			return l.Machine.RunObserved()
		}
	}
	return l.Machine.RunAll()
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

func (l *Loop) update(loss float64) error {
	if b, ok := l.Solver.(optimizers.BatchSolver); ok {
		l.batch.Loss, l.batch.Full = loss, l.FullBatch
		return b.StepBatch(l.params, l.batch)
	}
	return l.Solver.Step(l.params)
}

// gradient computes loss and gradients of the same batch anew.
func (l *Loop) gradient() (float64, error) {
	if err := l.second.RunAll(); err != nil {
		return 0, err
	}
	return scalar(l.Network.Loss.Value()), nil
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

package train

import (
	"slices"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Stepper makes training steps on the batch that the network's input and target hold.
// There are two ways to make one. The first is to compute the loss and all gradients
// (Machine), which can then be looked at, and to have the solver update all parameters
// (Update). The second, Step, updates each parameter in the middle of the backward
// pass, as soon as its gradient is computed and its old value no longer needed: the
// gradient is in the processor's cache then, and never takes memory of its own. The
// results are the same to the bit. Solvers that look at several parameters together,
// and those that need more than gradients and the loss, go the first way in any case.
type Stepper struct {
	Network *models.Network
	Machine *vm.Machine // computes the loss and the gradients
	Solver  G.Solver    // not to be replaced
	// FullBatch says that each batch is the whole training set, for optimizers that are
	// made for that.
	FullBatch bool
	// FlushToZero has the steps of a float32 network take numbers below the smallest normal
	// one, 2^-126, for 0: see "Denormals" in the description of the package. NewStepper sets
	// it. Steps of a float64 network never flush, nor do those on a processor, or with
	// kernels, that cannot.
	FlushToZero bool

	params []G.ValueGrad
	info   optimizers.StepInfo
	second *vm.Machine // computes second gradients
	met    bool        // a denormal, since MetDenormals

	averages []average // of a solver whose result is at an average, where there is memory for it

	// Of steps with the updates in the backward pass; joined is nil if there are none.
	joined   *vm.Machine
	check    func(loss float64) error
	begun    bool  // the loss of this step has been looked at
	failed   error // of the first parameter, in their order, whose update failed
	failedAt int
}

// NewStepper makes the stepper for a network built for training, and has the solver
// look at the parameters (optimizers.Prepare). If the solver needs curvature, or the
// inputs and output gradients of layers, Machine computes these too: see
// [models.Network.Curvature] and [models.Network.Products]. NewStepper returns an
// error if it can't give what the solver needs.
func NewStepper(n *models.Network, solver G.Solver) (*Stepper, error) {
	switch {
	case n == nil:
		return nil, errors.New("train: the network is nil")
	case solver == nil:
		return nil, errors.New("train: the solver is nil")
	case n.Loss == nil || len(n.Learnables) == 0:
		return nil, errors.New("train: the network has no loss or no parameters: build it with models.Build, for training")
	}
	s := &Stepper{Network: n, Solver: solver, FlushToZero: true, params: G.NodesToValueGrads(n.Learnables)}
	s.info = optimizers.StepInfo{Size: n.Shape.Batch, Gradient: s.gradient}
	if err := optimizers.Prepare(solver, s.params); err != nil {
		return nil, errors.Wrap(err, "train")
	}
	more, err := s.needed()
	if err != nil {
		return nil, errors.Wrap(err, "train")
	}
	if s.Machine, err = n.TrainingMachine(more...); err != nil {
		return nil, errors.Wrap(err, "train")
	}
	s.second = s.Machine
	if len(more) > 0 { // which stay those of the first gradient
		if s.second, err = n.TrainingMachine(); err != nil {
			return nil, errors.Wrap(err, "train")
		}
	}
	if optimizers.IsSeparable(solver) {
		if s.joined, err = n.UpdatingMachine(s.Machine, s.bind); err != nil {
			return nil, errors.Wrap(err, "train")
		}
	}
	return s, nil
}

// needed returns the nodes that are computed for the solver besides the gradients.
func (s *Stepper) needed() (G.Nodes, error) {
	needs := optimizers.NeedsOf(s.Solver)
	const known = optimizers.NeedsLoss | optimizers.NeedsGradient | optimizers.NeedsCurvature | optimizers.NeedsLayers
	if missing := needs &^ known; missing != 0 {
		return nil, errors.Errorf("the optimizer needs %v, which training does not compute", missing)
	}
	var more G.Nodes
	if needs&optimizers.NeedsCurvature != 0 {
		nodes, err := s.Network.Curvature()
		if err != nil {
			return nil, errors.Wrap(err, "the optimizer needs curvature")
		}
		more = append(more, nodes...)
		s.offerCurvature(nodes)
	}
	if needs&optimizers.NeedsLayers != 0 {
		products, err := s.Network.Products()
		if err != nil {
			return nil, errors.Wrap(err, "the optimizer needs the products of layers")
		}
		for _, list := range products {
			for _, p := range list {
				for _, n := range []*G.Node{p.Input, p.Gradient} {
					if n.Op() != nil && !slices.Contains(more, n) { // others have a value already
						more = append(more, n)
					}
				}
			}
		}
		s.offerProducts(products)
	}
	return more, nil
}

// offerCurvature has the solver find the curvature of Learnables in these nodes.
func (s *Stepper) offerCurvature(nodes G.Nodes) {
	of := make(map[string]*G.Node, len(nodes))
	for i, p := range s.Network.Learnables {
		of[p.Name()] = nodes[i]
	}
	s.info.Curvature = func(name string) G.Value {
		if h := of[name]; h != nil {
			return h.Value()
		}
		return nil
	}
}

// offerProducts has the solver find the inputs and gradients of these products of Learnables.
func (s *Stepper) offerProducts(products [][]models.Product) {
	type values struct {
		products          []models.Product
		inputs, gradients []G.Value
	}
	of := make(map[string]*values, len(products))
	for i, p := range s.Network.Learnables {
		n := len(products[i])
		of[p.Name()] = &values{products[i], make([]G.Value, n), make([]G.Value, n)}
	}
	s.info.Layer = func(name string) (inputs, outputGradients []G.Value) {
		v := of[name]
		if v == nil {
			return nil, nil
		}
		for i, p := range v.products {
			v.inputs[i], v.gradients[i] = p.Input.Value(), p.Gradient.Value()
		}
		return v.inputs, v.gradients
	}
}

// Split has large matrix products divided over this many goroutines: see
// [vm.Machine.Split]. It makes no difference to results.
func (s *Stepper) Split(workers int) {
	for _, m := range []*vm.Machine{s.Machine, s.second, s.joined} {
		if m != nil {
			m.Split(workers)
		}
	}
}

// Loss is that of the last run, at the parameters before the update.
func (s *Stepper) Loss() float64 { return scalar(s.Network.Loss.Value()) }

// Step computes the gradients and makes the update. check, if not nil, is called with the
// loss before anything changes, and ends the step by an error. An error that is
// optimizers.ErrNonFinite leaves some parameters changed and others not, where the
// updates were part of the backward pass.
func (s *Stepper) Step(check func(loss float64) error) error {
	if s.joined == nil {
		if err := s.gradients(false, check); err != nil {
			return err
		}
		return s.Update()
	}
	s.check, s.begun, s.failed = check, false, nil
	err := s.arithmetic(func() error {
		if err := s.joined.RunAll(); err != nil {
			return err
		}
		return s.Network.AfterStep()
	})
	if err != nil {
		return err
	}
	return s.failed
}

// flushes reports whether the network's arithmetic flushes denormals to zero.
func flushes(on bool, n *models.Network) bool {
	return on && n.Parameters.DType() == tensor.Float32 && kernels.SupportsFlushToZero()
}

// arithmetic does a part of a step, flushing denormals or not, and notes whether it met
// some. The mode is that of the operating system's thread, and given back even if f panics.
func (s *Stepper) arithmetic(f func() error) error {
	mode := kernels.Enter(flushes(s.FlushToZero, s.Network))
	defer func() { s.met = mode.Leave() || s.met }()
	return f()
}

// MetDenormals reports whether the steps since its last call met a number below the
// smallest normal one, or computed one, flushed to zero or not.
func (s *Stepper) MetDenormals() bool {
	met := s.met
	s.met = false
	return met
}

// gradients computes loss and gradients, which stay until the next run, and checks the
// loss.
func (s *Stepper) gradients(observed bool, check func(loss float64) error) error {
	run := s.Machine.RunAll
	if observed {
		run = s.Machine.RunObserved
	}
	if err := s.arithmetic(run); err != nil {
		return err
	}
	if check == nil {
		return nil
	}
	return check(s.Loss())
}

// Update has the solver update all parameters by the gradients of Machine's last run.
func (s *Stepper) Update() error {
	return s.arithmetic(func() error {
		if err := s.Network.AfterStep(); err != nil { // not for a gradient at another point
			return err
		}
		return optimizers.Step(s.Solver, s.params, s.offer())
	})
}

// offer is what the solver is given besides the gradients.
func (s *Stepper) offer() optimizers.StepInfo {
	s.info.Loss, s.info.Full = s.Loss(), s.FullBatch
	return s.info
}

// bind returns the update of parameter i in the middle of the backward pass. A gradient
// that is not finite ends the step, but only when all gradients have been seen: the error
// then is that of the first parameter, as it is where all are updated together.
func (s *Stepper) bind(i int, gradient G.Value) (func() error, error) {
	step, err := s.Solver.(optimizers.SeparableSolver).Bind(s.params[i], gradient, nil)
	if err != nil {
		return nil, err
	}
	return func() error {
		if !s.begun {
			s.begun = true
			if s.offer(); s.check != nil {
				if err := s.check(s.info.Loss); err != nil {
					return err
				}
			}
		}
		err := step(s.info)
		if err != nil && !errors.Is(err, optimizers.ErrNonFinite) {
			return err
		}
		if err != nil && (s.failed == nil || i < s.failedAt) {
			s.failed, s.failedAt = err, i
		}
		return nil
	}, nil
}

// gradient computes loss and gradients of the same batch anew.
func (s *Stepper) gradient() (float64, error) {
	if err := s.second.RunAll(); err != nil {
		return 0, err
	}
	return s.Loss(), nil
}

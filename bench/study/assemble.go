package study

import (
	"context"
	"fmt"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/jacobian"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/keep"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/normalization"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// evaluationBatch is the number of examples that are evaluated together.
const evaluationBatch = 256

// startExamples is the least number of examples that data-dependent starts see.
const startExamples = 256

// Assembly has the parts of one run, made from its configuration. [Assemble] chooses them;
// what takes memory or time is made by the methods, each thing once: a network to be looked
// at costs no training program. An Assembly belongs to one goroutine.
type Assembly struct {
	Config     Config
	Task       tasks.Task
	Activation activations.Activation
	Model      models.Model // with the terms that Keep adds to the loss
	Solver     gorgonia.Solver
	Keep       keep.Keep
	// Parameters of all networks, first values at first: those of the seed, and from data
	// once Start has been called.
	Parameters *models.Parameters

	start    []models.Start
	started  bool
	training *models.Network
	loop     *train.Loop
	probe    *probe.Probe
}

// Assemble makes the parts of a run from the catalogues.
func Assemble(c Config) (*Assembly, error) { return catalogues().assemble(c) }

// Assemble makes the parts of one of the study's runs.
func (s *Spec) Assemble(c Config) (*Assembly, error) { return s.catalogues().assemble(c) }

func (s *parts) assemble(c Config) (*Assembly, error) {
	a := &Assembly{Config: c}
	dtype, err := dtypeOf(c)
	if err != nil {
		return nil, err
	}
	if a.Task, err = s.tasks.Make(c.Task); err != nil {
		return nil, err
	}
	if f, ok := a.Task.(tasks.Folded); ok {
		if a.Task, err = f.Fold(c.Seed); err != nil {
			return nil, err
		}
	}
	if a.Activation, err = s.activation(c); err != nil {
		return nil, err
	}
	if a.Model, err = s.model(c); err != nil {
		return nil, err
	}
	if a.Keep, err = s.keep(c); err != nil {
		return nil, err
	}
	a.Model = a.Keep.Model(a.Model)
	if c.Optimizer.Name != "" { // a network that is only looked at has none
		if a.Solver, err = s.optimizers.Make(c.Optimizer); err != nil {
			return nil, err
		}
	}
	a.Parameters, err = models.NewParameters(dtype, c.Seed)
	return a, err
}

func dtypeOf(c Config) (tensor.Dtype, error) {
	switch c.DType {
	case "float32":
		return tensor.Float32, nil
	case "float64":
		return tensor.Float64, nil
	}
	return tensor.Dtype{}, errors.Errorf("dtype %q: want float32 or float64", c.DType)
}

// model returns the model of a configuration.
func (s *parts) model(c Config) (models.Model, error) {
	architecture, err := s.models.Make(c.Model)
	if err != nil {
		return nil, err
	}
	plan := models.Plan{Depth: c.Depth, Width: c.Width}
	if plan.Widths, err = widthsOf(c); err != nil {
		return nil, err
	}
	if plan.Activation, err = s.activation(c); err != nil {
		return nil, err
	}
	if plan.Initializer, err = s.initializers.Make(c.Initializer); err != nil {
		return nil, err
	}
	if plan.Normalization, err = s.normalizations.Make(c.Normalization); err != nil {
		return nil, err
	}
	if plan.Normalization, err = s.fit(plan.Normalization, plan.Activation, c); err != nil {
		return nil, err
	}
	return plan.Model(architecture)
}

// fit returns a normalisation as it is in a configuration's network.
func (s *parts) fit(n normalization.Normalization, f activations.Activation, c Config) (normalization.Normalization, error) {
	if _, ok := n.(normalization.Adaptable); !ok {
		return n, nil
	}
	key := fmt.Sprint(c.Normalization, " ", c.Activation, " ", c.Depth, " ", c.Width)
	if known, ok := s.fitted.Load(key); ok {
		return known.(normalization.Normalization), nil
	}
	fitted, err := normalization.For(n, normalization.Network{Activation: f, Depth: c.Depth})
	if err == nil {
		s.fitted.Store(key, fitted)
	}
	return fitted, err
}

// widthsOf returns the widths by layer of a configuration, of which most have none.
func widthsOf(c Config) (models.Widths, error) {
	if c.Widths == "" {
		return models.Widths{}, nil
	}
	return models.ParseWidths(c.Widths)
}

// shapeOf returns what a network for a task must fit.
func shapeOf(t tasks.Task, batch int) models.Shape {
	s := models.Shape{Inputs: t.Inputs(), Outputs: t.Outputs(), Batch: batch, Loss: t.Loss()}
	if sequence, ok := t.(tasks.Sequence); ok {
		s.Steps, s.TargetSteps = sequence.Steps(), sequence.TargetSteps()
	}
	return s
}

// Shape is what a network must fit that takes a batch of this many examples.
func (a *Assembly) Shape(batch int) models.Shape { return shapeOf(a.Task, batch) }

// Network builds the network for evaluation, of the run's batch size, with the parameters
// as they are.
func (a *Assembly) Network() (*models.Network, error) {
	n, err := models.Build(a.Model, a.Shape(a.Config.Batch), a.Parameters, false)
	return n, errors.Wrap(err, "network")
}

// Start gives the parameters their data-dependent starts, on the first examples of the
// training set in the run's order: a batch, or more if that is too few for statistics or
// for a center for each unit. It returns what was done.
func (a *Assembly) Start() ([]models.Start, error) {
	if a.started {
		return a.start, nil
	}
	rows := max(a.Config.Batch, a.Config.Width, startExamples)
	mode := kernels.Enter(a.Config.FlushToZero)
	defer mode.Leave()
	var err error
	if a.start, err = models.Prepare(a.Model, a.Shape(rows), a.Parameters, a.Task.Train().Batches(a.Config.Seed, rows)); err != nil {
		return nil, err
	}
	a.started = true
	return a.start, nil
}

// Training builds the network for training, with its start.
func (a *Assembly) Training() (*models.Network, error) {
	if a.training != nil {
		return a.training, nil
	}
	if _, err := a.Start(); err != nil {
		return nil, err
	}
	var err error
	a.training, err = models.Build(a.Model, a.Shape(a.Config.Batch), a.Parameters, true)
	return a.training, err
}

// Loop compiles the training loop, with the probe's hook if the configuration asks for one.
func (a *Assembly) Loop() (*train.Loop, error) {
	if a.loop != nil {
		return a.loop, nil
	}
	network, err := a.Training()
	if err != nil {
		return nil, err
	}
	c := a.Config
	if a.Solver == nil {
		return nil, errors.New("the configuration has no optimizer to train with")
	}
	loop, err := train.New(network, a.Task.Train().Batches(c.Seed, c.Batch), a.Solver, c.Steps)
	if err != nil {
		return nil, err
	}
	loop.FlushToZero = c.FlushToZero
	if s, ok := a.Task.Train().(interface{ Len() int }); ok {
		loop.FullBatch = s.Len() == c.Batch
	}
	if err := a.Keep.Attach(loop); err != nil {
		return nil, err
	}
	if c.Probe > 0 {
		if err := a.addProbe(loop); err != nil {
			return nil, err
		}
	}
	a.loop = loop
	return loop, nil
}

// Probe is what measures the layers; nil before Loop, and if the configuration asks for
// no measurements.
func (a *Assembly) Probe() *probe.Probe { return a.probe }

// addProbe measures at log-spaced steps and in the last.
func (a *Assembly) addProbe(loop *train.Loop) error {
	spaced, last := train.LogSpaced(a.Config.Probe), a.Config.Steps-1
	when := func(step int) bool { return spaced(step) || step == last }
	samples := 0
	for step := range a.Config.Steps {
		if when(step) {
			samples++
		}
	}
	saturation := map[string][]activations.Interval{models.RBFFunction: models.RBFSaturation()}
	if f, ok := a.Activation.(activations.Scalar); ok {
		saturation[f.Name()] = activations.Saturation(f)
	}
	var err error
	var request []probe.Quantity
	for _, name := range a.Config.Quantities {
		request = append(request, probe.Quantity(name))
	}
	if a.probe, err = probe.New(loop.Network, loop.Machine, saturation, samples, request...); err != nil {
		return err
	}
	if a.probe.Measures(probe.Spectra) {
		if err := a.addSpectra(); err != nil {
			return err
		}
	}
	loop.Hooks = append(loop.Hooks, a.probe.Hook(when))
	return nil
}

// partialVectors are the random vectors of a partial Jacobian norm: with the units and examples
// that each of them sums over, a few give it to a percent.
const partialVectors = 4

// addSpectra gives the probe what measures the Jacobians: networks in float64 with the
// parameters as they are, and the batch that the run begins with.
func (a *Assembly) addSpectra() error {
	shape := a.Shape(a.Config.Batch)
	x, t := make([]float64, shape.Batch*shape.Inputs), make([]float64, shape.Batch*shape.Outputs)
	if err := a.Task.Train().Batches(a.Config.Seed, shape.Batch).Next64(x, t); err != nil {
		return errors.Wrap(err, "the Jacobian's examples")
	}
	coupled := len(a.Parameters.Statistics()) > 0 // of the batch, in training
	a.probe.SetSpectra(func() ([]probe.Spectrum, error) {
		parameters := a.Parameters.Float64()
		list := make([]probe.Spectrum, len(a.probe.Layers))
		at := map[string]*probe.Spectrum{}
		for i, name := range a.probe.Layers {
			list[i] = probe.UnknownSpectrum()
			at[name] = &list[i]
		}
		if !coupled {
			layers, err := jacobian.Layers(context.Background(), func(batch int) (*models.Network, error) {
				return models.Build(a.Model, a.Shape(batch), parameters, false)
			}, x[:shape.Inputs])
			if errors.Is(err, jacobian.ErrNoChain) {
				return list, nil
			}
			if err != nil {
				return nil, err
			}
			for _, l := range layers {
				if s := at[l.Name]; s != nil {
					s.Largest, s.Median, s.Smallest = float64(l.Max), float64(l.Median), float64(l.Min)
					s.MeanSquare, s.RelativeVariance = float64(l.MeanSquare), float64(l.RelativeVariance)
				}
			}
		}
		n, err := models.Build(a.Model, shape, parameters, true)
		if err != nil {
			return nil, err
		}
		norms, err := jacobian.Partial(n, x, partialVectors)
		if err != nil && !errors.Is(err, jacobian.ErrNoChain) {
			return nil, err
		}
		for _, l := range norms {
			if s := at[l.Name]; s != nil {
				s.Partial = float64(l.Log10)
			}
		}
		return list, nil
	})
	return nil
}

// Evaluator compiles the evaluation of a set of examples, with the parameters as they are
// when it is used.
func (a *Assembly) Evaluator(s *tasks.Set) (*train.Evaluator, error) {
	network, err := models.Build(a.Model, a.Shape(min(evaluationBatch, s.Len())), a.Parameters, false)
	if err != nil {
		return nil, err
	}
	var e *train.Evaluator
	if a.Parameters.DType() == tensor.Float64 {
		e, err = train.NewEvaluator(network, s.X64(), s.T64())
	} else {
		e, err = train.NewEvaluator(network, s.X32(), s.T32())
	}
	if err != nil {
		return nil, err
	}
	e.FlushToZero = a.Config.FlushToZero
	return e, nil
}

// activation returns the activation of a configuration, fitted to its network.
func (s *parts) activation(c Config) (activations.Activation, error) {
	f, err := s.activations.Make(c.Activation)
	if err != nil {
		return nil, err
	}
	if _, ok := f.(activations.Adaptable); !ok {
		return f, nil
	}
	net := activations.Network{Depth: c.Depth, Width: c.Width}
	architecture, err := s.models.Make(c.Model)
	if err != nil {
		return nil, err
	}
	norm, err := s.normalizations.Make(c.Normalization)
	if err != nil {
		return nil, err
	}
	for _, part := range []any{architecture, norm} {
		if u, ok := part.(activations.Unshaping); ok && net.Unshapes == "" {
			net.Unshapes = u.Unshapes()
		}
	}
	return activations.For(f, net)
}

package study

import (
	"context"
	"maps"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/floats"
	"gorgonia.org/tensor"
)

// evaluationBatch is the number of examples that are evaluated together.
const evaluationBatch = 256

// startExamples is the least number of examples that data-dependent starts see.
const startExamples = 256

// Execute does one run and returns its record, or nil if ctx ended before it was
// complete. progress, if not nil, is called now and then with the number of updates
// done since the last call.
func Execute(ctx context.Context, c Config, progress func(updates int)) (*record.Record, error) {
	return executeOn(ctx, c, 1, progress)
}

// executeOn is Execute with large products divided over so many workers.
func executeOn(ctx context.Context, c Config, workers int, progress func(updates int)) (*record.Record, error) {
	begin := time.Now()
	// Flushing and the count of denormals are the thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer kernels.FlushToZero(kernels.FlushToZero(c.FlushToZero))
	e := &execution{config: c, progress: progress}
	if err := e.prepare(); err != nil {
		return nil, errors.Wrapf(err, "run %s", c.Hash())
	}
	e.loop.Split(workers)
	result, err := e.train(ctx)
	if err != nil {
		return nil, errors.Wrapf(err, "run %s", c.Hash())
	}
	if result.Status == train.Interrupted {
		return nil, nil
	}
	r, err := e.record(result)
	if err != nil {
		return nil, errors.Wrapf(err, "run %s", c.Hash())
	}
	r.Timing.Seconds = time.Since(begin).Seconds()
	return r, nil
}

// execution is a run in progress.
type execution struct {
	config   Config
	progress func(int)

	task       tasks.Task
	activation activations.Activation
	model      models.Model
	start      []models.Start
	parameters *models.Parameters
	loop       *train.Loop
	probe      *probe.Probe
	validation *train.Evaluator

	metrics  []record.Metric
	learned  []record.Learned
	losses   float64 // sum over the batches since the last evaluation
	batches  int
	reported int // updates told to progress
	denormal int // updates that met denormal numbers
}

func (e *execution) prepare() error {
	c := e.config
	var err error
	if e.task, err = tasks.Catalogue.Make(c.Task); err != nil {
		return err
	}
	if e.activation, err = activations.Catalogue.Make(c.Activation); err != nil {
		return err
	}
	if e.model, err = newModel(c); err != nil {
		return err
	}
	solver, err := optimizers.Catalogue.Make(c.Optimizer)
	if err != nil {
		return err
	}
	dtype := tensor.Float32
	if c.DType == "float64" {
		dtype = tensor.Float64
	}
	if e.parameters, err = models.NewParameters(dtype, c.Seed); err != nil {
		return err
	}
	if err := e.startFromData(); err != nil {
		return err
	}
	network, err := models.Build(e.model, e.shape(c.Batch), e.parameters, true)
	if err != nil {
		return err
	}
	stream := e.task.Train().Batches(c.Seed, c.Batch)
	if e.loop, err = train.New(network, stream, solver, c.Steps); err != nil {
		return err
	}
	if s, ok := e.task.Train().(interface{ Len() int }); ok {
		e.loop.FullBatch = s.Len() == c.Batch
	}
	if e.validation, err = e.evaluator(e.task.Validation()); err != nil {
		return err
	}
	e.loop.Hooks = append(e.loop.Hooks, train.Hook{After: e.afterUpdate})
	if c.Probe > 0 {
		return e.addProbe(network)
	}
	return nil
}

// newModel returns the model of a configuration.
func newModel(c Config) (models.Model, error) {
	architecture, err := models.Catalogue.Make(c.Model)
	if err != nil {
		return nil, err
	}
	plan := models.Plan{Depth: c.Depth, Width: c.Width}
	if plan.Activation, err = activations.Catalogue.Make(c.Activation); err != nil {
		return nil, err
	}
	if plan.Initializer, err = initializers.Catalogue.Make(c.Initializer); err != nil {
		return nil, err
	}
	if plan.Normalization, err = normalization.Catalogue.Make(c.Normalization); err != nil {
		return nil, err
	}
	return architecture.Model(plan)
}

// startFromData gives the parameters their data-dependent starts, on the first examples
// of the training set in the run's order: a batch, or more if that is too few for
// statistics or for a center for each unit.
func (e *execution) startFromData() (err error) {
	c := e.config
	rows := max(c.Batch, c.Width, startExamples)
	e.start, err = models.Prepare(e.model, e.shape(rows), e.parameters, e.task.Train().Batches(c.Seed, rows))
	return err
}

func (e *execution) shape(batch int) models.Shape {
	return shapeOf(e.task, batch)
}

// shapeOf returns what a network for a task must fit.
func shapeOf(t tasks.Task, batch int) models.Shape {
	s := models.Shape{Inputs: t.Inputs(), Outputs: t.Outputs(), Batch: batch, Loss: models.Loss(t.Loss())}
	if sequence, ok := t.(tasks.Sequence); ok {
		s.Steps, s.TargetSteps = sequence.Steps(), sequence.TargetSteps()
	}
	return s
}

// addProbe measures at log-spaced steps and in the last.
func (e *execution) addProbe(n *models.Network) error {
	spaced, last := train.LogSpaced(e.config.Probe), e.config.Steps-1
	when := func(step int) bool { return spaced(step) || step == last }
	samples := 0
	for step := range e.config.Steps {
		if when(step) {
			samples++
		}
	}
	saturation := map[string][]activations.Interval{models.RBFFunction: models.RBFSaturation()}
	if f, ok := e.activation.(activations.Scalar); ok {
		saturation[e.activation.Name()] = activations.Saturation(f)
	}
	var err error
	if e.probe, err = probe.New(n, e.loop.Machine, saturation, samples); err != nil {
		return err
	}
	e.loop.Hooks = append(e.loop.Hooks, e.probe.Hook(when))
	return nil
}

// evaluator makes the evaluator of a set, on a graph that shares the parameters.
func (e *execution) evaluator(s *tasks.Set) (*train.Evaluator, error) {
	network, err := models.Build(e.model, e.shape(min(evaluationBatch, s.Len())), e.parameters, false)
	if err != nil {
		return nil, err
	}
	if e.config.DType == "float64" {
		return train.NewEvaluator(network, s.X64(), s.T64())
	}
	return train.NewEvaluator(network, s.X32(), s.T32())
}

func (e *execution) train(ctx context.Context) (train.Result, error) {
	if err := e.score(0, record.Number(math.NaN())); err != nil {
		return train.Result{}, err
	}
	kernels.MetDenormals()
	return e.loop.Run(ctx)
}

// afterUpdate counts what the update met, and evaluates now and then.
func (e *execution) afterUpdate(s *train.State) error {
	if kernels.MetDenormals() {
		e.denormal++
	}
	defer kernels.MetDenormals() // what the evaluation meets does not count
	e.losses += s.Loss
	e.batches++
	c := e.config
	if s.Step%c.Evaluate != 0 && s.Step != c.Steps {
		return nil
	}
	mean := record.Number(e.losses / float64(e.batches))
	e.losses, e.batches = 0, 0
	if e.progress != nil {
		e.progress(s.Step - e.reported)
		e.reported = s.Step
	}
	return e.score(s.Step, mean)
}

func (e *execution) score(step int, trainLoss record.Number) error {
	s, err := e.validation.Score()
	if err != nil {
		return err
	}
	e.metrics = append(e.metrics, record.Metric{Step: step, TrainLoss: trainLoss,
		ValidationLoss: record.Number(s.Loss), ValidationAccuracy: record.Number(s.Accuracy)})
	e.readLearned(step)
	return nil
}

// readLearned notes what the layers' activations have learned.
func (e *execution) readLearned(step int) {
	for _, l := range e.loop.Network.Layers {
		all := l.ParameterValues()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			x := all[name]
			e.learned = append(e.learned, record.Learned{Step: step, Layer: l.Name, Parameter: name,
				Mean: record.Number(floats.Sum(x) / float64(len(x))), Min: record.Number(slices.Min(x)), Max: record.Number(slices.Max(x))})
		}
	}
}

// record puts the record together.
func (e *execution) record(result train.Result) (*record.Record, error) {
	c := e.config
	if e.progress != nil { // of a diverged run, what is not to be done
		e.progress(c.Steps - e.reported)
	}
	r := &record.Record{Hash: c.Hash(), Config: c, Metrics: e.metrics, Learned: e.learned}
	s := &r.Summary
	*s = record.Summary{
		Status: result.Status, Steps: result.Steps, Reason: result.Reason, Layer: result.Layer,
		Final: e.metrics[len(e.metrics)-1], Target: record.Number(c.Target),
		Parameters: e.parameters.Count(), Start: e.start, LayerColumns: record.LayerColumns, Environment: record.Here(),
	}
	nan := record.Number(math.NaN())
	s.DenormalSteps = nan
	if kernels.SupportsFlushToZero() {
		s.DenormalSteps = record.Number(e.denormal)
	}
	s.Best, s.StepsToTarget, s.TestLoss, s.TestAccuracy, s.DecadesFirst, s.DecadesLast = nan, nan, nan, nan, nan, nan
	for _, m := range e.metrics {
		score := e.scoreOf(m)
		if s.Best.IsNaN() || e.better(score, s.Best) {
			s.Best = score
		}
		if s.StepsToTarget.IsNaN() && !score.IsNaN() && (score == s.Target || e.better(score, s.Target)) {
			s.StepsToTarget = record.Number(m.Step)
		}
	}
	if result.Status == train.Done {
		test, err := e.evaluator(e.task.Test())
		if err != nil {
			return nil, err
		}
		score, err := test.Score()
		if err != nil {
			return nil, err
		}
		s.TestLoss, s.TestAccuracy = record.Number(score.Loss), record.Number(score.Accuracy)
	}
	if w, ok := e.loop.Solver.(optimizers.Warner); ok {
		s.Warnings = w.Warnings()
	}
	for _, l := range e.loop.Network.Layers {
		s.LayerNames = append(s.LayerNames, l.Name)
	}
	if e.probe != nil && len(e.probe.Samples) > 0 {
		samples := e.probe.Samples
		s.DecadesFirst = record.Number(samples[0].Decades(probe.PreActivationGradient))
		s.DecadesLast = record.Number(samples[len(samples)-1].Decades(probe.PreActivationGradient))
		r.Layers = table(samples)
	}
	return r, nil
}

func (e *execution) scoreOf(m record.Metric) record.Number {
	if e.task.Loss().HigherIsBetter() {
		return m.ValidationAccuracy
	}
	return m.ValidationLoss
}

func (e *execution) better(a, b record.Number) bool {
	if e.task.Loss().HigherIsBetter() {
		return a > b
	}
	return a < b
}

// table flattens the probe's samples.
func table(samples []probe.Sample) *record.LayerTable {
	t := &record.LayerTable{}
	for _, s := range samples {
		for i, quantities := range s.Layers {
			t.Rows = append(t.Rows, append([]float64{float64(s.Step), float64(i)}, quantities[:]...))
		}
	}
	return t
}

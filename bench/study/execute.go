package study

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/floats"
)

// Execute does one run and returns its record, or nil if ctx ended before it was
// complete. progress, if not nil, is called now and then with the number of updates
// done since the last call.
func Execute(ctx context.Context, c Config, progress func(updates int)) (*record.Record, error) {
	return catalogues().execute(ctx, c, 1, nil, Watch{Updated: progress})
}

// Execute does one run of the study: see the function [Execute].
func (s *Spec) Execute(ctx context.Context, c Config, progress func(updates int)) (*record.Record, error) {
	return s.catalogues().execute(ctx, c, 1, nil, Watch{Updated: progress})
}

// execute is Execute with large products divided over this many workers, checkpoints, and a watch.
func (s *parts) execute(ctx context.Context, c Config, workers int, keep *checkpoints, w Watch) (*record.Record, error) {
	begin := time.Now()
	e := &execution{watch: w}
	var err error
	if e.Assembly, err = s.assemble(c); err == nil {
		err = e.prepare()
	}
	if err != nil {
		return nil, errors.Wrapf(err, "run %s", c.Hash())
	}
	e.loop.Split(workers)
	result, err := e.train(ctx, keep)
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
	if probe := e.Probe(); probe != nil && len(probe.Samples) > 0 {
		r.Summary.ZeroGradient = s.zeroGradient(c, probe.Layers, &probe.Samples[0])
	}
	r.Timing.Seconds = time.Since(begin).Seconds()
	return r, nil
}

// Look runs the first batch of a configuration's run with its gradients, and returns a record
// of that alone: its layers as the probes see them, and why a gradient is 0 if one is. It
// makes no update and evaluates nothing, so that there are no scores. Of the configuration,
// Steps, Evaluate and Probe are not used.
func Look(ctx context.Context, c Config) (*record.Record, error) {
	c.Steps, c.Evaluate, c.Probe = 1, 1, 1
	p := catalogues()
	a, err := p.assemble(c)
	if err != nil {
		return nil, errors.Wrapf(err, "run %s", c.Hash())
	}
	loop, err := a.Loop()
	if err != nil {
		return nil, errors.Wrapf(err, "run %s", c.Hash())
	}
	if _, err := loop.Look(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errors.Wrapf(err, "run %s", c.Hash())
	}
	probe := a.Probe()
	probe.Look()
	r := &record.Record{Hash: c.Hash(), Config: c, Layers: table(probe)}
	r.Summary = record.Summary{Status: train.Done, LayerNames: probe.Layers, Start: a.start, Parameters: a.Parameters.Count(), Environment: record.Here()}
	r.Summary.ZeroGradient = p.zeroGradient(c, probe.Layers, &probe.Samples[0])
	return r, nil
}

// execution is a run in progress.
type execution struct {
	*Assembly
	watch      Watch
	loop       *train.Loop
	validation *train.Evaluator

	metrics  []record.Metric
	learned  []record.Learned
	losses   float64 // sum over the batches since the last evaluation
	batches  int
	reported int // updates told to the watch
	probed   int // samples told to it
}

func (e *execution) prepare() error {
	var err error
	if e.loop, err = e.Loop(); err != nil {
		return err
	}
	if e.validation, err = e.Evaluator(e.Task.Validation()); err != nil {
		return err
	}
	e.loop.Hooks = append(e.loop.Hooks, train.Hook{After: e.afterUpdate, Memory: e})
	return nil
}

func (e *execution) train(ctx context.Context, keep *checkpoints) (train.Result, error) {
	if keep != nil {
		e.loop.Checkpoints = train.Checkpoints{Every: keep.every, Save: keep.save}
		restored, err := keep.restore(e.loop)
		if err != nil {
			return train.Result{}, err
		}
		if restored {
			return e.loop.Run(ctx)
		}
	}
	if err := e.score(0, record.Number(math.NaN())); err != nil {
		return train.Result{}, err
	}
	return e.loop.Run(ctx)
}

// afterUpdate evaluates now and then.
func (e *execution) afterUpdate(s *train.State) error {
	e.losses += s.Loss
	e.batches++
	e.tell()
	c := e.Config
	if s.Step%c.Evaluate != 0 && s.Step != c.Steps {
		return nil
	}
	mean := record.Number(e.losses / float64(e.batches))
	e.losses, e.batches = 0, 0
	if e.watch.Updated != nil {
		e.watch.Updated(s.Step - e.reported)
		e.reported = s.Step
	}
	return e.score(s.Step, mean)
}

func (e *execution) score(step int, trainLoss record.Number) error {
	return e.loop.AtAverage(func() error {
		s, err := e.validation.Score()
		if err != nil {
			return err
		}
		e.metrics = append(e.metrics, record.Metric{Step: step, TrainLoss: trainLoss,
			ValidationLoss: record.Number(s.Loss), ValidationAccuracy: record.Number(s.Accuracy)})
		if e.watch.Scored != nil {
			e.watch.Scored(e.metrics[len(e.metrics)-1])
		}
		e.readLearned(step)
		return nil
	})
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
	c := e.Config
	if e.watch.Updated != nil { // of a diverged run, what is not to be done
		e.watch.Updated(c.Steps - e.reported)
	}
	r := &record.Record{Hash: c.Hash(), Config: c, Metrics: e.metrics, Learned: e.learned}
	s := &r.Summary
	*s = record.Summary{
		Status: result.Status, Steps: result.Steps, Reason: result.Reason, Layer: result.Layer,
		Final: e.metrics[len(e.metrics)-1], Target: record.Number(c.Target),
		Parameters: e.Parameters.Count(), Start: e.start, LayerColumns: record.LayerColumns, Environment: record.Here(),
	}
	nan := record.Number(math.NaN())
	s.DenormalSteps, s.FlushedSteps = nan, nan
	if kernels.SupportsFlushToZero() {
		s.DenormalSteps, s.FlushedSteps = record.Number(result.DenormalSteps), record.Number(result.FlushedSteps)
	}
	s.Chance, s.Judged = e.Task.Chance(), e.Task.Test().Len()
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
		test, err := e.Evaluator(e.Task.Test())
		if err != nil {
			return nil, err
		}
		score, err := e.loop.Score(test)
		if err != nil {
			return nil, err
		}
		s.TestLoss, s.TestAccuracy = record.Number(score.Loss), record.Number(score.Accuracy)
	}
	if w, ok := e.loop.Solver.(optimizers.Warner); ok {
		s.Warnings = w.Warnings()
	}
	s.Warnings = append(s.Warnings, activations.Warnings(e.Activation, e.Parameters.DType())...)
	if tasks.Monitored(e.Task) {
		s.Warnings = append(s.Warnings, "there is no validation part: scores called validation, and the steps to the target, are of the training part; the test part judges")
	}
	for _, l := range e.loop.Network.Layers {
		s.LayerNames = append(s.LayerNames, l.Name)
	}
	if p := e.Probe(); p != nil && len(p.Samples) > 0 {
		samples := p.Samples
		s.DecadesFirst = record.Number(samples[0].Decades(probe.PreActivationGradient))
		s.DecadesLast = record.Number(samples[len(samples)-1].Decades(probe.PreActivationGradient))
		r.Layers = table(e.probe)
		s.Course = record.CourseOf(r.Layers, result.Steps)
	}
	return r, nil
}

func (e *execution) scoreOf(m record.Metric) record.Number {
	if e.Task.Loss().HigherIsBetter() {
		return m.ValidationAccuracy
	}
	return m.ValidationLoss
}

func (e *execution) better(a, b record.Number) bool {
	if e.Task.Loss().HigherIsBetter() {
		return a > b
	}
	return a < b
}

// table flattens the probe's samples.
func table(p *probe.Probe) *record.LayerTable {
	t := &record.LayerTable{Columns: []string{record.StepColumn, record.LayerColumn}}
	for _, q := range p.Quantities {
		t.Columns = append(t.Columns, q.String())
	}
	for _, s := range p.Samples {
		for i, quantities := range s.Layers {
			t.Rows = append(t.Rows, append([]float64{float64(s.Step), float64(i)}, quantities...))
		}
	}
	return t
}

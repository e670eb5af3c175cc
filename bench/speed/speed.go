package speed

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// Sizes of the data, those of MNIST.
const (
	Inputs  = 784
	Classes = 10
)

// blocks is the number of times that what is compared takes turns.
const blocks = 10

// Machines that can run a step.
const (
	Gradflow = "gradflow" // this project's operations on its vm
	Tape     = "tape"     // Gorgonia's operations on its TapeMachine
)

// Config says what is timed.
type Config struct {
	Depth, Width, Batch   int
	Optimizer, Activation catalogue.Choice
	DType                 string // float32 or float64
	Steps                 int    // timed; a tenth as many come first
	// Split is the number of goroutines that large products are divided over; 0 is one.
	Split int
	// KeepDenormals has steps in float32 compute with denormals instead of flushing them to
	// zero; those in float64 always do. It holds for both machines.
	KeepDenormals bool
}

// flushes reports whether denormals are flushed to zero.
func (c Config) flushes() bool {
	return !c.KeepDenormals && c.DType == "float32" && kernels.SupportsFlushToZero()
}

// inMode has f done in the floating-point mode of the steps, and met, if not nil, set if it
// meets denormals.
func (c Config) inMode(f func() error, met *bool) func() error {
	return func() error {
		mode := kernels.Enter(c.flushes())
		defer func() {
			if mode.Leave() && met != nil {
				*met = true
			}
		}()
		return f()
	}
}

// Result is what a step takes.
type Result struct {
	Depth      int    `json:"depth"`
	Width      int    `json:"width"`
	Batch      int    `json:"batch"`
	Optimizer  string `json:"optimizer"`
	Activation string `json:"activation"`
	DType      string `json:"dtype"`
	VM         string `json:"vm"`
	Kernel     string `json:"kernel"` // of the operations: "stock" for the TapeMachine's
	Steps      int    `json:"steps"`
	// Milliseconds of a whole step, and of its parts (medians). Forward is that of a
	// machine for the loss alone; backward what a run with the gradients takes longer, and
	// update what a step takes longer than that.
	StepMedian float64 `json:"step_ms_median"`
	StepMin    float64 `json:"step_ms_min"`
	Forward    float64 `json:"forward_ms"`
	Backward   float64 `json:"backward_ms"`
	Update     float64 `json:"update_ms"`
	// GFLOPS counts the matrix products alone, over the time of the whole step.
	GFLOPS     float64 `json:"gflops"`
	PeakGFLOPS float64 `json:"peak_gflops"` // of one core, measured; 0 if it can't be
	PeakShare  float64 `json:"peak_share"`
	Allocs     float64 `json:"allocs_per_step"`
	Build      float64 `json:"build_ms"` // building, differentiating and compiling
	// FlushToZero reports whether denormals were flushed to zero, DenormalSteps in how many of
	// the timed steps the processor met some, flushed or not.
	FlushToZero   bool `json:"flush_to_zero"`
	DenormalSteps int  `json:"denormal_steps"`
	// Speedup is that of this many workers side by side, if it was asked for: see [Workers].
	// Split is the number of goroutines that large products are divided over, if not one.
	Workers int     `json:"workers,omitempty"`
	Split   int     `json:"split,omitempty"`
	Speedup float64 `json:"workers_speedup,omitempty"`
}

// step is a network ready to be timed.
type step struct {
	forward, gradients func() error
	// update follows gradients; joined, if there is one, makes the whole step at once.
	update, joined func() error
	build          time.Duration
	denormal       int // steps that met denormals
}

// Measure times the step on the given machines, alternating between them, and returns
// a result for each. It returns an error for sizes below 1 and names that are unknown, and
// for activations that Gorgonia has no operation for, on the TapeMachine. When ctx ends it
// stops after the current step and returns its error.
func Measure(ctx context.Context, c Config, machines ...string) ([]Result, error) {
	if c.Depth < 1 || c.Width < 1 || c.Batch < 1 || c.Steps < 1 {
		return nil, errors.Errorf("depth %d, width %d, batch %d, steps %d: all must be at least 1", c.Depth, c.Width, c.Batch, c.Steps)
	}
	if c.DType != "float32" && c.DType != "float64" {
		return nil, errors.Errorf("dtype %q: want float32 or float64", c.DType)
	}
	steps := make([]*step, len(machines))
	for i, machine := range machines {
		var err error
		switch machine {
		case Gradflow:
			steps[i], err = own(c)
		case Tape:
			steps[i], err = tape(c)
		default:
			err = errors.Errorf("vm %q: want %s or %s", machine, Gradflow, Tape)
		}
		if err != nil {
			return nil, err
		}
	}
	times := make([]timing, len(machines))
	for i := range times {
		times[i].reserve(c.Steps)
	}
	block := (c.Steps + blocks - 1) / blocks
	for done := -block; done < c.Steps; done += block { // the first only warms up
		for i, s := range steps {
			if err := times[i].time(ctx, s, min(block, c.Steps-done), done >= 0); err != nil {
				return nil, errors.Wrapf(err, "%s", machines[i])
			}
			if done < 0 {
				s.denormal = 0
			}
		}
	}
	var results []Result
	for i, s := range steps {
		denormal := s.denormal
		allocs, err := allocations(s)
		if err != nil {
			return nil, err
		}
		r := times[i].result(c)
		r.FlushToZero, r.DenormalSteps = c.flushes(), denormal
		if machines[i] == Gradflow {
			r.Split = c.Split
		}
		r.VM, r.Kernel, r.Allocs, r.Build = machines[i], kernels.Name(), allocs, milliseconds(s.build)
		if machines[i] == Tape {
			r.Kernel = "stock"
		}
		results = append(results, r)
	}
	return results, nil
}

func (s *step) run() error {
	if s.joined != nil {
		return s.joined()
	}
	if err := s.gradients(); err != nil {
		return err
	}
	return s.update()
}

// allocations counts those of a step, on one processor and after a collection, so that
// the runtime's own don't count.
func allocations(s *step) (float64, error) {
	const n = 50
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		if err := s.run(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / n), nil
}

// timing collects the times of steps and their parts.
type timing struct{ whole, forward, gradients []time.Duration }

func (t *timing) reserve(n int) {
	for _, list := range []*[]time.Duration{&t.whole, &t.forward, &t.gradients} {
		*list = make([]time.Duration, 0, n)
	}
}

// time times a block of forward passes, then one of steps: alternating would time
// the caches.
func (t *timing) time(ctx context.Context, s *step, block int, keep bool) error {
	note := func(list *[]time.Duration, since time.Time) {
		if keep {
			*list = append(*list, time.Since(since))
		}
	}
	repeat := func(f func() error, list *[]time.Duration) error {
		for range block {
			if err := ctx.Err(); err != nil {
				return err
			}
			begin := time.Now()
			if err := f(); err != nil {
				return err
			}
			note(list, begin)
		}
		return nil
	}
	if err := repeat(s.forward, &t.forward); err != nil {
		return err
	}
	if s.joined != nil {
		if err := repeat(s.gradients, &t.gradients); err != nil {
			return err
		}
		return repeat(s.joined, &t.whole)
	}
	return repeat(func() error {
		begin := time.Now()
		if err := s.gradients(); err != nil {
			return err
		}
		note(&t.gradients, begin)
		return s.update()
	}, &t.whole)
}

func (t *timing) result(c Config) Result {
	r := Result{
		Depth: c.Depth, Width: c.Width, Batch: c.Batch, DType: c.DType, Steps: c.Steps,
		Optimizer: c.Optimizer.String(), Activation: c.Activation.String(),
		StepMedian: median(t.whole), StepMin: milliseconds(slices.Min(t.whole)),
		Forward: median(t.forward),
	}
	gradients := median(t.gradients)
	r.Backward, r.Update = max(0, gradients-r.Forward), max(0, r.StepMedian-gradients)
	r.GFLOPS = flops(c) / (r.StepMedian * 1e6)
	if c.DType == "float32" {
		r.PeakGFLOPS = kernels.PeakGFLOPS[float32]()
	} else {
		r.PeakGFLOPS = kernels.PeakGFLOPS[float64]()
	}
	if r.PeakGFLOPS > 0 {
		r.PeakShare = r.GFLOPS / r.PeakGFLOPS
	}
	return r
}

// flops counts the floating-point operations of a step's matrix products: one product
// forward, two backward, of which the first layer needs one.
func flops(c Config) float64 {
	b, w := float64(c.Batch), float64(c.Width)
	first, hidden, last := Inputs*w, w*w*float64(c.Depth-1), w*Classes
	return 2 * b * (2*first + 3*hidden + 3*last)
}

func median(list []time.Duration) float64 { return milliseconds(middle(list)) }

// middle returns the median.
func middle[T time.Duration | float64](list []T) T {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Step returns a function that does a training step of this project, after one step to
// make the optimizer's state, and the number of floating-point operations in its matrix
// products.
func Step(c Config) (step func() error, operations float64, err error) {
	stepper, err := ownStepper(c)
	if err != nil {
		return nil, 0, err
	}
	step = func() error { return stepper.Step(nil) }
	return step, flops(c), step()
}

// own makes the step of this project.
func own(c Config) (*step, error) {
	begin := time.Now()
	stepper, err := ownStepper(c)
	if err != nil {
		return nil, err
	}
	build := time.Since(begin)
	// A second graph for the loss alone: one node's value can't be in two machines.
	model, err := ownModel(c)
	if err != nil {
		return nil, err
	}
	evaluation, err := models.Build(model, stepper.Network.Shape, stepper.Network.Parameters, false)
	if err != nil {
		return nil, err
	}
	fillBatch(evaluation)
	forward, err := vm.Compile(evaluation.Graph, evaluation.Loss)
	if err != nil {
		return nil, err
	}
	forward.Split(c.Split)
	s := &step{
		forward:   c.inMode(forward.RunAll, nil),
		gradients: c.inMode(stepper.Machine.RunAll, nil),
		build:     build,
	}
	s.joined = func() error {
		err := stepper.Step(nil)
		if stepper.MetDenormals() {
			s.denormal++
		}
		return err
	}
	return s, nil
}

func ownModel(c Config) (models.Model, error) {
	activation, err := activations.Catalogue.Make(c.Activation)
	if err == nil {
		activation, err = activations.For(activation, activations.Network{Depth: c.Depth, Width: c.Width})
	}
	return models.MLP{Depth: c.Depth, Width: c.Width, Activation: activation, Initializer: initializers.GlorotNormal(1)}, err
}

// ownStepper makes the network with its data, its machines and the optimizer.
func ownStepper(c Config) (*train.Stepper, error) {
	model, err := ownModel(c)
	if err != nil {
		return nil, err
	}
	solver, err := optimizers.Catalogue.Make(c.Optimizer)
	if err != nil {
		return nil, err
	}
	parameters, err := models.NewParameters(dtype(c), 1)
	if err != nil {
		return nil, err
	}
	network, err := models.Build(model,
		models.Shape{Inputs: Inputs, Outputs: Classes, Batch: c.Batch, Loss: models.CrossEntropy}, parameters, true)
	if err != nil {
		return nil, err
	}
	fillBatch(network)
	stepper, err := train.NewStepper(network, solver)
	if err != nil {
		return nil, err
	}
	stepper.Split(c.Split)
	stepper.FlushToZero = !c.KeepDenormals
	return stepper, nil
}

func fillBatch(n *models.Network) {
	fill(n.Input.Value().(*tensor.Dense), n.Target.Value().(*tensor.Dense))
}

func dtype(c Config) tensor.Dtype {
	if c.DType == "float64" {
		return tensor.Float64
	}
	return tensor.Float32
}

// fill sets random inputs and classes, the same in each call.
func fill(x, t *tensor.Dense) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range x.Shape().TotalSize() {
		set(x, i, r.NormFloat64())
	}
	for i := range t.Shape()[0] {
		set(t, i*Classes+r.IntN(Classes), 1)
	}
}

func set(t *tensor.Dense, i int, v float64) {
	if t.Dtype() == tensor.Float32 {
		t.Float32s()[i] = float32(v)
	} else {
		t.Float64s()[i] = v
	}
}

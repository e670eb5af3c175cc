package speed

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Sizes of the data, those of MNIST.
const (
	Inputs  = 784
	Classes = 10
)

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
	// Milliseconds of a whole step, and of its parts (medians). Of the TapeMachine's step
	// forward is that of a machine for the loss alone, too.
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
}

// step is a network ready to be timed.
type step struct {
	forward, gradients, update func() error
	build                      time.Duration
}

// Measure times the step on the given machines, alternating between them, and returns
// a result for each. It returns an error for sizes below 1 and names that are unknown, and
// for activations that Gorgonia has no operation for, on the TapeMachine.
func Measure(c Config, machines ...string) ([]Result, error) {
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
	const blocks = 10
	block := (c.Steps + blocks - 1) / blocks
	for done := -block; done < c.Steps; done += block { // the first only warms up
		for i, s := range steps {
			if err := times[i].time(s, min(block, c.Steps-done), done >= 0); err != nil {
				return nil, errors.Wrapf(err, "%s", machines[i])
			}
		}
	}
	var results []Result
	for i, s := range steps {
		allocs, err := allocations(s)
		if err != nil {
			return nil, err
		}
		r := times[i].result(c)
		r.VM, r.Kernel, r.Allocs, r.Build = machines[i], kernels.Name(), allocs, milliseconds(s.build)
		if machines[i] == Tape {
			r.Kernel = "stock"
		}
		results = append(results, r)
	}
	return results, nil
}

func (s *step) run() error {
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
type timing struct{ whole, forward, gradients, update []time.Duration }

func (t *timing) reserve(n int) {
	for _, list := range []*[]time.Duration{&t.whole, &t.forward, &t.gradients, &t.update} {
		*list = make([]time.Duration, 0, n)
	}
}

// time times a block of forward passes, then one of steps: alternating would time
// the caches.
func (t *timing) time(s *step, block int, keep bool) error {
	for range block {
		begin := time.Now()
		if err := s.forward(); err != nil {
			return err
		}
		if keep {
			t.forward = append(t.forward, time.Since(begin))
		}
	}
	for range block {
		t0 := time.Now()
		if err := s.gradients(); err != nil {
			return err
		}
		t1 := time.Now()
		if err := s.update(); err != nil {
			return err
		}
		t2 := time.Now()
		if keep {
			t.gradients = append(t.gradients, t1.Sub(t0))
			t.update = append(t.update, t2.Sub(t1))
			t.whole = append(t.whole, t2.Sub(t0))
		}
	}
	return nil
}

func (t *timing) result(c Config) Result {
	r := Result{
		Depth: c.Depth, Width: c.Width, Batch: c.Batch, DType: c.DType, Steps: c.Steps,
		Optimizer: c.Optimizer.String(), Activation: c.Activation.String(),
		StepMedian: median(t.whole), StepMin: milliseconds(slices.Min(t.whole)),
		Forward: median(t.forward), Update: median(t.update),
	}
	r.Backward = max(0, median(t.gradients)-r.Forward)
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

func median(list []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return milliseconds(sorted[(n-1)/2]+sorted[n/2]) / 2
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Step returns a function that does a training step of this project, after one step to
// make the optimizer's state, and the number of floating-point operations in its matrix
// products.
func Step(c Config) (step func() error, operations float64, err error) {
	_, machine, update, err := ownNetwork(c)
	if err != nil {
		return nil, 0, err
	}
	step = func() error {
		if err := machine.RunAll(); err != nil {
			return err
		}
		return update()
	}
	return step, flops(c), step()
}

// own makes the step of this project.
func own(c Config) (*step, error) {
	begin := time.Now()
	network, machine, update, err := ownNetwork(c)
	if err != nil {
		return nil, err
	}
	build := time.Since(begin)
	// A second graph for the loss alone: one node's value can't be in two machines.
	model, err := ownModel(c)
	if err != nil {
		return nil, err
	}
	evaluation, err := models.Build(model, network.Shape, network.Parameters, false)
	if err != nil {
		return nil, err
	}
	fill(evaluation.Input.Value().(*tensor.Dense), evaluation.Target.Value().(*tensor.Dense))
	forward, err := vm.Compile(evaluation.Graph, evaluation.Loss)
	if err != nil {
		return nil, err
	}
	return &step{forward: forward.RunAll, gradients: machine.RunAll, update: update, build: build}, nil
}

func ownModel(c Config) (models.Model, error) {
	activation, err := activations.Catalogue.Make(c.Activation)
	return models.MLP{Depth: c.Depth, Width: c.Width, Activation: activation, Initializer: initializers.GlorotNormal(1)}, err
}

// ownNetwork makes the network with its data, the machine for the gradients, and the
// optimizer's step.
func ownNetwork(c Config) (*models.Network, *vm.Machine, func() error, error) {
	model, err := ownModel(c)
	if err != nil {
		return nil, nil, nil, err
	}
	solver, err := optimizers.Catalogue.Make(c.Optimizer)
	if err != nil {
		return nil, nil, nil, err
	}
	parameters, err := models.NewParameters(dtype(c), 1)
	if err != nil {
		return nil, nil, nil, err
	}
	network, err := models.Build(model,
		models.Shape{Inputs: Inputs, Outputs: Classes, Batch: c.Batch, Loss: models.CrossEntropy}, parameters, true)
	if err != nil {
		return nil, nil, nil, err
	}
	machine, err := network.TrainingMachine()
	if err != nil {
		return nil, nil, nil, err
	}
	fill(network.Input.Value().(*tensor.Dense), network.Target.Value().(*tensor.Dense))
	params := G.NodesToValueGrads(network.Learnables)
	update := func() error { return solver.Step(params) }
	if b, ok := solver.(optimizers.BatchSolver); ok {
		batch := optimizers.Batch{Size: c.Batch, Gradient: func() (float64, error) {
			err := machine.RunAll()
			return value(network.Loss), err
		}}
		update = func() error {
			batch.Loss = value(network.Loss)
			return b.StepBatch(params, batch)
		}
	}
	return network, machine, update, nil
}

func dtype(c Config) tensor.Dtype {
	if c.DType == "float64" {
		return tensor.Float64
	}
	return tensor.Float32
}

func value(n *G.Node) float64 {
	switch v := n.Value().(type) {
	case *G.F32:
		return float64(*v)
	case *G.F64:
		return float64(*v)
	}
	return 0
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

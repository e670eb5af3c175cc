package tasktest

import (
	"github.com/gradflow/gradflow/models"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// Every task that needs no files, with its defaults, and some with others.
func TestTasks(t *testing.T) {
	for _, text := range []string{
		"digits", "two-spirals", "parity", "parity(bits=2)", "teacher-student",
		"teacher-student(inputs=3,outputs=5,depth=1,gain=1,held-out=500)", "autoencoding", "autoencoding(of=two-spirals,code=1)",
		"adding", "adding(steps=2,low=-1,seed=3,held-out=200)",
		"temporal-order", "temporal-order(steps=50,events=3,held-out=500)",
		"noise-free-long-lag", "noise-free-long-lag(lag=2)", "noise-free-long-lag(lag=30,every=true)",
		"copy-memory(held-out=500)", "copy-memory(delay=1,length=12,symbols=4,held-out=500)", "copy-memory(delay=20,every=true,held-out=500)",
		"row-by-row", "row-by-row(width=16)", "pixel-by-pixel",
	} {
		t.Run(text, func(t *testing.T) {
			choice, err := catalogue.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			task, err := tasks.Catalogue.Make(choice)
			if err != nil {
				t.Fatal(err)
			}
			Run(t, task)
		})
	}
}

func TestFashionMNIST(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 30 MB")
	}
	task, err := tasks.NewFashionMNIST(tasks.ImagesConfig{Train: 3000, Validation: 1000, Test: 1000})
	if errors.Is(err, tasks.ErrNotFound) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	Run(t, task)
}

// fake is a good task unless told otherwise.
type fake struct {
	tasks.Task
	name             string
	loss             models.Loss
	chance, target   float64
	train            tasks.Source
	validation, test *tasks.Set
}

func (f *fake) Name() string           { return f.name }
func (f *fake) Loss() models.Loss      { return f.loss }
func (f *fake) Chance() float64        { return f.chance }
func (f *fake) Target() float64        { return f.target }
func (f *fake) Train() tasks.Source    { return f.train }
func (f *fake) Validation() *tasks.Set { return f.validation }
func (f *fake) Test() *tasks.Set       { return f.test }

// wrapped changes the streams of a source.
type wrapped struct {
	tasks.Source
	change func(seed uint64, batch int) tasks.Stream
}

func (w wrapped) Batches(seed uint64, batch int) tasks.Stream { return w.change(seed, batch) }

// streamOf changes the batches of a stream.
type streamOf struct {
	tasks.Stream
	next64 func(x, t []float64) error
	seek   func(uint64)
}

func (s streamOf) Next64(x, t []float64) error {
	if s.next64 != nil {
		return s.next64(x, t)
	}
	return s.Stream.Next64(x, t)
}

func (s streamOf) Seek(k uint64) {
	if s.seek != nil {
		s.seek(k)
		return
	}
	s.Stream.Seek(k)
}

func goodTask(t *testing.T) *fake {
	task, err := tasks.NewDigits(tasks.DigitsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return &fake{Task: task, name: task.Name(), loss: task.Loss(), chance: task.Chance(), target: task.Target(),
		train: task.Train(), validation: task.Validation(), test: task.Test()}
}

// A suite that passes everything is worth nothing.
func TestFindsFaults(t *testing.T) {
	scaled := func(s *tasks.Set, by float64) *tasks.Set {
		x := append([]float64(nil), s.X64()...)
		for i := range x {
			x[i] *= by
		}
		out, err := tasks.NewClassSet(s.Inputs(), s.Outputs(), x, s.Labels())
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	var sink []float64
	faults := []struct {
		name, check, want string
		spoil             func(f *fake)
	}{
		{"name", "description", "lower-case", func(f *fake) { f.name = "My Task" }},
		{"loss", "description", `loss "hinge"`, func(f *fake) { f.loss = "hinge" }},
		{"target below chance", "description", "target 0.05", func(f *fake) { f.target = 0.05 }},
		{"no test set", "description", "nil", func(f *fake) { f.test = nil }},
		{"labels in a regression", "sets", "labels", func(f *fake) { f.loss = models.MeanSquaredError }},
		{"width", "sets", "rows of 2 and 2", func(f *fake) {
			s, err := tasks.NewTwoSpirals(tasks.SpiralsConfig{})
			if err != nil {
				t.Fatal(err)
			}
			f.test = s.Test()
		}},
		{"order depends on the batch size", "stream", "batches of 4", func(f *fake) {
			f.train = wrapped{f.train, func(seed uint64, batch int) tasks.Stream {
				return goodTask(t).train.Batches(seed+uint64(max(batch, 0)), batch)
			}}
		}},
		{"float types differ", "stream", "in float32", func(f *fake) {
			f.train = wrapped{f.train, func(seed uint64, batch int) tasks.Stream {
				return streamOf{Stream: goodTask(t).train.Batches(seed, batch), next64: goodTask(t).train.Batches(seed+9, batch).Next64}
			}}
		}},
		{"seed is ignored", "stream", "two seeds", func(f *fake) {
			f.train = wrapped{f.train, func(_ uint64, batch int) tasks.Stream { return goodTask(t).train.Batches(1, batch) }}
		}},
		{"Seek does nothing", "stream", "after Seek(9)", func(f *fake) {
			f.train = wrapped{f.train, func(seed uint64, batch int) tasks.Stream {
				return streamOf{Stream: goodTask(t).train.Batches(seed, batch), seek: func(uint64) {}}
			}}
		}},
		{"no error for wrong buffers", "stream", "no error", func(f *fake) {
			f.train = wrapped{f.train, func(seed uint64, batch int) tasks.Stream {
				s := goodTask(t).train.Batches(seed, batch)
				return streamOf{Stream: s, next64: func(x, t []float64) error { s.Next64(x, t); return nil }}
			}}
		}},
		{"allocation", "allocation", "allocations", func(f *fake) {
			f.train = wrapped{f.train, func(seed uint64, batch int) tasks.Stream {
				s := goodTask(t).train.Batches(seed, batch)
				return streamOf{Stream: s, next64: func(x, t []float64) error { sink = make([]float64, 10+len(x)); return s.Next64(x, t) }}
			}}
		}},
		{"not standardised", "standardisation", "mean square 4", func(f *fake) { f.train = scaled(f.train.(*tasks.Set), 2) }},
		{"trained on the test set", "leak", "360 of 360 test examples are training examples", func(f *fake) { f.train = f.test }},
		{"validated on the test set", "leak", "360 of 360 test examples are validation examples", func(f *fake) { f.validation = f.test }},
		{"endless source draws test examples", "leak", "test examples are training examples", func(f *fake) {
			test := f.test
			f.train = tasks.Generator{Inputs: 64, Outputs: 10, Loss: models.CrossEntropy, Draw: func(r *rand.Rand, x, t []float64) {
				i := r.IntN(test.Len())
				copy(x, test.X64()[i*64:])
				copy(t, test.T64()[i*10:])
			}}
		}},
		{"chance of another task", "chance", "chance is said to be 0.5", func(f *fake) { f.chance = 0.5 }},
	}
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			task := goodTask(t)
			fault.spoil(task)
			for _, c := range checks {
				if c.name != fault.check {
					continue
				}
				err := c.check(task)
				if err == nil {
					t.Fatalf("%s found nothing", c.name)
				}
				if !strings.Contains(err.Error(), fault.want) {
					t.Errorf("error %q does not contain %q", err, fault.want)
				}
				return
			}
			t.Fatalf("no check %s", fault.check)
		})
	}
	_ = sink
	for _, c := range checks {
		if err := c.check(goodTask(t)); err != nil {
			t.Errorf("%s finds a fault in the good task: %v", c.name, err)
		}
	}
}

// stepped divides a task's rows, rightly or not.
type stepped struct {
	tasks.Task
	steps, inputs, answers int
}

func (s stepped) Steps() int       { return s.steps }
func (s stepped) StepInputs() int  { return s.inputs }
func (s stepped) TargetSteps() int { return s.answers }

func TestFindsFaultsOfSequences(t *testing.T) {
	good := goodTask(t)
	if err := description(stepped{good, 8, 8, 1}); err != nil {
		t.Errorf("a fault is found in the good sequence: %v", err)
	}
	many := *good
	many.loss = models.StepCrossEntropy
	for _, c := range []struct {
		task tasks.Task
		want string
	}{
		{stepped{good, 8, 7, 1}, "8 steps of 7 inputs"},
		{stepped{good, 0, 8, 1}, "0 steps"},
		{stepped{good, 8, 8, 0}, "answers in 0 of 8"},
		{stepped{good, 1, 64, 2}, "answers in 2 of 1"},
		{stepped{good, 8, 8, 3}, "with 10 outputs"},
		{stepped{good, 8, 8, 2}, "want step-cross-entropy"},
		{&many, "does not implement tasks.Sequence"},
	} {
		if err := description(c.task); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v; want %q", c.task, err, c.want)
		}
	}
	// Rows with a single 1 are not two one-hot answers.
	if err := sets(stepped{&many, 8, 8, 2}); err == nil || !strings.Contains(err.Error(), "labels") {
		t.Errorf("labels: %v", err)
	}
	if err := targets(stepped{&many, 8, 8, 2}, good.Test().T64()); err == nil || !strings.Contains(err.Error(), "example 0, answer") {
		t.Errorf("targets: %v", err)
	}
}

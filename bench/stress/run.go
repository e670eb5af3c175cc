package stress

import (
	"context"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"unsafe"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Options are the settings of [Run]; zero means the default.
type Options struct {
	Seed        uint64 // of noise, drift, rotations and curls
	Repetitions int    // of each test; 10
	Steps       int    // of each repetition; 100
	Workers     int    // side by side; one for each core
	// Progress, if not nil, is called after each test, by several goroutines.
	Progress func()
}

// Memory is about what a run takes, in bytes, for the noise of all steps of the tests that
// are run side by side.
func (o Options) Memory() float64 {
	const axes = 10 // of the largest tests
	o = o.defaults()
	state := float64(unsafe.Sizeof(state{}))
	return state * axes * float64(o.Steps+1) * float64(o.Repetitions) * float64(o.Workers)
}

func (o Options) defaults() Options {
	if o.Repetitions == 0 {
		o.Repetitions = 10
	}
	if o.Steps == 0 {
		o.Steps = 100
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return o
}

// Results are what [Run] found.
type Results struct {
	Seed        uint64      `json:"seed"`
	Repetitions int         `json:"repetitions"`
	Steps       int         `json:"steps"`
	Tests       []Tested    `json:"tests"`
	Optimizers  []Optimizer `json:"optimizers"`
}

// Tested is a test with its reference.
type Tested struct {
	Name  string `json:"name"`
	Group string `json:"group"`
	// The best rate of plain gradient descent, and its median fall: 0 without one.
	Rate float64 `json:"rate"`
	Fall float64 `json:"fall"`
}

// Optimizer is what became of one optimizer.
type Optimizer struct {
	Choice catalogue.Choice `json:"optimizer"` // complete
	Label  string           `json:"label"`     // as it was asked for
	// Missing is what the optimizer needs and these tests can't give; if it is not empty,
	// the optimizer was not run.
	Missing  string    `json:"missing,omitempty"`
	Verdicts []Verdict `json:"verdicts,omitempty"` // by test
	Values   []Value   `json:"values,omitempty"`   // v by test
}

// Value is a v; NaN, and null in JSON, if there is none.
type Value float64

// MarshalJSON implements json.Marshaler, in four digits.
func (v Value) MarshalJSON() ([]byte, error) {
	if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(v), 'g', 4, 64), nil
}

// rates are those of the reference.
var rates = func() (list [34]float64) {
	for i := range list {
		list[i] = math.Pow(10, -10+10*float64(i)/33)
	}
	return list
}()

// DefaultOptimizers returns every optimizer of the catalogue with its defaults, and sgd
// with both kinds of momentum. Partitions and chains, which are made of others, are
// left out.
func DefaultOptimizers() []catalogue.Choice {
	var list []catalogue.Choice
	for _, name := range optimizers.Catalogue.Names() {
		if name == "partition" || name == "chain" {
			continue
		}
		list = append(list, catalogue.Choice{Name: name})
		if name == "sgd" {
			momentum := map[string]any{"momentum": 0.9}
			list = append(list, catalogue.Choice{Name: name, Settings: momentum},
				catalogue.Choice{Name: name, Settings: map[string]any{"momentum": 0.9, "nesterov": true}})
		}
	}
	return list
}

// Run puts optimizers to tests. When ctx ends it returns its error.
func Run(ctx context.Context, tests []Test, list []catalogue.Choice, o Options) (*Results, error) {
	if o.Repetitions < 0 || o.Steps < 0 || o.Workers < 0 {
		return nil, errors.Errorf("stress: %d repetitions, %d steps, %d workers: want at least 1, or 0 for the default", o.Repetitions, o.Steps, o.Workers)
	}
	o = o.defaults()
	r := &Results{Seed: o.Seed, Repetitions: o.Repetitions, Steps: o.Steps, Tests: make([]Tested, len(tests))}
	for _, c := range list {
		entry := Optimizer{Label: c.String()}
		solver, err := optimizers.Catalogue.Make(c)
		if err == nil {
			entry.Choice, err = optimizers.Catalogue.Complete(c)
		}
		if err != nil {
			return nil, errors.Wrap(err, "stress")
		}
		entry.Missing = missing(solver)
		if entry.Missing == "" {
			entry.Verdicts, entry.Values = make([]Verdict, len(tests)), make([]Value, len(tests))
		}
		r.Optimizers = append(r.Optimizers, entry)
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed error
		queue  = make(chan int)
	)
	for range min(o.Workers, len(tests)) {
		wg.Go(func() {
			for i := range queue {
				err := r.test(ctx, &tests[i], i, o)
				if err != nil {
					mu.Lock()
					if failed == nil {
						failed = errors.Wrapf(err, "stress: %s", tests[i].Name)
					}
					mu.Unlock()
				} else if o.Progress != nil {
					o.Progress()
				}
			}
		})
	}
	for i := range tests {
		mu.Lock()
		stop := failed != nil
		mu.Unlock()
		if stop || ctx.Err() != nil {
			break
		}
		queue <- i
	}
	close(queue)
	wg.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return r, failed
}

// missing tells what a solver needs beyond what these tests give.
func missing(s G.Solver) string {
	const given = optimizers.NeedsLoss | optimizers.NeedsGradient | optimizers.NeedsCurvature
	needs := optimizers.NeedsOf(s)
	if needs&^given == 0 {
		return ""
	}
	return needs.String()
}

// test runs all optimizers on test i.
func (r *Results) test(ctx context.Context, t *Test, i int, o Options) error {
	p, err := t.problem(o.Seed)
	if err != nil {
		return err
	}
	paths := make([]*path, o.Repetitions)
	random := initializers.Stream(o.Seed, t.Name)
	for k := range paths {
		paths[k] = t.path(o.Steps, random)
	}
	reference := r.reference(p, paths, o.Steps)
	r.Tests[i] = Tested{Name: t.Name, Group: t.Group, Rate: reference.rate, Fall: reference.fall}
	falls := make([]float64, len(paths))
	for k := range r.Optimizers {
		entry := &r.Optimizers[k]
		if entry.Missing != "" {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if reference.fall < 0 {
			for j, path := range paths {
				solver, err := optimizers.Catalogue.Make(entry.Choice)
				if err != nil {
					return err
				}
				if falls[j], err = newPoint(p, path).minimize(solver, o.Steps); err != nil {
					return errors.Wrap(err, entry.Label)
				}
			}
		}
		v, verdict := judge(falls, reference.fall)
		entry.Verdicts[i], entry.Values[i] = verdict, Value(v)
	}
	return nil
}

type reference struct{ rate, fall float64 }

// reference finds the best rate of plain gradient descent.
func (r *Results) reference(p *problem, paths []*path, steps int) (best reference) {
	n := len(p.axes)
	x, g, falls := make([]float64, n), make([]float64, n), make([]float64, len(paths))
	for _, rate := range rates {
		for k, path := range paths {
			clear(x)
			for s := range steps {
				p.evaluate(x, path.at(s), g, nil)
				for i := range x {
					x[i] -= rate * g[i]
				}
				if exploded(p.expected(x, path.at(s))) {
					break
				}
			}
			falls[k] = p.fall(x, path.at(steps))
		}
		if fall, _ := fallOf(falls); fall < best.fall {
			best = reference{rate, fall}
		}
	}
	return best
}

// exploded reports whether a repetition has diverged.
func exploded(value float64) bool { return !(value <= 1e10) }

// fall is by how much the value at x is below that at the start; NaN if x has diverged.
func (p *problem) fall(x []float64, s []state) float64 {
	value := p.expected(x, s)
	if exploded(value) || slices.ContainsFunc(x, func(v float64) bool { return v-v != 0 }) {
		return math.NaN()
	}
	origin := make([]float64, len(x))
	return max(value, deepest) - p.expected(origin, s)
}

// point is the parameter of a repetition, x, as a solver sees it: a vector.
type point struct {
	problem    *problem
	path       *path
	step       int
	x, g, h    []float64
	value      *tensor.Dense
	grad, bend *tensor.Dense
}

func newPoint(p *problem, path *path) *point {
	vector := func() (*tensor.Dense, []float64) {
		data := make([]float64, len(p.axes))
		return tensor.New(tensor.WithShape(len(data)), tensor.WithBacking(data)), data
	}
	q := &point{problem: p, path: path}
	q.value, q.x = vector()
	q.grad, q.g = vector()
	q.bend, q.h = vector()
	return q
}

func (q *point) Name() string           { return "x" }
func (q *point) Value() G.Value         { return q.value }
func (q *point) Grad() (G.Value, error) { return q.grad, nil }

// evaluate computes the loss and the derivatives at x with this step's noise.
func (q *point) evaluate(h []float64) float64 {
	return q.problem.evaluate(q.x, q.path.at(q.step), q.g, h)
}

// minimize returns the fall; NaN if the repetition diverged.
func (q *point) minimize(solver G.Solver, steps int) (float64, error) {
	params := []G.ValueGrad{q}
	info := optimizers.StepInfo{
		Size:      1,
		Gradient:  func() (float64, error) { return q.evaluate(nil), nil },
		Curvature: func(string) G.Value { return q.bend },
	}
	for q.step = range steps {
		info.Loss = q.evaluate(q.h)
		err := optimizers.Step(solver, params, info)
		if errors.Is(err, optimizers.ErrNonFinite) {
			return math.NaN(), nil
		}
		if err != nil {
			return 0, err
		}
		if exploded(q.problem.expected(q.x, q.path.at(q.step))) {
			return math.NaN(), nil
		}
	}
	if a, ok := solver.(optimizers.Averager); ok { // its result is at an average
		if _, err := a.Average(q.Name(), q.Value()); err != nil {
			return 0, err
		}
	}
	return q.problem.fall(q.x, q.path.at(steps)), nil
}

package tasks

import (
	"github.com/gradflow/gradflow/models"
	"math/rand/v2"

	"github.com/pkg/errors"
)

// Generator is an endless [Source]: every example is drawn anew. Example i of a
// stream depends on the stream's seed and on i only.
type Generator struct {
	Inputs, Outputs int
	Loss            models.Loss // CrossEntropy if the target rows are one-hot
	// Draw writes one example into x and t, which hold zeros, with random numbers
	// from r only. It is called from several goroutines at the same time and
	// must not allocate, since it is part of the training step.
	Draw func(r *rand.Rand, x, t []float64)
}

var _ Source = Generator{}

var errNoDraw = errors.New("tasks: a generator without Draw: it is what makes the examples")

// Batches implements [Source].
func (g Generator) Batches(seed uint64, batch int) Stream {
	d := &drawn{cut: cut{g.Inputs, g.Outputs, batch}, draw: g.Draw, seed: seed,
		x: make([]float64, max(g.Inputs, 0)), t: make([]float64, max(g.Outputs, 0))}
	d.rng = rand.New(&d.pcg)
	return d
}

// maxSetNumbers is how many numbers a set that is drawn may have: half a GiB in float64.
const maxSetNumbers = 1 << 26

// Set draws a held-out set of n examples. Its random numbers are not those of
// any training stream, whatever the seeds.
func (g Generator) Set(seed uint64, n int) (*Set, error) {
	if n < 1 {
		return nil, errors.Errorf("tasks: a held-out set of %d examples; it must have at least 1", n)
	}
	if g.Draw == nil {
		return nil, errNoDraw
	}
	if g.Inputs < 1 || g.Outputs < 1 {
		return nil, errors.Errorf("tasks: a generator of %d inputs and %d outputs; both must be at least 1", g.Inputs, g.Outputs)
	}
	if float64(n)*(float64(g.Inputs)+float64(g.Outputs)) > maxSetNumbers {
		return nil, errors.Errorf("%d held-out examples of %d inputs and %d outputs would be %.3g numbers, of which a set may have %d: "+
			"lower the number of examples or their size", n, g.Inputs, g.Outputs, float64(n)*(float64(g.Inputs)+float64(g.Outputs)), maxSetNumbers)
	}
	x, t := make([]float64, n*g.Inputs), make([]float64, n*g.Outputs)
	for i := range n {
		g.Draw(newRand(domainHeldOut, seed, uint64(i)), x[i*g.Inputs:(i+1)*g.Inputs], t[i*g.Outputs:(i+1)*g.Outputs])
	}
	if g.Loss != models.CrossEntropy {
		return NewSet(g.Inputs, g.Outputs, x, t)
	}
	labels := make([]int, n)
	for i := range labels {
		var err error
		if labels[i], err = class(t[i*g.Outputs : (i+1)*g.Outputs]); err != nil {
			return nil, errors.Wrapf(err, "tasks: example %d", i)
		}
	}
	return NewClassSet(g.Inputs, g.Outputs, x, labels)
}

// class returns the place of the 1 in a one-hot row.
func class(row []float64) (int, error) {
	label := -1
	for k, v := range row {
		switch {
		case v == 1 && label < 0:
			label = k
		case v != 0:
			return 0, errors.Errorf("target row %v is not one-hot", row)
		}
	}
	if label < 0 {
		return 0, errors.Errorf("target row %v is not one-hot", row)
	}
	return label, nil
}

// drawn streams a generator.
type drawn struct {
	cut
	draw func(r *rand.Rand, x, t []float64)
	seed uint64
	at   uint64 // index of the next example
	x, t []float64
	pcg  rand.PCG
	rng  *rand.Rand
}

func (d *drawn) Next32(x, t []float32) error { return nextDrawn(d, x, t) }
func (d *drawn) Next64(x, t []float64) error { return nextDrawn(d, x, t) }

func (d *drawn) Seek(batch uint64) { d.at = batch * uint64(max(d.batch, 0)) }

func nextDrawn[F Float](d *drawn, x, t []F) error {
	if err := d.check(len(x), len(t)); err != nil {
		return err
	}
	if d.draw == nil {
		return errNoDraw
	}
	for b := range d.batch {
		clear(d.x)
		clear(d.t)
		seedPCG(&d.pcg, domainExample, d.seed, d.at)
		d.at++
		d.draw(d.rng, d.x, d.t)
		convert(x[b*d.inputs:(b+1)*d.inputs], d.x)
		convert(t[b*d.outputs:(b+1)*d.outputs], d.t)
	}
	return nil
}

// endless is a task of a generator and two held-out sets.
type endless struct {
	name             string
	generator        Generator
	chance, target   float64
	validation, test *Set
}

var _ Task = (*endless)(nil)

func (e *endless) Name() string      { return e.name }
func (e *endless) Inputs() int       { return e.generator.Inputs }
func (e *endless) Outputs() int      { return e.generator.Outputs }
func (e *endless) Loss() models.Loss { return e.generator.Loss }
func (e *endless) Chance() float64   { return e.chance }
func (e *endless) Target() float64   { return e.target }
func (e *endless) Train() Source     { return e.generator }
func (e *endless) Validation() *Set  { return e.validation }
func (e *endless) Test() *Set        { return e.test }

// Endless makes a task of a generator. It draws a validation and a test set of
// heldOut examples each; seed belongs to the task and is not a run's.
func Endless(name string, g Generator, chance, target float64, seed uint64, heldOut int) (Task, error) {
	e := &endless{name: name, generator: g, chance: chance, target: target}
	var err error
	if e.validation, err = g.Set(seed, heldOut); err != nil {
		return nil, errors.Wrapf(err, "validation set of task %s", name)
	}
	// Scrambled, the seed is not the validation set's of any other small seed.
	if e.test, err = g.Set(scramble(seed), heldOut); err != nil {
		return nil, errors.Wrapf(err, "test set of task %s", name)
	}
	return e, nil
}

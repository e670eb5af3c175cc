package tasks

import (
	"math/bits"
	"math/rand/v2"

	"github.com/pkg/errors"
)

// cut is the shape of a stream's batches.
type cut struct{ inputs, outputs, batch int }

func (c cut) check(x, t int) error {
	if c.batch < 1 {
		return errors.Errorf("tasks: batch size %d; it must be at least 1", c.batch)
	}
	if x != c.batch*c.inputs || t != c.batch*c.outputs {
		return errors.Errorf("tasks: buffers of %d inputs and %d targets for a batch of %d x %d and %d x %d",
			x, t, c.batch, c.inputs, c.batch, c.outputs)
	}
	return nil
}

// Domains keep apart the random numbers that one seed is used for.
const (
	domainOrder   = iota + 1 // order of the examples in an epoch
	domainExample            // one drawn example of a training stream
	domainHeldOut            // one drawn example of a held-out set
	domainSplit              // division of a data set into parts
	domainTask               // the make-up of a task itself, such as a teacher's weights
)

// seedPCG makes the generator's state a function of a domain, a seed and an
// index, so that any example can be reached without drawing those before it.
// The words are scrambled since neighbouring indices must not give
// neighbouring states.
func seedPCG(p *rand.PCG, domain, seed, index uint64) {
	p.Seed(scramble(seed^scramble(domain)), scramble(index))
}

func newRand(domain, seed, index uint64) *rand.Rand {
	p := new(rand.PCG)
	seedPCG(p, domain, seed, index)
	return rand.New(p)
}

// scramble is the output function of SplitMix64 (Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators", OOPSLA 2014), a bijection.
func scramble(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// shuffle permutes v (Fisher and Yates).
func shuffle(r *rand.Rand, v []int) {
	for i := len(v) - 1; i > 0; i-- {
		j := r.IntN(i + 1)
		v[i], v[j] = v[j], v[i]
	}
}

// epochs streams a finite set.
type epochs struct {
	cut
	set   *Set
	seed  uint64
	epoch uint64
	at    int   // position of the next example in order
	order []int // this epoch's examples; nil before the first batch
	pcg   rand.PCG
	rng   *rand.Rand
}

func (e *epochs) Next32(x, t []float32) error { return nextEpochs(e, x, t) }
func (e *epochs) Next64(x, t []float64) error { return nextEpochs(e, x, t) }

func (e *epochs) Seek(batch uint64) {
	// The index of an example may exceed 64 bits before the division.
	hi, lo := bits.Mul64(batch, uint64(max(e.batch, 0)))
	n := uint64(e.set.n)
	quotient, rest := bits.Div64(hi%n, lo, n)
	e.epoch, e.at = quotient, int(rest)
	e.order = e.order[:0]
}

// draw puts the examples of the current epoch into their order.
func (e *epochs) draw() {
	if e.rng == nil {
		e.rng = rand.New(&e.pcg)
		e.order = make([]int, 0, e.set.n)
	}
	e.order = e.order[:e.set.n]
	for i := range e.order {
		e.order[i] = i
	}
	seedPCG(&e.pcg, domainOrder, e.seed, e.epoch)
	shuffle(e.rng, e.order)
}

func nextEpochs[F Float](e *epochs, x, t []F) error {
	if err := e.check(len(x), len(t)); err != nil {
		return err
	}
	xs, ts := Tables[F](e.set)
	in, out := e.inputs, e.outputs
	if len(e.order) == 0 {
		e.draw()
	}
	for b := range e.batch {
		if e.at == e.set.n {
			e.epoch, e.at = e.epoch+1, 0
			e.draw()
		}
		i := e.order[e.at]
		e.at++
		copy(x[b*in:(b+1)*in], xs[i*in:])
		copy(t[b*out:(b+1)*out], ts[i*out:])
	}
	return nil
}

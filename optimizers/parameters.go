package optimizers

import (
	"github.com/pkg/errors"
)

// Parameters are those of one step, by number, in the order of their names, as [Rule.Together]
// and [Transform.Measure] see them.
type Parameters struct {
	o *Optimizer // one of the two
	l *Link
}

func (ps *Parameters) active() []*param {
	if ps.l != nil {
		return ps.l.active
	}
	return ps.o.active
}

// Len returns how many there are.
func (ps *Parameters) Len() int { return len(ps.active()) }

// Name returns the name of parameter i.
func (ps *Parameters) Name(i int) string { return ps.active()[i].name }

// Size returns the number of elements of parameter i.
func (ps *Parameters) Size(i int) int { return ps.active()[i].size }

// Norm returns the Euclidean norm of parameter i's gradient.
func (ps *Parameters) Norm(i int) float64 { return ps.active()[i].g.norm() }

// SquaredNorm returns the sum of the squares of parameter i's gradient.
func (ps *Parameters) SquaredNorm(i int) float64 { return ps.active()[i].g.squaredSum() }

// Numbers returns the numbers of parameter i's state.
func (ps *Parameters) Numbers(i int) []float64 {
	numbers, _ := ps.active()[i].numbersAndOwn()
	return numbers
}

// Products returns, with NeedsLayers, the inputs and output gradients of the products of which
// parameter i is a factor: see [Block].
func (ps *Parameters) Products(i int) (inputs, outputGradients [][]float64) {
	b := ps.active()[i].block64
	return b.Inputs, b.OutputGradients
}

// Apply applies a rule to parameter i. It is for optimizers.
func (ps *Parameters) Apply(i int, rule func(*Block[float64])) { ps.o.wide(ps.o.active[i], rule) }

// Set sets the value of parameter i, rounded to its type. It is for optimizers that ask for
// a gradient at another point; they have to put the values back.
func (ps *Parameters) Set(i int, value []float64) {
	w := ps.o.active[i].w
	copy(w.f64, value)
	for k := range w.f32 {
		w.f32[k] = float32(value[k])
	}
}

// Gradient computes the loss and the gradients of the batch at the present values. The blocks
// have these gradients from then on, unless one of them is not finite, which is an error.
func (ps *Parameters) Gradient() (loss float64, err error) {
	if loss, err = ps.o.info.Gradient(); err != nil {
		return loss, errors.Wrap(err, "second gradient")
	}
	for _, p := range ps.o.active {
		if err := ps.o.bindGradient(p); err != nil {
			return loss, errors.Wrap(err, "second gradient")
		}
	}
	return loss, nil
}

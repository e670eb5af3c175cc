package tasks

import (
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
)

// Float is the type of a network's numbers.
type Float interface{ float32 | float64 }

// Task is a seeded source of training batches with two held-out sets.
//
// A Task is read-only and safe for concurrent use. Finite training data are
// standardised: every input has mean 0 and standard deviation 1 over the
// training examples, and a constant input is 0. (The symbols of a [Sequence] are
// one-hot rows and stay so.) A task whose training data are
// its whole domain, such as the truth table of parity, asks for fitting and not
// for generalising: it returns one and the same *Set three times.
type Task interface {
	Name() string      // lower-case, hyphenated: "digits", "fashion-mnist"
	Inputs() int       // width of an input row
	Outputs() int      // width of a target row; with CrossEntropy the number of classes
	Loss() models.Loss // what is minimised, and thereby what the score is
	Chance() float64   // score of the best answer that ignores the input
	Target() float64   // "solved": accuracy at least, or error at most, this
	Train() Source
	Validation() *Set // for choosing: rates, stopping, steps to target
	Test() *Set       // for the number that is reported in the end
}

// Solved reports whether score, an accuracy or a mean squared error according
// to the task's loss, reaches the task's target. NaN does not.
func Solved(t Task, score float64) bool {
	if t.Loss().HigherIsBetter() {
		return score >= t.Target()
	}
	return score <= t.Target()
}

// Source is training data: a finite [Set] that is shuffled anew in every
// epoch, or a [Generator] that never repeats.
type Source interface {
	// Batches returns an endless stream of batches of the given size. The order
	// of the examples depends on seed only: not on the float type and not on the
	// batch size, which merely cuts one sequence of examples into pieces.
	Batches(seed uint64, batch int) Stream
}

// Stream is one run's sequence of batches, which a training loop takes and can resume. It
// belongs to one goroutine. A buffer of another length, or a batch size below 1, is an error
// that leaves the buffers and the stream as they were.
type Stream interface {
	train.Stream
	train.Seeker
}

// Next is Next32 or Next64 according to F.
func Next[F Float](s Stream, x, t []F) error {
	switch x := any(x).(type) {
	case []float32:
		return s.Next32(x, any(t).([]float32))
	default:
		return s.Next64(x.([]float64), any(t).([]float64))
	}
}

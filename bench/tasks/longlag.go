package tasks

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
)

// LongLagConfig sets the time lag of the noise-free problem.
type LongLagConfig struct {
	Lag   int  `json:"lag" default:"100" range:"[2,1000]" doc:"steps p from the symbol to its repetition; there are p+1 symbols"`
	Every bool `json:"every" default:"false" doc:"ask for the next symbol in every step, as the source does, and not only for the last"`
	catalogue.Given
}

// NewLongLag returns the task "noise-free-long-lag": predict the last symbol of
//
//	y a_1 a_2 ... a_(p-1) y    and    x a_1 a_2 ... a_(p-1) x
//
// which only the first one tells. The network reads p symbols, one-hot rows of
// p+1 (the a in their order, then x and y) that are not standardised. In the last
// step it says whether x (class 0) or y (class 1) follows. Loss: cross-entropy. If
// every is set it predicts the next symbol in all steps, as one of p+1 classes, as
// in the source; the loss is then the step cross-entropy.
//
// The two sequences are training, validation and test set at once: the task asks
// for fitting, and all the difficulty is in the lag. Chance is 1/2, or 1 - 1/(2p)
// if every is set. Solved is, as in the source, when both sequences are right:
// target 1.
//
// Source: S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural
// Computation 9, 1997, experiment 2, task 2a.
func NewLongLag(c LongLagConfig) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return loaded.get(c, func() (Task, error) { return longLag(c.Lag, c.Every) })
}

func longLag(p int, every bool) (Task, error) {
	symbols := p + 1
	x, next := make([]float64, 2*p*symbols), make([]float64, 2*p*symbols)
	for i := range 2 {
		rows, after := x[i*p*symbols:], next[i*p*symbols:]
		last := p - 1 + i // x or y
		rows[last] = 1
		for s := 1; s < p; s++ {
			rows[s*symbols+s-1] = 1
			after[(s-1)*symbols+s-1] = 1
		}
		after[(p-1)*symbols+last] = 1
	}
	t := &finite{name: "noise-free-long-lag", loss: models.CrossEntropy, chance: 0.5, target: func() float64 { return 1 }}
	targetSteps := 1
	var s *Set
	var err error
	if every {
		t.loss, t.chance, targetSteps = models.StepCrossEntropy, 1-0.5/float64(p), p
		s, err = NewSet(p*symbols, p*symbols, x, next)
	} else {
		s, err = NewClassSet(p*symbols, 2, x, []int{0, 1})
	}
	if err != nil {
		return nil, err
	}
	t.train, t.validation, t.test = s, s, s
	return AsSequence(t.name, t, p, targetSteps)
}

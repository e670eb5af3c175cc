package tasks

import (
	"github.com/gradflow/gradflow/models"
	"math/rand/v2"

	"github.com/gradflow/gradflow/catalogue"
)

// TemporalOrderConfig sets the size of the temporal order problem.
type TemporalOrderConfig struct {
	Steps   int    `json:"steps" default:"100" range:"[10,10000]" doc:"length T of a sequence"`
	Events  int    `json:"events" default:"2" range:"[2,3]" doc:"relevant symbols in a sequence; there are 2^events classes"`
	Seed    uint64 `json:"seed" default:"1" doc:"seed of the held-out sets"`
	HeldOut int    `json:"held-out" default:"1000" range:"[1,100000]" doc:"examples in the validation and in the test set"`
	catalogue.Given
}

// The symbols of the temporal order problem: a, b, c and d distract.
const (
	orderX     = iota + 4
	orderY     // X and Y are the events
	orderStart // E in the source
	orderEnd   // B
	orderSymbols
)

// orderWindows are where the events lie, in hundredths of the length.
var orderWindows = [][][2]int{2: {{10, 20}, {50, 60}}, 3: {{10, 20}, {33, 43}, {66, 76}}}

// NewTemporalOrder returns the task "temporal-order": in which order did the
// symbols X and Y occur? A sequence begins with E and ends with B; between them
// are distractors a, b, c, d and, in 2 or 3 places, an event: X or Y. The class,
// asked for in the last step, is the number whose binary digits are the events,
// X being 0, Y being 1 and the earliest event first. Loss: cross-entropy. Symbols
// are one-hot rows of 8 and are not standardised.
//
// The events lie in [T/10,T/5] and [T/2,3T/5], and for three events in
// [T/10,T/5], [33T/100,43T/100] and [66T/100,76T/100], as in the source, where
// lengths vary from 100 to 110; here all are T.
//
// Chance is 1/4 for two and 1/8 for three events. The source stops when 2000
// sequences in a row are right. The target is an accuracy of 0.99, as in J.
// Martens and I. Sutskever, "Learning recurrent neural networks with Hessian-free
// optimization", ICML 2011, who allow 1% of errors.
//
// Source: S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural
// Computation 9, 1997, experiment 6, tasks 6a and 6b.
func NewTemporalOrder(c TemporalOrderConfig) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return loaded.get(c, func() (Task, error) {
		classes := 1 << c.Events
		g := Generator{Inputs: c.Steps * orderSymbols, Outputs: classes, Loss: models.CrossEntropy,
			Draw: func(r *rand.Rand, x, t []float64) { drawOrder(r, x, t, c.Steps, orderWindows[c.Events]) }}
		return endlessSequence("temporal-order", g, c.Steps, 1, 1/float64(classes), 0.99, c.Seed, c.HeldOut)
	})
}

func drawOrder(r *rand.Rand, x, t []float64, steps int, windows [][2]int) {
	class, next := 0, 0 // next is the first step that has no symbol yet
	fill := func(until int) {
		for ; next < until; next++ {
			x[next*orderSymbols+r.IntN(orderX)] = 1
		}
	}
	put := func(symbol int) {
		x[next*orderSymbols+symbol] = 1
		next++
	}
	put(orderStart)
	for _, w := range windows {
		first, last := steps*w[0]/100, steps*w[1]/100
		fill(first + r.IntN(last-first+1))
		event := r.IntN(2)
		put(orderX + event)
		class = 2*class + event
	}
	fill(steps - 1)
	put(orderEnd)
	t[class] = 1
}

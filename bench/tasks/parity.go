package tasks

import (
	"github.com/gradflow/gradflow/models"
	"math/bits"

	"github.com/gradflow/gradflow/catalogue"
)

// ParityConfig sets the size of the parity problem.
type ParityConfig struct {
	Bits int `json:"bits" default:"8" doc:"number of bits, 1 to 16"`
	catalogue.Given
}

// NewParity returns the task "parity": is the number of set bits odd? The
// inputs are -1 and +1, the classes 0 (even) and 1 (odd). Loss: cross-entropy.
// No input, nor any set of inputs short of all, tells anything about the class,
// so the gradient at a network that does not yet see all bits is small.
//
// The whole truth table of 2^bits rows is training, validation and test set at
// once: the task asks for fitting, not for generalising. Chance is 0.5. Solved
// is, as in the sources, when every row is right: target 1.
//
// Source: D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning internal
// representations by error propagation", Parallel Distributed Processing 1,
// 1986; as a scaling benchmark G. Tesauro and B. Janssens, "Scaling
// relationships in back-propagation learning", Complex Systems 2, 1988.
func NewParity(c ParityConfig) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	if c.Bits < 1 || c.Bits > 16 {
		return nil, catalogue.Invalid("bits", "is %d; it must be 1 to 16, since the task is the whole truth table", c.Bits)
	}
	return loaded.get(c, func() (Task, error) { return truthTable(c.Bits) })
}

func truthTable(n int) (Task, error) {
	d := Data[float64]{Inputs: n, Classes: 2}
	for row := range uint(1) << n {
		for j := range n {
			d.X = append(d.X, float64(2*int(row>>j&1)-1))
		}
		d.Labels = append(d.Labels, bits.OnesCount(row)%2)
	}
	s, err := NewClassSet(n, 2, d.X, d.Labels)
	if err != nil {
		return nil, err
	}
	return &finite{name: "parity", loss: models.CrossEntropy, chance: 0.5,
		target: func() float64 { return 1 }, train: s, validation: s, test: s}, nil
}

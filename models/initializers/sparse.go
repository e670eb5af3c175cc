package initializers

import (
	"math/rand/v2"

	"github.com/gradflow/gradflow/catalogue"
)

// SparseConfig are the settings of [Sparse].
type SparseConfig struct {
	// Inputs is the number of inputs that a unit is connected with.
	Inputs int `json:"inputs" default:"15" range:"[1,]" doc:"inputs connected to each unit"`
	// Gain is the deviation of the non-zero weights.
	Gain float64 `json:"gain" default:"1" range:"(0,]" doc:"deviation of the non-zero weights"`
	catalogue.Given
}

// Sparse gives each unit weights from N(0, gain²) for some inputs, drawn without
// repetition (all of them, if there are no more), and 0 for the others: units then
// differ in large layers, too (J. Martens: Deep learning via Hessian-free optimization,
// 2010). The pre-activation's variance is inputs·gain²·E[x²] at any fan-in.
func Sparse(c SparseConfig) (Initializer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &sparse{c}, nil
}

type sparse struct{ c SparseConfig }

func (*sparse) Name() string { return "sparse" }

// Variances implements [Variances].
func (s *sparse) Variances(fanIn, _ int) (weight, bias float64) {
	return s.c.Gain * s.c.Gain * float64(min(s.c.Inputs, fanIn)) / float64(fanIn), 0
}

func (s *sparse) Fill(w []float64, fanIn, fanOut int, r *rand.Rand) {
	clear(w)
	order := make([]int, fanIn)
	for i := range order {
		order[i] = i
	}
	for unit := range fanOut {
		for k := range min(s.c.Inputs, fanIn) { // the first steps of a shuffle
			other := k + r.IntN(fanIn-k)
			order[k], order[other] = order[other], order[k]
			w[order[k]*fanOut+unit] = s.c.Gain * r.NormFloat64()
		}
	}
}

package optimizers

import "github.com/gradflow/gradflow/catalogue"

// LionConfig has the settings of [NewLion].
type LionConfig struct {
	Rate        float64 `json:"rate" default:"0.0001" range:"(0,]" doc:"the size of every step"`
	Beta1       float64 `json:"beta1" default:"0.9" range:"[0,1)" doc:"share of the mean in the mixture whose sign is taken"`
	Beta2       float64 `json:"beta2" default:"0.99" range:"[0,1)" doc:"decay of the mean of g"`
	WeightDecay float64 `json:"weight-decay" default:"0" range:"[0,]" doc:"each step subtracts rate·weight-decay·w"`
	catalogue.Given
}

// NewLion returns lion.
//
// Lion steps by the sign of a mixture of the gradient and its running mean:
//
//	w <- w - rate (sign(beta1 m + (1-beta1) g) + weight-decay w)
//	m <- beta2 m + (1-beta2) g                m = 0 initially
//
// Source: Chen and others, "Symbolic discovery of optimization algorithms"
// (2023), arXiv:2302.06675, algorithm 2.
func NewLion(c LionConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(Rule{
		Name:    "lion",
		Vectors: []float64{0},
		Update: func(b *Block[float64]) {
			m := b.State[0]
			for i, g := range b.G {
				b.To[i] -= c.Rate * (sign(c.Beta1*m[i]+(1-c.Beta1)*g) + c.WeightDecay*b.W[i])
				m[i] = c.Beta2*m[i] + (1-c.Beta2)*g
			}
		},
	})
}

package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// AdaGradConfig has the settings of [NewAdaGrad].
type AdaGradConfig struct {
	Rate      float64 `json:"rate" default:"0.01" range:"(0,]" doc:"step size"`
	RateDecay float64 `json:"rate-decay" default:"0" range:"[0,]" doc:"the rate of step t = 0, 1, ... is rate/(1 + rate-decay t)"`
	Start     float64 `json:"start" default:"0" range:"[0,]" doc:"initial value of the sum of g²"`
	Eps       float64 `json:"eps" default:"1e-10" range:"(0,]" doc:"added to the root of the sum of g²"`
	catalogue.Given
}

// NewAdaGrad returns AdaGrad.
//
// AdaGrad divides the gradient by the root of the sum of all its squares, as
// torch.optim.Adagrad does:
//
//	s <- s + g²                               s = start initially
//	w <- w - rate/(1 + rate-decay t) g/(√s + eps)
//
// Source: Duchi, Hazan and Singer (2011).
func NewAdaGrad(c AdaGradConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(Rule{
		Name:    "adagrad",
		Vectors: []float64{c.Start},
		Numbers: 1, // t
		Update: func(b *Block[float64]) {
			sum, rate := b.State[0], c.Rate/(1+c.RateDecay*b.Numbers[0])
			for i, g := range b.G {
				sum[i] += g * g
				b.To[i] -= rate * g / (math.Sqrt(sum[i]) + c.Eps)
			}
			b.Numbers[0]++
		},
	})
}

package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// AdaGradConfig has the settings of [NewAdaGrad].
type AdaGradConfig struct {
	Rate      float64 `json:"rate" default:"0.01" range:"(0,]" doc:"step size"`
	RateDecay float64 `json:"rate-decay" default:"0" range:"[0,]" doc:"the rate of step t = 0, 1, ... is rate/(1 + rate-decay t)"`
	Start     float64 `json:"start" default:"0" range:"[0,]" doc:"first value of the sum of g²"`
	Eps       float64 `json:"eps" default:"1e-10" range:"(0,]" doc:"added to the root of the sum of g²"`
	catalogue.Given
}

// AdaGrad divides the gradient by the root of the sum of all its squares, as
// torch.optim.Adagrad does:
//
//	s <- s + g²                               s = start at the start
//	w <- w - rate/(1 + rate-decay t) g/(√s + eps)
//
// Source: Duchi, Hazan and Singer (2011).
type AdaGrad struct{ method }

var _ Updater = (*AdaGrad)(nil)

// NewAdaGrad returns AdaGrad.
func NewAdaGrad(c AdaGradConfig) (*AdaGrad, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &AdaGrad{method{
		name:    "adagrad",
		vectors: []float64{c.Start},
		numbers: 1, // t
		rule: func(b *block[float64]) {
			sum, rate := b.s[0], c.Rate/(1+c.RateDecay*b.n[0])
			for i, g := range b.g {
				sum[i] += g * g
				b.to[i] -= rate * g / (math.Sqrt(sum[i]) + c.Eps)
			}
			b.n[0]++
		},
	}}, nil
}

package optimizers

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// AdamWConfig has the settings of [NewAdamW].
type AdamWConfig struct {
	Rate        float64 `json:"rate" default:"0.001" range:"(0,]" doc:"step size"`
	Beta1       float64 `json:"beta1" default:"0.9" range:"[0,1)" doc:"decay of the mean of g"`
	Beta2       float64 `json:"beta2" default:"0.999" range:"[0,1)" doc:"decay of the mean of g²"`
	Eps         float64 `json:"eps" default:"1e-8" range:"(0,]" doc:"added to the root of the mean of g²"`
	WeightDecay float64 `json:"weight-decay" default:"0.01" range:"(0,]" doc:"each step subtracts rate·weight-decay·w"`
	catalogue.Given
}

// NewAdamW returns AdamW.
//
// AdamW is [NewAdam] with decoupled weight decay, as in torch.optim.AdamW:
//
//	w <- w - rate weight-decay w, then Adam's step
//
// Source: Loshchilov and Hutter (2019), arXiv:1711.05101.
func NewAdamW(c AdamWConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	r := adamRule(AdamConfig{c.Rate, c.Beta1, c.Beta2, c.Eps, c.Given})
	r.Name = "adamw"
	r.Update = decayFirst(c, r.Update)
	if r.Update32 != nil {
		r.Update32 = decayFirst(c, r.Update32)
	}
	return New(r)
}

func decayFirst[F kernels.Float](c AdamWConfig, then func(*Block[F])) func(*Block[F]) {
	return func(b *Block[F]) {
		kernels.Axpy(b.To, b.W, F(-c.Rate*c.WeightDecay))
		then(b)
	}
}

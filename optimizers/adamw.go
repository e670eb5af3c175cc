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
	WeightDecay float64 `json:"weight-decay" default:"0.01" range:"(0,]" doc:"each step takes rate weight-decay w off w"`
	catalogue.Given
}

// AdamW is [Adam] with decoupled weight decay, as in torch.optim.AdamW:
//
//	w <- w - rate weight-decay w, then Adam's step
//
// Source: Loshchilov and Hutter (2019), arXiv:1711.05101.
type AdamW struct{ method }

var _ Updater = (*AdamW)(nil)

// NewAdamW returns AdamW.
func NewAdamW(c AdamWConfig) (*AdamW, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	o, err := NewAdam(AdamConfig{c.Rate, c.Beta1, c.Beta2, c.Eps, c.Given})
	if err != nil {
		return nil, err
	}
	o.name = "adamw"
	o.rule, o.rule32 = decayFirst(c, o.rule), decayFirst(c, o.rule32)
	return &AdamW{o.method}, nil
}

func decayFirst[F kernels.Float](c AdamWConfig, then func(*block[F])) func(*block[F]) {
	return func(b *block[F]) {
		kernels.Axpy(b.to, b.w, F(-c.Rate*c.WeightDecay))
		then(b)
	}
}

package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// AdamConfig has the settings of [NewAdam].
type AdamConfig struct {
	Rate  float64 `json:"rate" default:"0.001" range:"(0,]" doc:"step size"`
	Beta1 float64 `json:"beta1" default:"0.9" range:"[0,1)" doc:"decay of the mean of g"`
	Beta2 float64 `json:"beta2" default:"0.999" range:"[0,1)" doc:"decay of the mean of g²"`
	Eps   float64 `json:"eps" default:"1e-8" range:"(0,]" doc:"added to the root of the mean of g²"`
	catalogue.Given
}

// NewAdam returns Adam.
//
// Adam is the method of Kingma and Ba (2015), as in torch.optim.Adam:
//
//	m <- beta1 m + (1-beta1) g
//	v <- beta2 v + (1-beta2) g²
//	w <- w - rate (m/(1-beta1^t)) / (√(v/(1-beta2^t)) + eps)
//
// at step t = 1, 2, ... of the parameter; m = v = 0 initially.
func NewAdam(c AdamConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(adamRule(c))
}

func adamRule(c AdamConfig) Rule {
	r := Rule{
		Name:    "adam",
		Vectors: []float64{0, 0},
		Numbers: 1,
		Update:  adam[float64](c),
		Squares: true,
	}
	if c.Eps >= narrowest {
		r.Update32 = adam[float32](c)
	}
	return r
}

func adam[F kernels.Float](c AdamConfig) func(*Block[F]) {
	return func(b *Block[F]) {
		b.Numbers[0]++
		t := b.Numbers[0]
		kernels.Adam(b.To, b.G, b.State[0], b.State[1], c.Rate, c.Beta1, c.Beta2, c.Eps, 1-math.Pow(c.Beta1, t), 1-math.Pow(c.Beta2, t))
	}
}

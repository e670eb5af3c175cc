package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// NAdamWConfig has the settings of [NewNAdamW].
type NAdamWConfig struct {
	Rate        float64 `json:"rate" default:"0.001" range:"(0,]" doc:"step size"`
	Beta1       float64 `json:"beta1" default:"0.9" range:"[0,1)" doc:"decay of the mean of g"`
	Beta2       float64 `json:"beta2" default:"0.999" range:"[0,1)" doc:"decay of the mean of g²"`
	Eps         float64 `json:"eps" default:"1e-8" range:"(0,]" doc:"added to the root of the mean of g²"`
	WeightDecay float64 `json:"weight-decay" default:"0.01" range:"[0,]" doc:"each step subtracts rate·weight-decay·w"`
	catalogue.Given
}

// NewNAdamW returns nadamw.
//
// NAdamW is AdamW with Nesterov's momentum: the mean of g is used as it will be
// after one more step with the same gradient.
//
//	m <- beta1 m + (1-beta1) g
//	v <- beta2 v + (1-beta2) g²
//	m' = beta1 m + (1-beta1) g
//	w <- w - rate (m'/(1-beta1^t) / (√(v/(1-beta2^t)) + eps) + weight-decay w)
//
// at step t = 1, 2, ... of the parameter; m = v = 0 initially. The first step is 1+beta1
// times that of Adam. torch.optim.NAdam follows Dozat's original instead: its momentum
// grows with t, and its bias corrections are others.
//
// Source: the baseline of the AlgoPerf benchmark, whose program (scale_by_nadam and nadamw, from
// init2winit) was read for this; the variant is that of Table 1 of Choi and others (2019),
// arXiv:1910.05446. The momentum is Dozat's (2016).
func NewNAdamW(c NAdamWConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	r := Rule{
		Name:    "nadamw",
		Vectors: []float64{0, 0},
		Numbers: 1,
		Update:  nadamw[float64](c),
		Squares: true,
	}
	if c.Eps >= narrowest {
		r.Update32 = nadamw[float32](c)
	}
	return New(r)
}

func nadamw[F Float](c NAdamWConfig) func(*Block[F]) {
	return func(b *Block[F]) {
		b.Numbers[0]++
		t := b.Numbers[0]
		m, v := b.State[0], b.State[1]
		beta1, rest1, beta2, rest2 := F(c.Beta1), F(1-c.Beta1), F(c.Beta2), F(1-c.Beta2)
		rate := F(c.Rate / (1 - math.Pow(c.Beta1, t)))
		root, eps := F(1/math.Sqrt(1-math.Pow(c.Beta2, t))), F(c.Eps)
		if c.WeightDecay > 0 {
			kernels.Axpy(b.To, b.W, F(-c.Rate*c.WeightDecay))
		}
		for i, g := range b.G {
			m[i] = beta1*m[i] + rest1*g
			v[i] = beta2*v[i] + rest2*g*g
			b.To[i] -= rate * (beta1*m[i] + rest1*g) / (F(math.Sqrt(float64(v[i])))*root + eps)
		}
	}
}

package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// LAMBConfig has the settings of [NewLAMB].
type LAMBConfig struct {
	Rate        float64 `json:"rate" default:"0.001" range:"(0,]" doc:"step of a layer, relative to the norm of its weights"`
	Beta1       float64 `json:"beta1" default:"0.9" range:"[0,1)" doc:"decay of the mean of g"`
	Beta2       float64 `json:"beta2" default:"0.999" range:"[0,1)" doc:"decay of the mean of g²"`
	Eps         float64 `json:"eps" default:"1e-6" range:"(0,]" doc:"added to the root of the mean of g²"`
	WeightDecay float64 `json:"weight-decay" default:"0" range:"[0,]" doc:"weight-decay w is added to the direction"`
	catalogue.Given
}

// NewLAMB returns lamb.
//
// LAMB gives Adam's step of each parameter the norm of the parameter:
//
//	m, v as in Adam;  r = (m/(1-beta1^t))/(√(v/(1-beta2^t)) + eps) + weight-decay w
//	w <- w - rate ‖w‖/‖r‖ r                   ‖w‖/‖r‖ is 1 if one of them is 0
//
// Source: You and others, "Large batch optimization for deep learning" (2020),
// arXiv:1904.00962, algorithm 2 with the identity for φ.
func NewLAMB(c LAMBConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(Rule{
		Name:    "lamb",
		Vectors: []float64{0, 0, 0}, // m, v, r
		Numbers: 1,
		Update: func(b *Block[float64]) {
			b.Numbers[0]++
			m, v, r := b.State[0], b.State[1], b.State[2]
			correct1, correct2 := 1-math.Pow(c.Beta1, b.Numbers[0]), 1-math.Pow(c.Beta2, b.Numbers[0])
			for i, g := range b.G {
				m[i] = c.Beta1*m[i] + (1-c.Beta1)*g
				v[i] = c.Beta2*v[i] + (1-c.Beta2)*g*g
				r[i] = m[i]/correct1/(math.Sqrt(v[i]/correct2)+c.Eps) + c.WeightDecay*b.W[i]
			}
			ratio := 1.
			if wn, rn := norm(b.W), norm(r); wn > 0 && rn > 0 {
				ratio = wn / rn
			}
			for i := range r {
				b.To[i] -= c.Rate * ratio * r[i]
			}
		},
	})
}

package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// LAMBConfig has the settings of [NewLAMB].
type LAMBConfig struct {
	Rate        float64 `json:"rate" default:"0.001" range:"(0,]" doc:"how far a step takes a layer, in units of its norm"`
	Beta1       float64 `json:"beta1" default:"0.9" range:"[0,1)" doc:"decay of the mean of g"`
	Beta2       float64 `json:"beta2" default:"0.999" range:"[0,1)" doc:"decay of the mean of g²"`
	Eps         float64 `json:"eps" default:"1e-6" range:"(0,]" doc:"added to the root of the mean of g²"`
	WeightDecay float64 `json:"weight-decay" default:"0" range:"[0,]" doc:"weight-decay w is added to the direction"`
	catalogue.Given
}

// LAMB gives Adam's step of each parameter the norm of the parameter:
//
//	m, v as in Adam;  r = (m/(1-beta1^t))/(√(v/(1-beta2^t)) + eps) + weight-decay w
//	w <- w - rate ‖w‖/‖r‖ r                   ‖w‖/‖r‖ is 1 if one of them is 0
//
// Source: You and others, "Large batch optimization for deep learning" (2020),
// arXiv:1904.00962, algorithm 2 with the identity for φ.
type LAMB struct{ method }

var _ Updater = (*LAMB)(nil)

// NewLAMB returns lamb.
func NewLAMB(c LAMBConfig) (*LAMB, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &LAMB{method{
		name:    "lamb",
		vectors: []float64{0, 0, 0}, // m, v, r
		numbers: 1,
		rule: func(b *block[float64]) {
			b.n[0]++
			m, v, r := b.s[0], b.s[1], b.s[2]
			correct1, correct2 := 1-math.Pow(c.Beta1, b.n[0]), 1-math.Pow(c.Beta2, b.n[0])
			for i, g := range b.g {
				m[i] = c.Beta1*m[i] + (1-c.Beta1)*g
				v[i] = c.Beta2*v[i] + (1-c.Beta2)*g*g
				r[i] = m[i]/correct1/(math.Sqrt(v[i]/correct2)+c.Eps) + c.WeightDecay*b.w[i]
			}
			ratio := 1.
			if wn, rn := norm(b.w), norm(r); wn > 0 && rn > 0 {
				ratio = wn / rn
			}
			for i := range r {
				b.to[i] -= c.Rate * ratio * r[i]
			}
		},
	}}, nil
}

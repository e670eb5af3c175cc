package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// AdaDeltaConfig has the settings of [NewAdaDelta].
type AdaDeltaConfig struct {
	Rate float64 `json:"rate" default:"1" range:"(0,]" doc:"factor of the step, 1 in the paper"`
	Rho  float64 `json:"rho" default:"0.9" range:"[0,1)" doc:"decay of the means of g² and of the squared steps"`
	Eps  float64 `json:"eps" default:"1e-6" range:"(0,]" doc:"added to both means under their roots: it sets the first step"`
	catalogue.Given
}

// NewAdaDelta returns AdaDelta.
//
// AdaDelta measures its steps in units of its earlier steps, as
// torch.optim.Adadelta does:
//
//	v <- rho v + (1-rho) g²                   v = u = 0 initially
//	d  = √(u + eps)/√(v + eps) g
//	u <- rho u + (1-rho) d²
//	w <- w - rate d
//
// Source: Zeiler (2012), arXiv:1212.5701.
func NewAdaDelta(c AdaDeltaConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(Rule{
		Name:    "adadelta",
		Vectors: []float64{0, 0},
		Update: func(b *Block[float64]) {
			v, u := b.State[0], b.State[1]
			for i, g := range b.G {
				v[i] = c.Rho*v[i] + (1-c.Rho)*g*g
				d := math.Sqrt(u[i]+c.Eps) / math.Sqrt(v[i]+c.Eps) * g
				u[i] = c.Rho*u[i] + (1-c.Rho)*d*d
				b.To[i] -= c.Rate * d
			}
		},
	})
}

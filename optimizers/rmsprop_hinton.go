package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// RMSPropHintonConfig has the settings of [NewRMSPropHinton].
type RMSPropHintonConfig struct {
	Rate float64 `json:"rate" default:"0.001" range:"(0,]" doc:"step size"`
	Rho  float64 `json:"rho" default:"0.9" range:"[0,1)" doc:"decay of the mean of g²"`
	catalogue.Given
}

// NewRMSPropHinton returns rmsprop-hinton.
//
// RMSPropHinton is RMSProp as it stands on the slides, without any eps: the step
// does not depend on the scale of the gradients at all.
//
//	v <- rho v + (1-rho) g²                   v = 0 initially
//	w <- w - rate g/√v                        no step while v = 0
//
// Source: Tieleman and Hinton, Coursera lecture 6.5 (2012). The slides give no
// rate.
func NewRMSPropHinton(c RMSPropHintonConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(Rule{
		Name:    "rmsprop-hinton",
		Vectors: []float64{0},
		Update: func(b *Block[float64]) {
			v := b.State[0]
			for i, g := range b.G {
				v[i] = c.Rho*v[i] + (1-c.Rho)*g*g
				if v[i] > 0 {
					b.To[i] -= c.Rate * g / math.Sqrt(v[i])
				}
			}
		},
	})
}

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

// RMSPropHinton is RMSProp as it stands on the slides, without any eps: the step
// does not depend on the scale of the gradients at all.
//
//	v <- rho v + (1-rho) g²                   v = 0 at the start
//	w <- w - rate g/√v                        no step while v = 0
//
// Source: Tieleman and Hinton, Coursera lecture 6.5 (2012). The slides give no
// rate.
type RMSPropHinton struct{ method }

var _ Updater = (*RMSPropHinton)(nil)

// NewRMSPropHinton returns rmsprop-hinton.
func NewRMSPropHinton(c RMSPropHintonConfig) (*RMSPropHinton, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &RMSPropHinton{method{
		name:    "rmsprop-hinton",
		vectors: []float64{0},
		rule: func(b *block[float64]) {
			v := b.s[0]
			for i, g := range b.g {
				v[i] = c.Rho*v[i] + (1-c.Rho)*g*g
				if v[i] > 0 {
					b.to[i] -= c.Rate * g / math.Sqrt(v[i])
				}
			}
		},
	}}, nil
}

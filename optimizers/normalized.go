package optimizers

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// NormalizedConfig has the settings of [NewNormalized].
type NormalizedConfig struct {
	Rate     float64 `json:"rate" default:"0.01" range:"(0,]" doc:"length of each parameter's step"`
	Momentum float64 `json:"momentum" default:"0" range:"[0,1)" doc:"share of the last velocity that is retained"`
	catalogue.Given
}

// NewNormalized returns normalized-gradient.
//
// Normalized keeps the direction of each parameter's gradient and forgets its
// length, so that every layer moves equally far whatever depth did to its
// gradient:
//
//	v <- momentum v + g/‖g‖                   v = 0 initially; 0/0 = 0
//	w <- w - rate v
//
// Source: Yu, Lin, Salakhutdinov and Carbonell, "Block-normalized gradient
// method" (2017), arXiv:1707.04822. The rate is a choice of this package.
func NewNormalized(c NormalizedConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(Rule{
		Name:    "normalized-gradient",
		Vectors: []float64{0},
		Update: func(b *Block[float64]) {
			v, length := b.State[0], norm(b.G)
			for i, g := range b.G {
				if length > 0 {
					g /= length
				}
				v[i] = c.Momentum*v[i] + g
			}
			kernels.Axpy(b.To, v, -c.Rate)
		},
	})
}

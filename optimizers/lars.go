package optimizers

import "github.com/gradflow/gradflow/catalogue"

// LARSConfig has the settings of [NewLARS].
type LARSConfig struct {
	Rate        float64 `json:"rate" default:"1" range:"(0,]" doc:"factor of every layer's step"`
	Trust       float64 `json:"trust" default:"0.001" range:"(0,]" doc:"largest step of a layer, relative to the norm of its weights"`
	Momentum    float64 `json:"momentum" default:"0.9" range:"[0,1)" doc:"share of the last velocity that is retained"`
	WeightDecay float64 `json:"weight-decay" default:"0" range:"[0,]" doc:"weight-decay w is added to the gradient"`
	catalogue.Given
}

// NewLARS returns lars.
//
// LARS gives each parameter a rate that makes its step a fixed share of its norm:
//
//	l = trust ‖w‖/(‖g‖ + weight-decay ‖w‖)    1 if ‖w‖ or ‖g‖ is 0
//	v <- momentum v + rate l (g + weight-decay w)
//	w <- w - v                                v = 0 initially
//
// Source: You, Gitman and Ginsburg, "Large batch training of convolutional
// networks" (2017), arXiv:1708.03888, algorithm 1; the case of a zero norm is
// optax's. The rate of 1 is a choice of this package.
func NewLARS(c LARSConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(Rule{
		Name:    "lars",
		Vectors: []float64{0},
		Update: func(b *Block[float64]) {
			v, local := b.State[0], 1.
			if wn, gn := norm(b.W), norm(b.G); wn > 0 && gn > 0 {
				local = c.Trust * wn / (gn + c.WeightDecay*wn)
			}
			for i, g := range b.G {
				v[i] = c.Momentum*v[i] + c.Rate*local*(g+c.WeightDecay*b.W[i])
				b.To[i] -= v[i]
			}
		},
	})
}

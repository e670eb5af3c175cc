package optimizers

import "github.com/gradflow/gradflow/catalogue"

// SignSGDConfig has the settings of [NewSignSGD].
type SignSGDConfig struct {
	Rate     float64 `json:"rate" default:"0.001" range:"(0,]" doc:"the size of every step"`
	Momentum float64 `json:"momentum" default:"0" range:"[0,1)" doc:"decay of the mean of g whose sign is taken (Signum)"`
	catalogue.Given
}

// NewSignSGD returns signsgd.
//
// SignSGD steps by the sign of the gradient, or of its running mean (Signum):
//
//	m <- momentum m + (1-momentum) g          m = 0 initially
//	w <- w - rate sign(m)                     sign(0) = 0
//
// Source: Bernstein, Wang, Azizzadenesheli and Anandkumar (2018),
// arXiv:1802.04434. The rate is a choice of this package.
func NewSignSGD(c SignSGDConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(Rule{
		Name:    "signsgd",
		Vectors: []float64{0},
		Update: func(b *Block[float64]) {
			m := b.State[0]
			for i, g := range b.G {
				m[i] = c.Momentum*m[i] + (1-c.Momentum)*g
				b.To[i] -= c.Rate * sign(m[i])
			}
		},
	})
}

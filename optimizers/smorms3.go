package optimizers

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// SMORMS3Config has the settings of [NewSMORMS3].
type SMORMS3Config struct {
	Rate float64 `json:"rate" default:"0.001" range:"(0,]" doc:"upper bound on the rate"`
	Eps  float64 `json:"eps" default:"1e-16" range:"(0,]" doc:"added to the mean of g² and to its root"`
	catalogue.Given
}

// NewSMORMS3 returns SMORMS3.
//
// SMORMS3 is "squared mean over root mean squared cubed": RMSProp whose memory
// and rate adapt, element by element, to how constant the gradient is.
//
//	r   = 1/(mem+1)
//	g1 <- (1-r) g1 + r g
//	g2 <- (1-r) g2 + r g²
//	x   = g1²/(g2 + eps)
//	w  <- w - g min(rate, x)/(√g2 + eps)
//	mem <- 1 + mem (1-x)
//
// g1 = g2 = 0 and mem = 1 initially; x is not clipped in mem.
//
// Source: Simon Funk, "RMSprop loses to SMORMS3 - beware the epsilon!" (2015),
// https://sifter.org/simon/journal/20150420.html.
func NewSMORMS3(c SMORMS3Config) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	r := Rule{
		Name:    "smorms3",
		Vectors: []float64{1, 0, 0},
		Update:  smorms3[float64](c),
		Squares: true,
	}
	if c.Eps >= narrowest {
		r.Update32 = smorms3[float32](c)
	}
	return New(r)
}

func smorms3[F kernels.Float](c SMORMS3Config) func(*Block[F]) {
	return func(b *Block[F]) { kernels.SMORMS3(b.To, b.G, b.State[0], b.State[1], b.State[2], c.Rate, c.Eps) }
}

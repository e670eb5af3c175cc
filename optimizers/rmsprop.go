package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// RMSPropConfig has the settings of [NewRMSProp].
type RMSPropConfig struct {
	Rate      float64 `json:"rate" default:"0.01" range:"(0,]" doc:"step size"`
	Rho       float64 `json:"rho" default:"0.99" range:"[0,1)" doc:"decay of the mean of g²"`
	Eps       float64 `json:"eps" default:"1e-8" range:"(0,]" doc:"added to the root of the mean of g²"`
	EpsInside bool    `json:"eps-inside" default:"false" doc:"add eps under the root, as TensorFlow does"`
	Centered  bool    `json:"centered" default:"false" doc:"divide by the standard deviation of g instead of its root mean square"`
	Momentum  float64 `json:"momentum" default:"0" range:"[0,1)" doc:"share of the last step that is retained"`
	catalogue.Given
}

// NewRMSProp returns RMSProp.
//
// RMSProp divides the gradient by its running root mean square, as
// torch.optim.RMSprop does:
//
//	v <- rho v + (1-rho) g²                  v = 0 initially
//	d  = g/(√v + eps)                        or g/√(v + eps) with eps-inside
//	b <- momentum b + d                      b = 0 initially
//	w <- w - rate b
//
// Centered, v - ḡ² takes the place of v, with ḡ <- rho ḡ + (1-rho) g.
//
// eps decides what happens to vanishing gradients: those well below it are not
// normalised any more, and inside the root 1e-6 acts like 1e-3 outside.
//
// Sources: Tieleman and Hinton, Coursera lecture 6.5 (2012); PyTorch; TensorFlow
// (eps-inside).
func NewRMSProp(c RMSPropConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	r := Rule{Name: "rmsprop", Vectors: []float64{0}}
	if !c.EpsInside && !c.Centered && c.Momentum == 0 {
		r.Update, r.Squares = rmsprop[float64](c), true
		if c.Eps >= narrowest {
			r.Update32 = rmsprop[float32](c)
		}
		return New(r)
	}
	r.Vectors = []float64{0, 0, 0} // v, ḡ, b
	r.Update = func(b *Block[float64]) { rmspropVariants(&c, b) }
	return New(r)
}

func rmsprop[F kernels.Float](c RMSPropConfig) func(*Block[F]) {
	return func(b *Block[F]) { kernels.RMSProp(b.To, b.G, b.State[0], c.Rate, c.Rho, c.Eps) }
}

func rmspropVariants(c *RMSPropConfig, b *Block[float64]) {
	v, mean, momentum := b.State[0], b.State[1], b.State[2]
	for i, g := range b.G {
		v[i] = c.Rho*v[i] + (1-c.Rho)*g*g
		square := v[i]
		if c.Centered {
			mean[i] = c.Rho*mean[i] + (1-c.Rho)*g
			square = max(0, square-mean[i]*mean[i]) // rounding must not make it negative
		}
		if c.EpsInside {
			g /= math.Sqrt(square + c.Eps)
		} else {
			g /= math.Sqrt(square) + c.Eps
		}
		momentum[i] = c.Momentum*momentum[i] + g
		b.To[i] -= c.Rate * momentum[i]
	}
}

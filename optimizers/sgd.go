package optimizers

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// SGDConfig has the settings of [NewSGD].
type SGDConfig struct {
	Rate     float64 `json:"rate" default:"0.01" range:"(0,]" doc:"step size"`
	Momentum float64 `json:"momentum" default:"0" range:"[0,1)" doc:"share of the last velocity that is retained"`
	Nesterov bool    `json:"nesterov" default:"false" doc:"evaluate one momentum step ahead"`
	catalogue.Given
}

// NewSGD returns stochastic gradient descent.
//
// SGD is stochastic gradient descent, with momentum as in torch.optim.SGD:
//
//	v <- momentum v + g             v = 0 initially
//	w <- w - rate v                 or, with nesterov, w - rate (g + momentum v)
//
// Without momentum v = g. Source: Sutskever, Martens, Dahl and Hinton (2013).
func NewSGD(c SGDConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	r := Rule{Name: "sgd", Update: sgd[float64](c), Update32: sgd[float32](c)}
	if c.Momentum != 0 {
		r.Vectors = []float64{0}
	} else if c.Nesterov {
		return nil, catalogue.Invalid("nesterov", "needs momentum above 0")
	}
	return New(r)
}

func sgd[F kernels.Float](c SGDConfig) func(*Block[F]) {
	if c.Momentum == 0 {
		return func(b *Block[F]) { kernels.SGD(b.To, b.G, c.Rate) }
	}
	return func(b *Block[F]) { kernels.Momentum(b.To, b.G, b.State[0], c.Rate, c.Momentum, c.Nesterov) }
}

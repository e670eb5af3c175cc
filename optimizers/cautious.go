package optimizers

import "github.com/gradflow/gradflow/catalogue"

// CautiousConfig has the settings of [NewCautious].
type CautiousConfig struct {
	Least float64 `json:"least" default:"0.001" range:"(0,1]" doc:"lower bound on the share of elements that divides the rest"`
	catalogue.Given
}

// NewCautious returns the link cautious, which follows an optimizer. It zeroes the elements of a
// step u that oppose the gradient g of the current batch, as momentum can, and divides the
// rest by the share that remains.
//
//	m = 1 where u g > 0, otherwise 0
//	u <- u m / max(mean(m), least)            mean over the parameter
//
// g is the gradient of the loss, before the links that precede the optimizer. In a chain,
//
//	chain(optimizer=adamw,after=[cautious])
//
// masks the weight decay, too. To leave decay unmasked, put it in a separate link after this
// one. With plain SGD it changes only steps whose gradient is partly 0, which it scales up.
// After vsgd-fd, g is the second gradient.
//
// Source: Liang, Chen, Liu and Liu, "Cautious optimizers: improving training with one line of
// code" (2024), arXiv:2411.16085, whose listing (v4) has mean(m) + eps; max(mean(m),
// 0.001) was read in the ADOPT optimizer of pytorch-image-models (timm/optim/adopt.py).
func NewCautious(c CautiousConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return NewLink(Transform{Name: "cautious", Steps: true, Change: cautious[float64](c.Least), Change32: cautious[float32](c.Least)})
}

func cautious[F Float](least float64) func(*Block[F], int) {
	return func(b *Block[F], _ int) {
		kept := 0
		for i, u := range b.G {
			if g := b.Gradient[i]; u > 0 && g > 0 || u < 0 && g < 0 { // a product may underflow
				kept++
			} else {
				b.G[i] = 0
			}
		}
		if kept > 0 {
			scale(b.G, 1/max(float64(kept)/float64(len(b.G)), least))
		}
	}
}

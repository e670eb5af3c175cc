package optimizers

import "github.com/gradflow/gradflow/catalogue"

// CautiousConfig has the settings of [NewCautious].
type CautiousConfig struct {
	Least float64 `json:"least" default:"0.001" range:"(0,1]" doc:"the share of elements that is divided by is at least this"`
	catalogue.Given
}

// NewCautious returns the link cautious, which stands behind an optimizer: where a step u goes
// against the gradient g of the present batch, as momentum may, it is left out, and the rest
// is scaled up by the share that was left.
//
//	m = 1 where u g > 0, otherwise 0
//	u <- u m / max(mean(m), least)            mean over the parameter
//
// g is the gradient of the loss, before the links that stand before the optimizer. In a chain,
//
//	chain(optimizer=adamw,after=[cautious])
//
// masks the decay of weights, too; decay that is not to be masked comes as a link of its own
// behind this one, as in the authors' C-AdamW. With plain SGD it changes nothing but steps
// whose gradient is 0 in places: these are scaled up. Behind vsgd-fd, g is the second gradient.
//
// Source: Liang, Chen, Liu and Liu, "Cautious optimizers: improving training with one line of
// code" (2024), arXiv:2411.16085, whose listing (v4) has mean(m) + eps; the least share is that
// of the authors' program, also read in the copies of others.
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

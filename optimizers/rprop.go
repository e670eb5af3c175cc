package optimizers

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// RpropConfig has the settings of the four variants of Rprop.
//
// Rprop is resilient propagation: each weight has its own step D, and the
// gradient g gives nothing but its sign. With g' the gradient of the step before,
//
//	g g' > 0:  D <- min(up D, max-step)
//	g g' < 0:  D <- max(down D, min-step)
//	w <- w - sign(g) D
//
// What happens where the sign turned (g g' < 0) is the difference between
//
//	rprop-minus   the same step
//	rprop-plus    the last step is taken back, and g counts as 0 next time
//	irprop-minus  no step, and g counts as 0 next time (torch.optim.Rprop)
//	irprop-plus   the last step is taken back if the loss rose, otherwise no step;
//	              g counts as 0 next time. Needs the loss
//
// Rprop is a method for full batches. On mini-batches the sign forgets what the
// magnitude told: +0.1 nine times and -0.9 once sum to zero, and w drifts; and
// irprop-plus compares the losses of different examples. It warns when it is
// given mini-batches (Warnings).
//
// The defaults are PyTorch's; Riedmiller and Braun start with D = 0.1, Igel and
// Hüsken with 0.0125. Sources: Riedmiller and Braun (1993), rprop-plus;
// Riedmiller (1994), rprop-minus; Igel and Hüsken (2000), irprop.
type RpropConfig struct {
	Rate    float64 `json:"rate" default:"0.01" range:"(0,]" doc:"initial step size of each weight"`
	Up      float64 `json:"up" default:"1.2" range:"[1,]" doc:"factor of the step size while the gradient keeps its sign"`
	Down    float64 `json:"down" default:"0.5" range:"(0,1]" doc:"factor of the step size when the gradient changes sign"`
	MinStep float64 `json:"min-step" default:"1e-6" range:"(0,]" doc:"least step"`
	MaxStep float64 `json:"max-step" default:"50" range:"(0,]" doc:"largest step"`
	catalogue.Given
}

// NewIRpropMinus returns irprop-minus, the variant to start with.
func NewIRpropMinus(c RpropConfig) (*Optimizer, error) {
	r, err := rprop("irprop-minus", &c)
	if err != nil {
		return nil, err
	}
	r.Update, r.Update32 = irpropMinus[float64](&c), irpropMinus[float32](&c)
	return New(r)
}

func irpropMinus[F kernels.Float](c *RpropConfig) func(*Block[F]) {
	return func(b *Block[F]) {
		kernels.Rprop(b.To, b.G, b.State[0], b.State[1], c.Up, c.Down, c.MinStep, c.MaxStep)
	}
}

// NewRpropMinus returns rprop-minus.
func NewRpropMinus(c RpropConfig) (*Optimizer, error) {
	r, err := rprop("rprop-minus", &c)
	if err != nil {
		return nil, err
	}
	r.Update = func(b *Block[float64]) {
		last, step := b.State[0], b.State[1]
		for i, g := range b.G {
			c.adapt(&step[i], sign(g)*sign(last[i]))
			b.To[i] -= sign(g) * step[i]
			last[i] = g
		}
	}
	return New(r)
}

// NewRpropPlus returns rprop-plus.
func NewRpropPlus(c RpropConfig) (*Optimizer, error) {
	r, err := rprop("rprop-plus", &c)
	if err != nil {
		return nil, err
	}
	r.Vectors = append(r.Vectors, 0)
	r.Update = func(b *Block[float64]) { c.plus(b, true) }
	return New(r)
}

// NewIRpropPlus returns irprop-plus.
func NewIRpropPlus(c RpropConfig) (*Optimizer, error) {
	r, err := rprop("irprop-plus", &c)
	if err != nil {
		return nil, err
	}
	r.Needs = NeedsLoss
	r.Vectors = append(r.Vectors, 0)
	r.Numbers = 1 // the last loss
	r.Update = func(b *Block[float64]) {
		c.plus(b, b.Info.Loss > b.Numbers[0]) // at the first step no sign turns
		b.Numbers[0] = b.Info.Loss
	}
	return New(r)
}

// plus does a step that takes the last one back where the sign turns, if undo.
func (c *RpropConfig) plus(b *Block[float64], undo bool) {
	last, step, move := b.State[0], b.State[1], b.State[2]
	for i, g := range b.G {
		turn := sign(g) * sign(last[i])
		c.adapt(&step[i], turn)
		switch {
		case turn >= 0:
			move[i] = -sign(g) * step[i]
			b.To[i] += move[i]
			last[i] = g
		case undo:
			b.To[i] -= move[i]
			last[i] = 0
		default:
			last[i] = 0
		}
	}
}

// adapt changes a step by the product of the signs of two gradients. (The
// product of the gradients themselves would underflow.)
func (c *RpropConfig) adapt(step *float64, turn float64) {
	switch {
	case turn > 0:
		*step = min(*step*c.Up, c.MaxStep)
	case turn < 0:
		*step = max(*step*c.Down, c.MinStep)
	}
}

// rprop is what the variants have in common.
func rprop(name string, c *RpropConfig) (Rule, error) {
	if err := catalogue.Defaults(c); err != nil {
		return Rule{}, err
	}
	if c.MinStep > c.MaxStep {
		return Rule{}, catalogue.Invalid("min-step", "%g is above max-step, %g", c.MinStep, c.MaxStep)
	}
	return Rule{
		Name:      name,
		Vectors:   []float64{0, c.Rate}, // last gradient, step
		FullBatch: true,
	}, nil
}

// sign is -1, 0 or 1.
func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

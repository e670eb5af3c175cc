package optimizers

import (
	"github.com/gradflow/gradflow/catalogue"
)

// VSGDConfig has the settings of vsgd-l, vsgd-b and vsgd-g.
//
// They have no learning rate: it follows from the variance of the gradient g and
// the diagonal curvature h, which it needs as StepInfo.Curvature. With
//
//	ḡ <- (1-1/τ) ḡ + g/τ       v <- (1-1/τ) v + g²/τ
//	h̄ <- (1-1/τ) h̄ + max(eps, |h|)/τ
//
// vsgd-l has a rate and a memory τ for each weight:
//
//	w <- w - ḡ²/(v h̄) g
//	τ <- (1 - ḡ²/v) τ + 1
//
// vsgd-b has one for each parameter (a block), and vsgd-g one for all together:
// ‖ḡ‖² takes the place of ḡ², the mean of ‖g‖² that of v, and the largest h̄ of
// the block that of h̄.
//
// The first start batches move nothing: the averages become the means over them.
// Then those of g² and of h are multiplied by slow, and τ = start. Where the
// gradient was always zero there is no step.
//
// Source: Schaul, Zhang and LeCun, "No more pesky learning rates" (2013),
// arXiv:1206.1106; constants as in the authors' py-optim.
type VSGDConfig struct {
	Start int     `json:"start" default:"10" range:"[1,]" doc:"initial batches that only build up the averages, without a step"`
	Slow  float64 `json:"slow" default:"2" range:"[1,]" doc:"factor applied to the averages of g² and of the curvature after the start"`
	Eps   float64 `json:"eps" default:"1e-9" range:"(0,]" doc:"least curvature"`
	catalogue.Given
}

// NewVSGDL returns vsgd-l, with a rate for each weight.
func NewVSGDL(c VSGDConfig) (*Optimizer, error) {
	o, r, err := newVSGD("vsgd-l", c)
	if err != nil {
		return nil, err
	}
	r.Vectors = []float64{0, 0, float64(o.config.Start), 0} // ḡ, h̄, τ, v
	r.Numbers = 1
	r.Update = o.local
	return New(r)
}

// NewVSGDB returns vsgd-b, with a rate for each parameter.
func NewVSGDB(c VSGDConfig) (*Optimizer, error) {
	o, r, err := newVSGD("vsgd-b", c)
	if err != nil {
		return nil, err
	}
	r.Together = func(ps *Parameters) error {
		for i := range ps.Len() {
			o.block(ps, i, i+1)
		}
		return nil
	}
	return New(r)
}

// NewVSGDG returns vsgd-g, with one rate.
func NewVSGDG(c VSGDConfig) (*Optimizer, error) {
	o, r, err := newVSGD("vsgd-g", c)
	if err != nil {
		return nil, err
	}
	r.Together = func(ps *Parameters) error {
		o.block(ps, 0, ps.Len())
		return nil
	}
	return New(r)
}

// vsgd is what the rules of a block share.
type vsgd struct {
	config VSGDConfig

	average, move func(*Block[float64]) // bound once: a step allocates nothing
	share         float64               // 1/τ
	last          bool                  // of the batches of the start
	steady        float64               // ‖ḡ‖²
	curve         float64               // the largest h̄
	rate          float64
}

// The numbers of a block, equal in all its parameters.
const (
	vsgdSeen   = iota
	vsgdTau    // memory
	vsgdSquare // mean of ‖g‖²
	vsgdNumbers
)

func newVSGD(name string, c VSGDConfig) (*vsgd, Rule, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, Rule{}, err
	}
	o := &vsgd{config: c}
	o.average, o.move = o.averages, o.step
	return o, Rule{
		Name:    name,
		Needs:   NeedsCurvature,
		Vectors: []float64{0, 0}, // ḡ, h̄
		Numbers: vsgdNumbers,
	}, nil
}

func (o *vsgd) local(b *Block[float64]) {
	c := &o.config
	mean, curve, tau, square := b.State[0], b.State[1], b.State[2], b.State[3]
	b.Numbers[vsgdSeen]++
	seen := int(b.Numbers[vsgdSeen])
	for i, g := range b.G {
		share := 1 / tau[i]
		if seen <= c.Start {
			share = 1 / float64(seen)
		}
		mix(&mean[i], g, share)
		mix(&square[i], g*g, share)
		mix(&curve[i], max(c.Eps, b.Curvature[i], -b.Curvature[i]), share)
		switch {
		case seen == c.Start:
			square[i] *= c.Slow
			curve[i] *= c.Slow
		case seen > c.Start:
			steady := 0.
			if square[i] > 0 {
				steady = min(1, mean[i]*mean[i]/square[i])
			}
			b.To[i] -= steady / curve[i] * g
			tau[i] = (1-steady)*tau[i] + 1
		}
	}
}

// block steps parameters from one number to another, which have one rate.
func (o *vsgd) block(ps *Parameters, from, to int) {
	c, n := &o.config, ps.Numbers(from)
	seen, tau, square := n[vsgdSeen]+1, n[vsgdTau], n[vsgdSquare]
	o.last = int(seen) == c.Start
	o.share = 1 / tau
	if int(seen) <= c.Start {
		o.share = 1 / seen
	}
	sum := 0.
	for i := from; i < to; i++ {
		sum += ps.SquaredNorm(i)
	}
	mix(&square, sum, o.share)
	o.steady, o.curve = 0, 0
	for i := from; i < to; i++ {
		ps.Apply(i, o.average)
	}
	switch {
	case o.last:
		square *= c.Slow
		tau = float64(c.Start)
	case int(seen) > c.Start:
		steady := 0.
		if square > 0 {
			steady = min(1, o.steady/square)
		}
		o.rate = steady / o.curve
		for i := from; i < to; i++ {
			ps.Apply(i, o.move)
		}
		tau = (1-steady)*tau + 1
	}
	for i := from; i < to; i++ {
		n := ps.Numbers(i)
		n[vsgdSeen], n[vsgdTau], n[vsgdSquare] = seen, tau, square
	}
}

func (o *vsgd) averages(b *Block[float64]) {
	mean, curve := b.State[0], b.State[1]
	for i, g := range b.G {
		mix(&mean[i], g, o.share)
		mix(&curve[i], max(o.config.Eps, b.Curvature[i], -b.Curvature[i]), o.share)
		if o.last {
			curve[i] *= o.config.Slow
		}
		o.steady += mean[i] * mean[i]
		o.curve = max(o.curve, curve[i])
	}
}

func (o *vsgd) step(b *Block[float64]) {
	for i, g := range b.G {
		b.To[i] -= o.rate * g
	}
}

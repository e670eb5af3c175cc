package optimizers

import (
	"github.com/gradflow/gradflow/catalogue"
)

// VSGDConfig has the settings of vsgd-l, vsgd-b and vsgd-g.
type VSGDConfig struct {
	Start int     `json:"start" default:"10" range:"[1,]" doc:"batches that only start the averages, without a step"`
	Slow  float64 `json:"slow" default:"2" range:"[1,]" doc:"factor of the averages of g² and of the curvature after the start"`
	Eps   float64 `json:"eps" default:"1e-9" range:"(0,]" doc:"least curvature"`
	catalogue.Given
}

// VSGD has no learning rate: it follows from the variance of the gradient g and
// the diagonal curvature h, which it needs as the loop's Batch.Curvature. With
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
type VSGD struct {
	method
	config VSGDConfig

	// The rules of a block, bound once, and what they share.
	average, move func(*block[float64])
	share         float64 // 1/τ
	last          bool    // of the batches of the start
	steady        float64 // ‖ḡ‖²
	curve         float64 // the largest h̄
	rate          float64
}

var _ Updater = (*VSGD)(nil)

// NewVSGDL returns vsgd-l, with a rate for each weight.
func NewVSGDL(c VSGDConfig) (*VSGD, error) {
	o, err := newVSGD("vsgd-l", c)
	if err != nil {
		return nil, err
	}
	o.vectors = []float64{0, 0, float64(o.config.Start), 0} // ḡ, h̄, τ, v
	o.numbers = 1
	o.rule = o.local
	return o, nil
}

// NewVSGDB returns vsgd-b, with a rate for each parameter.
func NewVSGDB(c VSGDConfig) (*VSGD, error) {
	o, err := newVSGD("vsgd-b", c)
	if err != nil {
		return nil, err
	}
	o.all = func() error {
		for i := range o.active {
			if err := o.block(o.active[i : i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	return o, nil
}

// NewVSGDG returns vsgd-g, with one rate.
func NewVSGDG(c VSGDConfig) (*VSGD, error) {
	o, err := newVSGD("vsgd-g", c)
	if err != nil {
		return nil, err
	}
	o.all = func() error { return o.block(o.active) }
	return o, nil
}

// The numbers of a block, equal in all its parameters.
const (
	vsgdSeen   = iota
	vsgdTau    // memory
	vsgdSquare // mean of ‖g‖²
	vsgdNumbers
)

func newVSGD(name string, c VSGDConfig) (*VSGD, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	o := &VSGD{config: c, method: method{
		name:    name,
		needs:   NeedsCurvature,
		vectors: []float64{0, 0}, // ḡ, h̄
		numbers: vsgdNumbers,
	}}
	o.average, o.move = o.averages, o.step
	return o, nil
}

func (o *VSGD) local(b *block[float64]) {
	c := &o.config
	mean, curve, tau, square := b.s[0], b.s[1], b.s[2], b.s[3]
	b.n[vsgdSeen]++
	seen := int(b.n[vsgdSeen])
	for i, g := range b.g {
		share := 1 / tau[i]
		if seen <= c.Start {
			share = 1 / float64(seen)
		}
		mix(&mean[i], g, share)
		mix(&square[i], g*g, share)
		mix(&curve[i], max(c.Eps, b.h[i], -b.h[i]), share)
		switch {
		case seen == c.Start:
			square[i] *= c.Slow
			curve[i] *= c.Slow
		case seen > c.Start:
			steady := 0.
			if square[i] > 0 {
				steady = min(1, mean[i]*mean[i]/square[i])
			}
			b.to[i] -= steady / curve[i] * g
			tau[i] = (1-steady)*tau[i] + 1
		}
	}
}

// block steps parameters that have one rate.
func (o *VSGD) block(ps []*param) error {
	if len(ps) == 0 {
		return nil
	}
	c, n := &o.config, ps[0].block64.n
	seen, tau, square := n[vsgdSeen]+1, n[vsgdTau], n[vsgdSquare]
	o.last = int(seen) == c.Start
	o.share = 1 / tau
	if int(seen) <= c.Start {
		o.share = 1 / seen
	}
	sum := 0.
	for _, p := range ps {
		sum += p.g.squaredSum()
	}
	mix(&square, sum, o.share)
	o.steady, o.curve = 0, 0
	for _, p := range ps {
		if err := o.each(p, o.average); err != nil {
			return err
		}
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
		for _, p := range ps {
			if err := o.each(p, o.move); err != nil {
				return err
			}
		}
		tau = (1-steady)*tau + 1
	}
	for _, p := range ps {
		p.block64.n[vsgdSeen], p.block64.n[vsgdTau], p.block64.n[vsgdSquare] = seen, tau, square
	}
	return nil
}

func (o *VSGD) averages(b *block[float64]) {
	mean, curve := b.s[0], b.s[1]
	for i, g := range b.g {
		mix(&mean[i], g, o.share)
		mix(&curve[i], max(o.config.Eps, b.h[i], -b.h[i]), o.share)
		if o.last {
			curve[i] *= o.config.Slow
		}
		o.steady += mean[i] * mean[i]
		o.curve = max(o.curve, curve[i])
	}
}

func (o *VSGD) step(b *block[float64]) {
	for i, g := range b.g {
		b.to[i] -= o.rate * g
	}
}

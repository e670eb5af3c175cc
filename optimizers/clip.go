package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// ClipConfig has the settings of the links that clip.
type ClipConfig struct {
	Limit float64 `json:"limit" default:"1" range:"(0,]" doc:"the most that is left"`
	catalogue.Given
}

// NewClipValue returns the link clip-value: g <- max(-limit, min(limit, g)).
func NewClipValue(c ClipConfig) (Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return newLink("clip-value", func(l *link, p *param) {
		clip(p.g.f32, float32(c.Limit))
		clip(p.g.f64, c.Limit)
	}), nil
}

func clip[F kernels.Float](g []F, limit F) {
	for i, x := range g {
		g[i] = max(-limit, min(limit, x))
	}
}

// NewClipNorm returns the link clip-norm: each parameter's gradient is
// multiplied by min(1, limit/‖g‖).
func NewClipNorm(c ClipConfig) (Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return newLink("clip-norm", func(l *link, p *param) {
		if n := math.Sqrt(p.g.squaredSum()); n > c.Limit {
			p.g.scale(c.Limit / n)
		}
	}), nil
}

// NewClipGlobalNorm returns the link clip-global-norm: all gradients are
// multiplied by min(1, limit/‖g‖), with the norm over all parameters.
//
// Source: Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063.
func NewClipGlobalNorm(c ClipConfig) (Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	n := 0.
	l := newLink("clip-global-norm", func(l *link, p *param) {
		if n > c.Limit {
			p.g.scale(c.Limit / n)
		}
	})
	l.prepare = func() error {
		sum := 0.
		for _, p := range l.active {
			sum += p.g.squaredSum()
		}
		n = math.Sqrt(sum)
		return nil
	}
	return l, nil
}

// ClipAdaptiveConfig has the settings of [NewClipAdaptive].
type ClipAdaptiveConfig struct {
	Limit float64 `json:"limit" default:"0.01" range:"(0,]" doc:"the largest norm of a gradient, in units of the norm of its weights"`
	Eps   float64 `json:"eps" default:"0.001" range:"(0,]" doc:"the least norm that weights are taken to have"`
	catalogue.Given
}

// NewClipAdaptive returns the link clip-adaptive, adaptive gradient clipping
// (AGC). The gradient g of each unit is multiplied by
//
//	min(1, limit max(‖w‖, eps)/‖g‖)
//
// where w are the weights of the unit: a column of a weight matrix, or a vector
// or scalar as a whole.
//
// Source: Brock, De, Smith and Simonyan (2021), arXiv:2102.06171.
func NewClipAdaptive(c ClipAdaptiveConfig) (Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	var u units
	return newLink("clip-adaptive", func(l *link, p *param) {
		clipUnits(&u, &c, p, p.w.f32, p.g.f32)
		clipUnits(&u, &c, p, p.w.f64, p.g.f64)
	}), nil
}

// units is the workspace of links that look at the units of a layer.
type units struct{ a, b []float64 }

// of returns two zeros for each unit of p: element i of p belongs to unit
// i mod n.
func (u *units) of(p *param) (a, b []float64) {
	n := 1
	if len(p.shape) > 1 {
		_, n = rowsCols(p.shape, p.size)
	}
	if len(u.a) < n {
		u.a, u.b = make([]float64, n), make([]float64, n)
	}
	clear(u.a[:n])
	clear(u.b[:n])
	return u.a[:n], u.b[:n]
}

func clipUnits[F kernels.Float](u *units, c *ClipAdaptiveConfig, p *param, w, g []F) {
	ws, gs := u.of(p)
	n := len(ws)
	for i, x := range g {
		gs[i%n] += float64(x) * float64(x)
		ws[i%n] += float64(w[i]) * float64(w[i])
	}
	for j := range gs {
		most := c.Limit * max(math.Sqrt(ws[j]), c.Eps)
		gs[j] = min(1, most/math.Sqrt(gs[j])) // 1 for a zero gradient
	}
	for i := range g {
		g[i] = F(float64(g[i]) * gs[i%n])
	}
}

package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// ClipConfig has the settings of the links that clip.
type ClipConfig struct {
	Limit float64 `json:"limit" default:"1" range:"(0,]" doc:"largest norm that is left"`
	catalogue.Given
}

// NewClipValue returns the link clip-value: g <- max(-limit, min(limit, g)).
func NewClipValue(c ClipConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return NewLink(Transform{Name: "clip-value", Change: clip[float64](c.Limit), Change32: clip[float32](c.Limit)})
}

func clip[F Float](most float64) func(*Block[F], int) {
	limit := F(most)
	return func(b *Block[F], _ int) {
		if kernels.MaxAbs(b.G) <= limit { // as it is most of the time
			return
		}
		for i, x := range b.G {
			b.G[i] = max(-limit, min(limit, x))
		}
	}
}

// NewClipNorm returns the link clip-norm: each parameter's gradient is
// multiplied by min(1, limit/‖g‖).
func NewClipNorm(c ClipConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return NewLink(Transform{Name: "clip-norm", Change: clipNorm[float64](c.Limit), Change32: clipNorm[float32](c.Limit)})
}

func clipNorm[F Float](limit float64) func(*Block[F], int) {
	return func(b *Block[F], _ int) {
		if n := math.Sqrt(kernels.SquaredSum(b.G)); n > limit {
			scale(b.G, limit/n)
		}
	}
}

// NewClipGlobalNorm returns the link clip-global-norm: all gradients are
// multiplied by min(1, limit/‖g‖), with the norm over all parameters.
//
// Source: Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063.
func NewClipGlobalNorm(c ClipConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	factor := 1.
	return NewLink(Transform{
		Name: "clip-global-norm",
		Measure: func(ps *Parameters, _ int) error {
			sum := 0.
			for i := range ps.Len() {
				sum += ps.SquaredNorm(i)
			}
			factor = 1
			if n := math.Sqrt(sum); n > c.Limit {
				factor = c.Limit / n
			}
			return nil
		},
		Change:   times[float64](&factor),
		Change32: times[float32](&factor),
	})
}

// times multiplies by a factor that is found in each step.
func times[F Float](factor *float64) func(*Block[F], int) {
	return func(b *Block[F], _ int) {
		if *factor != 1 {
			scale(b.G, *factor)
		}
	}
}

// ClipAdaptiveConfig has the settings of [NewClipAdaptive].
type ClipAdaptiveConfig struct {
	Limit float64 `json:"limit" default:"0.01" range:"(0,]" doc:"largest norm of a gradient, relative to the norm of its weights"`
	Eps   float64 `json:"eps" default:"0.001" range:"(0,]" doc:"lower bound on the norm of the weights"`
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
func NewClipAdaptive(c ClipAdaptiveConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	var u units
	return NewLink(Transform{Name: "clip-adaptive", Change: clipUnits[float64](&u, c), Change32: clipUnits[float32](&u, c)})
}

// units is the workspace of links that look at the units of a layer.
type units struct{ a, b []float64 }

// of returns two zeros for each of n units. Element i of a parameter belongs to unit i mod n;
// a vector or scalar is one unit.
func (u *units) of(n int) (a, b []float64) {
	if len(u.a) < n {
		u.a, u.b = make([]float64, n), make([]float64, n)
	}
	clear(u.a[:n])
	clear(u.b[:n])
	return u.a[:n], u.b[:n]
}

func unitsOf[F Float](b *Block[F]) int {
	if len(b.Shape) > 1 {
		return b.Cols
	}
	return 1
}

func clipUnits[F Float](u *units, c ClipAdaptiveConfig) func(*Block[F], int) {
	return func(b *Block[F], _ int) {
		n := unitsOf(b)
		ws, gs := u.of(n)
		for i, x := range b.G {
			gs[i%n] += float64(x) * float64(x)
			ws[i%n] += float64(b.W[i]) * float64(b.W[i])
		}
		for j := range gs {
			most := c.Limit * max(math.Sqrt(ws[j]), c.Eps)
			gs[j] = min(1, most/math.Sqrt(gs[j])) // 1 for a zero gradient
		}
		for i := range b.G {
			b.G[i] = F(float64(b.G[i]) * gs[i%n])
		}
	}
}

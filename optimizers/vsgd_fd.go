package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// VSGDFDConfig has the settings of [NewVSGDFD].
type VSGDFDConfig struct {
	Start   int     `json:"start" default:"10" range:"[1,]" doc:"initial batches that only build up the averages, without a step"`
	Slow    float64 `json:"slow" default:"2" range:"[1,]" doc:"factor applied to the averages of g² and of the curvature after the start"`
	Eps     float64 `json:"eps" default:"1e-9" range:"(0,]" doc:"least curvature"`
	Outlier float64 `json:"outlier" default:"2" range:"(0,]" doc:"standard deviations from the mean beyond which a gradient is an outlier"`
	catalogue.Given
}

// The state vectors of vsgd-fd: the averages ḡ, v, h̄, u, the memory τ (while
// starting: how often h was known), and what is kept over the second gradient.
const (
	fdG = iota
	fdV
	fdH
	fdU
	fdTau
	fdFirst // g(w)
	fdValue // w
	fdShift // what w was shifted by
	fdVectors
)

// NewVSGDFD returns vsgd-fd.
//
// It has no learning rate: that of each weight follows from how its gradient
// g and its curvature h vary. h comes from a second gradient on the same batch,
// at the shifted weights w + ḡ.
//
//	h = max(eps, |g(w+ḡ) - g(w)| / |ḡ|)
//	if |g-ḡ| > outlier √(v-ḡ²) or |h-h̄| > outlier √(u-h̄²):  τ <- τ + 1
//	ḡ <- (1-1/τ) ḡ + g/τ       v <- (1-1/τ) v + g²/τ
//	h̄ <- (1-1/τ) h̄ + h/τ       u <- (1-1/τ) u + h²/τ
//	w <- w - (h̄/u) (ḡ²/v) g
//	τ <- (1 - ḡ²/v) τ + 1
//
// The first start batches move nothing: ḡ, v, h̄ and u become the means over
// them (the shift of the first is g). Then v and h̄ are multiplied by slow, u by
// slow², and τ = start.
//
// g is the gradient of the whole batch and v the mean of its square. So v - ḡ²
// is the variance of the batch gradient, and the paper's factor for batches of
// n, n ḡ²/(v' + (n-1) ḡ²) with v' of single examples, is ḡ²/v.
//
// Where w + ḡ rounds to w, w is shifted to the next number; what is divided by
// is always the distance really moved. Where ḡ is zero nothing is learned about
// h. A weight of which no curvature is known, or whose gradient was always zero,
// does not move.
//
// Source: Schaul and LeCun, "Adaptive learning rates and parallelization for
// stochastic, sparse, non-smooth gradients" (2013), arXiv:1301.3764; the start
// is that of the authors' programs.
func NewVSGDFD(c VSGDFDConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	o := &vsgdFD{config: c}
	o.shifting, o.updating = o.shift, o.update
	return New(Rule{
		Name:     "vsgd-fd",
		Needs:    NeedsGradient,
		Vectors:  make([]float64, fdVectors),
		Numbers:  1, // batches seen
		Together: o.step,
	})
}

type vsgdFD struct {
	config             VSGDFDConfig
	shifting, updating func(*Block[float64]) // bound once: a step allocates nothing
	shifted            []float64             // of one parameter
	values             [][]float64           // of all, as they were
}

func (o *vsgdFD) step(ps *Parameters) error {
	o.values = o.values[:0]
	for i := range ps.Len() {
		ps.Apply(i, o.shifting)
		ps.Set(i, o.shifted[:ps.Size(i)])
	}
	_, err := ps.Gradient()
	for i, w := range o.values {
		ps.Set(i, w)
	}
	if err != nil {
		return err
	}
	for i := range ps.Len() {
		ps.Apply(i, o.updating)
	}
	return nil
}

// shift finds the value moved by ḡ. It keeps the value as it is, and the gradient.
func (o *vsgdFD) shift(b *Block[float64]) {
	s := b.State
	copy(s[fdFirst], b.G)
	copy(s[fdValue], b.W)
	o.values = append(o.values, s[fdValue])
	by := s[fdG]
	if b.Numbers[0] == 0 {
		by = s[fdFirst]
	}
	if len(o.shifted) < len(by) {
		o.shifted = make([]float64, len(by))
	}
	for i, w := range s[fdValue] {
		to, there := w, math.Copysign(math.Inf(1), by[i])
		switch {
		case by[i] == 0:
		case b.Single:
			narrow := float32(w + by[i])
			if narrow == float32(w) {
				narrow = math.Nextafter32(narrow, float32(there))
			}
			to = float64(narrow)
		default:
			if to = w + by[i]; to == w {
				to = math.Nextafter(to, there)
			}
		}
		o.shifted[i], s[fdShift][i] = to, to-w
	}
}

func (o *vsgdFD) update(b *Block[float64]) {
	c := &o.config
	mean, square, curve, curve2, tau := b.State[fdG], b.State[fdV], b.State[fdH], b.State[fdU], b.State[fdTau]
	first, shift := b.State[fdFirst], b.State[fdShift]
	b.Numbers[0]++
	seen := int(b.Numbers[0])
	for i, g := range first {
		known := shift[i] != 0
		h := 0.
		if known {
			h = max(c.Eps, math.Abs((b.G[i]-g)/shift[i]))
		}
		if seen <= c.Start {
			mix(&mean[i], g, 1/float64(seen))
			mix(&square[i], g*g, 1/float64(seen))
			if known {
				tau[i]++
				mix(&curve[i], h, 1/tau[i])
				mix(&curve2[i], h*h, 1/tau[i])
			}
			if seen == c.Start {
				square[i] *= c.Slow
				curve[i] *= c.Slow
				curve2[i] *= c.Slow * c.Slow
				tau[i] = float64(c.Start)
			}
			continue
		}
		if known && curve2[i] == 0 {
			curve[i], curve2[i] = h, h*h
		}
		if c.outlier(g, mean[i], square[i]) || known && c.outlier(h, curve[i], curve2[i]) {
			tau[i]++
		}
		mix(&mean[i], g, 1/tau[i])
		mix(&square[i], g*g, 1/tau[i])
		if known {
			mix(&curve[i], h, 1/tau[i])
			mix(&curve2[i], h*h, 1/tau[i])
		}
		steady := 0.
		if square[i] > 0 {
			steady = min(1, mean[i]*mean[i]/square[i])
		}
		if curve2[i] > 0 {
			b.To[i] -= curve[i] / curve2[i] * steady * g
		}
		tau[i] = (1-steady)*tau[i] + 1
	}
}

func (c *VSGDFDConfig) outlier(x, mean, square float64) bool {
	return math.Abs(x-mean) > c.Outlier*math.Sqrt(max(0, square-mean*mean))
}

// mix moves a running average by the share a towards x.
func mix(average *float64, x, a float64) { *average = (1-a)**average + a*x }

package meanfield

import (
	"math"
	"math/rand/v2"

	"github.com/pkg/errors"
)

// Signal is what enters a layer, averaged over units: its mean square, its mean, and half the
// mean squared distance between two examples, Apart = E[(x_a - x_b)²]/2. For standardised inputs
// whose examples have correlation c it is {1, 0, 1-c}. It has the distance instead of the
// correlation, as the difference of two correlations near 1 would cancel.
type Signal struct{ Square, Mean, Apart float64 }

// Site is what theory predicts at the place where a layer's f is applied.
type Site struct {
	// Square is the mean square of f's argument over units and examples, q; Deviation its
	// standard deviation.
	Square, Deviation float64
	// Apart is 1 - c, with c the correlation of two examples there: half their mean squared
	// distance, divided by Square. Near 0 the examples have become equal: the forward signal is
	// dead.
	Apart float64
	// Gradient is the squared norm of ∂L/∂z, divided by that of the gradient at the output of
	// the last layer, or of ∂L/∂z of the output layer if there is one. Chi is its factor from
	// the next site to this one, NaN at the last.
	Gradient, Chi float64
	// Sampled reports whether it contains a Monte Carlo average, with an error of about a
	// percent.
	Sampled bool
}

// Norm is a normalisation of f's argument or of its result.
type Norm struct {
	Kind        NormKind
	After       bool    // of f's result
	Gamma, Beta float64 // initial values of the scale and shift that follow it
	Batch       int     // examples, for BatchNorm
}

// NormKind is what a normalisation computes, and over what.
type NormKind int

const (
	NoNorm    NormKind = iota
	RMSNorm            // mean square over units
	LayerNorm          // mean and variance over units
	BatchNorm          // mean and variance over the batch
)

// Shortcut is how the input of a layer bypasses it.
type Shortcut int

const (
	// Plain: x ↦ f(W x + b).
	Plain Shortcut = iota
	// ResidualInside: x ↦ x + a f(W x + b).
	ResidualInside
	// ResidualBefore: x ↦ x + a (W f(x) + b).
	ResidualBefore
	// HighwayGate: x ↦ T∘f(W x + b) + (1-T)∘x, T = σ(W_T x + b_T).
	HighwayGate
)

// Network is a network as theory describes it: wide, with independent normal weights.
type Network struct {
	Layers   []Variances // of the weights W and biases b of each layer, one for each
	Norm     Norm
	Shortcut Shortcut
	Block    int     // layers in a residual block; 0: 1
	Branch   float64 // the factor a of a residual branch
	Gate     Variances
	GateBias float64 // mean of the gates' biases
	// Injected is added to each layer's pre-activation, as the inputs of a recurrent network are
	// at each time step.
	Injected Signal
	// The number of first layers without shortcut.
	First int
	// Projection is the variance of the weights of the first block's shortcut, where that is
	// not the input itself; 0: it is.
	Projection float64
	// Output is the linear layer after the others, which becomes the last site; nil: none. With
	// Final, f and the norm are applied once more before it.
	Output *Variances
	Final  bool
}

// samples is the number of batches of a Monte Carlo average.
const samples = 4000

// Signal follows a signal forward through the layers of a network, and the gradient back. The
// rules, with z ~ N(0, q) in a wide layer, q = σ_w² E[x²] + σ_b², n ~ N(0, 1), and the factors
// of the squared norm of the gradient on its way back:
//
//	plain             σ_w² E[f'(√q n)²]
//	rms, layer norm   before f  σ_w² γ² E[f'(γn + β)²]/q
//	                  after f   σ_w² γ² E[f'(√q n)²]/E[f²], or over Var f
//	batch norm        before f  by averages over batches on a sphere, to which it maps them
//	residual inside   x' = x + a f(z): q grows by a² E[f²] + 2a E[x] E[f]; 1 + a² σ_w² E[f'²]
//	residual before   x' = x + a (W f(x) + b): by a² (σ_w² E[f²] + σ_b²); the same
//	highway           E[(1-T)²] + σ_w² E[T²] E[f'²] + σ_T² E[T'²] E[(f - x)²]
//
// The distance between two examples follows the same rules, without cancellation. The last
// layer's gradient is that of independent examples.
//
// It leaves out: fluctuations of order 1/width in each layer, which add up with depth; the reuse
// of the same weights in a recurrent network; effects of non-normal weights beyond their
// variance; with batch norm, that some examples are nearer to each other than others, as those
// of a class are, which acts like a smaller batch; and that the forward and the backward pass
// share the weights W (gradient independence).
func (m *Field) Signal(n Network, in Signal) ([]Site, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	p := propagation{m: m, n: n, random: rand.New(rand.NewPCG(1, 2))}
	x := in
	sites := make([]Site, len(n.Layers))
	// The factors of the squared gradient from the output of each block back to its input, and
	// to each of its sites.
	type block struct {
		first, layers int
		toInput       float64
		toSite        []float64
	}
	var blocks []block
	size := max(1, n.Block)
	if n.Shortcut == Plain || n.Shortcut == HighwayGate {
		size = 1
	}
	for first, after := 0, 0; first < len(n.Layers); first = after {
		shortcut, size := n.Shortcut, size
		if first < n.First {
			shortcut, size = Plain, 1
		}
		after = first + size
		b := block{first: first, layers: min(size, len(n.Layers)-first)}
		branch := x
		steps := make([]layerStep, b.layers)
		for i := range steps {
			steps[i] = p.layer(shortcut, n.Layers[first+i], branch)
			branch = steps[i].out
			sites[first+i] = steps[i].site
		}
		// Back through the branch, from 1 at its end.
		gradient := 1.
		if shortcut == ResidualInside || shortcut == ResidualBefore {
			gradient = n.Branch * n.Branch
		}
		var gate gateStep
		if shortcut == HighwayGate {
			gate = p.gate(x, branch)
			gradient = gate.openSquare
		}
		b.toSite = make([]float64, b.layers)
		for i := b.layers - 1; i >= 0; i-- {
			b.toSite[i] = gradient * steps[i].toSite
			gradient *= steps[i].toInput
		}
		switch shortcut {
		case Plain:
			b.toInput, x = gradient, branch
		case ResidualInside, ResidualBefore:
			b.toInput = 1 + gradient
			if w := n.Projection; first == n.First && w > 0 {
				b.toInput = w + gradient
				x = Signal{Square: w * x.Square, Apart: w * x.Apart}
			}
			a := n.Branch
			x = Signal{
				Square: x.Square + 2*a*x.Mean*branch.Mean + a*a*branch.Square,
				Mean:   x.Mean + a*branch.Mean,
				Apart:  x.Apart + a*a*branch.Apart,
			}
			if shortcut == ResidualBefore && n.Norm.Kind == NoNorm {
				b.toSite[0] = b.toInput // f's argument is x itself
			}
		case HighwayGate:
			b.toInput, x = gradient+gate.toInput, gate.out
		}
		blocks = append(blocks, b)
	}
	gradient := 1.
	if o := n.Output; o != nil {
		gradient = o.Weight
		if n.Final {
			s := p.nonlinearity(x)
			x, gradient = s.out, gradient*s.toInput
		}
		square, apart := o.Weight*x.Square+o.Bias, o.Weight*x.Apart
		sites = append(sites, Site{Square: square, Deviation: math.Sqrt(square), Apart: apart / square, Gradient: 1})
	}
	for i := len(blocks) - 1; i >= 0; i-- {
		b := blocks[i]
		for k, to := range b.toSite {
			sites[b.first+k].Gradient = gradient * to
		}
		gradient *= b.toInput
	}
	for i := range sites {
		sites[i].Chi = math.NaN()
		if i+1 < len(sites) {
			sites[i].Chi = sites[i].Gradient / sites[i+1].Gradient
		}
	}
	return sites, nil
}

func (n *Network) check() error {
	for i, v := range n.Layers {
		if err := v.check(); err != nil {
			return errors.Wrapf(err, "layer %d", i+1)
		}
	}
	switch {
	case len(n.Layers) == 0:
		return errors.New("meanfield: a network without layers")
	case n.Norm.Kind == BatchNorm && n.Norm.Batch < 4:
		return errors.Errorf("meanfield: batch norm over %d examples: its gradient has no finite mean square below 4", n.Norm.Batch)
	case n.Shortcut == ResidualBefore && n.Block > 1 && n.Norm.Kind == BatchNorm && n.Norm.After:
		return errors.New("meanfield: batch norm after f in blocks of several layers has no theory here")
	}
	return nil
}

// propagation holds what the layers of one network share.
type propagation struct {
	m      *Field
	n      Network
	random *rand.Rand
	last   *moments // of the last layer, as the next may be the same
}

// layerStep is one layer: x ↦ f(Wx + b), or W f(x) + b.
type layerStep struct {
	out             Signal
	site            Site
	toSite, toInput float64 // the factor of the squared gradient of out
}

func (p *propagation) layer(shortcut Shortcut, v Variances, x Signal) layerStep {
	if shortcut == ResidualBefore {
		s := p.nonlinearity(x)
		y := s.out
		s.out = Signal{Square: v.Weight*y.Square + v.Bias, Apart: v.Weight * y.Apart}
		s.toSite *= v.Weight
		s.toInput *= v.Weight
		return s
	}
	z := Signal{
		Square: v.Weight*x.Square + v.Bias + p.n.Injected.Square,
		Apart:  v.Weight*x.Apart + p.n.Injected.Apart,
	}
	s := p.nonlinearity(z)
	s.toInput *= v.Weight
	return s
}

// nonlinearity applies f and the normalisation, before or after it, to normal z of mean 0.
// toInput is the gradient's factor back to z.
func (p *propagation) nonlinearity(z Signal) layerStep {
	g := p.n.Norm
	if g.Kind == NoNorm {
		f := p.moments(math.Sqrt(z.Square), 0)
		return layerStep{
			out:    Signal{f.square, f.mean, f.lost(z.Apart / z.Square)},
			site:   Site{Square: z.Square, Deviation: math.Sqrt(z.Square), Apart: z.Apart / z.Square},
			toSite: f.slope2, toInput: f.slope2,
		}
	}
	if g.Kind == BatchNorm {
		return p.batchNorm(z)
	}
	if !g.After {
		f := p.moments(g.Gamma, g.Beta)
		square := g.Gamma*g.Gamma + g.Beta*g.Beta
		return layerStep{
			out:    Signal{f.square, f.mean, f.lost(z.Apart / z.Square)},
			site:   Site{Square: square, Deviation: math.Abs(g.Gamma), Apart: g.Gamma * g.Gamma / square * z.Apart / z.Square},
			toSite: f.slope2, toInput: f.slope2 * g.Gamma * g.Gamma / z.Square,
		}
	}
	f := p.moments(math.Sqrt(z.Square), 0)
	divisor := f.square
	mean := f.mean / math.Sqrt(divisor)
	if g.Kind == LayerNorm {
		divisor, mean = f.variance, 0
	}
	scale := g.Gamma * g.Gamma / divisor
	square := scale * f.square
	if g.Kind == LayerNorm {
		square = g.Gamma * g.Gamma
	}
	return layerStep{
		out: Signal{
			Square: square + 2*g.Gamma*mean*g.Beta + g.Beta*g.Beta,
			Mean:   g.Gamma*mean + g.Beta,
			Apart:  scale * f.lost(z.Apart/z.Square),
		},
		site:   Site{Square: z.Square, Deviation: math.Sqrt(z.Square), Apart: z.Apart / z.Square},
		toSite: scale * f.slope2, toInput: scale * f.slope2,
	}
}

// batchNorm averages over batches. Before f, a unit's centred pre-activations of B examples are
// normal in the B-1 dimensions across (1, …, 1), whatever the correlation of examples: divided
// by their own size they are uniform on a sphere. So only the distance between examples matters,
// and the divisor is independent of the direction: E[1/s²] = B/(Apart (B-3)).
func (p *propagation) batchNorm(z Signal) layerStep {
	g, n := p.n.Norm, p.n.Norm.Batch
	b := float64(n)
	x, y, d, v := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	var mean, square, apart, toSite, toInput, whole float64
	for range samples {
		common := 0.
		if g.After {
			common = math.Sqrt(max(0, z.Square-z.Apart)) * p.random.NormFloat64()
		}
		for i := range x {
			x[i] = common + math.Sqrt(z.Apart)*p.random.NormFloat64()
			d[i] = p.random.NormFloat64()
		}
		if !g.After {
			normalise(x)
			centre(d) // like the gradient from the layer above, which also has a norm
			for i := range x {
				x[i] = g.Gamma*x[i] + g.Beta
				y[i] = p.m.f.F(x[i])
				v[i] = p.m.f.Derivative(x[i]) * d[i]
			}
			toSite += dot(v, v)
			for i := range x { // back to the direction
				x[i] = (x[i] - g.Beta) / g.Gamma
			}
			centre(v)
			along := dot(x, v) / b
			for i := range v {
				v[i] -= x[i] * along
			}
			toInput += dot(v, v) * g.Gamma * g.Gamma * b / (z.Apart * (b - 3))
		} else {
			for i := range x {
				y[i] = p.m.f.F(x[i])
			}
			size := normalise(y)
			whole += dot(d, d)
			copy(v, d)
			centre(v)
			along := dot(y, v) / b
			for i := range v {
				v[i] = g.Gamma / size * (v[i] - y[i]*along) * p.m.f.Derivative(x[i])
				y[i] = g.Gamma*y[i] + g.Beta
			}
			toSite += dot(v, v)
			toInput += dot(v, v)
			whole -= dot(d, d)
		}
		whole += dot(d, d)
		unit := 0.
		for _, e := range y {
			unit += e / b
		}
		mean += unit / samples
		for _, e := range y {
			square += e * e / b / samples
			apart += (e - unit) * (e - unit) / (b - 1) / samples
		}
	}
	s := layerStep{
		out:    Signal{square, mean, apart},
		site:   Site{Square: z.Square, Deviation: math.Sqrt(z.Square), Apart: z.Apart / z.Square, Sampled: true},
		toSite: toSite / whole, toInput: toInput / whole,
	}
	if !g.After {
		s.site.Square = g.Gamma*g.Gamma + g.Beta*g.Beta
		s.site.Deviation = math.Abs(g.Gamma)
		s.site.Apart = g.Gamma * g.Gamma * b / (b - 1) / s.site.Square
	}
	return s
}

// centre subtracts the mean.
func centre(x []float64) {
	mean := 0.
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for i := range x {
		x[i] -= mean
	}
}

// normalise gives x mean 0 and mean square 1, and returns the divisor.
func normalise(x []float64) float64 {
	centre(x)
	size := math.Sqrt(dot(x, x) / float64(len(x)))
	for i := range x {
		x[i] /= size
	}
	return size
}

func dot(x, y []float64) (sum float64) {
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

// gateStep is the sum of a highway layer.
type gateStep struct {
	out        Signal
	openSquare float64 // E[T²]: to h
	toInput    float64 // past h
}

func (p *propagation) gate(x, h Signal) gateStep {
	v := p.n.Gate
	q := v.Weight*x.Square + v.Bias
	t := gateMoments(math.Sqrt(q), p.n.GateBias, v.Weight*x.Apart/q)
	closed := 1 - 2*t.mean + t.square // E[(1-T)²]
	difference := h.Square - 2*h.Mean*x.Mean + x.Square
	return gateStep{
		out: Signal{
			Square: t.square*h.Square + 2*(t.mean-t.square)*h.Mean*x.Mean + closed*x.Square,
			Mean:   t.mean*h.Mean + (1-t.mean)*x.Mean,
			Apart:  t.square*h.Apart + closed*x.Apart + t.apart*(difference-h.Apart-x.Apart),
		},
		openSquare: t.square,
		toInput:    closed + v.Weight*t.slope2*difference,
	}
}

type gateMean struct{ mean, square, slope2, apart float64 }

// gateMoments are those of σ(u), u ~ N(bias, s²), with examples apart by 1-c.
func gateMoments(s, bias, apart float64) gateMean {
	open := func(n float64) float64 { return 1 / (1 + math.Exp(-(bias + s*n))) }
	at := func(g func(t float64) float64) float64 {
		return Expectation(func(n float64) float64 { return g(open(n)) }).Value
	}
	k := newKernel(func(u float64) float64 { return 1 / (1 + math.Exp(-(bias + u))) }, s*s, nil)
	return gateMean{
		mean:   at(func(t float64) float64 { return t }),
		square: at(func(t float64) float64 { return t * t }),
		slope2: at(func(t float64) float64 { return t * (1 - t) * t * (1 - t) }),
		apart:  k.apart(apart),
	}
}

// moments are those of f(s·n + shift), n ~ N(0, 1).
type moments struct {
	s, shift                       float64
	mean, square, variance, slope2 float64
	kernel                         *kernel
}

// lost is half the mean squared distance of f of two examples, from that of the arguments
// in units of s².
func (f *moments) lost(apart float64) float64 { return f.kernel.apart(apart) }

// apart returns E[g²] - E[g(u₁) g(u₂)] at correlation 1-t, for t from 0 to 2.
func (k *kernel) apart(t float64) float64 {
	if t <= 1 {
		return k.lost(max(0, t))
	}
	return k.whole - k.at(1-min(t, 2))
}

// moments returns those of f, the cached ones if the arguments are the same.
func (p *propagation) moments(s, shift float64) *moments {
	if l := p.last; l != nil && l.shift == shift && math.Abs(l.s-s) <= 1e-13*s {
		return l
	}
	f, d := p.m.f.F, p.m.f.Derivative
	kinks := p.m.kinks
	if shift != 0 {
		kinks = nil
		for _, k := range p.m.kinks {
			kinks = append(kinks, k-shift)
		}
		f = func(u float64) float64 { return p.m.f.F(u + shift) }
		d = func(u float64) float64 { return p.m.f.Derivative(u + shift) }
	}
	over := func(g func(u float64) float64) float64 {
		return expect(func(n float64) float64 { return g(s * n) }, s, kinks).Value
	}
	l := &moments{s: s, shift: shift, mean: over(f), kernel: newKernel(f, s*s, kinks)}
	l.square = l.kernel.whole
	l.variance = over(func(u float64) float64 { y := f(u) - l.mean; return y * y })
	l.slope2 = over(func(u float64) float64 { y := d(u); return y * y })
	p.last = l
	return l
}

// Isometry is what theory predicts of the singular values s of a plain network's input-output
// Jacobian.
type Isometry struct {
	LogMeanSquare    float64 // ln of the mean of s²
	RelativeVariance float64 // Var(s²)/mean(s²)²
}

// Isometry follows the variance of the pre-activations from q in the first layer through
// layers steps, from z of one layer to z of the next,
//
//	mean s² = Π χ(q_l)    relative variance = Σ (μ₂/μ₁² - 1 - s₁)(q_l),  μ_k = E[f'^(2k)]
//
// with s₁ = -1 for normal weights and 0 for orthogonal ones: normal weights add a spread of 1 in
// each layer. For normal weights it holds if the width is far larger than the depth.
//
// Source: J. Pennington, S. Schoenholz, S. Ganguli: The emergence of spectral universality
// in deep networks, 2018, from memory, with its numbers for tanh computed anew.
func (m *Field) Isometry(v Variances, q float64, layers int, orthogonal bool) Isometry {
	var t Isometry
	for range layers {
		first := m.SquaredSlope(q).Value
		s := math.Sqrt(q)
		second := expect(func(n float64) float64 { d := m.f.Derivative(s * n); return d * d * d * d }, s, m.kinks).Value
		t.LogMeanSquare += math.Log(v.Weight * first)
		t.RelativeVariance += second / (first * first)
		if orthogonal {
			t.RelativeVariance--
		}
		q = m.QMap(v, q)
	}
	return t
}

// Degree returns the mean degree of f(γn + β) as a polynomial, Σ k a_k² / Σ_(k≥1) a_k² with
// Hermite coefficients a_k: the factor of the squared gradient in a layer with a norm that
// centres before f. It is at least 1 for any f, and at least 2 for an even f with β = 0, for any
// γ.
func (m *Field) Degree(gamma, beta float64) float64 {
	p := propagation{m: m}
	f := p.moments(gamma, beta)
	return gamma * gamma * f.slope2 / f.variance
}

// SlopeAt returns E[f'(γn + β)²], n standard normal.
func (m *Field) SlopeAt(gamma, beta float64) float64 {
	p := propagation{m: m}
	return p.moments(gamma, beta).slope2
}

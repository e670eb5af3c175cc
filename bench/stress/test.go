package stress

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/models/initializers"
)

// Test is one unit test: a function to be minimised from x = 0, its noise and its drift.
type Test struct {
	Name  string // such as "abs,quadratic-bowl*9 noise=gauss-0.1 slope=steep,normal*9 rotated"
	Group string // one of Groups

	axes            []axis
	drift           drift
	rotated, curled bool
}

// axis is a function of one of the dimensions.
type axis struct {
	curve string // see concatenate
	slope scale
	noise noise
}

// scale is the start of a function of one dimension on [0, 1].
type scale struct {
	name         string
	value, slope float64
}

var (
	normal = scale{"normal", 200, -1}
	steep  = scale{"steep", 200, -10}
	flat   = scale{"flat", 2, -0.1}
	saddle = scale{"saddle", 200, 1}
)

// describe gives the test its name.
func (t *Test) describe() {
	list := func(of func(axis) string) string {
		var parts []string
		for i := 0; i < len(t.axes); {
			s, n := of(t.axes[i]), 1
			for i+n < len(t.axes) && of(t.axes[i+n]) == s {
				n++
			}
			if i += n; n > 1 {
				s += fmt.Sprint("*", n)
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ",")
	}
	t.Name = list(func(a axis) string { return a.curve }) +
		" noise=" + list(func(a axis) string { return a.noise.String() }) +
		" slope=" + list(func(a axis) string { return a.slope.name })
	if t.drift != stationary {
		t.Name += " drift=" + t.drift.String()
	}
	if t.rotated {
		t.Name += " rotated"
	}
	if t.curled {
		t.Name += " curled"
	}
}

// problem is a test made ready for one worker: it is not for use by several at once.
//
// In n > 1 dimensions the function is Σ_i |f_i((Rx)_i)| with a random rotation R, or
// none, and the gradient has A·x added if there is a curl: A is a random quarter turn,
// orthogonal and with Aᵀ = -A.
type problem struct {
	axes       []axis
	curves     []curve
	turn, curl []float64 // R and A by rows, nil for none
	y, gy, hy  []float64
}

func (t *Test) problem(seed uint64) (*problem, error) {
	n := len(t.axes)
	p := &problem{axes: t.axes, y: make([]float64, n), gy: make([]float64, n), hy: make([]float64, n)}
	for _, a := range t.axes {
		c, err := concatenate(a.curve, 0, 1, a.slope.value, a.slope.slope)
		if err != nil {
			return nil, err
		}
		p.curves = append(p.curves, c)
	}
	rotation := func(name string) ([]float64, error) {
		return initializers.Values(initializers.Orthogonal(1), seed, t.Name+" "+name, n, n)
	}
	var err error
	if t.rotated {
		if p.turn, err = rotation("rotation"); err != nil {
			return nil, err
		}
	}
	if t.curled {
		q, err := rotation("curl")
		if err != nil {
			return nil, err
		}
		p.curl = quarterTurn(q, n)
	}
	return p, nil
}

// quarterTurn is Q J Qᵀ, where J turns each pair of axes by 90 degrees.
func quarterTurn(q []float64, n int) []float64 {
	a := make([]float64, n*n)
	for i := range n {
		for j := range n {
			for k := 0; k+1 < n; k += 2 {
				a[i*n+j] += q[i*n+k+1]*q[j*n+k] - q[i*n+k]*q[j*n+k+1]
			}
		}
	}
	return a
}

// evaluate computes gradient and curvature, the diagonal of Rᵀ|f”|R, at x, with the
// noise of a state, and returns the noisy value. g and h may be nil.
func (p *problem) evaluate(x []float64, s []state, g, h []float64) (value float64) {
	p.rotate(x)
	for i, y := range p.y {
		f, slope, bend := p.at(i, y, s[i])
		f, slope, bend = p.axes[i].noise.apply(s[i].sample, s[i].level, y, f, slope, bend)
		if len(x) > 1 && f < 0 {
			f, slope = -f, -slope
		}
		value += f
		p.gy[i], p.hy[i] = slope, math.Abs(bend)
	}
	p.back(x, g, h)
	return value
}

// expected is the value at x without noise.
func (p *problem) expected(x []float64, s []state) (value float64) {
	p.rotate(x)
	for i, y := range p.y {
		f, _, _ := p.at(i, y, s[i])
		if len(x) > 1 {
			f = math.Abs(f)
		}
		value += f
	}
	return value
}

// at is the function of one dimension in a state: in its place, and scaled.
func (p *problem) at(i int, y float64, s state) (value, slope, bend float64) {
	value, slope, bend = p.curves[i](y - s.offset)
	start := p.axes[i].slope.value
	return start + s.scale*(value-start), s.scale * slope, s.scale * bend
}

func (p *problem) rotate(x []float64) {
	if p.turn == nil {
		copy(p.y, x)
		return
	}
	n := len(x)
	for i := range p.y {
		p.y[i] = 0
		for k, v := range x {
			p.y[i] += p.turn[i*n+k] * v
		}
	}
}

// back turns gradient and curvature back to x, and adds the curl.
func (p *problem) back(x, g, h []float64) {
	n := len(x)
	if g != nil {
		copy(g, p.gy)
	}
	if h != nil {
		copy(h, p.hy)
	}
	if p.turn != nil {
		for k := range n {
			if g != nil {
				g[k] = 0
				for i := range n {
					g[k] += p.turn[i*n+k] * p.gy[i]
				}
			}
			if h != nil {
				h[k] = 0
				for i := range n {
					h[k] += p.turn[i*n+k] * p.turn[i*n+k] * p.hy[i]
				}
			}
		}
	}
	if p.curl != nil && g != nil {
		for i := range n {
			for k, v := range x {
				g[i] += p.curl[i*n+k] * v
			}
		}
	}
}

// differentiable reports whether a curve has no kinks.
func differentiable(curve string) bool {
	return !slices.ContainsFunc(strings.Split(curve, "+"), func(piece string) bool { return kinked[piece] })
}

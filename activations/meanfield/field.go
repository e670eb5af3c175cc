package meanfield

import (
	"math"

	"github.com/pkg/errors"
)

// Function is a nonlinearity; activations.Activation is one.
type Function interface {
	// F returns f(z).
	F(z float64) float64
	// Derivative returns f'(z).
	Derivative(z float64) float64
}

// Field is the mean-field theory of one nonlinearity f. It can be used by several goroutines.
type Field struct {
	f     Function
	kinks []float64 // where f' or f jumps
	// E[f²] and E[f'²] at variances q, ascending, evenly spaced in log q.
	q, squares, slopes []float64
}

// The range of variances searched for fixed points, and the number of steps in it.
const (
	smallest   = 1e-12
	decades    = 21
	perDecade  = 8
	gridPoints = decades*perDecade + 1
)

// New makes the theory of f. It returns an error if f is not finite at some pre-activations of
// variance up to 1, or if rounding leaves no digits of f or f' near 0.
func New(f Function) (*Field, error) {
	if f == nil {
		return nil, errors.New("meanfield: no nonlinearity")
	}
	kinks := kinks(f)
	m := &Field{f: accurate(f, kinks), kinks: kinks}
	for i := range gridPoints {
		q := smallest * math.Pow(10, float64(i)/perDecade)
		v, d := m.SquaredMean(q), m.SquaredSlope(q)
		if bad := !v.known() || !d.known(); bad && q <= 1 {
			name, e := "f", v
			if v.known() {
				name, e = "f'", d
			}
			if !(e.Error < math.Inf(1)) {
				return nil, errors.Errorf("meanfield: E[%s²] of pre-activations of variance %.2g is not finite", name, q)
			}
			return nil, errors.Errorf("meanfield: E[%s²] of pre-activations of variance %.2g is known only to %.0e of itself: "+
				"%s is too rough there, or rounding cancels its digits", name, q, e.Error/math.Abs(e.Value), name)
		} else if bad {
			break // f grows too fast for larger variances
		}
		m.q, m.squares, m.slopes = append(m.q, q), append(m.squares, v.Value), append(m.slopes, d.Value)
	}
	if m.squares[len(m.q)-1] == 0 {
		return nil, errors.New("meanfield: f is 0 everywhere")
	}
	return m, nil
}

// kinks returns the points within ±64 where f or f' jumps: where bisection does not shrink the
// step. 0 is always among them: it costs nothing, and many nonlinearities change their form
// there.
func kinks(f Function) []float64 {
	const bound, step = 64, 1. / 16
	list := []float64{0}
	at := func(z float64) [2]float64 { return [2]float64{f.F(z), f.Derivative(z)} }
	lo := -float64(bound)
	for below := at(lo); lo < bound; lo += step {
		above := at(lo + step)
		for i := range below {
			if z, found := jump(f, i, lo, lo+step, below[i], above[i]); found && math.Abs(z) > 1e-12 {
				list = append(list, z)
				break
			}
		}
		below = above
	}
	return list
}

// jump searches an interval for a jump of f (which 0) or f' (1).
func jump(f Function, which int, lo, hi, below, above float64) (z float64, found bool) {
	first := math.Abs(above - below)
	if !(first > 1e-9) || math.IsInf(first, 0) {
		return 0, false
	}
	for i := range 60 {
		middle := (lo + hi) / 2
		if !(lo < middle && middle < hi) {
			break
		}
		y := f.F(middle)
		if which == 1 {
			y = f.Derivative(middle)
		}
		if math.Abs(y-below) > math.Abs(above-y) {
			hi, above = middle, y
		} else {
			lo, below = middle, y
		}
		if i == 6 && math.Abs(above-below) < first/8 {
			return 0, false // smooth: a step is halved each time
		}
	}
	return (lo + hi) / 2, math.Abs(above-below) > first/8
}

// SquaredMean returns E[f(√q z)²].
func (m *Field) SquaredMean(q float64) Estimate {
	s := math.Sqrt(q)
	return expect(func(z float64) float64 { y := m.f.F(s * z); return y * y }, s, m.kinks)
}

// SquaredSlope returns E[f'(√q z)²].
func (m *Field) SquaredSlope(q float64) Estimate {
	s := math.Sqrt(q)
	return expect(func(z float64) float64 { d := m.f.Derivative(s * z); return d * d }, s, m.kinks)
}

// growth returns dE[f²]/dq = E[z f(√q z) f'(√q z)]/√q.
func (m *Field) growth(q float64) float64 {
	s := math.Sqrt(q)
	e := expect(func(z float64) float64 { return z * m.f.F(s*z) * m.f.Derivative(s*z) }, s, m.kinks)
	return e.Value / s
}

// tangent returns the limit of E[f'²] at q = 0, f'(0)², or at a kink the mean of both sides. If
// f' next to 0 disagrees with the trend of E[f'²], that is extrapolated by Aitken's method, as
// the difference from the limit is a power of q.
func (m *Field) tangent() float64 {
	const tiny = 0x1p-600 // whose square is 0
	left, right := m.f.Derivative(-tiny), m.f.Derivative(tiny)
	limit := (left*left + right*right) / 2
	d0, d1, d2 := m.slopes[0], m.slopes[perDecade], m.slopes[2*perDecade]
	extrapolated := d0
	if math.Abs(d1-d0) >= 1e-12*d0 {
		extrapolated = d0 - (d1-d0)*((d1-d0)/(d2-2*d1+d0))
	}
	switch {
	case math.Abs(limit-extrapolated) <= 1e-6*d0, limit == 0 && math.IsNaN(extrapolated):
		return limit
	case extrapolated > 0:
		return extrapolated
	}
	return 0 // a mean of squares
}

package meanfield

import (
	"math"

	"github.com/pkg/errors"
)

// Variances are those of a network's initial parameters: weights W_ij ~ N(0, Weight/fan-in),
// biases b ~ N(0, Bias).
type Variances struct{ Weight, Bias float64 }

// check returns an error if they are not variances.
func (v Variances) check() error {
	switch {
	case !(v.Weight >= 0) || math.IsInf(v.Weight, 0):
		return errors.Errorf("meanfield: weight variance %g: must be finite and at least 0", v.Weight)
	case !(v.Bias >= 0) || math.IsInf(v.Bias, 0):
		return errors.Errorf("meanfield: bias variance %g: must be finite and at least 0", v.Bias)
	}
	return nil
}

// FixedPoint is a variance q of the pre-activations that the q-map leaves unchanged.
type FixedPoint struct {
	Q      float64
	Slope  float64 // of the q-map there; below 0 layers alternate around q
	Stable bool    // nearby variances converge to it
}

// Outcome is the fate of the variance of the pre-activations with depth.
//
// Lasting oscillation is impossible: E[f(√q z)²] is a mixture over a of the densities of √q z at
// a, each of which falls no faster than q^-½. So a step of log q is followed by one of at most
// half its length in the opposite direction, and a map of an interval without a cycle of two has
// no other cycles (A. N. Sharkovskii, 1964). Where the slope is negative, layers alternate and
// settle.
type Outcome int

const (
	// Converges: it converges to a stable fixed point.
	Converges Outcome = iota
	// Diverges: it grows beyond 1e9, or to where f is not finite, without meeting a fixed point.
	Diverges
	// Neutral: every variance is a fixed point, as for a linear or a rectified unit.
	Neutral
)

var outcomes = [...]string{"converges", "diverges", "neutral"}

func (o Outcome) String() string { return outcomes[o] }

// QMap returns the variance of the pre-activations of the next layer,
//
//	q ← σ_w² E[f(√q z)²] + σ_b²
func (m *Field) QMap(v Variances, q float64) float64 {
	return v.Weight*m.SquaredMean(q).Value + v.Bias
}

// significant is the least relative change of q in a layer that counts as a change.
const significant = 1e-9

// change returns the relative growth of q in a layer, at point i of the grid.
func (m *Field) change(v Variances, i int) float64 {
	return (v.Weight*m.squares[i]+v.Bias)/m.q[i] - 1
}

// FixedPoints returns all fixed points of the q-map up to 1e9, ascending, or none and true if
// every variance is one. Even two within a few percent of each other are found, unless they
// nearly merge.
func (m *Field) FixedPoints(v Variances) (list []FixedPoint, neutral bool) {
	change := make([]float64, len(m.q))
	neutral = true
	for i := range m.q {
		change[i] = m.change(v, i)
		neutral = neutral && math.Abs(change[i]) < significant
	}
	if neutral {
		return nil, true
	}
	start := m.QMap(v, 0)
	if start == 0 {
		slope := v.Weight * m.tangent()
		stable := slope < 1
		for _, r := range change {
			if math.Abs(r) >= significant {
				stable = r < 0
				break
			}
		}
		list = append(list, FixedPoint{0, slope, stable})
	}
	exact := func(logQ float64) float64 { q := math.Exp(logQ); return m.QMap(v, q)/q - 1 }
	between := func(lo, hi, atLo, atHi float64) {
		q := math.Exp(root(exact, lo, hi, atLo, atHi, 1e-15))
		list = append(list, FixedPoint{q, v.Weight * m.growth(q), atLo > 0})
	}
	if start > 0 && change[0] < 0 { // below the grid; the map falls no faster than q^-½
		lo := math.Log(start / 2)
		between(lo, math.Log(m.q[0]), exact(lo), change[0])
	}
	for i := 1; i < len(change); i++ {
		lo, hi, a, b := math.Log(m.q[i-1]), math.Log(m.q[i]), change[i-1], change[i]
		if list != nil && list[0].Q == 0 && math.Abs(a) < significant {
			continue // this is still the fixed point at 0
		}
		switch {
		case (a > 0) != (b > 0):
			between(lo, hi, a, b)
		case i+1 < len(change) && math.Abs(b) < 0.05 && math.Abs(b) <= math.Abs(a) && math.Abs(b) < math.Abs(change[i+1]) && (b > 0) == (change[i+1] > 0):
			// The map comes close to the diagonal: it may cross it twice.
			end := math.Log(m.q[i+1])
			if x, y := nearest(exact, lo, end, b > 0); (y > 0) != (b > 0) {
				between(lo, x, a, y)
				between(x, end, y, change[i+1])
				i++
			}
		}
	}
	return list, false
}

// nearest returns where |g|, of one sign at both ends, is least, or where g changes sign, by
// golden-section search.
func nearest(g func(float64) float64, lo, hi float64, positive bool) (x, y float64) {
	sign := 1.
	if !positive {
		sign = -1
	}
	const ratio = 0.6180339887498949
	a, b := hi-ratio*(hi-lo), lo+ratio*(hi-lo)
	ya, yb := sign*g(a), sign*g(b)
	for range 40 {
		if ya < 0 {
			return a, sign * ya
		}
		if yb < 0 {
			return b, sign * yb
		}
		if ya < yb {
			hi, b, yb = b, a, ya
			a = hi - ratio*(hi-lo)
			ya = sign * g(a)
		} else {
			lo, a, ya = a, b, yb
			b = lo + ratio*(hi-lo)
			yb = sign * g(b)
		}
	}
	return a, sign * ya
}

// reached returns the fixed point to which a network converges from variance q; nil if it
// diverges.
func (m *Field) reached(v Variances, q float64, list []FixedPoint) *FixedPoint {
	top := m.q[len(m.q)-1]
	// Where the map falls, layers may jump over fixed points: follow them until they creep, then
	// search in their direction.
	for range 50 {
		next := m.QMap(v, q)
		if !(next <= top) {
			return nil
		}
		small := math.Abs(next-q) <= 1e-3*q
		q = next
		if small {
			break
		}
	}
	up := m.QMap(v, q) > q
	var best *FixedPoint
	for i := range list {
		p := &list[i]
		near := math.Abs(p.Q-q) <= 1e-12*q
		switch {
		case near && p.Stable:
			return p
		case !p.Stable:
		case up && p.Q >= q:
			return p
		case !up && p.Q <= q:
			best = p
		}
	}
	return best
}

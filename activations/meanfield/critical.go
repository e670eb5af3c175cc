package meanfield

import (
	"fmt"
	"math"
)

// CriticalPoint is where gradients keep their norm: χ₁ = 1 at a stable fixed point of the q-map.
type CriticalPoint struct {
	Variances
	Q       float64 // q*; 1 if the map is neutral
	Neutral bool    // every q is a fixed point
}

// NoCritical is the error that no weight variance makes χ₁ = 1 at a stable fixed point of the
// q-map.
type NoCritical struct {
	Bias float64 // variance of the biases
	// Below and Above are the stable fixed points nearest to χ₁ = 1 on either side, on a grid of
	// 8 variances per decade; nil if there are none on that side.
	Below, Above *NearCritical

	nearing *NearCritical // the last of those found, as long as a limit is possible
}

// NearCritical is a stable fixed point near criticality.
type NearCritical struct {
	Chi1, Weight, Q float64
	// Limit reports whether χ₁ keeps approaching 1 as the weight variance approaches Weight,
	// where q* goes to infinity, or q* = 0 ceases to be stable.
	Limit bool
}

func (e *NoCritical) Error() string {
	text := fmt.Sprintf("no critical weight variance for bias variance %g: ", e.Bias)
	switch {
	case e.Below == nil && e.Above == nil:
		return text + "the q-map has no stable fixed point at any"
	case e.Below != nil && e.Above != nil:
		return text + fmt.Sprintf("where the q-map is stable, χ₁ passes over 1, from %v to %v", e.Below, e.Above)
	case e.Below != nil:
		return text + fmt.Sprintf("where the q-map is stable, χ₁ is below 1: up to %v", e.Below)
	}
	return text + fmt.Sprintf("where the q-map is stable, χ₁ is above 1: down to %v", e.Above)
}

func (p *NearCritical) String() string {
	if !p.Limit {
		return fmt.Sprintf("%.4g at weight variance %.4g", p.Chi1, p.Weight)
	}
	where := "q* goes to infinity"
	if p.Q == 0 {
		where = "q* = 0 ceases to be stable"
	}
	return fmt.Sprintf("%.2g at weight variance %.4g (where %s)", p.Chi1, p.Weight, where)
}

// Critical returns the point of the critical line at a variance of the biases: the
// smallest variance of the weights that makes χ₁ = 1 at a stable fixed point. The
// error is a *NoCritical if there is none.
//
// At a fixed point q the two conditions σ_w² E[f²] + σ_b² = q and σ_w² E[f'²] = 1 give
//
//	q - E[f²]/E[f'²] = σ_b²,  σ_w² = 1/E[f'²]
//
// so q parametrises the line, and its points are the roots of one function.
func (m *Field) Critical(bias float64) (*CriticalPoint, error) {
	if err := (Variances{0, bias}).check(); err != nil {
		return nil, err
	}
	excess := func(q float64) float64 { return q - m.SquaredMean(q).Value/m.SquaredSlope(q).Value - bias }
	if bias == 0 {
		if p := m.criticalWithoutBias(); p != nil {
			return p, nil
		}
	}
	none := &NoCritical{Bias: bias}
	if bias == 0 && m.squares[0] < 2*m.q[0]*m.tangent() { // f(0) = 0
		none.Below = &NearCritical{1, 1 / m.tangent(), 0, true}
	}
	var best *CriticalPoint
	before := math.NaN()
	for i, q := range m.q {
		m.look(none, i)
		at := q - m.squares[i]/m.slopes[i] - bias
		if math.Abs(at) < significant*q || math.IsNaN(at) {
			before = math.NaN() // rounding: f is nearly linear at q
			continue
		}
		if before*at < 0 {
			lo := math.Log(m.q[i-1])
			x := math.Exp(root(func(x float64) float64 { return excess(math.Exp(x)) }, lo, math.Log(q), before, at, 1e-15))
			w := 1 / m.SquaredSlope(x).Value
			if w*m.growth(x) < 1 && (best == nil || w < best.Weight) {
				best = &CriticalPoint{Variances{w, bias}, x, false}
			}
		}
		before = at
	}
	if none.nearing != nil {
		none.nearing.Limit = true
	}
	if best == nil {
		return nil, none
	}
	return best, nil
}

// criticalWithoutBias returns the critical point of a neutral map, or that at q = 0.
func (m *Field) criticalWithoutBias() *CriticalPoint {
	tangent := m.tangent()
	if tangent == 0 {
		return nil
	}
	v := Variances{Weight: 1 / tangent}
	list, neutral := m.FixedPoints(v)
	if neutral {
		return &CriticalPoint{v, 1, true}
	}
	if len(list) > 0 && list[0].Q == 0 && list[0].Stable && math.Abs(list[0].Slope-1) < 1e-6 {
		return &CriticalPoint{v, 0, false}
	}
	return nil
}

// look keeps the stable fixed point at point i of the grid if it is the nearest to criticality
// on its side, and notes whether the grid has come ever nearer.
func (m *Field) look(none *NoCritical, i int) {
	q := m.q[i]
	w := (q - none.Bias) / m.squares[i]
	slope := w * m.growth(q)
	switch {
	case !(w > 0) || slope > 1+significant:
		none.nearing = nil
		return
	case slope > 1-significant:
		return // stability is lost in rounding
	}
	chi := w * m.slopes[i]
	p := &none.Below
	if chi > 1 {
		p = &none.Above
	}
	none.nearing = nil
	if *p == nil || math.Abs(chi-1) < math.Abs((*p).Chi1-1) {
		*p = &NearCritical{Chi1: chi, Weight: w, Q: q}
		none.nearing = *p
	}
}

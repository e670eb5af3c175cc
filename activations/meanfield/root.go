package meanfield

import "math"

// root returns where g, of different signs at lo and hi, is 0: T. R. Chandrupatla's method
// (Advances in Engineering Software 28, 1997), bisection that switches to inverse quadratic
// interpolation. It stops when the interval is as small as tolerance·|x|.
func root(g func(float64) float64, lo, hi, atLo, atHi, tolerance float64) float64 {
	if atLo == 0 {
		return lo
	}
	if atHi == 0 {
		return hi
	}
	a, b, fa, fb := hi, lo, atHi, atLo
	c, fc := a, fa
	t := 0.5
	for range 100 {
		x := a + t*(b-a)
		fx := g(x)
		if (fx > 0) == (fa > 0) {
			c, fc = a, fa
		} else {
			c, b, fc, fb = b, a, fb, fa
		}
		a, fa = x, fx
		best := a
		if math.Abs(fb) < math.Abs(fa) {
			best = b
		}
		least := tolerance*math.Abs(best) + math.SmallestNonzeroFloat64
		limit := least / math.Abs(b-a)
		if limit > 0.5 || fa == 0 {
			return best
		}
		ratio, share := (a-b)/(c-b), (fa-fb)/(fc-fb)
		t = 0.5
		if share*share < ratio && (1-share)*(1-share) < 1-ratio {
			t = fa/(fb-fa)*fc/(fb-fc) + (c-a)/(b-a)*fa/(fc-fa)*fb/(fc-fb)
		}
		t = min(max(t, limit), 1-limit)
	}
	return a
}

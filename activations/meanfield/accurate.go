package meanfield

import (
	"math"
)

// accurate returns f with all its digits near 0. Functions such as log cosh z and √(1+z²)-1 are
// small there because large numbers cancel: of z²/2 at z = 1e-8, rounding leaves nothing. Their
// derivatives keep their digits, and
//
//	f(z) = f(0) + z ∫₀¹ f'(tz) dt
//
// which Gauss' rule of 10 points computes within a radius where both agree to rounding. If f has
// its digits, or f' is not its derivative, f is returned unchanged.
func accurate(f Function, kinks []float64) Function {
	a := &fromSlope{Function: f, origin: f.F(0)}
	const rounding = 0x1p-46 // of the terms that cancel, which are of order 1
	allowed := rounding * (1 + math.Abs(a.origin))
	// The largest radius at which both agree.
	for a.radius = 0x1p-4; ; a.radius /= 2 {
		if a.radius < 0x1p-16 {
			return f
		}
		agree := true
		for _, share := range []float64{1, 0.7, 0.4, 0.1} {
			for _, z := range []float64{-share * a.radius, share * a.radius} {
				agree = agree && math.Abs(a.integral(z)-f.F(z)) <= allowed
			}
		}
		for _, k := range kinks {
			agree = agree && (k == 0 || math.Abs(k) > a.radius)
		}
		if agree {
			break
		}
	}
	// f is returned unchanged if it is accurate.
	for z := a.radius; z > 1e-8; z /= 3 {
		for _, z := range []float64{-z, z} {
			if y := a.integral(z); math.Abs(f.F(z)-y) > 1e-13*math.Abs(y) {
				return a
			}
		}
	}
	return f
}

// fromSlope is f, near 0 computed as the integral of f'.
type fromSlope struct {
	Function
	origin, radius float64
}

func (a *fromSlope) F(z float64) float64 {
	if math.Abs(z) > a.radius {
		return a.Function.F(z)
	}
	return a.integral(z)
}

func (a *fromSlope) integral(z float64) float64 {
	var sum float64
	for i, w := range gaussWeight {
		x := kronrodNode[2*i+1]
		sum += w * (a.Derivative(z*(1-x)/2) + a.Derivative(z*(1+x)/2))
	}
	return a.origin + z*sum/2
}

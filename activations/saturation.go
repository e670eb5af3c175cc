package activations

import "math"

// Interval is a range of pre-activations, Lo < z < Hi; either end may be infinite.
type Interval struct{ Lo, Hi float64 }

// SaturationShare is the share of its largest slope below which an activation
// counts as saturated.
const SaturationShare = 0.1

// Saturation returns where a is saturated, in ascending order: where
//
//	|f'(z)| < SaturationShare · max |f'|
//
// the maximum taken over |z| ≤ 32. tanh is saturated for |z| > 1.82, where its
// value is beyond ±0.95, sigmoid for |z| > 3.64; for a Gaussian the flat top
// counts as well as the tails, as no gradient passes there either, and for ReLU the
// dead half. Beyond 32 an activation is taken to go on as it is there. The ends are
// found to 1e-9 by bisection between points 1/64 apart.
func Saturation(a Scalar) []Interval {
	const bound, step = 32, 1. / 64
	var largest float64
	for z := -float64(bound); z <= bound; z += step {
		if d := math.Abs(a.Derivative(z)); d > largest && !math.IsInf(d, 0) {
			largest = d
		}
	}
	saturated := func(z float64) bool { return math.Abs(a.Derivative(z)) < SaturationShare*largest }
	var list []Interval
	at := math.Inf(-1)
	was := saturated(-bound)
	for z := -float64(bound); z < bound; z += step {
		is := saturated(z + step)
		if is == was {
			continue
		}
		lo, hi := z, z+step
		for hi-lo > 1e-9 {
			if mid := (lo + hi) / 2; saturated(mid) == was {
				lo = mid
			} else {
				hi = mid
			}
		}
		if is {
			at = hi
		} else {
			list = append(list, Interval{at, hi})
		}
		was = is
	}
	if was {
		list = append(list, Interval{at, math.Inf(1)})
	}
	return list
}

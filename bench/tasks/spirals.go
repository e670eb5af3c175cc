package tasks

import "math"

// SpiralsConfig has no settings: the benchmark is fixed.
type SpiralsConfig struct{}

// NewTwoSpirals returns the task "two-spirals": which of two interlocked
// spirals, three turns each, does a point of the plane lie on? Loss:
// cross-entropy. Point i of the first spiral, class 1, is
//
//	angle = i pi/16,  radius = 6.5 (104-i)/104,  (radius sin angle, radius cos angle),
//
// and its mirror image at the origin is in class 0. The training set are the
// classical 194 points, i = 0..96. Validation and test set, 192 points each, lie
// a third and two thirds of the way to the next training point. Coordinates are
// standardised like all inputs. Chance is 0.5.
//
// Solved is, as in the benchmark, when all points are right: target 1. (The
// benchmark asks for 40-20-40 margins of one output and for the training points;
// here the larger of two class probabilities decides, on the held-out points.)
//
// Source: A. Wieland's problem, K. J. Lang and M. J. Witbrock, "Learning to tell
// two spirals apart", Connectionist Models Summer School 1988; formula and
// method as in S. Fahlman's collection of benchmarks (CMU, "two-spirals").
func NewTwoSpirals(c SpiralsConfig) (Task, error) {
	return loaded.get(c, func() (Task, error) {
		return Classification("two-spirals", 1, spirals(97, 0), spirals(96, 1./3), spirals(96, 2./3))
	})
}

// spirals returns n points of each spiral, at i+shift.
func spirals(n int, shift float64) Data[float64] {
	d := Data[float64]{Inputs: 2, Classes: 2}
	for i := range n {
		at := float64(i) + shift
		radius := 6.5 * (104 - at) / 104
		sin, cos := math.Sincos(at * math.Pi / 16)
		d.X = append(d.X, radius*sin, radius*cos, -radius*sin, -radius*cos)
		d.Labels = append(d.Labels, 1, 0)
	}
	return d
}

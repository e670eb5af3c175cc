package initializers

import (
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/catalogue"
)

// FixedPointConfig are the settings of [FixedPoint].
type FixedPointConfig struct {
	// Noise is α, the factor of the random part's deviation.
	Noise float64 `json:"noise" default:"0.085" range:"(0,]" doc:"factor of the random part's deviation"`
	// Slope is the factor of the fixed part.
	Slope float64 `json:"slope" omit:"default" default:"1" range:"(0,]" doc:"factor of the fixed part"`
	catalogue.Given
}

// FixedPoint is the start for deep tanh networks
//
//	W = slope·D + Z,  Z ~ N(0, noise²/fan-in),  D_ij = 1 if i ≡ j modulo min(fan-in, fan-out), else 0
//
// with i the input and j the unit: the identity of square layers, copies of it side by side
// where there are more units than inputs, sums of inputs where there are fewer. A unit then
// computes about tanh(a x) of one input, and a is spread around 1, on both sides of the value
// above which tanh(a x) = x has a solution besides 0: activations shrink algebraically with depth,
// not geometrically, and neither saturate.
//
// It is made for narrow and deep networks of odd f with f'(0) = 1; for other slopes set slope to
// 1/f'(0). As D is not random, the mean-field theory of independent weights does not hold:
// nothing is predicted of such a network, and the initialiser does not implement [Variances].
//
// Source: H. Lee, H. Choi, H. Kim: Robust weight initialization for tanh neural networks with
// fixed point analysis, 2025 (arXiv 2410.02242). Checked there: W = D + Z, the deviation
// α/√fan-in, α = .085, and D at 4 by 8, 4 by 4 and 8 by 4 units. The slope is ours.
func FixedPoint(c FixedPointConfig) (Initializer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &fixedPoint{c}, nil
}

type fixedPoint struct{ c FixedPointConfig }

func (*fixedPoint) Name() string { return "fixed-point" }

func (f *fixedPoint) Fill(w []float64, fanIn, fanOut int, r *rand.Rand) {
	deviation, period := f.c.Noise/math.Sqrt(float64(fanIn)), min(fanIn, fanOut)
	for i := range fanIn {
		for j := range fanOut {
			v := deviation * r.NormFloat64()
			if i%period == j%period {
				v += f.c.Slope
			}
			w[i*fanOut+j] = v
		}
	}
}

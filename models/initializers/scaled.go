package initializers

import (
	"math"
	"math/rand/v2"
)

// scaled draws entries of mean 0 and a variance that depends on the layer's shape.
type scaled struct {
	name     string
	variance func(fanIn, fanOut float64) float64
	uniform  bool
}

func (s *scaled) Name() string { return s.name }

func (s *scaled) Fill(w []float64, fanIn, fanOut int, r *rand.Rand) {
	deviation := math.Sqrt(s.variance(float64(fanIn), float64(fanOut)))
	bound := math.Sqrt(3) * deviation // U(-a, a) has the variance a²/3
	for i := range w {
		if s.uniform {
			w[i] = bound * (2*r.Float64() - 1)
		} else {
			w[i] = deviation * r.NormFloat64()
		}
	}
}

// Variances implements [Variances].
func (s *scaled) Variances(fanIn, fanOut int) (weight, bias float64) {
	return s.variance(float64(fanIn), float64(fanOut)), 0
}

// LeCunNormal draws from N(0, gain²/fan-in) (LeCun et al., Efficient BackProp, 1998).
// A gain of 0 means 1, here and below.
func LeCunNormal(gain float64) Initializer {
	return &scaled{"lecun-normal", lecun(gain), false}
}

// LeCunUniform draws from U(-a, a) with the variance gain²/fan-in.
func LeCunUniform(gain float64) Initializer {
	return &scaled{"lecun-uniform", lecun(gain), true}
}

// GlorotNormal draws from N(0, 2gain²/(fan-in + fan-out)) (X. Glorot, Y. Bengio:
// Understanding the difficulty of training deep feedforward neural networks, 2010).
func GlorotNormal(gain float64) Initializer {
	return &scaled{"glorot-normal", glorot(gain), false}
}

// GlorotUniform draws from U(-a, a) with the variance 2gain²/(fan-in + fan-out).
func GlorotUniform(gain float64) Initializer {
	return &scaled{"glorot-uniform", glorot(gain), true}
}

// HeNormal draws from N(0, 2gain²/fan-in) (K. He et al.: Delving deep into
// rectifiers, 2015).
func HeNormal(gain float64) Initializer { return &scaled{"he-normal", he(gain), false} }

// HeUniform draws from U(-a, a) with the variance 2gain²/fan-in.
func HeUniform(gain float64) Initializer { return &scaled{"he-uniform", he(gain), true} }

func lecun(gain float64) func(in, out float64) float64 {
	return func(in, _ float64) float64 { return square(gain) / in }
}

func glorot(gain float64) func(in, out float64) float64 {
	return func(in, out float64) float64 { return 2 * square(gain) / (in + out) }
}

func he(gain float64) func(in, out float64) float64 {
	return func(in, _ float64) float64 { return 2 * square(gain) / in }
}

func square(gain float64) float64 {
	if gain == 0 {
		return 1
	}
	return gain * gain
}

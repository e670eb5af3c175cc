package optimizers

import "math"

// scheduleFree is what the two Schedule-Free methods share: the three points, and the weights
// of the average.
type scheduleFree struct {
	name              string
	rate, beta, decay float64
	warmUp            int
	direction         func(b *Block[float64], t float64) // optional: turns b.State[sfStep], the gradient, into a direction
	rateOf            func(t float64) float64            // optional: factor of the rate
	vectors           int                                // state vectors besides those below
}

// The state vectors and numbers of a parameter.
const (
	sfZ       = iota // the point that steps
	sfX              // the average
	sfStep           // direction of the present step
	sfVectors        // further ones begin here
)

const (
	sfSteps   = iota
	sfLargest // rate so far
	sfSum     // of the weights
	sfNumbers
)

func (s scheduleFree) rule() Rule {
	return Rule{
		Name:    s.name,
		Vectors: make([]float64, sfVectors+s.vectors),
		Numbers: sfNumbers,
		Update:  s.update,
		Average: func(b *Block[float64]) []float64 {
			if b.Numbers[sfSteps] == 0 {
				return nil
			}
			return b.State[sfX]
		},
	}
}

func (s scheduleFree) update(b *Block[float64]) {
	z, x, step, n := b.State[sfZ], b.State[sfX], b.State[sfStep], b.Numbers
	if n[sfSteps] == 0 {
		copy(z, b.W)
		copy(x, b.W)
	}
	n[sfSteps]++
	t := n[sfSteps]
	copy(step, b.G)
	if s.direction != nil {
		s.direction(b, t)
	}
	rate := s.rate
	if t < float64(s.warmUp) {
		rate *= t / float64(s.warmUp)
	}
	if s.rateOf != nil {
		rate *= s.rateOf(t)
	}
	n[sfLargest] = max(n[sfLargest], rate)
	weight := n[sfLargest] * n[sfLargest]
	n[sfSum] += weight
	c := weight / n[sfSum]
	for i, y := range b.W {
		z[i] -= rate * (step[i] + s.decay*y)
		x[i] += c * (z[i] - x[i])
		// The next y; what is added is the difference, as To may not be the value.
		b.To[i] += (1-s.beta)*z[i] + s.beta*x[i] - y
	}
}

// adaptively divides the direction by the root of the running mean of g².
func adaptively(beta2, eps float64) func(b *Block[float64], t float64) {
	return func(b *Block[float64], t float64) {
		step, v := b.State[sfStep], b.State[sfVectors]
		for i, g := range step {
			v[i] = beta2*v[i] + (1-beta2)*g*g
			step[i] = g / (math.Sqrt(v[i]) + eps)
		}
	}
}

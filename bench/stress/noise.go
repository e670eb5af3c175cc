package stress

import (
	"math"
	"math/rand/v2"
	"strconv"
)

// noise is what each gradient of one dimension meets.
type noise struct {
	kind  noiseKind
	level float64
}

type noiseKind int

const (
	noiseless noiseKind = iota
	gaussian            // adds level·N(0, 1) to the slope
	lognormal           // multiplies function and slope by exp(level·N(0, 1))
	maskout             // sets both to 0 with probability level
	cauchy              // adds level times a standard Cauchy variable to the slope
)

func (n noise) String() string {
	if n.kind == noiseless {
		return "none"
	}
	name := [...]string{gaussian: "gauss", lognormal: "lognormal", maskout: "mask", cauchy: "cauchy"}[n.kind]
	return name + "-" + strconv.FormatFloat(n.level, 'g', -1, 64)
}

// sample draws what is random about the noise, apart from its level.
func (n noise) sample(r *rand.Rand) float64 {
	switch n.kind {
	case gaussian, lognormal:
		return r.NormFloat64()
	case maskout:
		return r.Float64()
	case cauchy:
		return math.Tan(math.Pi * (r.Float64() - 0.5))
	}
	return 0
}

// apply turns value, slope and bend at x into noisy ones. Noise that adds to the slope
// is that of a function with a random line added.
func (n noise) apply(sample, level, x, value, slope, bend float64) (float64, float64, float64) {
	switch n.kind {
	case gaussian, cauchy:
		return value + x*level*sample, slope + level*sample, bend
	case lognormal:
		factor := math.Exp(level * sample)
		return value * factor, slope * factor, bend * factor
	case maskout:
		if sample < level {
			return 0, 0, 0
		}
	}
	return value, slope, bend
}

// drift is how a function changes with time, every driftInterval steps.
type drift int

const (
	stationary  drift = iota
	scaleDrift        // the fall from the start by a factor exp(0.1 N(0, 1)), anew each time
	noiseDrift        // the noise's level by a factor exp(0.5 N(0, 1)), on top of the last
	offsetDrift       // the place by 0.1 N(0, 1), on top of the last
)

const driftInterval = 10

func (d drift) String() string {
	return [...]string{"none", "scale", "noise", "offset"}[d]
}

// state is a function's, of one dimension at one time.
type state struct {
	scale, level, offset float64
	sample               float64 // of the noise
}

// path is all that is random in one repetition of a test: for each step and dimension
// the state. The last step's, with which the fall is measured, has no noise.
type path struct {
	dims   int
	states []state
}

func (t *Test) path(steps int, r *rand.Rand) *path {
	n := len(t.axes)
	p := &path{dims: n, states: make([]state, (steps+1)*n)}
	for i, a := range t.axes {
		now := state{scale: 1, level: a.noise.level}
		for s := range steps + 1 {
			if s > 0 && s%driftInterval == 0 {
				switch t.drift {
				case scaleDrift:
					now.scale = math.Exp(0.1 * r.NormFloat64())
				case noiseDrift:
					now.level *= math.Exp(0.5 * r.NormFloat64())
				case offsetDrift:
					now.offset += 0.1 * r.NormFloat64()
				}
			}
			now.sample = a.noise.sample(r)
			p.states[s*n+i] = now
		}
	}
	return p
}

func (p *path) at(step int) []state { return p.states[step*p.dims : (step+1)*p.dims] }

package train

import "math"

// Schedule selects steps, counted from 0. A nil Schedule selects all.
type Schedule func(step int) bool

func (s Schedule) selects(step int) bool { return s == nil || s(step) }

// Every selects every n-th step: 0, n, 2n, …
func Every(n int) Schedule {
	return func(step int) bool { return step%max(n, 1) == 0 }
}

// LogSpaced selects the steps 0 and 1 and from there perDecade steps in each factor
// of ten, evenly on a logarithmic scale: much happens early.
func LogSpaced(perDecade int) Schedule {
	return func(step int) bool {
		if step < 2 {
			return true
		}
		// The last of the points 10^(k/perDecade) up to step, rounded up, is step itself.
		k := math.Floor(math.Log10(float64(step))*float64(perDecade) + 1e-9)
		return int(math.Ceil(math.Pow(10, k/float64(perDecade))-1e-9)) == step
	}
}

// AtSteps selects the given steps.
func AtSteps(steps ...int) Schedule {
	set := make(map[int]bool, len(steps))
	for _, s := range steps {
		set[s] = true
	}
	return func(step int) bool { return set[step] }
}

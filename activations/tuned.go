package activations

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// Conditions that [Tuned] can meet, for f̂ at pre-activations z ~ N(0, 1).
var tunedConditions = map[string]string{
	"mean":     "E[f̂]",
	"variance": "Var f̂",
	"square":   "E[f̂²]",
	"chi":      "E[f̂'²]",
	"slope":    "f̂'(0)",
}

// Tuned is a·f(b·z) + c that meets two conditions, each a value of
//
//	mean E[f̂]   variance Var f̂   square E[f̂²]   chi E[f̂'²]   slope f̂'(0)
//
// for z ~ N(0, 1). With a mean b is 1, and a and c are found; otherwise c is 0, and a and b
// are, with b up to 1000. {square: 1, chi: 1} keeps both the signal and the gradient of
// weights of variance 1/fan-in, if f has such a form: of odd f only in the limit of a linear
// one.
func Tuned(f Scalar, conditions map[string]float64) (*Transformed, error) {
	names := slices.Sorted(maps.Keys(conditions))
	for _, n := range names {
		if tunedConditions[n] == "" {
			return nil, errors.Errorf("tuned: no condition %q; there are %s", n, strings.Join(slices.Sorted(maps.Keys(tunedConditions)), ", "))
		}
		if v := conditions[n]; math.IsNaN(v) || math.IsInf(v, 0) || n != "mean" && n != "slope" && !(v > 0) || n == "slope" && v == 0 {
			return nil, errors.Errorf("tuned: %s %g: want a finite value, positive except for the mean", n, v)
		}
	}
	if len(names) != 2 {
		return nil, errors.Errorf("tuned: %d conditions: want two, such as square=1, chi=1", len(names))
	}
	// measure returns a condition's value for a = 1, c = 0.
	measure := func(b float64) (map[string]float64, error) {
		m, err := momentsOf("tuned", transform("tuned", f, b, 0, 1, 0))
		return map[string]float64{"mean": m.mean, "variance": m.variance, "square": m.square, "chi": m.slope2, "slope": b * f.Derivative(0)}, err
	}
	if f == nil {
		return nil, errors.New("tuned: no activation")
	}
	if _, err := momentsOf("tuned", f); err != nil {
		return nil, err
	}
	if mean, ok := conditions["mean"]; ok {
		at, err := measure(1)
		if err != nil {
			return nil, err
		}
		other := names[0]
		if other == "mean" {
			other = names[1]
		}
		want := conditions[other]
		a := 0.
		switch other {
		case "variance":
			a = math.Sqrt(want / at["variance"])
		case "square":
			a = math.Sqrt((want - mean*mean) / at["variance"])
		case "chi":
			a = math.Sqrt(want / at["chi"])
		case "slope":
			a = want / at["slope"]
		}
		if !(math.Abs(a) > 0) || math.IsInf(a, 0) {
			return nil, errors.Errorf("tuned of %s: no a and c give the mean %g and the %s %g", f.Name(), mean, other, want)
		}
		return transform("tuned", f, 1, 0, a, mean/a-at["mean"]), nil
	}
	// The second condition, of the a that the first one asks for, as a function of log b.
	power := func(name string) float64 { // a enters by itself or squared
		if name == "slope" {
			return 1
		}
		return 2
	}
	first, second := names[0], names[1]
	if power(first) < power(second) {
		first, second = second, first
	}
	scale := func(b float64) (a, missed float64) {
		at, err := measure(b)
		if err != nil {
			return math.NaN(), math.NaN()
		}
		a = math.Pow(conditions[first]/at[first], 1/power(first))
		return a, math.Log(math.Pow(a, power(second))*at[second]) - math.Log(conditions[second])
	}
	const lo, hi, steps = -6.9, 6.9, 140
	var best *Transformed
	before := math.NaN()
	for i := 0; i <= steps; i++ {
		l := lo + (hi-lo)*float64(i)/steps
		_, here := scale(math.Exp(l))
		if before*here <= 0 {
			from, to, sign := l-(hi-lo)/steps, l, math.Copysign(1, here)
			for range 80 {
				middle := (from + to) / 2
				if _, m := scale(math.Exp(middle)); m*sign > 0 {
					to = middle
				} else {
					from = middle
				}
			}
			b := math.Exp((from + to) / 2)
			if a, missed := scale(b); math.Abs(missed) < 1e-9 && (best == nil || math.Abs(math.Log(b)) < math.Abs(math.Log(best.Alpha))) {
				best = transform("tuned", f, b, 0, a, 0)
			}
		}
		before = here
	}
	if best == nil {
		return nil, errors.Errorf("tuned of %s: no a and b between 0.001 and 1000 give the %s %g and the %s %g", f.Name(), first, conditions[first], second, conditions[second])
	}
	return best, nil
}

type tunedSettings struct {
	Of         Activation         `json:"of" default:"null" doc:"f; null: tanh"`
	Conditions map[string]float64 `json:"*" doc:"two of mean, variance, square, chi and slope, at pre-activations of variance 1"`
}

func makeTuned(s tunedSettings) (Activation, error) {
	f, err := orTanh(s.Of)
	if err != nil {
		return nil, err
	}
	conditions := s.Conditions
	if len(conditions) == 0 {
		conditions = map[string]float64{"mean": 0, "variance": 1}
	}
	for name := range conditions {
		if tunedConditions[name] == "" {
			return nil, catalogue.Invalid(name, "is not a condition; there are %s", strings.Join(slices.Sorted(maps.Keys(tunedConditions)), ", "))
		}
	}
	return orError(Tuned(f, conditions))
}

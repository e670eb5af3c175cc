package stats

import (
	"math"
	"slices"
)

// Median returns the middle value of x, or the mean of the two middle values; NaN if x
// is empty or has a NaN. Infinite values count: the median of an even number of values
// with one of the middle two infinite is infinite. x is not changed.
func Median(x []float64) float64 { return Quantile(x, 0.5) }

// Quantile returns the p-quantile of x for p in [0, 1], interpolated linearly between the
// values at the sorted positions below and above p(n-1), counted from 0. That is type 7 of
// Hyndman and Fan, "Sample quantiles in statistical packages", The American Statistician
// 50, 1996, the default of R and NumPy. It is NaN if x is empty or has a NaN, or if p is
// not in [0, 1]. x is not changed.
func Quantile(x []float64, p float64) float64 {
	if len(x) == 0 || !(p >= 0 && p <= 1) || hasNaN(x) {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(x))
	at := p * float64(len(s)-1)
	i := int(at)
	// Not s[i] + f*(s[i+1]-s[i]): that is NaN between two infinities of one sign.
	if f := at - float64(i); f > 0 && s[i] != s[i+1] {
		return (1-f)*s[i] + f*s[i+1]
	}
	return s[i]
}

func sortedCopy(x []float64) []float64 { return slices.Sorted(slices.Values(x)) }

func hasNaN(x []float64) bool { return slices.ContainsFunc(x, math.IsNaN) }

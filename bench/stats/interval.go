package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Confidence is the nominal level of intervals.
const Confidence = 0.95

// Interval is a confidence interval.
type Interval struct {
	Lo, Hi float64
	// Confidence is the probability with which such an interval covers the true median:
	// the nominal one, or less if the sample is too small for it.
	Confidence float64
	// Warning says so in words; "" if the sample is large enough.
	Warning string
}

// MedianInterval returns the 95% percentile bootstrap interval of the median of x: from
// the 2.5% to the 97.5% quantile of the medians of all samples of len(x) values drawn
// from x with replacement. Those quantiles are computed and not sampled, so there is no
// seed and no simulation error.
//
// A sample of 2 to 5 values gives its range [min, max], as more than 2.5% of the resamples
// have the smallest value as their median. The range of n values covers the median of
// whatever distribution they come from with probability 1-2^(1-n): 93.75% for n = 5. No
// interval between values of the sample covers it with 95% if n < 6; Confidence and
// Warning say what is reached. One value gives an interval of length and confidence 0, no
// value and NaN among the values give NaN.
//
// Source: B. Efron, "Bootstrap methods: another look at the jackknife", The Annals of
// Statistics 7, 1979, section 3, for the distribution of the resampled median.
func MedianInterval(x []float64) Interval {
	n := len(x)
	if n == 0 || hasNaN(x) {
		return Interval{Lo: math.NaN(), Hi: math.NaN(), Confidence: math.NaN(), Warning: "no values, no interval"}
	}
	medians := resampledMedians(slices.Sorted(slices.Values(x)))
	const tail = (1 - Confidence) / 2
	v := Interval{Lo: weightedQuantile(medians, tail), Hi: weightedQuantile(medians, 1-tail), Confidence: Confidence}
	if c := 1 - math.Exp2(float64(1-n)); c < Confidence {
		v.Confidence = c
		v.Warning = fmt.Sprintf("%d values: their range covers the median with probability %.4g%%; %g%% needs 6 values", n, 100*c, 100*Confidence)
		if n == 1 {
			v.Warning = "1 value: no interval"
		}
	}
	return v
}

type weighted struct{ value, weight float64 }

// resampledMedians returns the distribution of the median of len(s) values drawn from s,
// sorted, with replacement.
func resampledMedians(s []float64) []weighted {
	n := len(s)
	m := (n + 1) / 2 // the lower of the middle places, from 1
	// atMost(i) is the probability that the m-th smallest drawn value is one of the
	// first i values of s: that m or more of the n places drawn are among those i.
	atMost := func(i int) float64 { return upperBinomial(n, m, float64(i)/float64(n)) }
	var d []weighted
	if n%2 == 1 {
		for i := range n {
			d = append(d, weighted{s[i], atMost(i+1) - atMost(i)})
		}
		return d
	}
	// The two middle values are s[i] and s[j], i < j, if the lower half of the places
	// drawn has the maximum i and the upper half the minimum j. What remains of the
	// probability that the lower is s[i] is that of both being s[i].
	lnChoose := lnBinomial(n, m)
	power := func(k int) float64 { return math.Exp(lnChoose/2 + float64(m)*math.Log(float64(k)/float64(n))) }
	for i := range n {
		rest := atMost(i+1) - atMost(i)
		for j := i + 1; j < n; j++ {
			w := (power(i+1) - power(i)) * (power(n-j) - power(n-j-1))
			d = append(d, weighted{s[i]/2 + s[j]/2, w})
			rest -= w
		}
		d = append(d, weighted{s[i], max(rest, 0)})
	}
	slices.SortStableFunc(d, func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
	return d
}

// weightedQuantile returns the smallest value that p of the weight is not above.
func weightedQuantile(d []weighted, p float64) float64 {
	var sum float64
	for _, w := range d {
		// The margin is for the rounding of sums that are p exactly.
		if sum += w.weight; sum >= p-1e-12 {
			return w.value
		}
	}
	return d[len(d)-1].value
}

// upperBinomial returns the probability of k or more successes in n trials.
func upperBinomial(n, k int, p float64) float64 {
	switch p {
	case 0:
		return 0
	case 1:
		return 1
	}
	var sum float64
	for i := k; i <= n; i++ {
		sum += math.Exp(lnBinomial(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

func lnBinomial(n, k int) float64 {
	lg := func(x int) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
	return lg(n) - lg(k) - lg(n-k)
}

package stats

import (
	"fmt"
	"math"
	"slices"
)

// Effect is how much x exceeds y in pairs of the two.
type Effect struct {
	// Shift is the Hodges-Lehmann estimate of x - y: the median of the means of any two
	// differences, one with itself included.
	Shift float64
	// Interval is that of the shift which the signed-rank test does not reject.
	Interval Interval
	// Won, Lost and Tied count the pairs in which x is larger, smaller, the same.
	Won, Lost, Tied int
}

// Paired returns the effect of pairs x[i], y[i]. The interval is exact for differences
// that are symmetric about the shift, if they are continuous, and covers at least as often
// if not: it goes from the k-th smallest to the k-th largest of the n(n+1)/2 means, where
// k-1 is the largest sum of ranks that the signed-rank test of n pairs rejects at 5%. With
// less than 6 pairs it rejects none: the interval is then the range of the differences,
// with the confidence that it has.
//
// Two equal infinities make a tie, a difference of 0. The mean of an infinite difference
// and one of the other sign counts as 0. NaN in x or y, or lengths that differ, give NaN.
//
// Source: J. L. Hodges and E. L. Lehmann, "Estimates of location based on rank tests",
// Annals of Mathematical Statistics 34, 1963; M. Hollander, D. A. Wolfe and E. Chicken,
// Nonparametric Statistical Methods, 3rd edition, 2014, sections 3.2 and 3.3.
func Paired(x, y []float64) Effect {
	n := len(x)
	if n == 0 || n != len(y) || hasNaN(x) || hasNaN(y) {
		nan := math.NaN()
		return Effect{Shift: nan, Interval: Interval{Lo: nan, Hi: nan, Confidence: nan, Warning: "no pairs, no interval"}}
	}
	var e Effect
	d := make([]float64, n)
	for i := range x {
		switch {
		case x[i] == y[i]:
			e.Tied++
			continue
		case x[i] > y[i]:
			e.Won++
		default:
			e.Lost++
		}
		d[i] = x[i] - y[i]
	}
	means := make([]float64, 0, n*(n+1)/2)
	for i := range d {
		for j := range i + 1 {
			m := d[i]/2 + d[j]/2
			if math.IsNaN(m) { // infinite, of both signs
				m = 0
			}
			means = append(means, m)
		}
	}
	slices.Sort(means)
	e.Shift = Median(means)
	k, outside := rejected(n)
	e.Interval = Interval{Lo: means[k], Hi: means[len(means)-1-k], Confidence: 1 - outside}
	switch {
	case n == 1:
		e.Interval.Confidence, e.Interval.Warning = 0, "1 pair: no interval"
	case e.Interval.Confidence < Confidence:
		e.Interval.Warning = fmt.Sprintf("%d pairs: the range of their differences covers the shift with probability %.4g%%; %g%% needs 6 pairs",
			n, 100*e.Interval.Confidence, 100*Confidence)
	}
	return e
}

// rejected returns how many of the smallest sums of the ranks 1 to n, counted from 0, the
// two-sided signed-rank test rejects at 1-Confidence, at least one, and the probability of
// those and their mirror images.
func rejected(n int) (sums int, p float64) {
	if n > exactPairs {
		// Normal approximation, as SignedRank's.
		f := float64(n)
		const z = 1.959963984540054
		k := int(f*(f+1)/4 - z*math.Sqrt(f*(f+1)*(2*f+1)/24) - 0.5)
		return k, 1 - Confidence
	}
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	share := sumsOf(ranks, n*(n+1)/2)
	sums, p = 0, 2*share[0]
	for p+2*share[sums+1] <= 1-Confidence+1e-12 {
		sums++
		p += 2 * share[sums]
	}
	return sums, p
}

// sumsOf returns the share of the subsets of ranks with each sum up to limit.
func sumsOf(ranks []int, limit int) []float64 {
	share := make([]float64, limit+1)
	share[0] = 1
	for _, r := range ranks {
		for s := limit; s >= 0; s-- {
			share[s] /= 2
			if s >= r {
				share[s] += share[s-r] / 2
			}
		}
	}
	return share
}

package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Power is the probability with which a difference of the size of [Detectable] is shown.
const Power = 0.8

// Detectable returns the smallest shift, in standard deviations of the paired differences,
// that a test of this many pairs shows with probability Power, if it is one of this many
// comparisons and the differences are normal: the smallest difference that a study could
// have seen. It is +Inf where the test can't reach Alpha however large the shift is.
//
// Up to 60 pairs it comes from 4000 simulated samples (of a fixed seed; the error is about
// 1%), beyond from the signed-rank test's efficiency of 3/π against the t-test.
func Detectable(pairs, comparisons int) float64 {
	alpha := Alpha / float64(max(1, comparisons))
	if pairs < 1 || SmallestSignedRank(pairs) > alpha {
		return math.Inf(1)
	}
	if pairs > 60 {
		q := distuv.UnitNormal.Quantile
		return (q(1-alpha/2) + q(Power)) / math.Sqrt(3/math.Pi*float64(pairs))
	}
	critical := rejectedAt(pairs, alpha)
	random := rand.New(rand.NewPCG(1, uint64(pairs)))
	samples := make([][]float64, 4000)
	for i := range samples {
		samples[i] = make([]float64, pairs)
		for j := range samples[i] {
			samples[i][j] = random.NormFloat64()
		}
	}
	shown := func(shift float64) float64 {
		count := 0
		shifted := make([]float64, pairs)
		for _, s := range samples {
			for i, v := range s {
				shifted[i] = v + shift
			}
			if negativeRanks(shifted) <= critical {
				count++
			}
		}
		return float64(count) / float64(len(samples))
	}
	lo, hi := 0., 10.
	for range 20 {
		if mid := (lo + hi) / 2; shown(mid) < Power {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

// rejectedAt returns the largest sum of ranks of n pairs that is rejected, two-sided.
func rejectedAt(n int, alpha float64) int {
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	sum, p := -1, 0.
	for s, share := range sumsOf(ranks, n*(n+1)/2) {
		if p += 2 * share; p > alpha+1e-12 {
			break
		}
		sum = s
	}
	return sum
}

// negativeRanks returns the sum of the ranks of negative differences; d is sorted.
func negativeRanks(d []float64) (sum int) {
	slices.SortFunc(d, func(a, b float64) int {
		if math.Abs(a) < math.Abs(b) {
			return -1
		}
		return 1
	})
	for i, v := range d {
		if v < 0 {
			sum += i + 1
		}
	}
	return sum
}

package stats

import (
	"cmp"
	"math"
	"slices"
)

// Stratum holds the pairs of one facet of a study: x[i] and y[i] have the same seed.
type Stratum struct{ X, Y []float64 }

// exactWork bounds the work of the exact distribution in Pooled, additions of numbers.
const exactWork = 2e8

// Pooled is the signed-rank test of pairs in several facets at once: are the differences
// x - y of all of them symmetric about 0? The differences are ranked by size within their
// facet, so that scores of different scales don't mix, and the statistic is the sum of the
// ranks of positive ones over all facets. Under the hypothesis each difference has either
// sign with probability 1/2: P is the share of all ways to give signs whose sum is as far
// from its mean. It is exact, with ties too; with a very large number of pairs it is the
// normal approximation.
//
// For one facet it is [SignedRank]. With many, a few seeds are enough: 5 seeds in each of
// 4 facets make 20 pairs. It asks whether x is better or worse than y over the facets as a
// whole: a gain in some and a loss in others cancel. Test single facets only where this
// test passes.
//
// Source: the stratified form of Wilcoxon's test, as P. van Elteren, "On the combination of
// independent two sample tests of Wilcoxon", Bulletin of the International Statistical
// Institute 37, 1960, has it for two samples.
func Pooled(strata []Stratum) Result {
	var ranks []int // twice the ranks, so that means of two are whole
	positive, total := 0, 0
	for _, s := range strata {
		if len(s.X) != len(s.Y) || hasNaN(s.X) || hasNaN(s.Y) {
			return Result{P: math.NaN()}
		}
		r, p := signedRanks(s.X, s.Y)
		ranks, positive = append(ranks, r...), positive+p
	}
	if len(ranks) == 0 {
		return Result{P: 1}
	}
	for _, r := range ranks {
		total += r
	}
	result := Result{Sign: sign(2*positive - total)}
	smaller := min(positive, total-positive)
	if float64(smaller)*float64(len(ranks)) <= exactWork {
		sum := 0.
		for _, p := range sumsOf(ranks, smaller) {
			sum += p
		}
		result.P = min(1, 2*sum)
		return result
	}
	variance := 0.
	for _, r := range ranks {
		variance += float64(r) * float64(r) / 4
	}
	z := (float64(smaller) - float64(total)/2 + 1) / math.Sqrt(variance) // in halves of ranks
	result.P = min(1, math.Erfc(-z/math.Sqrt2))
	return result
}

// signedRanks returns twice the ranks of the differences that are not 0, and the sum of
// those of positive ones.
func signedRanks(x, y []float64) (ranks []int, positive int) {
	var differences []float64
	for i := range x {
		if x[i] != y[i] {
			differences = append(differences, x[i]-y[i])
		}
	}
	slices.SortFunc(differences, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	for i := 0; i < len(differences); {
		j := i
		for ; j < len(differences) && math.Abs(differences[j]) == math.Abs(differences[i]); j++ {
		}
		for k := i; k < j; k++ {
			ranks = append(ranks, i+1+j)
			if differences[k] > 0 {
				positive += i + 1 + j
			}
		}
		i = j
	}
	return ranks, positive
}

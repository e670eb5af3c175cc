package stats

import (
	"errors"
	"math"
	"slices"

	moremath "github.com/aclements/go-moremath/stats"
)

// Result is that of a two-sided test of two samples x and y.
type Result struct {
	P float64 // probability of a difference at least as large if there is none
	// Sign is +1 if the values of x tend to be the larger ones, -1 if those of y, 0 if
	// neither.
	Sign int
}

// exactPairs is the largest number of pairs for which SignedRank counts all signs.
const exactPairs = 200

// SignedRank is Wilcoxon's signed-rank test of pairs: are the differences x[i]-y[i]
// symmetric about 0? Pairs without a difference are left out, as Wilcoxon did; two equal
// infinities have none. Equal differences share their mean rank; infinite ones are the
// largest.
//
// P is exact, with ties too, up to 200 differing pairs: the share of the 2^n ways to give
// signs to the ranks whose sum of positive ranks is as far from its mean. Above, it is the
// normal approximation with corrections for ties and continuity. Without a difference in
// any pair P is 1. x and y have one length; NaN in either gives a P of NaN.
//
// Source: F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1,
// 1945.
func SignedRank(x, y []float64) Result {
	if len(x) != len(y) || hasNaN(x) || hasNaN(y) {
		return Result{P: math.NaN()}
	}
	var differences []float64
	for i := range x {
		if x[i] != y[i] {
			differences = append(differences, x[i]-y[i])
		}
	}
	n := len(differences)
	if n == 0 {
		return Result{P: 1}
	}
	slices.SortFunc(differences, func(a, b float64) int {
		switch a, b := math.Abs(a), math.Abs(b); {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	// Twice the ranks, so that means of two are whole.
	ranks := make([]int, n)
	var positive, total int
	var ties float64
	for i := 0; i < n; {
		j := i
		for ; j < n && math.Abs(differences[j]) == math.Abs(differences[i]); j++ {
		}
		for k := i; k < j; k++ {
			ranks[k] = i + 1 + j
			total += ranks[k]
			if differences[k] > 0 {
				positive += ranks[k]
			}
		}
		t := float64(j - i)
		ties += t*t*t - t
		i = j
	}
	r := Result{Sign: sign(2*positive - total)}
	smaller := min(positive, total-positive)
	if n <= exactPairs {
		r.P = min(1, 2*atMostSum(ranks, smaller))
		return r
	}
	f := float64(n)
	deviation := math.Sqrt(f*(f+1)*(2*f+1)/24 - ties/48)
	z := (float64(smaller-(total-smaller))/4 + 0.5) / deviation
	r.P = min(1, math.Erfc(-z/math.Sqrt2))
	return r
}

// atMostSum returns the share of the subsets of ranks whose sum is at most limit.
func atMostSum(ranks []int, limit int) float64 {
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
	var sum float64
	for _, p := range share {
		sum += p
	}
	return sum
}

// MannWhitney is the test of Mann and Whitney of two independent samples: is a value of x
// larger than one of y as often as smaller? P is exact up to 50 values in each sample, or
// 25 if values are equal, else the normal approximation with corrections for ties and
// continuity. It is 1 if all values are equal, NaN if a sample is empty or has a NaN.
//
// Source: H. B. Mann and D. R. Whitney, "On a test of whether one of two random variables
// is stochastically larger than the other", Annals of Mathematical Statistics 18, 1947.
func MannWhitney(x, y []float64) Result {
	if hasNaN(x) || hasNaN(y) {
		return Result{P: math.NaN()}
	}
	t, err := moremath.MannWhitneyUTest(x, y, moremath.LocationDiffers)
	if errors.Is(err, moremath.ErrSamplesEqual) {
		return Result{P: 1}
	}
	if err != nil {
		return Result{P: math.NaN()}
	}
	// Twice a tail of a lopsided distribution, as with ties, may be more than 1.
	return Result{P: min(1, t.P), Sign: sign(int(2*t.U) - len(x)*len(y))}
}

func sign(x int) int {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

package stats

import (
	"errors"
	"math"

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
	ranks, positive := signedRanks(x, y)
	n := len(ranks)
	if n == 0 {
		return Result{P: 1}
	}
	total, squares := 0, 0.
	for _, r := range ranks {
		total += r
		squares += float64(r) * float64(r)
	}
	r := Result{Sign: sign(2*positive - total)}
	smaller := min(positive, total-positive)
	if n <= exactPairs {
		sum := 0.
		for _, p := range sumsOf(ranks, smaller) {
			sum += p
		}
		r.P = min(1, 2*sum)
		return r
	}
	// The sum of positive ranks has the variance Σ rank²/4, ties or not.
	z := (float64(smaller-(total-smaller))/4 + 0.5) / math.Sqrt(squares/16)
	r.P = min(1, math.Erfc(-z/math.Sqrt2))
	return r
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

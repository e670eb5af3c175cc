package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// CrossingAlpha is the level of [Combined] in comparisons: it is a family of its own beside that
// of [Pooled], at a fifth of its level, so that both together find something where there is
// nothing in at most [Alpha] + CrossingAlpha of studies.
const CrossingAlpha = 0.01

// Combined tests whether the differences x - y of all facets are symmetric about 0, as [Pooled]
// does, but against any departure: gains in some facets and losses in others do not cancel. It
// combines the exact signed-rank tests of the facets by Fisher's method: twice the negative
// logarithms of their P add up to at most χ² with two degrees of freedom for each. As exact P
// are discrete, the test is conservative, with few seeds very much so: with 5 it hardly ever
// finds anything, with 10 a difference of one sign throughout in two facets has P < 0.0001.
//
// Facets without pairs count for nothing. P is NaN if a score is.
//
// Source: R. A. Fisher, Statistical Methods for Research Workers, 4th edition, 1932, section 21.1;
// for discrete P, H. O. Lancaster, Biometrika 36, 1949.
func Combined(strata []Stratum) float64 {
	sum, n := 0., 0
	for _, s := range strata {
		p := SignedRank(s.X, s.Y).P
		if math.IsNaN(p) {
			return math.NaN()
		}
		if len(s.X) > 0 {
			sum, n = sum-2*math.Log(p), n+1
		}
	}
	if n == 0 {
		return 1
	}
	return distuv.ChiSquared{K: float64(2 * n)}.Survival(sum)
}

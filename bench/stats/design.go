package stats

import (
	"fmt"
	"math"

	"github.com/gradflow/gradflow/internal/texttab"
)

// Alpha is the level at which a difference counts as shown.
const Alpha = 0.05

// SmallestSignedRank returns the smallest P that SignedRank can give for n pairs, 2^(1-n).
func SmallestSignedRank(n int) float64 { return min(1, math.Exp2(float64(1-n))) }

// SmallestMannWhitney returns the smallest P that MannWhitney can give for samples of
// sizes n and m, 2 n! m! / (n+m)!.
func SmallestMannWhitney(n, m int) float64 { return min(1, 2*math.Exp(-lnBinomial(n+m, n))) }

// Design is how a family of comparisons of n pairs each is made.
type Design struct {
	Pairs, Comparisons int
	Test               string // "Wilcoxon signed-rank" or "Mann-Whitney"
	// Smallest is the smallest P the test can give, and SmallestHolm what Holm makes of
	// it if only one comparison is that clear.
	Smallest, SmallestHolm float64
	Warning                string // that no difference can be shown, or ""

	test func(x, y []float64) Result
}

// NewDesign chooses the test for a family of comparisons of two setups each, by the same n
// seeds. The data have no part in the choice. It is the signed-rank test, which uses the
// pairs, if a clear difference can reach Alpha after Holm's correction; with few seeds it
// cannot, not even in a single comparison of 5, and the choice is Mann-Whitney. That test
// ignores the pairs: where runs of one seed are alike it errs to the side of no
// difference. If it can't show one either, Warning says so, and how many seeds would do.
func NewDesign(n, comparisons int) Design {
	k := float64(max(1, comparisons))
	d := Design{Pairs: n, Comparisons: comparisons,
		Test: "Wilcoxon signed-rank", Smallest: SmallestSignedRank(n), test: SignedRank}
	if k*d.Smallest > Alpha {
		d.Test, d.Smallest, d.test = "Mann-Whitney", SmallestMannWhitney(n, n), MannWhitney
	}
	d.SmallestHolm = min(1, k*d.Smallest)
	if comparisons > 0 && d.SmallestHolm > Alpha {
		enough := n
		for k*SmallestMannWhitney(enough, enough) > Alpha {
			enough++
		}
		d.Warning = fmt.Sprintf("%s and %s cannot show a difference: the smallest P, corrected, is %.2g; it takes %d seeds",
			texttab.Count(n, "seed"), texttab.Count(comparisons, "comparison"), d.SmallestHolm, enough)
	}
	return d
}

// Compare tests x against y, which have the values of the same seeds in the same places.
func (d Design) Compare(x, y []float64) Result { return d.test(x, y) }

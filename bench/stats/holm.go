package stats

import (
	"cmp"
	"math"
	"slices"
)

// Holm returns the P-values of a family of tests corrected for their number, in their
// order: rejecting those at most α keeps the probability of a single false rejection in
// the whole family at α. The k-th smallest of m, counted from 1, is multiplied by m+1-k,
// and is at least the corrected one before it and at most 1. NaN stands for a test that
// was not made: it stays, and doesn't count.
//
// Source: S. Holm, "A simple sequentially rejective multiple test procedure",
// Scandinavian Journal of Statistics 6, 1979.
func Holm(p []float64) []float64 {
	out := make([]float64, len(p))
	var order []int
	for i, v := range p {
		if out[i] = math.NaN(); !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	var last float64
	for k, i := range order {
		last = max(last, min(1, p[i]*float64(len(order)-k)))
		out[i] = last
	}
	return out
}

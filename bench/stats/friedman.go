package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Ranking compares k things over n blocks (facets, or facets and seeds).
type Ranking struct {
	Mean  []float64 // each thing's mean rank; 1 is best
	P     float64   // of Friedman's test that they are all alike
	Q, CD float64   // Nemenyi's critical difference of mean ranks at Alpha, and the quantile in it
	// Cliques are the largest groups of things, best first, whose mean ranks are within CD
	// of each other: no difference between them is shown. As indices.
	Cliques [][]int
}

// Friedman ranks k things in each of n blocks, scores[block][thing], and tests whether
// they differ. With higher, larger scores are better. Equal scores share their mean rank.
//
//	χ² = 12n/(k(k+1)) [Σ R² - k(k+1)²/4],  corrected for ties,
//	F  = (n-1) χ² / (n(k-1) - χ²)  with k-1 and (k-1)(n-1) degrees of freedom
//
// P is that of F, which Iman and Davenport (1980) found less conservative. The critical
// difference is Nemenyi's, q √(k(k+1)/(6n)), with q the 95% quantile of the studentized
// range of k values, infinite degrees of freedom, over √2. Less than two things or blocks,
// or a NaN, give NaN.
//
// Source: J. Demšar, "Statistical comparisons of classifiers over multiple data sets",
// Journal of Machine Learning Research 7, 2006.
func Friedman(scores [][]float64, higher bool) Ranking {
	n := len(scores)
	k := 0
	if n > 0 {
		k = len(scores[0])
	}
	r := Ranking{Mean: make([]float64, k), P: math.NaN(), Q: math.NaN(), CD: math.NaN()}
	for _, row := range scores {
		if len(row) != k || hasNaN(row) {
			for i := range r.Mean {
				r.Mean[i] = math.NaN()
			}
			return r
		}
	}
	ties := 0.
	for _, row := range scores {
		for i, v := range row {
			better, equal := 0, 0
			for _, w := range row {
				switch {
				case w == v:
					equal++
				case w > v == higher:
					better++
				}
			}
			r.Mean[i] += float64(better) + float64(equal+1)/2 // summed, to be divided
			ties += float64(equal*equal - 1)                  // each group of t adds t³ - t
		}
	}
	for i := range r.Mean {
		r.Mean[i] /= float64(n)
	}
	if n < 2 || k < 2 {
		return r
	}
	f, m := float64(n), float64(k)
	sum := 0.
	for _, mean := range r.Mean {
		sum += (mean - (m+1)/2) * (mean - (m+1)/2)
	}
	chi := 12 * f / (m * (m + 1)) * sum / (1 - ties/(f*m*(m*m-1)))
	switch rest := f*(m-1) - chi; {
	case math.IsNaN(chi): // all scores of each block are equal
		r.P = 1
	case rest <= 1e-9*f: // all blocks agree
		r.P = 0
	default:
		r.P = distuv.F{D1: m - 1, D2: (m - 1) * (f - 1)}.Survival((f - 1) * chi / rest)
	}
	r.Q = studentizedRange(k, 1-Alpha) / math.Sqrt2
	r.CD = r.Q * math.Sqrt(m*(m+1)/(6*f))
	r.Cliques = cliques(r.Mean, r.CD)
	return r
}

// cliques returns the maximal runs of sorted means within a distance.
func cliques(mean []float64, distance float64) (groups [][]int) {
	order := make([]int, len(mean))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case mean[a] < mean[b]:
			return -1
		case mean[a] > mean[b]:
			return 1
		}
		return 0
	})
	end := 0
	for from := range order {
		to := from
		for to < len(order) && mean[order[to]]-mean[order[from]] <= distance {
			to++
		}
		if to > end && to-from > 1 {
			groups = append(groups, slices.Clone(order[from:to]))
		}
		end = max(end, to)
	}
	return groups
}

// studentizedRange returns the quantile p of the range of k standard normal numbers.
func studentizedRange(k int, p float64) float64 {
	at := func(q float64) float64 { // P(range <= q) = k ∫ φ(z) (Φ(z) - Φ(z-q))^(k-1) dz
		const lo, hi, steps = -8., 8., 800
		h := (hi - lo) / steps
		sum := 0.
		for i := 0; i <= steps; i++ {
			z := lo + float64(i)*h
			v := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) * math.Pow((math.Erfc(-z/math.Sqrt2)-math.Erfc((q-z)/math.Sqrt2))/2, float64(k-1))
			switch {
			case i == 0 || i == steps:
			case i%2 == 1:
				v *= 4
			default:
				v *= 2
			}
			sum += v
		}
		return float64(k) * sum * h / 3
	}
	lo, hi := 0., 20.
	for range 60 {
		if mid := (lo + hi) / 2; at(mid) < p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

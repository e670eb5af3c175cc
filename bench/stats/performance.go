package stats

import "math"

// Performance is the performance profile of one thing: Share[i] of the problems are solved
// in at most Ratio[i] times what the fastest thing took.
type Performance struct {
	Ratio, Share []float64
	// Score is the mean of the profile for ratios from 1 to the largest, AlgoPerf's: 1 if
	// it is always the fastest.
	Score float64
}

// Performances returns the profiles of things by costs[problem][thing], such as steps to a
// target, +Inf for a miss; the ratios go from 1 to limit. A problem that nothing solves
// counts as missed by all. The cost of the fastest counts as at least 1, so that a start
// on the target has a ratio.
//
// Source: E. D. Dolan and J. J. Moré, "Benchmarking optimization software with performance
// profiles", Mathematical Programming 91, 2002; the score: G. E. Dahl et al.,
// "Benchmarking neural network training algorithms", 2023, which has a limit of 4.
func Performances(costs [][]float64, limit float64) []Performance {
	if len(costs) == 0 {
		return nil
	}
	profiles := make([]Performance, len(costs[0]))
	for thing := range profiles {
		p := &profiles[thing]
		var ratios []float64
		for _, row := range costs {
			best := math.Inf(1)
			for _, c := range row {
				best = min(best, max(c, 1))
			}
			if r := max(row[thing], 1) / best; !math.IsInf(best, 1) && r <= limit { // not NaN
				ratios = append(ratios, r)
			}
		}
		p.Ratio, p.Share = stairs(ratios, len(costs))
		for _, r := range ratios {
			p.Score += (limit - r) / (limit - 1) / float64(len(costs))
		}
	}
	return profiles
}

// stairs returns the distinct values, sorted, with the share of n that is at most each.
func stairs(values []float64, n int) (at, share []float64) {
	at, share = []float64{1}, []float64{0}
	sorted := sortedCopy(values)
	for i, v := range sorted {
		if v > at[len(at)-1] {
			at, share = append(at, v), append(share, 0)
		}
		share[len(share)-1] = float64(i+1) / float64(n)
	}
	return at, share
}

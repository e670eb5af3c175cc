package stats

import "math"

// Shares says what the values of a study differ by, as shares of their variance.
type Shares struct {
	Axes         []float64 // by each axis alone: its main effect
	Interactions float64   // by combinations of axes beyond that
	Seeds        float64   // within a combination
}

// VarianceShares divides the sum of squares of y. levels[i][a] is the level of y[i] on axis
// a. A main effect is Σ n (mean of the level - mean)² over the total, as in an analysis of
// variance; what the means of combinations differ by beyond all main effects is their
// interactions. It is exact if each combination has as many values; otherwise the effects
// of axes overlap, and ok is false if they make more than there is. Without variance, or with a value
// that is not finite, ok is false.
//
// Source: R. A. Fisher, Statistical Methods for Research Workers, 1925; the shares are
// called η².
func VarianceShares(levels [][]int, y []float64) (s Shares, ok bool) {
	mean, total := moments(y)
	if len(y) == 0 || len(levels) != len(y) || !(total > 0) || math.IsInf(total, 1) {
		return Shares{}, false
	}
	between := func(key func(i int) string) float64 {
		sums, counts := map[string]float64{}, map[string]float64{}
		var order []string // maps have none, and sums depend on it
		for i, v := range y {
			k := key(i)
			if counts[k] == 0 {
				order = append(order, k)
			}
			sums[k] += v - mean
			counts[k]++
		}
		sum := 0.
		for _, k := range order {
			sum += sums[k] * sums[k] / counts[k]
		}
		return sum / total
	}
	cells := between(func(i int) string { return levelKey(levels[i]) })
	main := 0.
	for a := range levels[0] {
		share := between(func(i int) string { return levelKey(levels[i][a : a+1]) })
		s.Axes = append(s.Axes, share)
		main += share
	}
	const rounding = 1e-9
	s.Interactions, s.Seeds = cells-main, 1-cells
	if s.Interactions < -rounding {
		return s, false
	}
	s.Interactions, s.Seeds = max(0, s.Interactions), max(0, s.Seeds)
	return s, true
}

func levelKey(levels []int) string {
	key := make([]byte, 0, 4*len(levels))
	for _, l := range levels {
		key = append(key, byte(l), byte(l>>8), byte(l>>16), byte(l>>24))
	}
	return string(key)
}

// moments returns the mean and the sum of the squares of the distances from it.
func moments(y []float64) (mean, squares float64) {
	for _, v := range y {
		mean += v / float64(len(y))
	}
	for _, v := range y {
		squares += (v - mean) * (v - mean)
	}
	return mean, squares
}

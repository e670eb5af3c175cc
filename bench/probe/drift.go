package probe

import "math"

// Drift is log10 of the speed at which the distribution of a layer's pre-activations moves, the
// covariate shift that the layers above must follow: the change per step of each unit's mean m
// and deviation s over the batch since the last sample, relative to s,
//
//	√(mean_j ((m'_j - m_j)² + (s'_j - s_j)²)/s_j²) / steps between
//
// Batches differ, too: with B examples an unchanging network shows about √(3/B) divided by the
// steps between. NaN in the first sample, and where no unit has a deviation.
const Drift Quantity = "drift"

var drift = row(Drift, "log10 of the units' change of mean and deviation per step, over their deviation", Measure{
	Unit: "log10", Of: []Source{PreActivations},
	Memory: func(_, units int) int { return 1 + 2*units },
	Value: func(v *Values) float64 {
		means, deviations := v.UnitMoments()
		n := len(means)
		// 1 + the step of the last sample, 0 before the first; means; deviations.
		memory := v.Memory()
		last, now := memory[0], float64(1+v.Step())
		m, s := memory[1:1+n], memory[1+n:1+2*n]
		sum, count := 0., 0.
		for j := range n {
			if s[j] > 0 {
				dm, ds := (means[j]-m[j])/s[j], (deviations[j]-s[j])/s[j]
				sum += dm*dm + ds*ds
				count++
			}
		}
		memory[0] = now
		copy(m, means)
		copy(s, deviations)
		if last == 0 || now <= last || count == 0 {
			return math.NaN()
		}
		return math.Log10(sum/count)/2 - math.Log10(now-last)
	},
})

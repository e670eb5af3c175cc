package jacobian

import (
	"math"

	"github.com/gradflow/gradflow/bench/record"
)

// Spectrum describes the singular values s of a Jacobian. The tags are the keys of its JSON.
type Spectrum struct {
	// Log10 are all singular values, as their log10, descending; null for exact zeros. It is
	// empty if the network is too wide to know them all.
	Log10 []record.Number `json:"log10,omitempty"`
	// The largest, the median and the smallest of them; null where not known, or 0.
	Max    record.Number `json:"log10_max"`
	Median record.Number `json:"log10_median"`
	Min    record.Number `json:"log10_min"`
	// MeanSquare is log10 of the mean of s², the factor of the squared gradient's norm.
	MeanSquare record.Number `json:"log10_mean_square"`
	// RelativeVariance is Var(s²)/mean(s²)²: 0 where the network stretches all directions
	// alike.
	RelativeVariance record.Number `json:"relative_variance"`
	// Directions is how many there are: the least number of units on the way. Vectors is how
	// many random directions were followed instead; 0: all.
	Directions int `json:"directions"`
	Vectors    int `json:"vectors,omitempty"`
	// Examples is how many examples the numbers are means over; those of Log10 are of the first.
	Examples int `json:"examples"`
}

// describe makes the description of singular values given by their natural logarithms,
// descending, of this many directions: those that are missing are 0.
func describe(logs []float64, directions int) Spectrum {
	s := Spectrum{Directions: directions, Examples: 1}
	inf := math.Inf(-1)
	full := make([]float64, directions)
	for i := range full {
		full[i] = inf
		if i < len(logs) {
			full[i] = logs[i]
		}
		s.Log10 = append(s.Log10, record.Number(full[i]/math.Ln10))
	}
	s.Max, s.Min = s.Log10[0], s.Log10[directions-1]
	s.Median = s.Log10[directions/2]
	if directions%2 == 0 {
		s.Median = (s.Log10[directions/2-1] + s.Log10[directions/2]) / 2
	}
	if math.IsInf(full[0], -1) {
		s.MeanSquare, s.RelativeVariance = record.Number(inf), record.Number(math.NaN())
		return s
	}
	sum2, sum4 := 0., 0.
	for _, l := range full {
		sum2 += math.Exp(2 * (l - full[0]))
		sum4 += math.Exp(4 * (l - full[0]))
	}
	n := float64(directions)
	s.MeanSquare = record.Number((2*full[0] + math.Log(sum2/n)) / math.Ln10)
	s.RelativeVariance = record.Number(n*sum4/(sum2*sum2) - 1)
	return s
}

// mean returns the mean of descriptions of several examples: of MeanSquare the logarithm of
// the mean square over all.
func mean(list []Spectrum) Spectrum {
	s := list[0]
	s.Examples = len(list)
	average := func(of func(Spectrum) record.Number) record.Number {
		sum := 0.
		for _, e := range list {
			sum += float64(of(e)) / float64(len(list))
		}
		return record.Number(sum)
	}
	s.Max = average(func(e Spectrum) record.Number { return e.Max })
	s.Median = average(func(e Spectrum) record.Number { return e.Median })
	s.Min = average(func(e Spectrum) record.Number { return e.Min })
	s.MeanSquare = average(func(e Spectrum) record.Number { return e.MeanSquare })
	s.RelativeVariance = average(func(e Spectrum) record.Number { return e.RelativeVariance })
	return s
}

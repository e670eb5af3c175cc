package probe

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// spread separates the deviation of a batch between examples from that between units: x has a
// row for each example. Sums are in float64, in two passes: for nearly equal examples the
// difference of two sums would have no digits left.
//
//	between = Σ_i ‖x_i - m‖²,  m = Σ_i x_i/B
//
// Its numbers are scaled by 2^-exponent, so that squares stay in range.
type spread struct {
	rows, units     int     // examples that are finite, and units
	between, square float64 // Σ‖x_i - m‖², Σ‖x_i‖²
	exponent        int
	mean, deviation []float64 // of each unit; deviation only if wanted
	deviated        bool

	x32, sum32, rest32 []float32
	x64, sum64, rest64 []float64
}

// fit makes room for tensors of this many elements and units.
func (s *spread) fit(elements, units int) {
	if elements > len(s.x64) {
		s.x32, s.x64 = make([]float32, elements), make([]float64, elements)
	}
	if units > len(s.mean) {
		s.mean, s.deviation = make([]float64, units), make([]float64, units)
		s.sum32, s.rest32 = make([]float32, units), make([]float32, units)
		s.sum64, s.rest64 = make([]float64, units), make([]float64, units)
	}
}

// set measures the spread of v's rows.
func (s *spread) set(v *Values, rows int) {
	elements := v.Len()
	*s = spread{rows: rows, units: elements / max(rows, 1), x32: s.x32, sum32: s.sum32, rest32: s.rest32,
		x64: s.x64, sum64: s.sum64, rest64: s.rest64, mean: s.mean, deviation: s.deviation}
	if rows == 0 || s.units == 0 {
		return
	}
	s.fit(elements, s.units)
	// The kernels serve where neither squares nor differences of nearly equal numbers leave the
	// type's range.
	log := v.Norm()
	switch {
	case v.NonFinite() > 0:
		s.slow(v)
	case v.x32 != nil && log > -20 && log < 18:
		s.square = v.square
		s.between = fast(s, v.x32, s.x32[:elements], s.sum32[:s.units], s.rest32[:s.units])
	case v.x64 != nil && log > -120 && log < 140:
		s.square = v.square
		s.between = fast(s, v.x64, s.x64[:elements], s.sum64[:s.units], s.rest64[:s.units])
	default:
		s.slow(v)
	}
}

// fast subtracts means rounded to F, which is exact where examples are nearly equal, and
// corrects for the rounding.
func fast[F kernels.Float](s *spread, x, d, mean, rest []F) float64 {
	kernels.ColumnSums(mean, kernels.Dense(s.rows, s.units, x))
	kernels.Scale(mean, mean, F(-1/float64(s.rows)))
	for i := 0; i < len(d); i += s.units {
		kernels.Add(d[i:i+s.units], x[i:i+s.units], mean)
	}
	kernels.ColumnSums(rest, kernels.Dense(s.rows, s.units, d))
	for j, m := range mean {
		s.mean[j] = -float64(m) + float64(rest[j])/float64(s.rows)
	}
	return max(0, kernels.SquaredSum(d)-kernels.SquaredSum(rest)/float64(s.rows))
}

// slow leaves out examples with elements that are not finite, in float64 and scaled.
func (s *spread) slow(v *Values) {
	rows := s.rows
	s.rows = 0
	largest := 0.
	for i := range rows {
		finite, most := true, 0.
		for j := range s.units {
			a := math.Abs(v.At(i*s.units + j))
			finite = finite && isFinite(a)
			most = max(most, a)
		}
		if !finite {
			continue
		}
		for j := range s.units {
			s.x64[s.rows*s.units+j] = v.At(i*s.units + j)
		}
		s.rows++
		largest = max(largest, most)
	}
	_, s.exponent = math.Frexp(largest)
	x := s.x64[:s.rows*s.units]
	for i, e := range x {
		x[i] = math.Ldexp(e, -s.exponent)
		s.square += x[i] * x[i]
	}
	for j := range s.units {
		sum := 0.
		for i := j; i < len(x); i += s.units {
			sum += x[i] / float64(s.rows)
		}
		rest := 0.
		for i := j; i < len(x); i += s.units {
			x[i] -= sum
			rest += x[i]
			s.between += x[i] * x[i]
		}
		s.mean[j] = sum + rest/float64(s.rows)
		s.between = max(0, s.between-rest*rest/float64(s.rows))
	}
	for i, e := range x { // for deviations, which are of the same type
		s.x32[i] = float32(e)
	}
}

// deviate computes the deviation of each unit over the examples.
func (s *spread) deviate(single bool) {
	if s.deviated {
		return
	}
	s.deviated = true
	n := s.rows * s.units
	if single {
		deviations(s, s.x32[:n], s.sum32[:s.units], s.rest32[:s.units])
	} else {
		deviations(s, s.x64[:n], s.sum64[:s.units], s.rest64[:s.units])
	}
}

func deviations[F kernels.Float](s *spread, d, sum, rest []F) {
	kernels.ColumnSums(rest, kernels.Dense(s.rows, s.units, d))
	kernels.Hadamard(d, d, d)
	kernels.ColumnSums(sum, kernels.Dense(s.rows, s.units, d))
	n := float64(s.rows)
	for j := range sum {
		r := float64(rest[j]) / n
		s.deviation[j] = math.Sqrt(max(0, float64(sum[j])/n-r*r))
	}
}

// apart returns log10 of 1 - c.
func (s *spread) apart() float64 {
	if s.rows < 2 || s.square == 0 {
		return math.NaN()
	}
	b := float64(s.rows)
	return math.Log10(s.between / ((b - 1) / b * s.square))
}

// ofExamples returns the root mean square over units of their deviation over examples.
func (s *spread) ofExamples() float64 {
	if s.rows == 0 {
		return math.NaN()
	}
	return math.Ldexp(math.Sqrt(s.between/float64(s.rows*s.units)), s.exponent)
}

// ofUnits returns the deviation of the units' means.
func (s *spread) ofUnits() float64 {
	if s.rows == 0 {
		return math.NaN()
	}
	_, variance := kernels.Moments(s.mean[:s.units])
	return math.Ldexp(math.Sqrt(variance), s.exponent)
}

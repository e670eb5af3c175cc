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
	mean, deviation []float64 // of each unit; deviation, until it is wanted, is Σ(x_i - m)²
	deviated        bool

	scaled []float64
}

// fit makes room for tensors of this many elements and units.
func (s *spread) fit(elements, units int) {
	if elements > len(s.scaled) {
		s.scaled = make([]float64, elements)
	}
	if units > len(s.mean) {
		s.mean, s.deviation = make([]float64, units), make([]float64, units)
	}
}

// set measures the spread of v's rows.
func (s *spread) set(v *Values, rows int) {
	elements := v.Len()
	*s = spread{rows: rows, units: elements / max(rows, 1), scaled: s.scaled, mean: s.mean, deviation: s.deviation}
	if rows == 0 || s.units == 0 {
		return
	}
	s.fit(elements, s.units)
	// The kernels serve where squares stay in the range of float64.
	log := v.Norm()
	switch {
	case v.NonFinite() > 0:
		s.slow(v)
	case v.x32 != nil && !math.IsInf(log, -1):
		s.square = v.square
		fast(s, v.x32)
	case v.x64 != nil && log > -120 && log < 140:
		s.square = v.square
		fast(s, v.x64)
	default:
		s.slow(v)
	}
}

// fast adds up differences from the first example, so that the means of nearly equal ones are
// nearly exact, and then squares of differences from the means.
func fast[F kernels.Float](s *spread, x []F) {
	mean, squares := s.mean[:s.units], s.deviation[:s.units]
	clear(mean)
	clear(squares)
	first := x[:s.units]
	for i := s.units; i < len(x); i += s.units {
		kernels.AddDifferences(mean, x[i:i+s.units], first)
	}
	for j, v := range first {
		mean[j] = float64(v) + mean[j]/float64(s.rows)
	}
	for i := 0; i < len(x); i += s.units {
		kernels.AddSquares(squares, x[i:i+s.units], mean)
	}
	for _, q := range squares {
		s.between += q
	}
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
			s.scaled[s.rows*s.units+j] = v.At(i*s.units + j)
		}
		s.rows++
		largest = max(largest, most)
	}
	_, s.exponent = math.Frexp(largest)
	x := s.scaled[:s.rows*s.units]
	for i, e := range x {
		x[i] = math.Ldexp(e, -s.exponent)
		s.square += x[i] * x[i]
	}
	for j := range s.units {
		sum := 0.
		for i := j; i < len(x); i += s.units {
			sum += x[i] / float64(s.rows)
		}
		rest, squares := 0., 0.
		for i := j; i < len(x); i += s.units {
			x[i] -= sum
			rest += x[i]
			squares += x[i] * x[i]
		}
		s.mean[j] = sum + rest/float64(s.rows)
		s.deviation[j] = max(0, squares-rest*rest/float64(s.rows))
		s.between += s.deviation[j]
	}
}

// deviate computes the deviation of each unit over the examples.
func (s *spread) deviate() {
	if s.deviated {
		return
	}
	s.deviated = true
	for j, squares := range s.deviation[:s.units] {
		s.deviation[j] = math.Sqrt(squares / float64(s.rows))
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

package probe

import (
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/kernels"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Values are the elements of a source in one layer and step, of either float type, with sums
// that are computed once for all quantities. Elements that are not finite are left out of sums
// and counted separately.
type Values struct {
	x32 []float32 // one of the two
	x64 []float64

	regions    []activations.Interval
	saturates  bool
	weightNorm float64
	spectrum   Spectrum

	rows   int // examples
	step   int
	above  float64   // of the same source, the norm in the next layer
	memory []float64 // of this quantity in this layer

	spread                spread
	normed, averaged      bool
	spreaded              bool
	norm, mean, deviation float64
	square                float64 // Σ x², if that is in float64's range
	bad                   int
	counted               bool
}

// set makes v hold a tensor.
func (v *Values) set(x G.Value) {
	d := x.(*tensor.Dense)
	v.normed, v.averaged, v.counted, v.spreaded = false, false, false, false
	v.rows = 1
	if d.Dims() > 1 {
		v.rows = d.Shape()[0]
	}
	if d.Dtype() == tensor.Float32 {
		v.x32, v.x64 = d.Float32s(), nil
	} else {
		v.x32, v.x64 = nil, d.Float64s()
	}
}

// Len returns the number of elements.
func (v *Values) Len() int { return len(v.x32) + len(v.x64) }

// At returns element i, in row-major order.
func (v *Values) At(i int) float64 {
	if v.x32 != nil {
		return float64(v.x32[i])
	}
	return v.x64[i]
}

// Norm returns log10 of the Euclidean norm of the finite elements; -Inf if that is 0.
func (v *Values) Norm() float64 {
	if !v.normed {
		v.normed = true
		if v.x32 != nil {
			v.norm, v.square, v.bad = norm(v.x32)
		} else {
			v.norm, v.square, v.bad = norm(v.x64)
		}
		v.counted = true
	}
	return v.norm
}

// Mean returns the mean of the finite elements; NaN if there are none.
func (v *Values) Mean() float64 {
	v.average()
	return v.mean
}

// Deviation returns the standard deviation of the finite elements.
func (v *Values) Deviation() float64 {
	v.average()
	return v.deviation
}

func (v *Values) average() {
	if v.averaged {
		return
	}
	v.averaged = true
	if v.x32 != nil {
		v.mean, v.deviation, v.bad = moments(v.x32)
	} else {
		v.mean, v.deviation, v.bad = moments(v.x64)
	}
	v.counted = true
}

// NonFinite returns the number of elements that are NaN or infinite.
func (v *Values) NonFinite() int {
	if !v.counted {
		v.Norm()
	}
	return v.bad
}

// Zeros returns the number of elements that are exactly 0.
func (v *Values) Zeros() int {
	if v.x32 != nil {
		return kernels.Zeros(v.x32)
	}
	return kernels.Zeros(v.x64)
}

// Denormals returns the number of elements that are denormal.
func (v *Values) Denormals() int {
	if v.x32 != nil {
		return kernels.Denormals(v.x32)
	}
	return kernels.Denormals(v.x64)
}

// Saturated returns the number of pre-activations at which the layer's function is
// saturated, and whether it is defined for the function.
func (v *Values) Saturated() (n int, defined bool) {
	if !v.saturates {
		return 0, false
	}
	for _, r := range v.regions {
		if v.x32 != nil {
			n += kernels.Within(v.x32, float32(r.Lo), float32(r.Hi))
		} else {
			n += kernels.Within(v.x64, r.Lo, r.Hi)
		}
	}
	return n, true
}

// WeightNorm returns log10 of the norm of the layer's weight before the update. It is known to
// quantities of [Weights] and later sources.
func (v *Values) WeightNorm() float64 { return v.weightNorm }

// Rows returns the number of rows: the examples, if the source has a row for each.
func (v *Values) Rows() int { return v.rows }

// Step returns the number of updates before the step.
func (v *Values) Step() int { return v.step }

// NormAbove returns the [Values.Norm] of the gradient ∂L/∂z in the next layer, of
// [PreActivationGradients]; NaN if there is none, or if it is not known yet.
func (v *Values) NormAbove() float64 { return v.above }

// Memory returns the numbers that the quantity keeps for this layer from one sample to the next,
// zeros at first: see [Measure]. It is saved with a checkpoint.
func (v *Values) Memory() []float64 { return v.memory }

// Apart returns log10 of 1 - c, with the mean correlation c of two rows: see
// [Decorrelation].
func (v *Values) Apart() float64 { return v.rowsSpread().apart() }

// ExampleDeviation returns the root mean square over units, the columns, of their deviation
// over rows.
func (v *Values) ExampleDeviation() float64 { return v.rowsSpread().ofExamples() }

// UnitDeviation returns the deviation of the units' means over rows.
func (v *Values) UnitDeviation() float64 { return v.rowsSpread().ofUnits() }

// UnitMoments returns the mean and the deviation of each unit over rows. The slices are
// overwritten by the next call.
func (v *Values) UnitMoments() (means, deviations []float64) {
	s := v.rowsSpread()
	s.deviate()
	if s.exponent != 0 {
		for j := range s.units {
			s.mean[j], s.deviation[j] = math.Ldexp(s.mean[j], s.exponent), math.Ldexp(s.deviation[j], s.exponent)
		}
		s.exponent, v.spreaded = 0, false // the sums are still scaled
	}
	return s.mean[:s.units], s.deviation[:s.units]
}

func (v *Values) rowsSpread() *spread {
	if !v.spreaded {
		v.spread.set(v, v.rows)
		v.spreaded = true
	}
	return &v.spread
}

// UnitsWhere returns the share of units, the columns, for which is holds in every row.
func (v *Values) UnitsWhere(is func(x float64) bool) float64 {
	if v.rows == 0 {
		return math.NaN()
	}
	units, count := v.Len()/v.rows, 0
	for j := range units {
		all := true
		for i := j; all && i < v.Len(); i += units {
			all = is(v.At(i))
		}
		if all {
			count++
		}
	}
	return float64(count) / float64(units)
}

// unitsSaturated returns the share of units that are saturated in every row on the left of
// the function, or on its right.
func (v *Values) unitsSaturated(left bool) float64 {
	if !v.saturates {
		return math.NaN()
	}
	return v.UnitsWhere(func(x float64) bool {
		for _, r := range v.regions {
			if middle := r.Lo/2 + r.Hi/2; r.Lo <= x && x <= r.Hi {
				return left && middle < 0 || !left && middle > 0
			}
		}
		return false
	})
}

// norm returns log10 of the Euclidean norm, the sum of squares before any scaling, and the
// number of elements that are not finite, which it leaves out.
func norm[F kernels.Float](x []F) (log, sum float64, bad int) {
	sum = kernels.SquaredSum(x)
	// Squares of float64 leave its range below 1e-154 and above 1e154.
	if sum > 1e-290 && sum < 1e290 {
		return math.Log10(sum) / 2, sum, 0
	}
	var largest float64
	for _, v := range x {
		if a := math.Abs(float64(v)); isFinite(a) {
			largest = max(largest, a)
		} else {
			bad++
		}
	}
	if largest == 0 {
		return math.Inf(-1), sum, bad
	}
	// By a power of two, so that nothing is rounded; two factors, as 1/largest may
	// overflow.
	_, exponent := math.Frexp(largest)
	sum = 0
	for _, v := range x {
		if isFinite(float64(v)) {
			s := math.Ldexp(float64(v), -exponent)
			sum += s * s
		}
	}
	return math.Log10(sum)/2 + float64(exponent)*math.Log10(2), sum, bad
}

// moments returns mean and standard deviation, and the number of elements that are not
// finite, which it leaves out.
func moments[F kernels.Float](x []F) (mean, deviation float64, bad int) {
	mean, variance := kernels.Moments(x)
	if isFinite(mean) && isFinite(variance) {
		return mean, math.Sqrt(variance), 0
	}
	var n, sum, squares float64
	for _, v := range x {
		if isFinite(float64(v)) {
			n++
			sum += float64(v) / float64(len(x))
		} else {
			bad++
		}
	}
	if n == 0 {
		return math.NaN(), math.NaN(), bad
	}
	mean = sum * float64(len(x)) / n
	for _, v := range x {
		if isFinite(float64(v)) {
			d := float64(v) - mean
			squares += d * d / n
		}
	}
	return mean, math.Sqrt(squares), bad
}

func isFinite(x float64) bool { return x-x == 0 }

// Norm returns log10 of the Euclidean norm of the elements of a tensor that are finite;
// -Inf where that is 0.
func Norm(x G.Value) float64 {
	var v Values
	v.set(x)
	return v.Norm()
}

// Apart returns log10 of 1 - c of the rows of a matrix: see [Decorrelation].
func Apart(x G.Value) float64 {
	var v Values
	v.set(x)
	return v.Apart()
}

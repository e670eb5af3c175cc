package probe

import (
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/kernels"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Values are what a quantity is measured of in one layer and step: the elements of a
// tensor, of either float type, with sums that are computed once however many quantities
// ask for them. What is not finite is left out of sums and counted apart.
type Values struct {
	x32 []float32 // one of the two
	x64 []float64

	regions    []activations.Interval
	saturates  bool
	weightNorm float64

	normed, averaged      bool
	norm, mean, deviation float64
	bad                   int
	counted               bool
}

// set makes v that of a tensor.
func (v *Values) set(x G.Value) {
	d := x.(*tensor.Dense)
	v.normed, v.averaged, v.counted = false, false, false
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

// Norm returns log10 of the Euclidean norm of what is finite; -Inf where that is 0.
func (v *Values) Norm() float64 {
	if !v.normed {
		v.normed = true
		if v.x32 != nil {
			v.norm, v.bad = norm(v.x32)
		} else {
			v.norm, v.bad = norm(v.x64)
		}
		v.counted = true
	}
	return v.norm
}

// Mean returns the mean of what is finite; NaN if nothing is.
func (v *Values) Mean() float64 {
	v.average()
	return v.mean
}

// Deviation returns the standard deviation of what is finite.
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

// WeightNorm returns log10 of the norm of the layer's weight before the update. It is known
// from [Weights] on.
func (v *Values) WeightNorm() float64 { return v.weightNorm }

// norm returns log10 of the Euclidean norm, and the number of elements that are not finite,
// which it leaves out of the norm.
func norm[F kernels.Float](x []F) (log float64, bad int) {
	sum := kernels.SquaredSum(x)
	// Squares of float64 leave its range below 1e-154 and above 1e154.
	if sum > 1e-290 && sum < 1e290 {
		return math.Log10(sum) / 2, 0
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
		return math.Inf(-1), bad
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
	return math.Log10(sum)/2 + float64(exponent)*math.Log10(2), bad
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

package probe

import (
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/kernels"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func float32s(v G.Value) ([]float32, bool) {
	d := v.(*tensor.Dense)
	if d.Dtype() != tensor.Float32 {
		return nil, false
	}
	return d.Float32s(), true
}

func float64s(v G.Value) []float64 { return v.(*tensor.Dense).Float64s() }

// norm returns log10 of the Euclidean norm, and counts what is not finite, which it
// leaves out of the norm.
func norm[F kernels.Float](row *[quantities]float64, x []F) float64 {
	sum := kernels.SquaredSum(x)
	// Squares of float64 leave its range below 1e-154 and above 1e154.
	if sum > 1e-290 && sum < 1e290 {
		return math.Log10(sum) / 2
	}
	var largest float64
	for _, v := range x {
		if a := math.Abs(float64(v)); isFinite(a) {
			largest = max(largest, a)
		} else {
			row[NonFinite]++
		}
	}
	if largest == 0 {
		return math.Inf(-1)
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
	return math.Log10(sum)/2 + float64(exponent)*math.Log10(2)
}

// moments returns mean and standard deviation, and counts what is not finite, which it
// leaves out.
func moments[F kernels.Float](row *[quantities]float64, x []F) (mean, deviation float64) {
	mean, variance := kernels.Moments(x)
	if isFinite(mean) && isFinite(variance) {
		return mean, math.Sqrt(variance)
	}
	var n, sum, squares float64
	for _, v := range x {
		if isFinite(float64(v)) {
			n++
			sum += float64(v) / float64(len(x))
		} else {
			row[NonFinite]++
		}
	}
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	mean = sum * float64(len(x)) / n
	for _, v := range x {
		if isFinite(float64(v)) {
			d := float64(v) - mean
			squares += d * d / n
		}
	}
	return mean, math.Sqrt(squares)
}

func isFinite(x float64) bool { return x-x == 0 }

// within counts the elements in the intervals.
func within[F kernels.Float](z []F, regions []activations.Interval) (n int) {
	for _, r := range regions {
		n += kernels.Within(z, F(r.Lo), F(r.Hi))
	}
	return n
}

package probe

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"
)

// TestSpreadScale: what is measured follows a factor of the numbers to the ends of both
// types' range, and leaves out an example that is not finite.
func TestSpreadScale(t *testing.T) {
	const rows, units = 9, 5
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, rows*units)
	for i := range x {
		x[i] = 1 + 0.01*r.NormFloat64()
	}
	reference := of(tensor.Float64, x, rows, 1)
	apart, examples, across := reference.Apart(), reference.ExampleDeviation(), reference.UnitDeviation()
	_, deviations := reference.UnitMoments()
	deviation := deviations[2]
	if math.Abs(apart+4) > 0.5 {
		t.Fatalf("log10(1-c) = %g", apart)
	}
	for dtype, scales := range map[tensor.Dtype][]float64{
		tensor.Float32: {1e-30, 1e-22, 1e-10, 1e10, 1e22, 1e37}, tensor.Float64: {1e-290, 1e-160, 1e-100, 1e100, 1e160, 1e300}} {
		for _, scale := range scales {
			v := of(dtype, x, rows, scale)
			if got := v.Apart(); math.Abs(got-apart) > 1e-4 {
				t.Errorf("%v times %g: log10(1-c) = %g, want %g", dtype, scale, got, apart)
			}
			for name, pair := range map[string][2]float64{"examples": {v.ExampleDeviation(), examples}, "units": {v.UnitDeviation(), across}} {
				if !(math.Abs(pair[0]/scale/pair[1]-1) < 1e-3) {
					t.Errorf("%v times %g: deviation of %s %g, want %g", dtype, scale, name, pair[0]/scale, pair[1])
				}
			}
			if _, d := v.UnitMoments(); !(math.Abs(d[2]/scale/deviation-1) < 1e-3) {
				t.Errorf("%v times %g: deviation of a unit %g, want %g", dtype, scale, d[2]/scale, deviation)
			}
			if got := v.Apart(); math.Abs(got-apart) > 1e-4 {
				t.Errorf("%v times %g: log10(1-c) = %g after the units' moments, want %g", dtype, scale, got, apart)
			}
		}
		broken := append([]float64{math.Inf(1), 1, 1, 1, math.NaN()}, x...)
		if v := of(dtype, broken, rows+1, 1); !(math.Abs(v.Apart()-apart) < 1e-4) {
			t.Errorf("%v: with an example that is not finite log10(1-c) = %g, want %g", dtype, v.Apart(), apart)
		}
	}
}

func of(dtype tensor.Dtype, x []float64, rows int, scale float64) *Values {
	d := tensor.New(tensor.Of(dtype), tensor.WithShape(rows, len(x)/rows))
	for i, e := range x {
		if dtype == tensor.Float32 {
			d.Float32s()[i] = float32(scale * e)
		} else {
			d.Float64s()[i] = scale * e
		}
	}
	var v Values
	v.set(d)
	return &v
}

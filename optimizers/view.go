package optimizers

import (
	"unsafe"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// view is the data of a Value: one of the two slices.
type view struct {
	f32 []float32
	f64 []float64
}

func viewOf(v gorgonia.Value) (view, error) {
	switch v := v.(type) {
	case nil:
		return view{}, errors.New("has no value")
	case *tensor.Dense:
		if v == nil {
			return view{}, errors.New("has no value")
		}
		return viewOfTensor(v)
	case *gorgonia.F32:
		if v == nil {
			return view{}, errors.New("has no value")
		}
		return view{f32: unsafe.Slice((*float32)(v), 1)}, nil
	case *gorgonia.F64:
		if v == nil {
			return view{}, errors.New("has no value")
		}
		return view{f64: unsafe.Slice((*float64)(v), 1)}, nil
	}
	return view{}, errors.Errorf("is a %T, not a float32 or float64 scalar or dense tensor", v)
}

func viewOfTensor(v *tensor.Dense) (view, error) {
	if v.RequiresIterator() || v.DataOrder().IsColMajor() || v.DataOrder().IsNotContiguous() || v.IsMasked() {
		return view{}, errors.New("is not a contiguous row-major tensor: clone it")
	}
	switch v.Dtype() {
	case tensor.Float32:
		return view{f32: v.Float32s()}, nil
	case tensor.Float64:
		return view{f64: v.Float64s()}, nil
	}
	return view{}, errors.Errorf("is of type %v, not float32 or float64", v.Dtype())
}

func (v view) single() bool { return v.f32 != nil }

func (v view) len() int { return len(v.f32) + len(v.f64) }

func (v view) maxAbs() float64 {
	if v.single() {
		return float64(kernels.MaxAbs(v.f32))
	}
	return kernels.MaxAbs(v.f64)
}

func (v view) squaredSum() float64 {
	if v.single() {
		return kernels.SquaredSum(v.f32)
	}
	return kernels.SquaredSum(v.f64)
}

func (v view) norm() float64 {
	if v.single() {
		return norm(v.f32)
	}
	return norm(v.f64)
}

// widen copies v to dst in float64.
func (v view) widen(dst []float64) {
	copy(dst, v.f64)
	for i, x := range v.f32 {
		dst[i] = float64(x)
	}
}

// addTo adds a v to dst, which is of the same type and length.
func (v view) addTo(dst view, a float64) {
	kernels.Axpy(dst.f32, v.f32, float32(a))
	kernels.Axpy(dst.f64, v.f64, a)
}

func scaleView(v view, a float64) {
	kernels.Scale(v.f32, v.f32, float32(a))
	kernels.Scale(v.f64, v.f64, a)
}

func (v view) zero() {
	clear(v.f32)
	clear(v.f64)
}

func (v view) copyTo(dst view) {
	copy(dst.f32, v.f32)
	copy(dst.f64, v.f64)
}

// rowsCols reads a shape as that of a matrix: a scalar is 1x1, a vector a row,
// and of more dimensions the first counts the rows.
func rowsCols(s tensor.Shape, n int) (rows, cols int) {
	if len(s) < 2 {
		return 1, n
	}
	return s[0], n / max(s[0], 1)
}

package ops

import (
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// RowFunction is a differentiable function of a row, applied to each row of a matrix. It makes
// To columns of every From.
type RowFunction struct {
	Name     string
	From, To int
	// F sets y to f(z) for one row. It must not change z.
	F func(y, z []float64)
	// Gradient sets dz to the gradient of dy·f(z) with respect to z. It must not change the
	// others.
	Gradient func(dz, z, dy []float64)
}

// Rowwise returns f of each row of the matrix z. It is computed in float64; float32 rows are
// widened and the results rounded once. Its gradient has no derivative.
func Rowwise(f *RowFunction, z *G.Node) (*G.Node, error) {
	switch {
	case f == nil || f.F == nil || f.Gradient == nil:
		return nil, errors.New("rowwise: the function is nil, or its gradient")
	case f.From < 1 || f.To < 1:
		return nil, errors.Errorf("%s: makes %d columns of each %d: both must be at least 1", f.Name, f.To, f.From)
	}
	return apply(rowwise(f), z)
}

func rowwise(f *RowFunction) *rule {
	r := &rowKernels{f: f}
	return &rule{
		name: f.Name,
		in:   []int{2},
		out:  2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			rows, cols := in[0][0], in[0][1]
			if cols%f.From != 0 {
				return nil, errors.Errorf("%d columns: they must be a multiple of %d", cols, f.From)
			}
			return tensor.Shape{rows, cols / f.From * f.To}, nil
		},
		f32: func(y view[float32], in []view[float32]) { eachRow(r, y, in[0], view[float32]{}) },
		f64: func(y view[float64], in []view[float64]) { eachRow(r, y, in[0], view[float64]{}) },
		grads: func() []gradient {
			return []gradient{{rule: func() *rule { return rowwiseGradient(f) }, of: []int{0, seed}}}
		},
	}
}

func rowwiseGradient(f *RowFunction) *rule {
	r := &rowKernels{f: f}
	return &rule{
		name:  f.Name + "'",
		in:    []int{2, 2},
		out:   2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
		f32:   func(dz view[float32], in []view[float32]) { eachRow(r, dz, in[0], in[1]) },
		f64:   func(dz view[float64], in []view[float64]) { eachRow(r, dz, in[0], in[1]) },
	}
}

// rowKernels applies a function row by row, float32 rows as copies in float64.
type rowKernels struct {
	f          *RowFunction
	out, z, dy []float64
}

// eachRow sets out to f(z), or with dy to the gradient.
func eachRow[F kernels.Float](r *rowKernels, out, z, dy view[F]) {
	for i := range z.rows {
		to, from := row(out, i), row(z, i)
		var by []F
		if dy.data != nil {
			by = row(dy, i)
		}
		if to64, ok := any(to).([]float64); ok {
			r.apply(to64, any(from).([]float64), any(by).([]float64))
			continue
		}
		r.out = widened(r.out, to)
		r.z = widened(r.z, from)
		r.dy = widened(r.dy, by)
		r.apply(r.out, r.z, r.dy)
		for j, v := range r.out {
			to[j] = F(v)
		}
	}
}

func (r *rowKernels) apply(out, z, dy []float64) {
	if dy == nil {
		r.f.F(out, z)
		return
	}
	r.f.Gradient(out, z, dy)
}

// widened returns x in float64, in the memory of to if that is large enough; nil for nil.
func widened[F kernels.Float](to []float64, x []F) []float64 {
	if x == nil {
		return nil
	}
	if cap(to) < len(x) {
		to = make([]float64, len(x))
	}
	to = to[:len(x)]
	for i, v := range x {
		to[i] = float64(v)
	}
	return to
}

package tasks

import (
	"math"
	"sync"

	"github.com/pkg/errors"
)

// Set is a fixed set of examples in row-major order. It is read-only and safe
// for concurrent use.
//
// A set serves networks of both float types without a conversion per step: the
// float32 and the float64 copy are each made once, when first asked for, from
// the numbers that the set was made of. Both are rounded from the same float64
// arithmetic. Finite sets are shared by all runs of a process.
type Set struct {
	inputs, outputs, n int
	labels             []int // nil unless a classification
	x, t               matrix
}

// matrix is a row-major table that is materialised per float type on first use.
type matrix struct {
	f32 func() []float32
	f64 func() []float64
}

// lazy makes a matrix out of a function that fills a new float32 or float64
// table of the given size.
func lazy(size int, fill32 func([]float32), fill64 func([]float64)) matrix {
	return matrix{
		f32: sync.OnceValue(func() []float32 { d := make([]float32, size); fill32(d); return d }),
		f64: sync.OnceValue(func() []float64 { d := make([]float64, size); fill64(d); return d }),
	}
}

// dense makes a matrix of given values.
func dense(v []float64) matrix {
	m := lazy(len(v), func(d []float32) { convert(d, v) }, nil)
	m.f64 = func() []float64 { return v }
	return m
}

// oneHot makes the target rows of a classification.
func oneHot(labels []int, classes int) matrix {
	return lazy(len(labels)*classes,
		func(d []float32) { fillOneHot(d, labels, classes) },
		func(d []float64) { fillOneHot(d, labels, classes) })
}

func fillOneHot[F Float](d []F, labels []int, classes int) {
	for i, l := range labels {
		d[i*classes+l] = 1
	}
}

func convert[F Float](dst []F, src []float64) {
	for i, v := range src {
		dst[i] = F(v)
	}
}

// NewSet makes a regression set of input rows x and target rows t, which it
// keeps: they must not be changed afterwards.
func NewSet(inputs, outputs int, x, t []float64) (*Set, error) {
	n, err := rows(inputs, outputs, len(x))
	if err != nil {
		return nil, err
	}
	if len(t) != n*outputs {
		return nil, errors.Errorf("tasks: %d target values do not make %d rows of %d", len(t), n, outputs)
	}
	if err := checkFinite("target", t, outputs, math.MaxFloat32); err != nil {
		return nil, err
	}
	if err := checkFinite("input", x, inputs, math.MaxFloat32); err != nil {
		return nil, err
	}
	return &Set{inputs: inputs, outputs: outputs, n: n, x: dense(x), t: dense(t)}, nil
}

// NewClassSet makes a classification set of input rows x and one label in
// [0, classes) per row, which it keeps: they must not be changed afterwards.
func NewClassSet(inputs, classes int, x []float64, labels []int) (*Set, error) {
	n, err := rows(inputs, classes, len(x))
	if err != nil {
		return nil, err
	}
	if err := checkLabels(labels, n, classes); err != nil {
		return nil, err
	}
	if err := checkFinite("input", x, inputs, math.MaxFloat32); err != nil {
		return nil, err
	}
	return &Set{inputs: inputs, outputs: classes, n: n, labels: labels,
		x: dense(x), t: oneHot(labels, classes)}, nil
}

// rows returns how many rows of inputs values there are.
func rows(inputs, outputs, values int) (int, error) {
	if inputs < 1 || outputs < 1 {
		return 0, errors.Errorf("tasks: a set of %d inputs and %d outputs; both must be at least 1", inputs, outputs)
	}
	if values == 0 || values%inputs != 0 {
		return 0, errors.Errorf("tasks: %d input values do not make rows of %d", values, inputs)
	}
	return values / inputs, nil
}

func checkFinite[V Value](what string, v []V, width int, most float64) error {
	for i, v := range v {
		if !(math.Abs(float64(v)) <= most) {
			return errors.Errorf("tasks: %s %d of example %d is %v; it must be a number of at most %g in magnitude",
				what, i%width, i/width, v, most)
		}
	}
	return nil
}

func checkLabels(labels []int, n, classes int) error {
	if len(labels) != n {
		return errors.Errorf("tasks: %d labels for %d examples", len(labels), n)
	}
	for i, l := range labels {
		if l < 0 || l >= classes {
			return errors.Errorf("tasks: label %d of example %d is outside 0..%d", l, i, classes-1)
		}
	}
	return nil
}

// Len is the number of examples.
func (s *Set) Len() int { return s.n }

// Inputs is the width of an input row.
func (s *Set) Inputs() int { return s.inputs }

// Outputs is the width of a target row.
func (s *Set) Outputs() int { return s.outputs }

// Labels holds the class of every example, or is nil for a regression. It is
// shared: read only.
func (s *Set) Labels() []int { return s.labels }

// X32 is the Len x Inputs table of inputs. It is shared: read only.
func (s *Set) X32() []float32 { return s.x.f32() }

// X64 is the Len x Inputs table of inputs. It is shared: read only.
func (s *Set) X64() []float64 { return s.x.f64() }

// T32 is the Len x Outputs table of targets, one-hot for a classification. It
// is shared: read only.
func (s *Set) T32() []float32 { return s.t.f32() }

// T64 is the Len x Outputs table of targets, one-hot for a classification. It
// is shared: read only.
func (s *Set) T64() []float64 { return s.t.f64() }

// Tables returns the set's inputs and targets in the float type F.
func Tables[F Float](s *Set) (x, t []F) {
	var f F
	switch any(f).(type) {
	case float32:
		return any(s.X32()).([]F), any(s.T32()).([]F)
	default:
		return any(s.X64()).([]F), any(s.T64()).([]F)
	}
}

var _ Source = (*Set)(nil)

// Batches implements [Source]. Every epoch visits each example once, in an
// order drawn from (seed, epoch); a batch may end one epoch and begin the next,
// so that all batches are full.
func (s *Set) Batches(seed uint64, batch int) Stream {
	return &epochs{set: s, seed: seed, cut: cut{s.inputs, s.outputs, batch}}
}

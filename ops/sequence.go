package ops

import (
	"fmt"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Sequences of T steps for a batch of B examples are matrices of T·B rows, the examples of the
// first step first: one product with a weight then serves all steps.

// TimeMajor returns the sequence of T·B rows and D columns whose steps lie one after another in
// the rows of x, of shape (B, T·D). Its gradient is [BatchMajor] of the result's gradient.
func TimeMajor(x *G.Node, steps int) (*G.Node, error) { return apply(timeMajor(steps), x) }

// BatchMajor is the inverse of [TimeMajor].
func BatchMajor(x *G.Node, steps int) (*G.Node, error) { return apply(batchMajor(steps), x) }

func timeMajor(steps int) *rule {
	return &rule{
		name: fmt.Sprintf("time-major-%d", steps),
		in:   []int{2},
		out:  2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			x := in[0]
			if steps < 1 || x[1]%steps != 0 {
				return nil, errors.Errorf("time-major: the columns of shape %v don't divide into %d steps", x, steps)
			}
			return tensor.Shape{x[0] * steps, x[1] / steps}, nil
		},
		f32: func(y view[float32], in []view[float32]) { transposeBlocks(y.data, in[0].data, steps, y.cols, false) },
		f64: func(y view[float64], in []view[float64]) { transposeBlocks(y.data, in[0].data, steps, y.cols, false) },
		grads: func() []gradient {
			return []gradient{{rule: func() *rule { return batchMajor(steps) }, of: []int{seed}}}
		},
	}
}

func batchMajor(steps int) *rule {
	return &rule{
		name: fmt.Sprintf("batch-major-%d", steps),
		in:   []int{2},
		out:  2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			x := in[0]
			if steps < 1 || x[0]%steps != 0 {
				return nil, errors.Errorf("batch-major: the rows of shape %v don't divide into %d steps", x, steps)
			}
			return tensor.Shape{x[0] / steps, x[1] * steps}, nil
		},
		f32: func(y view[float32], in []view[float32]) {
			transposeBlocks(y.data, in[0].data, steps, in[0].cols, true)
		},
		f64: func(y view[float64], in []view[float64]) {
			transposeBlocks(y.data, in[0].data, steps, in[0].cols, true)
		},
		grads: func() []gradient {
			return []gradient{{rule: func() *rule { return timeMajor(steps) }, of: []int{seed}}}
		},
	}
}

// transposeBlocks transposes a matrix of blocks of d numbers: batch by steps becomes steps by
// batch, or the reverse with back.
func transposeBlocks[F kernels.Float](y, x []F, steps, d int, back bool) {
	batch := len(x) / (steps * d)
	for t := range steps {
		for b := range batch {
			early, late := (t*batch+b)*d, (b*steps+t)*d
			if back {
				copy(y[late:late+d], x[early:])
			} else {
				copy(y[early:early+d], x[late:])
			}
		}
	}
}

// Stack returns the sequence with the given steps, each of shape (B, D). The gradient of a step
// is that of its rows in the sequence.
func Stack(steps ...*G.Node) (*G.Node, error) {
	switch len(steps) {
	case 0:
		return nil, errors.New("stack: no steps")
	case 1:
		return steps[0], readable("stack", 0, steps[0])
	}
	terms := make([]term, len(steps))
	for t, n := range steps {
		if err := readable("stack", t, n); err != nil {
			return nil, err
		}
		if !n.Shape().Eq(steps[0].Shape()) || n.Dims() != 2 {
			return nil, errors.Errorf("stack: steps of the shapes %v and %v", steps[0].Shape(), n.Shape())
		}
		terms[t] = term{place(t, len(steps)), G.Nodes{n}}
	}
	return sum(terms)
}

// columns is a range of blocks of columns: the first one in a step and in a sequence, and their
// number.
type columns struct{ step, sequence, count int }

// whole is all columns.
var whole = []columns{{count: 1}}

// place returns the sequence with x as step t and zeros elsewhere.
func place(t, steps int) *rule {
	r := placeColumns(t, steps, whole, 1, 1)
	r.grads = func() []gradient {
		return []gradient{{rule: func() *rule { return rows(t, steps) }, of: []int{seed}}}
	}
	return r
}

// placeColumns does so with some of the columns, where a step and a sequence may have different
// numbers of blocks.
func placeColumns(t, steps int, which []columns, blocksOfStep, blocksOfSequence int) *rule {
	return &rule{
		name: "place",
		in:   []int{2},
		out:  2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			return tensor.Shape{in[0][0] * steps, in[0][1] / blocksOfStep * blocksOfSequence}, nil
		},
		f32:   placeKernel[float32](t, which, blocksOfStep, false),
		f64:   placeKernel[float64](t, which, blocksOfStep, false),
		add32: placeKernel[float32](t, which, blocksOfStep, true),
		add64: placeKernel[float64](t, which, blocksOfStep, true),
	}
}

func placeKernel[F kernels.Float](t int, which []columns, blocks int, add bool) func(view[F], []view[F]) {
	return func(y view[F], in []view[F]) {
		x := in[0]
		if !add {
			clear(y.data)
		}
		part := y.data[t*x.rows*y.cols:][:x.rows*y.cols]
		if blocks == 1 {
			kernels.Add(part, part, x.data)
			return
		}
		width := x.cols / blocks
		for i := range x.rows {
			from, to := row(x, i), part[i*y.cols:(i+1)*y.cols]
			for _, c := range which {
				d := to[c.sequence*width:][:c.count*width]
				kernels.Add(d, d, from[c.step*width:][:c.count*width])
			}
		}
	}
}

// rows is step t of a sequence.
func rows(t, steps int) *rule {
	return &rule{
		name: "rows",
		in:   []int{2},
		out:  2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if in[0][0]%steps != 0 {
				return nil, errors.Errorf("rows: shape %v does not divide into %d steps", in[0], steps)
			}
			return tensor.Shape{in[0][0] / steps, in[0][1]}, nil
		},
		f32:   func(y view[float32], in []view[float32]) { copy(y.data, step(in[0], t, y.rows)) },
		f64:   func(y view[float64], in []view[float64]) { copy(y.data, step(in[0], t, y.rows)) },
		add32: func(y view[float32], in []view[float32]) { kernels.Add(y.data, y.data, step(in[0], t, y.rows)) },
		add64: func(y view[float64], in []view[float64]) { kernels.Add(y.data, y.data, step(in[0], t, y.rows)) },
		grads: func() []gradient {
			return []gradient{{rule: func() *rule { return place(t, steps) }, of: []int{seed}}}
		},
	}
}

// step returns the numbers of step t of a sequence.
func step[F kernels.Float](x view[F], t, batch int) []F {
	return x.data[t*batch*x.cols:][:batch*x.cols]
}

// Zeros returns a matrix of zeros with as many rows as a step of p, a sequence of the given
// number of steps: the state before the first step. It has no gradient.
func Zeros(p *G.Node, steps, cols int) (*G.Node, error) {
	return apply(&rule{
		name: "zeros",
		in:   []int{2},
		out:  2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if steps < 1 || in[0][0]%steps != 0 || cols < 1 {
				return nil, errors.Errorf("zeros: the rows of shape %v don't divide into %d steps, or %d columns are too few", in[0], steps, cols)
			}
			return tensor.Shape{in[0][0] / steps, cols}, nil
		},
		f32:   func(y view[float32], _ []view[float32]) { clear(y.data) },
		f64:   func(y view[float64], _ []view[float64]) { clear(y.data) },
		grads: func() []gradient { return []gradient{{}} },
	}, p)
}

// Step returns p_t + h·U, the pre-activation of step t of T: p, of T·B rows, is the sequence of
// the inputs' products with their weights, h, of shape (B, units), the previous state, and U is
// of shape (units, columns of p).
//
// With g the gradient of the result, that of p is g in the rows of step t and 0 elsewhere, and
// those of h and U are g·Uᵀ and hᵀ·g.
func Step(p, h, u *G.Node, t, steps int) (*G.Node, error) {
	return apply(&rule{
		name: "step",
		in:   []int{2, 2, 2},
		out:  2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			p, h, u := in[0], in[1], in[2]
			if p[0] != steps*h[0] || h[1] != u[0] || u[1] != p[1] || t < 0 || t >= steps {
				return nil, errors.Errorf("step %d of %d: p of shape %v, h of shape %v and U of shape %v don't fit", t, steps, p, h, u)
			}
			return tensor.Shape{h[0], p[1]}, nil
		},
		f32: stepKernel[float32](t),
		f64: stepKernel[float64](t),
		grads: func() []gradient {
			return []gradient{
				{rule: func() *rule { return place(t, steps) }, of: []int{seed}},
				{rule: product(false, true), of: []int{seed, 2}},
				{rule: product(true, false), of: []int{1, seed}},
			}
		},
	}, p, h, u)
}

func stepKernel[F kernels.Float](t int) func(view[F], []view[F]) {
	return func(z view[F], in []view[F]) {
		copy(z.data, step(in[0], t, z.rows))
		kernels.Mul(z.matrix(), in[1].matrix(), in[2].matrix(), true)
	}
}

// StepCrossEntropy is [CrossEntropy] of answers in several steps: each row of logits and targets
// holds those of one example, step after step, with a number for each class.
func StepCrossEntropy(logits, targets *G.Node, steps int) (*G.Node, error) {
	if err := readable("step-cross-entropy", 0, logits); err != nil {
		return nil, err
	}
	if steps < 1 || logits.Dims() != 2 || logits.Shape()[1]%steps != 0 {
		return nil, errors.Errorf("step-cross-entropy: logits of shape %v don't divide into %d steps", logits.Shape(), steps)
	}
	r := byStep(crossEntropy, steps)
	slope, curvature := byStep(crossEntropyGradient, steps), byStep(crossEntropyCurvature, steps)
	r.grads = func() []gradient {
		return []gradient{{rule: func() *rule { return slope }, of: []int{0, 1, seed}}, {}}
	}
	r.curve = func(_ *rule, i int, in G.Nodes, _, h *G.Node) (*G.Node, error) {
		if i != 0 {
			return nil, errors.New("the targets have no derivatives")
		}
		return apply(curvature, in[0], in[1], h)
	}
	return apply(r, logits, targets)
}

// byStep is a rule of logits and targets, applied to each of their rows divided into steps.
func byStep(r *rule, steps int) *rule {
	divided := *r
	divided.name = fmt.Sprintf("%s-by-%d-steps", r.name, steps)
	divided.f32, divided.f64 = byStepKernel(r.f32, steps), byStepKernel(r.f64, steps)
	return &divided
}

func byStepKernel[F kernels.Float](f func(view[F], []view[F]), steps int) func(view[F], []view[F]) {
	var divided []view[F] // a call allocates nothing
	return func(y view[F], in []view[F]) {
		divided = append(divided[:0], in...)
		for i := range 2 {
			divided[i].rows, divided[i].cols = in[i].rows*steps, in[i].cols/steps
		}
		if len(y.data) == len(in[0].data) && len(in) > 2 {
			y.rows, y.cols = divided[0].rows, divided[0].cols
		}
		f(y, divided)
	}
}

// RepeatRow returns a matrix whose rows all equal v, of shape (columns): a learned initial state
// for each example of a batch. The gradient of v is the sum over the rows of the result's
// gradient.
func RepeatRow(v *G.Node, rows int) (*G.Node, error) {
	if rows < 1 {
		return nil, errors.Errorf("repeat-row: %d rows: want at least 1", rows)
	}
	return apply(&rule{
		name:  fmt.Sprintf("repeat-row-%d", rows),
		in:    []int{1},
		out:   2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return tensor.Shape{rows, in[0][0]}, nil },
		f32:   repeatRowKernel[float32],
		f64:   repeatRowKernel[float64],
		grads: func() []gradient {
			return []gradient{{rule: func() *rule { return columnSums }, of: []int{seed}}}
		},
		curve: multilinear,
	}, v)
}

func repeatRowKernel[F kernels.Float](y view[F], in []view[F]) {
	for i := range y.rows {
		copy(row(y, i), in[0].data)
	}
}

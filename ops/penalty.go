package ops

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Penalty is a term Σ φ(p) of a loss, over the elements of a parameter.
type Penalty struct {
	Name string
	// Term is φ, Derivative φ'. Curvature replaces φ'' in [Curvature]: it must not be negative.
	Term, Derivative, Curvature func(p float64) float64
}

// Penalise returns Σ φ(p), a scalar, for a vector p.
func Penalise(t *Penalty, p *G.Node) (*G.Node, error) { return apply(penalise(t), p) }

func penalise(t *Penalty) *rule {
	slope := func(df func(float64) float64) func() *rule {
		return func() *rule { return penaltySlope(t.Name, df) }
	}
	return &rule{
		name:  t.Name,
		in:    []int{1},
		shape: scalarShape,
		f32:   penaltyKernel[float32](t.Term),
		f64:   penaltyKernel[float64](t.Term),
		grads: func() []gradient { return []gradient{{rule: slope(t.Derivative), of: []int{0, seed}}} },
		curve: func(_ *rule, _ int, in G.Nodes, out, h *G.Node) (*G.Node, error) {
			return gradient{rule: slope(t.Curvature), of: []int{0, seed}}.node(in, out, h)
		},
	}
}

func scalarShape([]tensor.Shape) (tensor.Shape, error) { return tensor.ScalarShape(), nil }

func penaltyKernel[F kernels.Float](f func(float64) float64) func(view[F], []view[F]) {
	return func(y view[F], in []view[F]) {
		var sum float64
		for _, p := range in[0].data {
			sum += f(float64(p))
		}
		y.data[0] = F(sum)
	}
}

// penaltySlope is g·φ'(p) of p and g.
func penaltySlope(name string, df func(float64) float64) *rule {
	return &rule{
		name:  name + "'",
		in:    []int{1, 0},
		out:   1,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
		f32:   penaltySlopeKernel[float32](df),
		f64:   penaltySlopeKernel[float64](df),
	}
}

func penaltySlopeKernel[F kernels.Float](df func(float64) float64) func(view[F], []view[F]) {
	return func(d view[F], in []view[F]) {
		g := float64(in[1].data[0])
		for i, p := range in[0].data {
			d.data[i] = F(g * df(float64(p)))
		}
	}
}

// RowScaledNorm returns ‖diag(a)·W‖, the Frobenius norm, for W of shape (inputs,
// units) and a of shape (inputs), or (1): then it is |a|·‖W‖. The gradients are
// a_i‖W_i‖²/n and a_i² W_ij/n with the norm n, and 0 where that is 0.
func RowScaledNorm(a, w *G.Node) (*G.Node, error) { return apply(rowScaledNorm, a, w) }

var rowScaledNorm = &rule{
	name:  "row-scaled-norm",
	in:    []int{1, 2},
	shape: rowScaledNormShape,
	f32:   rowScaledNormKernel[float32],
	f64:   rowScaledNormKernel[float64],
	grads: func() []gradient {
		return []gradient{
			{rule: func() *rule { return rowScaledNormByScale }, of: []int{0, 1, seed}},
			{rule: func() *rule { return rowScaledNormByWeight }, of: []int{0, 1, seed}},
		}
	},
}

var rowScaledNormByScale = &rule{
	name: "row-scaled-norm'",
	in:   []int{1, 2, 0},
	out:  1,
	shape: func(in []tensor.Shape) (tensor.Shape, error) {
		_, err := rowScaledNormShape(in)
		return in[0].Clone(), err
	},
	f32: rowScaledNormByScaleKernel[float32],
	f64: rowScaledNormByScaleKernel[float64],
}

var rowScaledNormByWeight = &rule{
	name: "row-scaled-norm'",
	in:   []int{1, 2, 0},
	out:  2,
	shape: func(in []tensor.Shape) (tensor.Shape, error) {
		_, err := rowScaledNormShape(in)
		return in[1].Clone(), err
	},
	f32:       rowScaledNormByWeightKernel[float32],
	f64:       rowScaledNormByWeightKernel[float64],
	overwrite: []int{1},
}

func rowScaledNormShape(in []tensor.Shape) (tensor.Shape, error) {
	if a, w := in[0], in[1]; a[0] != 1 && a[0] != w[0] {
		return nil, errors.Errorf("row-scaled-norm: a of shape %v does not fit W of shape %v: want (1) or (%d)", a, w, w[0])
	}
	return tensor.ScalarShape(), nil
}

// scaleOf returns the a of row i.
func scaleOf[F kernels.Float](a view[F], i int) float64 {
	return float64(a.data[min(i, len(a.data)-1)])
}

func norm[F kernels.Float](x []F) float64 { return math.Sqrt(kernels.SquaredSum(x)) }

func rowScaledNormOf[F kernels.Float](a, w view[F]) float64 {
	if len(a.data) == 1 {
		return math.Abs(scaleOf(a, 0)) * norm(w.data)
	}
	var n float64
	for i := range w.rows {
		n = math.Hypot(n, scaleOf(a, i)*norm(row(w, i)))
	}
	return n
}

func rowScaledNormKernel[F kernels.Float](y view[F], in []view[F]) {
	y.data[0] = F(rowScaledNormOf(in[0], in[1]))
}

func rowScaledNormByScaleKernel[F kernels.Float](d view[F], in []view[F]) {
	a, w, g := in[0], in[1], float64(in[2].data[0])
	n := rowScaledNormOf(a, w)
	clear(d.data)
	if n == 0 {
		return
	}
	var sum float64 // if a is one number
	for i := range w.rows {
		r := norm(row(w, i))
		part := g * (scaleOf(a, i) * r / n) * r
		sum += part
		d.data[min(i, len(d.data)-1)] = F(part)
	}
	if len(d.data) == 1 {
		d.data[0] = F(sum)
	}
}

func rowScaledNormByWeightKernel[F kernels.Float](d view[F], in []view[F]) {
	a, w, g := in[0], in[1], float64(in[2].data[0])
	n := rowScaledNormOf(a, w)
	if len(a.data) == 1 { // one factor for all, most often within F
		s := scaleOf(a, 0)
		if factor := g * s * (s / n); n != 0 && float64(F(factor)) != 0 && math.Abs(factor) < 1e30 {
			kernels.Scale(d.data, w.data, F(factor))
			return
		}
	}
	for i := range w.rows {
		var factor float64
		if s := scaleOf(a, i); n != 0 {
			factor = g * s * (s / n)
		}
		to := row(d, i)
		for j, v := range row(w, i) {
			to[j] = F(factor * float64(v))
		}
	}
}

// Plus returns a + c·b, two scalars: a loss with a penalty of coefficient c.
func Plus(a *G.Node, c float64, b *G.Node) (*G.Node, error) { return apply(plus(c), a, b) }

func plus(c float64) *rule {
	grads := func() []gradient {
		return []gradient{{rule: func() *rule { return times(1) }, of: []int{0, seed}}, {rule: func() *rule { return times(c) }, of: []int{0, seed}}}
	}
	return &rule{
		name:  "plus",
		in:    []int{0, 0},
		shape: scalarShape,
		f32:   plusKernel[float32](c),
		f64:   plusKernel[float64](c),
		grads: grads,
		curve: func(_ *rule, i int, in G.Nodes, out, h *G.Node) (*G.Node, error) {
			return grads()[i].node(in, out, h) // that of the sum, not squared: curvatures add
		},
	}
}

func plusKernel[F kernels.Float](c float64) func(view[F], []view[F]) {
	return func(y view[F], in []view[F]) {
		y.data[0] = F(float64(in[0].data[0]) + c*float64(in[1].data[0]))
	}
}

// times is c·g of two scalars. The first only supplies the graph: the gradient of a loss is a
// constant, which belongs to no graph.
func times(c float64) *rule {
	return &rule{
		name:  "times",
		in:    []int{0, 0},
		shape: scalarShape,
		f32:   func(y view[float32], in []view[float32]) { y.data[0] = float32(c * float64(in[1].data[0])) },
		f64:   func(y view[float64], in []view[float64]) { y.data[0] = c * in[1].data[0] },
	}
}

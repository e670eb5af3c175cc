package ops

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// CrossEntropy returns the mean over the rows of
//
//	-Σ_k t_k log softmax(z)_k
//
// for logits z and targets t, each of shape (batch, classes): a scalar. A row of t holds the
// probabilities of the classes, usually a one and zeros. The gradient with respect to z is
// (softmax(z)·Σt - t)/batch; there is none with respect to t.
//
// Both keep their relative accuracy where the network is confident and right: the loss is
// computed as log1p of the other classes' share, and the gradient of class k as
//
//	(e_k Σ_{j≠k} t_j - t_k Σ_{j≠k} e_j) / Σe / batch,  e = exp(z - max z)
//
// which for the right class is minus the share of the others, and not 1 - p.
func CrossEntropy(logits, targets *G.Node) (*G.Node, error) {
	return apply(crossEntropy, logits, targets)
}

var crossEntropy = &rule{
	name:  "cross-entropy",
	in:    []int{2, 2},
	shape: lossShape,
	f32:   crossEntropyKernel[float32],
	f64:   crossEntropyKernel[float64],
	grads: func() []gradient {
		return []gradient{{rule: func() *rule { return crossEntropyGradient }, of: []int{0, 1, seed}}, {}}
	},
	curve: crossEntropyCurve,
}

var crossEntropyGradient = &rule{
	name:      "cross-entropy'",
	in:        []int{2, 2, 0},
	out:       2,
	shape:     func(in []tensor.Shape) (tensor.Shape, error) { return sameShape(in[:2]) },
	f32:       crossEntropyGradientKernel[float32],
	f64:       crossEntropyGradientKernel[float64],
	overwrite: []int{0},
}

func crossEntropyKernel[F kernels.Float](loss view[F], in []view[F]) {
	z, t := in[0], in[1]
	var sum float64
	for i := range z.rows {
		sum += CrossEntropyOf(row(z, i), row(t, i))
	}
	loss.data[0] = F(sum / float64(z.rows))
}

// CrossEntropyOf returns -Σ t log softmax(z) of one row.
func CrossEntropyOf[F kernels.Float](z, t []F) float64 {
	top := largest(z)
	var others float64 // Σ e^(z_j - z_top) without the largest itself
	for k, v := range z {
		if k != top {
			others += math.Exp(float64(v) - float64(z[top]))
		}
	}
	rest := math.Log1p(others)
	var sum float64
	for k, p := range t {
		if p != 0 {
			sum += float64(p) * (float64(z[top]) - float64(z[k]) + rest)
		}
	}
	return sum
}

func crossEntropyGradientKernel[F kernels.Float](d view[F], in []view[F]) {
	z, t, g := in[0], in[1], float64(in[2].data[0])
	scale := g / float64(z.rows)
	for i := range z.rows {
		z, t, e := row(z, i), row(t, i), row(d, i) // e^(z_k - z_top), then the gradient
		top := z[largest(z)]
		for k, v := range z {
			e[k] = v - top
		}
		kernels.Exp(e, e)
		es, ts := add(e), add(t)
		for k, p := range t {
			e[k] = F(scale * ((float64(e[k])*without(ts, t, k) - float64(p)*without(es, e, k)) / es.all))
		}
	}
}

// sums holds the sum of some numbers with and without the largest of them.
type sums struct {
	top       int
	rest, all float64
}

func add[F kernels.Float](x []F) sums {
	s := sums{top: largest(x)}
	for k, v := range x {
		if k != s.top {
			s.rest += float64(v)
		}
	}
	s.all = s.rest + float64(x[s.top])
	return s
}

// without returns the sum without element k: as a difference, except for the largest, without
// which so little may remain that a difference would cancel.
func without[F kernels.Float](s sums, x []F, k int) float64 {
	if k == s.top {
		return s.rest
	}
	return s.all - float64(x[k])
}

func row[F kernels.Float](v view[F], i int) []F { return v.data[i*v.cols : (i+1)*v.cols] }

// largest returns the index of the largest element.
func largest[F kernels.Float](x []F) int {
	top := 0
	for i, v := range x {
		if v > x[top] {
			top = i
		}
	}
	return top
}

// MeanSquaredError returns the mean over all elements of (y - t)², a scalar, for y
// and t of one shape (batch, outputs). The gradients are 2(y - t)/n and its
// negative.
func MeanSquaredError(y, t *G.Node) (*G.Node, error) { return apply(meanSquaredError, y, t) }

var meanSquaredError = &rule{
	name:  "mean-squared-error",
	in:    []int{2, 2},
	shape: lossShape,
	f32:   meanSquaredErrorKernel[float32],
	f64:   meanSquaredErrorKernel[float64],
	grads: func() []gradient {
		grad := func() *rule { return meanSquaredErrorGradient }
		return []gradient{{rule: grad, of: []int{0, 1, seed}}, {rule: grad, of: []int{1, 0, seed}}}
	},
	curve: meanSquaredErrorCurve,
}

// meanSquaredErrorGradient is g·2(a - b)/n of a, b and g.
var meanSquaredErrorGradient = &rule{
	name:      "mean-squared-error'",
	in:        []int{2, 2, 0},
	out:       2,
	shape:     func(in []tensor.Shape) (tensor.Shape, error) { return sameShape(in[:2]) },
	f32:       meanSquaredErrorGradientKernel[float32],
	f64:       meanSquaredErrorGradientKernel[float64],
	overwrite: []int{0, 1},
}

func meanSquaredErrorKernel[F kernels.Float](loss view[F], in []view[F]) {
	loss.data[0] = F(MeanSquaredErrorOf(in[0].data, in[1].data))
}

// MeanSquaredErrorOf returns the mean of (y - t)².
func MeanSquaredErrorOf[F kernels.Float](y, t []F) float64 {
	var sum float64
	for i, v := range y {
		d := float64(v) - float64(t[i])
		sum += d * d
	}
	return sum / float64(len(y))
}

func meanSquaredErrorGradientKernel[F kernels.Float](d view[F], in []view[F]) {
	a, b := in[0].data, in[1].data
	scale := 2 * float64(in[2].data[0]) / float64(len(a))
	for i := range d.data {
		d.data[i] = F(scale * (float64(a[i]) - float64(b[i])))
	}
}

func lossShape(in []tensor.Shape) (tensor.Shape, error) {
	if _, err := sameShape(in); err != nil {
		return nil, err
	}
	return tensor.ScalarShape(), nil
}

func shapesDiffer(shapes []tensor.Shape) error {
	return errors.Errorf("inputs of shapes %v must have one shape", shapes)
}

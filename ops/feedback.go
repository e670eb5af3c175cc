package ops

import (
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// AffineDetached is [Affine] without a gradient for x: what computed x learns nothing of it.
func AffineDetached(x, w, b *G.Node) (*G.Node, error) { return apply(affineDetached, x, w, b) }

// MatMulDetached is [MatMul] of x and W without a gradient for x.
func MatMulDetached(x, w *G.Node) (*G.Node, error) { return apply(matMulDetached, x, w) }

var affineDetached, matMulDetached *rule

func init() {
	affineDetached, matMulDetached = detached(affine), detached(product(false, false)())
}

// detached is a rule whose first input has no gradient.
func detached(r *rule) *rule {
	d := *r
	d.name += "-detached"
	d.curve = nil
	d.grads = func() []gradient {
		list := r.grads()
		list[0] = gradient{}
		return list
	}
	return &d
}

// Feedback returns 0, a scalar whose gradient with respect to y is seed·d, whatever y is: as a
// term of a loss it makes d the gradient of y. There is none with respect to d. Both have one
// shape.
func Feedback(y, d *G.Node) (*G.Node, error) { return apply(feedback, y, d) }

var feedback = &rule{
	name: "feedback",
	in:   []int{2, 2},
	shape: func(in []tensor.Shape) (tensor.Shape, error) {
		if !in[0].Eq(in[1]) {
			return nil, errors.Errorf("feedback: a gradient of shape %v for y of shape %v", in[1], in[0])
		}
		return tensor.ScalarShape(), nil
	},
	f32: func(y view[float32], _ []view[float32]) { y.data[0] = 0 },
	f64: func(y view[float64], _ []view[float64]) { y.data[0] = 0 },
	grads: func() []gradient {
		return []gradient{{rule: func() *rule { return feedbackGradient }, of: []int{1, seed}}, {}}
	},
}

var feedbackGradient = &rule{
	name:  "feedback'",
	in:    []int{2, 0},
	out:   2,
	shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
	f32:   feedbackKernel[float32],
	f64:   feedbackKernel[float64],
}

func feedbackKernel[F kernels.Float](d view[F], in []view[F]) {
	kernels.Scale(d.data, in[0].data, in[1].data[0])
}

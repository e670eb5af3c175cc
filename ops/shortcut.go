package ops

import (
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Shortcut returns x + scale·f: a residual connection, for x and f of one shape. Their
// gradients are g and scale·g.
func Shortcut(x, f *G.Node, scale float64) (*G.Node, error) {
	return apply(&rule{
		name:  "shortcut",
		in:    []int{2, 2},
		out:   2,
		shape: sameShape,
		f32:   shortcutKernel[float32](scale),
		f64:   shortcutKernel[float64](scale),
		grads: func() []gradient {
			if scale == 1 {
				return []gradient{identity(2), identity(2)}
			}
			return []gradient{identity(2), {rule: func() *rule { return scaled(scale) }, of: []int{seed}}}
		},
		curve:     elementwise,
		overwrite: []int{0},
	}, x, f)
}

func shortcutKernel[F kernels.Float](scale float64) func(view[F], []view[F]) {
	return func(y view[F], in []view[F]) {
		copy(y.data, in[0].data)
		kernels.Axpy(y.data, in[1].data, F(scale))
	}
}

// scaled is scale·x.
func scaled(scale float64) *rule {
	return &rule{
		name:      "scaled",
		in:        []int{2},
		out:       2,
		shape:     sameShape,
		f32:       func(y view[float32], in []view[float32]) { kernels.Scale(y.data, in[0].data, float32(scale)) },
		f64:       func(y view[float64], in []view[float64]) { kernels.Scale(y.data, in[0].data, scale) },
		overwrite: []int{0},
	}
}

// LearnedShortcut returns x + a·f for a learned a of shape (1). With g the gradient of
// the result, those of x, f and a are g, a·g and the sum of g∘f.
func LearnedShortcut(x, f, a *G.Node) (*G.Node, error) { return apply(learnedShortcut, x, f, a) }

var learnedShortcut = &rule{
	name: "learned-shortcut",
	in:   []int{2, 2, 1},
	out:  2,
	shape: func(in []tensor.Shape) (tensor.Shape, error) {
		if in[2][0] != 1 {
			return nil, errors.Errorf("learned-shortcut: a factor of shape %v, want (1)", in[2])
		}
		return sameShape(in[:2])
	},
	f32: learnedShortcutKernel[float32],
	f64: learnedShortcutKernel[float64],
	grads: func() []gradient {
		return []gradient{
			identity(2),
			{rule: func() *rule { return timesLearned }, of: []int{seed, 2}},
			{rule: func() *rule { return inner }, of: []int{seed, 1}},
		}
	},
	curve:     multilinear,
	overwrite: []int{0},
}

func learnedShortcutKernel[F kernels.Float](y view[F], in []view[F]) {
	copy(y.data, in[0].data)
	kernels.Axpy(y.data, in[1].data, in[2].data[0])
}

// timesLearned is a·x of x and a number a of shape (1).
var timesLearned = &rule{
	name:      "times-learned",
	in:        []int{2, 1},
	out:       2,
	shape:     func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
	f32:       func(y view[float32], in []view[float32]) { kernels.Scale(y.data, in[0].data, in[1].data[0]) },
	f64:       func(y view[float64], in []view[float64]) { kernels.Scale(y.data, in[0].data, in[1].data[0]) },
	overwrite: []int{0},
}

// inner is the sum of the products of the elements, of shape (1). It is added up in
// double precision.
var inner = &rule{
	name: "inner",
	in:   []int{2, 2},
	out:  1,
	shape: func(in []tensor.Shape) (tensor.Shape, error) {
		_, err := sameShape(in)
		return tensor.Shape{1}, err
	},
	f32: innerKernel[float32],
	f64: innerKernel[float64],
}

func innerKernel[F kernels.Float](y view[F], in []view[F]) {
	var sum float64
	b := in[1].data
	for i, a := range in[0].data {
		sum += float64(a) * float64(b[i])
	}
	y.data[0] = F(sum)
}

// Carry returns σ(z)∘h + (1-σ(z))∘x, a highway connection: the transform gate σ(z) is the share
// of h, and the rest is x. All are of one shape.
//
// With g the gradient of the result, those of z, h and x are σ'(z)∘g∘(h-x), σ(z)∘g and σ(-z)∘g:
// the carried part does not vanish where 1 - σ(z) would round to 0.
func Carry(z, h, x *G.Node) (*G.Node, error) { return apply(carry, z, h, x) }

var carry = &rule{
	name:  "carry",
	in:    []int{2, 2, 2},
	out:   2,
	shape: sameShape,
	f32:   carryKernel[float32](),
	f64:   carryKernel[float64](),
	grads: func() []gradient {
		return []gradient{
			{rule: carryToGate, of: []int{0, 1, 2, seed}},
			{rule: carryTo(1), of: []int{0, seed}},
			{rule: carryTo(-1), of: []int{0, seed}},
		}
	},
	curve: elementwise,
}

const carryBlock = 512

func carryKernel[F kernels.Float]() func(view[F], []view[F]) {
	return func(y view[F], in []view[F]) {
		var gate, rest [carryBlock]F
		for lo := 0; lo < len(y.data); lo += carryBlock {
			hi := min(len(y.data), lo+carryBlock)
			t, c, y := gate[:hi-lo], rest[:hi-lo], y.data[lo:hi]
			kernels.Scale(c, in[0].data[lo:hi], -1)
			kernels.Sigmoid(c, c)
			kernels.Sigmoid(t, in[0].data[lo:hi])
			kernels.Hadamard(t, t, in[1].data[lo:hi])
			kernels.Hadamard(c, c, in[2].data[lo:hi])
			kernels.Add(y, t, c)
		}
	}
}

func carryToGate() *rule {
	return &rule{
		name:  "carry'",
		in:    []int{2, 2, 2, 2},
		out:   2,
		shape: sameShape,
		f32:   carryToGateKernel[float32],
		f64:   carryToGateKernel[float64],
	}
}

func carryToGateKernel[F kernels.Float](dz view[F], in []view[F]) {
	d := dz.data
	copy(d, in[1].data)
	kernels.Axpy(d, in[2].data, -1)
	kernels.Hadamard(d, d, in[3].data)
	kernels.SigmoidGrad(d, in[0].data, d)
}

// carryTo is σ(sign·z)∘g.
func carryTo(sign float64) func() *rule {
	r := &rule{
		name:  "carry''",
		in:    []int{2, 2},
		out:   2,
		shape: sameShape,
		f32:   carryToKernel[float32](sign),
		f64:   carryToKernel[float64](sign),
	}
	return func() *rule { return r }
}

func carryToKernel[F kernels.Float](sign float64) func(view[F], []view[F]) {
	return func(d view[F], in []view[F]) {
		kernels.Scale(d.data, in[0].data, F(sign))
		kernels.Sigmoid(d.data, d.data)
		kernels.Hadamard(d.data, d.data, in[1].data)
	}
}

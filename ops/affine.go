package ops

import (
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Affine returns y = x·W + b for x of shape (batch, inputs), W of shape (inputs,
// units) and b of shape (units): y is of shape (batch, units).
//
// With g the gradient of y, those of x, W and b are g·Wᵀ, xᵀ·g and the sums of g's
// columns.
func Affine(x, w, b *G.Node) (*G.Node, error) { return apply(affine, x, w, b) }

var affine = &rule{
	name: "affine",
	in:   []int{2, 2, 1},
	out:  2,
	shape: func(in []tensor.Shape) (tensor.Shape, error) {
		x, w, b := in[0], in[1], in[2]
		if x[1] != w[0] || b[0] != w[1] {
			return nil, errors.Errorf("affine: x of shape %v, W of shape %v and b of shape %v don't fit", x, w, b)
		}
		return tensor.Shape{x[0], w[1]}, nil
	},
	f32:       affineKernel[float32],
	f64:       affineKernel[float64],
	product32: affineProduct[float32],
	product64: affineProduct[float64],
	grads: func() []gradient {
		return []gradient{
			{rule: product(false, true), of: []int{seed, 1}},
			{rule: product(true, false), of: []int{0, seed}},
			{rule: func() *rule { return columnSums }, of: []int{seed}},
		}
	},
	curve: multilinear,
}

func affineKernel[F kernels.Float](y view[F], in []view[F]) {
	kernels.MulBias(y.matrix(), in[0].matrix(), in[1].matrix(), in[2].data)
}

func affineProduct[F kernels.Float](y view[F], in []view[F]) *kernels.Product[F] {
	return kernels.NewProductBias(y.matrix(), in[0].matrix(), in[1].matrix(), in[2].data)
}

// MatMul returns the matrix product of a, or aᵀ with transA, and b, or bᵀ with transB.
func MatMul(a, b *G.Node, transA, transB bool) (*G.Node, error) {
	return apply(product(transA, transB)(), a, b)
}

func product(transA, transB bool) func() *rule { return products[index(transA)][index(transB)] }

// products are the rules for NN, NT, TN and TT.
var products [2][2]func() *rule

func init() {
	for _, ta := range []bool{false, true} {
		for _, tb := range []bool{false, true} {
			r := matmul(ta, tb)
			products[index(ta)][index(tb)] = func() *rule { return r }
		}
	}
}

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}

func matmul(ta, tb bool) *rule {
	letter := [2]string{"N", "T"}
	name := "matmul-" + letter[index(ta)] + letter[index(tb)]
	return &rule{
		name: name,
		in:   []int{2, 2},
		out:  2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			m, k := in[0][0], in[0][1]
			if ta {
				m, k = k, m
			}
			k2, n := in[1][0], in[1][1]
			if tb {
				k2, n = n, k2
			}
			if k != k2 {
				return nil, errors.Errorf("%s: shapes %v and %v don't fit", name, in[0], in[1])
			}
			return tensor.Shape{m, n}, nil
		},
		f32:   matmulKernel[float32](ta, tb, false),
		f64:   matmulKernel[float64](ta, tb, false),
		add32: matmulKernel[float32](ta, tb, true),
		add64: matmulKernel[float64](ta, tb, true),

		product32: matmulProduct[float32](ta, tb),
		product64: matmulProduct[float64](ta, tb),
		// With A and B as multiplied, C = A·B has the gradients g·Bᵀ and Aᵀ·g; of a
		// transposed input it is the transpose of that.
		grads: func() []gradient {
			a := gradient{rule: product(false, !tb), of: []int{seed, 1}}
			if ta {
				a = gradient{rule: product(tb, true), of: []int{1, seed}}
			}
			b := gradient{rule: product(!ta, false), of: []int{0, seed}}
			if tb {
				b = gradient{rule: product(true, ta), of: []int{seed, 0}}
			}
			return []gradient{a, b}
		},
		curve: multilinear,
	}
}

func matmulKernel[F kernels.Float](ta, tb, add bool) func(view[F], []view[F]) {
	return func(c view[F], in []view[F]) {
		a, b := multiplied(in, ta, tb)
		kernels.Mul(c.matrix(), a, b, add)
	}
}

func matmulProduct[F kernels.Float](ta, tb bool) func(view[F], []view[F]) *kernels.Product[F] {
	return func(c view[F], in []view[F]) *kernels.Product[F] {
		a, b := multiplied(in, ta, tb)
		return kernels.NewProduct(c.matrix(), a, b, false)
	}
}

// multiplied returns the matrices as they are multiplied.
func multiplied[F kernels.Float](in []view[F], ta, tb bool) (a, b kernels.Matrix[F]) {
	a, b = in[0].matrix(), in[1].matrix()
	if ta {
		a = a.T()
	}
	if tb {
		b = b.T()
	}
	return a, b
}

// columnSums is the gradient of the bias. It has no derivative of its own.
var columnSums = &rule{
	name: "column-sums",
	in:   []int{2},
	out:  1,
	shape: func(in []tensor.Shape) (tensor.Shape, error) {
		return tensor.Shape{in[0][1]}, nil
	},
	f32: columnSumsKernel[float32],
	f64: columnSumsKernel[float64],
}

func columnSumsKernel[F kernels.Float](y view[F], in []view[F]) {
	kernels.ColumnSums(y.data, in[0].matrix())
}

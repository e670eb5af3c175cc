package ops

import (
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// SquaredDistance returns the squared Euclidean distances d²_ij = ‖x_i - c_j‖² of the rows of x,
// of shape (batch, inputs), from those of c, of shape (centers, inputs): a matrix of shape
// (batch, centers) that is nowhere negative.
//
// They are computed as ‖x‖² + ‖c‖² - 2x·c, a matrix product, after the mean of the centers is
// subtracted from x and c, so that points far from the origin lose no accuracy. Where the result
// is less than an eighth of ‖x‖² + ‖c‖², which magnifies rounding errors, it is summed directly
// instead: a distance near 0 is as accurate as any other, and that of equal points is 0.
//
// With g the gradient of d², those of x and c are
//
//	∂x_i = 2 Σ_j g_ij (x_i - c_j)    ∂c_j = 2 Σ_i g_ij (c_j - x_i)
//
// which are finite everywhere: a center that coincides with a point contributes nothing.
func SquaredDistance(x, c *G.Node) (*G.Node, error) {
	d := &distances{}
	return apply(&rule{
		name:  "squared-distance",
		in:    []int{2, 2},
		out:   2,
		shape: distanceShape,
		f32:   distanceKernel(&d.d32),
		f64:   distanceKernel(&d.d64),
		grads: func() []gradient {
			return []gradient{
				{rule: func() *rule { return d.gradient(true) }, of: []int{0, 1, seed}},
				{rule: func() *rule { return d.gradient(false) }, of: []int{0, 1, seed}},
			}
		},
	}, x, c)
}

func distanceShape(in []tensor.Shape) (tensor.Shape, error) {
	x, c := in[0], in[1]
	if x[1] != c[1] {
		return nil, errors.Errorf("squared-distance: points of shape %v and centers of shape %v are not of one dimension", x, c)
	}
	return tensor.Shape{x[0], c[0]}, nil
}

// distances holds the points relative to the mean of the centers.
type distances struct {
	d32 shifted[float32]
	d64 shifted[float64]
}

// shifted holds the rows of x and c relative to a point amid the centers, and their squared
// norms.
type shifted[F kernels.Float] struct {
	x, c, middle   []F
	xNorms, cNorms []float64
}

func (s *shifted[F]) set(x, c view[F]) {
	if s.middle == nil {
		s.x, s.c, s.middle = make([]F, len(x.data)), make([]F, len(c.data)), make([]F, x.cols)
		s.xNorms, s.cNorms = make([]float64, x.rows), make([]float64, c.rows)
	}
	// The mean of the centers, as nearly as sums in F have it: any point will do.
	kernels.ColumnSums(s.middle, c.matrix())
	kernels.Scale(s.middle, s.middle, 1/F(c.rows))
	subtract(s.x, x, s.middle, s.xNorms)
	subtract(s.c, c, s.middle, s.cNorms)
}

func subtract[F kernels.Float](dst []F, x view[F], middle []F, norms []float64) {
	copy(dst, x.data)
	for i := range x.rows {
		out := dst[i*x.cols : (i+1)*x.cols]
		kernels.Axpy(out, middle, -1)
		norms[i] = kernels.SquaredSum(out)
	}
}

func distanceKernel[F kernels.Float](s *shifted[F]) func(view[F], []view[F]) {
	return func(d view[F], in []view[F]) {
		x, c := in[0], in[1]
		s.set(x, c)
		kernels.Mul(d.matrix(), kernels.Dense(x.rows, x.cols, s.x), kernels.Dense(c.rows, c.cols, s.c).T(), false)
		for i, norm := range s.xNorms {
			out := row(d, i)
			norms := s.cNorms[:len(out)]
			for j, product := range out {
				sum := norm + norms[j]
				v := sum - 2*float64(product)
				if !(v >= sum/8) {
					v = squaredDistance(row(x, i), row(c, j))
				}
				out[j] = F(v)
			}
		}
	}
}

func squaredDistance[F kernels.Float](x, c []F) (sum float64) {
	for k, v := range x {
		d := float64(v) - float64(c[k])
		sum += d * d
	}
	return sum
}

// gradient is the gradient of x, or else of c, computed from x, c and g. It has no derivative.
func (d *distances) gradient(ofX bool) *rule {
	name, index := "squared-distance-centers'", 1
	if ofX {
		name, index = "squared-distance-points'", 0
	}
	return &rule{
		name:  name,
		in:    []int{2, 2, 2},
		out:   2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[index].Clone(), nil },
		f32:   distanceGradientKernel(&d.d32, ofX),
		f64:   distanceGradientKernel(&d.d64, ofX),
	}
}

func distanceGradientKernel[F kernels.Float](s *shifted[F], ofX bool) func(view[F], []view[F]) {
	return func(d view[F], in []view[F]) {
		x, c, g := in[0], in[1], in[2]
		s.set(x, c)
		own, sums := s.c, s.cNorms
		if ofX {
			own, sums = s.x, s.xNorms
			kernels.Mul(d.matrix(), g.matrix(), kernels.Dense(c.rows, c.cols, s.c), false)
		} else {
			kernels.Mul(d.matrix(), g.matrix().T(), kernels.Dense(x.rows, x.cols, s.x), false)
		}
		// The norms are not needed here: their memory takes the sums of g.
		clear(sums)
		for i := range g.rows {
			for j, v := range row(g, i) {
				if ofX {
					sums[i] += float64(v)
				} else {
					sums[j] += float64(v)
				}
			}
		}
		for i := range d.rows {
			out := row(d, i)
			kernels.Scale(out, out, -2)
			kernels.Axpy(out, own[i*d.cols:(i+1)*d.cols], F(2*sums[i]))
		}
	}
}

// ScaleColumns returns y_ij = x_ij·a_j for x of shape (rows, columns) and a of shape
// (columns). With g the gradient of y, those of x and a are g_ij·a_j and the sums of
// g_ij·x_ij over the rows.
func ScaleColumns(x, a *G.Node) (*G.Node, error) { return apply(scaleColumns(), x, a) }

func scaleColumns() *rule {
	return &rule{
		name:      "scale-columns",
		in:        []int{2, 1},
		out:       2,
		shape:     columnsShape,
		f32:       scaleColumnsKernel[float32],
		f64:       scaleColumnsKernel[float64],
		overwrite: []int{0},
		grads: func() []gradient {
			return []gradient{
				{rule: scaleColumns, of: []int{seed, 1}},
				{rule: func() *rule { return productColumnSums }, of: []int{0, seed}},
			}
		},
		curve: multilinear,
	}
}

func columnsShape(in []tensor.Shape) (tensor.Shape, error) {
	if in[0][1] != in[1][0] {
		return nil, errors.Errorf("scale-columns: %v numbers for the columns of a matrix of shape %v", in[1], in[0])
	}
	return in[0].Clone(), nil
}

func scaleColumnsKernel[F kernels.Float](y view[F], in []view[F]) {
	for i := range y.rows {
		kernels.Hadamard(row(y, i), row(in[0], i), in[1].data)
	}
}

// productColumnSums is Σ_i a_ij·b_ij of a and b. It has no derivative.
var productColumnSums = &rule{
	name: "product-column-sums",
	in:   []int{2, 2},
	out:  1,
	shape: func(in []tensor.Shape) (tensor.Shape, error) {
		if _, err := sameShape(in); err != nil {
			return nil, err
		}
		return tensor.Shape{in[0][1]}, nil
	},
	f32: productColumnSumsKernel[float32],
	f64: productColumnSumsKernel[float64],
}

func productColumnSumsKernel[F kernels.Float](y view[F], in []view[F]) {
	const block = 64
	var sums [block]float64
	for from := 0; from < len(y.data); from += block {
		n := min(block, len(y.data)-from)
		clear(sums[:])
		for i := range in[0].rows {
			a, b := row(in[0], i)[from:from+n], row(in[1], i)[from:from+n]
			for j, v := range a {
				sums[j%block] += float64(v) * float64(b[j])
			}
		}
		for j := range n {
			y.data[from+j] = F(sums[j])
		}
	}
}

// ExpNeg returns exp(-z), of z's shape: an RBF layer's activation, of a scaled squared
// distance. Its gradient with respect to z is -g·e^-z, multiplied as g·e^(-z/2)·e^(-z/2): it
// underflows only where the product does.
func ExpNeg(z *G.Node) (*G.Node, error) {
	return Pointwise(&Function{
		Name: "exp-neg",
		F32:  expNeg[float32], Grad32: expNegGradient[float32](),
		F64: expNeg[float64], Grad64: expNegGradient[float64](),
	}, z)
}

func expNeg[F kernels.Float](dst, z []F) {
	kernels.Scale(dst, z, -1)
	kernels.Exp(dst, dst)
}

// expNegGradient is a rule with memory of its own, as each node needs.
func expNegGradient[F kernels.Float]() func(dst, z, dy []F) {
	const block = 512
	half := make([]F, block)
	return func(dst, z, dy []F) {
		for len(z) > 0 {
			n := min(block, len(z))
			h := half[:n]
			kernels.Scale(h, z[:n], -0.5)
			kernels.Exp(h, h)
			kernels.Scale(dst[:n], dy[:n], -1)
			kernels.Hadamard(dst[:n], dst[:n], h)
			kernels.Hadamard(dst[:n], dst[:n], h)
			dst, z, dy = dst[n:], z[n:], dy[n:]
		}
	}
}

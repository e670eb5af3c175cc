package ops

import (
	"slices"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ParametricFunction is a differentiable function of one variable and of parameters, applied to
// each element. Each parameter has one element, or one for each column. It belongs to one node,
// and may keep memory.
type ParametricFunction struct {
	Name string
	F32  ParametricKernels[float32]
	F64  ParametricKernels[float64]
}

// ParametricKernels are the kernels of one element type. Elements come row by row, in rows of
// cols columns.
type ParametricKernels[F kernels.Float] struct {
	// Value sets dst to f(z); dst may be z.
	Value func(dst, z []F, cols int, params [][]F)
	// Gradient sets dst to dy·∂f/∂z; dst may be dy.
	Gradient func(dst, z, dy []F, cols int, params [][]F)
	// Partial sets dst, of the size of parameter j, to the sums of dy·∂f/∂p_j over the
	// elements that it applies to; with squared, of dy·(∂f/∂p_j)².
	Partial func(j int, squared bool, dst, z, dy []F, cols int, params [][]F)
}

// Parametric returns f(z), of z's shape, for parameters of shape (1), or (columns) if
// each column of z has its own; z is a vector or a matrix. The gradient of a parameter
// is the sum over the elements that it applies to.
func Parametric(f *ParametricFunction, z *G.Node, params ...*G.Node) (*G.Node, error) {
	if f == nil {
		return nil, errors.New("parametric: the function is nil")
	}
	if err := readable(f.Name, 0, z); err != nil {
		return nil, err
	}
	return apply(parametric(f, dims(z), len(params)), append([]*G.Node{z}, params...)...)
}

// parametricInputs returns the numbers of dimensions of leading inputs, each dims, and of the
// parameters.
func parametricInputs(leading, dims, params int) []int {
	return append(slices.Repeat([]int{dims}, leading), slices.Repeat([]int{1}, params)...)
}

func parametric(f *ParametricFunction, dims, params int) *rule {
	return &rule{
		name:      f.Name,
		in:        parametricInputs(1, dims, params),
		out:       dims,
		shape:     func(in []tensor.Shape) (tensor.Shape, error) { return parametricShape(f.Name, in, 1) },
		f32:       parametricValue(&f.F32, params),
		f64:       parametricValue(&f.F64, params),
		grads:     func() []gradient { return parametricGradients(f, dims, params, false) },
		curve:     parametricCurve(f, dims, params),
		overwrite: []int{0},
	}
}

func parametricShape(name string, in []tensor.Shape, leading int) (tensor.Shape, error) {
	z := in[0]
	if z.Dims() == 0 {
		return nil, errors.Errorf("%s: a scalar has no columns for parameters", name)
	}
	if leading == 2 && !in[1].Eq(z) {
		return nil, shapesDiffer(in[:2])
	}
	for j, p := range in[leading:] {
		if cols := z[len(z)-1]; p[0] != 1 && p[0] != cols {
			return nil, errors.Errorf("%s: parameter %d is of shape %v, want (1), or (%d) for each column of %v", name, j, p, cols, z)
		}
	}
	return z.Clone(), nil
}

// parametersOf returns a function that picks the parameters from the views without allocating.
func parametersOf[F kernels.Float](leading, params int) func(in []view[F]) [][]F {
	list := make([][]F, params)
	return func(in []view[F]) [][]F {
		for j := range list {
			list[j] = in[leading+j].data
		}
		return list
	}
}

func parametricValue[F kernels.Float](k *ParametricKernels[F], params int) func(view[F], []view[F]) {
	of := parametersOf[F](1, params)
	return func(y view[F], in []view[F]) { k.Value(y.data, in[0].data, in[0].cols, of(in)) }
}

// parametricGradients are those of z and the parameters.
func parametricGradients(f *ParametricFunction, dims, params int, squared bool) []gradient {
	of := []int{0, seed}
	for j := range params {
		of = append(of, 1+j)
	}
	list := []gradient{{rule: func() *rule { return parametricGradient(f, dims, params) }, of: of}}
	for j := range params {
		list = append(list, gradient{rule: func() *rule { return parametricPartial(f, dims, params, j, squared) }, of: of})
	}
	return list
}

// parametricGradient is g·∂f/∂z of z, g and the parameters.
func parametricGradient(f *ParametricFunction, dims, params int) *rule {
	return &rule{
		name:      f.Name + "'",
		in:        parametricInputs(2, dims, params),
		out:       dims,
		shape:     func(in []tensor.Shape) (tensor.Shape, error) { return parametricShape(f.Name, in, 2) },
		f32:       parametricGradientKernel(&f.F32, params),
		f64:       parametricGradientKernel(&f.F64, params),
		overwrite: []int{1},
	}
}

func parametricGradientKernel[F kernels.Float](k *ParametricKernels[F], params int) func(view[F], []view[F]) {
	of := parametersOf[F](2, params)
	return func(d view[F], in []view[F]) { k.Gradient(d.data, in[0].data, in[1].data, in[0].cols, of(in)) }
}

// parametricPartial is the gradient of parameter j, of z, g and the parameters.
func parametricPartial(f *ParametricFunction, dims, params, j int, squared bool) *rule {
	return &rule{
		name: f.Name + " by parameter",
		in:   parametricInputs(2, dims, params),
		out:  1,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if _, err := parametricShape(f.Name, in, 2); err != nil {
				return nil, err
			}
			return in[2+j].Clone(), nil
		},
		f32: parametricPartialKernel(&f.F32, params, j, squared),
		f64: parametricPartialKernel(&f.F64, params, j, squared),
	}
}

func parametricPartialKernel[F kernels.Float](k *ParametricKernels[F], params, j int, squared bool) func(view[F], []view[F]) {
	of := parametersOf[F](2, params)
	return func(d view[F], in []view[F]) {
		k.Partial(j, squared, d.data, in[0].data, in[1].data, in[0].cols, of(in))
	}
}

// parametricCurve is that of z and the parameters: the sums of h·(∂f/∂p)².
func parametricCurve(f *ParametricFunction, dims, params int) curve {
	return func(r *rule, i int, in G.Nodes, out, h *G.Node) (*G.Node, error) {
		if i == 0 {
			return elementwise(r, i, in, out, h)
		}
		return parametricGradients(f, dims, params, true)[i].node(in, out, h)
	}
}

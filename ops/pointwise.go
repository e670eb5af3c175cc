package ops

import (
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Function is a differentiable function of one variable, applied to each element.
type Function struct {
	Name string
	// F32 and F64 set dst to f(z); dst may be z.
	F32 func(dst, z []float32)
	F64 func(dst, z []float64)
	// Grad32 and Grad64 set dst to dy·f'(z), the derivative taken from z; dst may be dy.
	Grad32 func(dst, z, dy []float32)
	Grad64 func(dst, z, dy []float64)
}

// complete returns an error unless f has all of its kernels.
func (f *Function) complete(what string) error {
	if f == nil || f.F32 == nil || f.F64 == nil || f.Grad32 == nil || f.Grad64 == nil {
		return errors.Errorf("%s: the function is nil, or one of its kernels", what)
	}
	return nil
}

// Pointwise returns f(z), of z's shape. Its gradient with respect to z is g·f'(z). Two functions
// are never confused, even if they share a name.
func Pointwise(f *Function, z *G.Node) (*G.Node, error) {
	if err := f.complete("pointwise"); err != nil {
		return nil, err
	}
	if err := readable(f.Name, 0, z); err != nil {
		return nil, err
	}
	return apply(pointwise(f, dims(z)), z)
}

func pointwise(f *Function, dims int) *rule {
	return &rule{
		name:  f.Name,
		in:    []int{dims},
		out:   dims,
		shape: sameShape,
		f32:   func(y view[float32], in []view[float32]) { f.F32(y.data, in[0].data) },
		f64:   func(y view[float64], in []view[float64]) { f.F64(y.data, in[0].data) },
		grads: func() []gradient {
			return []gradient{{rule: func() *rule { return pointwiseGradient(f, dims) }, of: []int{0, seed}}}
		},
		curve:     elementwise,
		overwrite: []int{0},
		function:  f,
	}
}

// FunctionIn returns the function that a node applies to each element of its only input, nil if
// the node was not made by [Pointwise].
func FunctionIn(n *G.Node) *Function {
	if o, ok := n.Op().(*operation); ok {
		return o.function
	}
	return nil
}

// pointwiseGradient is g·f'(z) of z and g. It has no derivative.
func pointwiseGradient(f *Function, dims int) *rule {
	return &rule{
		name:      f.Name + "'",
		in:        []int{dims, dims},
		out:       dims,
		shape:     sameShape,
		f32:       func(d view[float32], in []view[float32]) { f.Grad32(d.data, in[0].data, in[1].data) },
		f64:       func(d view[float64], in []view[float64]) { f.Grad64(d.data, in[0].data, in[1].data) },
		overwrite: []int{1},
	}
}

func sameShape(in []tensor.Shape) (tensor.Shape, error) {
	for _, s := range in[1:] {
		if !s.Eq(in[0]) {
			return nil, shapesDiffer(in)
		}
	}
	return in[0].Clone(), nil
}

// FunctionOf makes a Function from f and its derivative df in double precision. Float32
// arguments are widened and the results rounded once: dy·f'(z) underflows in float32 only if the
// product does.
func FunctionOf(name string, f, df func(float64) float64) *Function {
	return &Function{
		Name:   name,
		F32:    each[float32](f),
		F64:    each[float64](f),
		Grad32: eachGradient[float32](df),
		Grad64: eachGradient[float64](df),
	}
}

func each[F kernels.Float](f func(float64) float64) func(dst, z []F) {
	return func(dst, z []F) {
		for i, v := range z {
			dst[i] = F(f(float64(v)))
		}
	}
}

func eachGradient[F kernels.Float](df func(float64) float64) func(dst, z, dy []F) {
	return func(dst, z, dy []F) {
		for i, v := range z {
			dst[i] = F(float64(dy[i]) * df(float64(v)))
		}
	}
}

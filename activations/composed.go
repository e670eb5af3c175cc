package activations

import (
	"fmt"
	"sync"

	"github.com/gradflow/gradflow/activations/internal/expression"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/ops"
	"gorgonia.org/tensor"
)

// composition is an activation of the catalogue whose kernels are those of a formula,
// of other functions' kernels.
type composition struct {
	name string
	// text is the formula, in which constants can stand for numbers.
	text      string
	constants map[string]float64
	// reach, if not 0, is where the derivative has come to its limit in both types: it is
	// computed at ±reach beyond, where the formula's own parts would overflow.
	reach float64
	// wide computes in double precision for float32 too, where the formula loses digits
	// before an exponential.
	wide  bool
	f, df func(float64) float64
}

func composed(c composition) Scalar {
	compiled := sync.OnceValue(c.compile)
	return &elementwise{
		name: c.name, f: c.f, df: c.df,
		function: func() *ops.Function {
			f := &ops.Function{Name: c.name}
			f.F64, f.Grad64 = composedKernels[float64](compiled(), c.reach)
			if c.wide {
				f.F32, f.Grad32 = widened(f.F64, f.Grad64)
			} else {
				f.F32, f.Grad32 = composedKernels[float32](compiled(), c.reach)
			}
			return f
		},
		rounding: func(z float64, t tensor.Dtype) (value, derivative float64) {
			if c.reach != 0 {
				z = min(max(z, -c.reach), c.reach)
			}
			of := precision(t)
			if c.wide {
				of = expression.Double
			}
			value = expression.NewProgram(compiled().Value).Error(z, 0, nil, of)
			return value, expression.NewProgram(compiled().Gradient).Error(z, 1, nil, of)
		},
	}
}

func (c composition) compile() expression.Compiled {
	b := expression.NewBuilder(formulaFunctions())
	var names []string
	var nodes []*expression.Node
	for name, v := range c.constants {
		names, nodes = append(names, name), append(nodes, b.Constant(v))
	}
	root, err := b.Parse(c.text, names, nodes)
	if err != nil {
		panic(fmt.Sprintf("activations: %s: %v", c.name, err)) // a mistake of this package
	}
	return b.Compile(root, 0)
}

const block = 512

func composedKernels[F kernels.Float](c expression.Compiled, reach float64) (func(dst, z []F), func(dst, z, dy []F)) {
	k := kernelsOf[F](c, nil)
	value := func(dst, z []F) { k.Value(dst, z, len(z), nil) }
	grad := func(dst, z, dy []F) { k.Gradient(dst, z, dy, len(z), nil) }
	if reach == 0 {
		return value, grad
	}
	near := make([]F, block)
	return value, func(dst, z, dy []F) {
		for len(z) > 0 {
			n := min(block, len(z))
			for i, v := range z[:n] {
				if v > F(reach) {
					v = F(reach)
				} else if v < F(-reach) {
					v = F(-reach)
				}
				near[i] = v
			}
			grad(dst[:n], near[:n], dy[:n])
			dst, z, dy = dst[n:], z[n:], dy[n:]
		}
	}
}

// widened makes kernels for float32 of those for float64.
func widened(value func(dst, z []float64), grad func(dst, z, dy []float64)) (func(dst, z []float32), func(dst, z, dy []float32)) {
	u, g := make([]float64, block), make([]float64, block)
	return func(dst, z []float32) {
			for len(z) > 0 {
				n := min(block, len(z))
				convert(u[:n], z[:n])
				value(u[:n], u[:n])
				convert(dst[:n], u[:n])
				dst, z = dst[n:], z[n:]
			}
		}, func(dst, z, dy []float32) {
			for len(z) > 0 {
				n := min(block, len(z))
				convert(u[:n], z[:n])
				convert(g[:n], dy[:n])
				grad(g[:n], u[:n], g[:n])
				convert(dst[:n], g[:n])
				dst, z, dy = dst[n:], z[n:], dy[n:]
			}
		}
}

package expression

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/ops"
)

// intrinsics are the functions whose derivatives are expressions.
var intrinsics = map[string]*Function{}

func init() {
	for _, f := range []*Function{
		{Name: "exp", F: math.Exp, New: with(kernels.Exp[float32], kernels.Exp[float64]),
			derive: func(b *Builder, u, dy *Node) *Node { return b.mul(dy, b.Call("exp", u)) }},
		{Name: "expm1", F: math.Expm1, New: func() *ops.Function { return &ops.Function{F32: newExpm1[float32](), F64: newExpm1[float64]()} },
			derive: func(b *Builder, u, dy *Node) *Node { return b.mul(dy, b.Call("exp", u)) }},
		{Name: "log", F: math.Log, New: loops(math.Log),
			derive: func(b *Builder, u, dy *Node) *Node { return b.div(dy, u) }},
		{Name: "log1p", F: math.Log1p, New: with(kernels.Log1p[float32], kernels.Log1p[float64]),
			derive: func(b *Builder, u, dy *Node) *Node { return b.div(dy, b.add(u, b.Constant(1))) }},
		{Name: "sqrt", F: math.Sqrt, New: with(sqrtKernel[float32], sqrtKernel[float64]),
			derive: func(b *Builder, u, dy *Node) *Node { return b.div(b.mul(b.Constant(0.5), dy), b.Call("sqrt", u)) }},
		{Name: "abs", F: math.Abs, New: with(absKernel[float32], absKernel[float64]),
			derive: func(b *Builder, u, dy *Node) *Node { return b.mul(dy, b.Call("sign", u)) }},
		{Name: "sign", F: sign, New: with(signKernel[float32], signKernel[float64]),
			derive: func(b *Builder, u, dy *Node) *Node { return b.Constant(0) }},
		{Name: "sinh", F: math.Sinh, New: loops(math.Sinh),
			derive: func(b *Builder, u, dy *Node) *Node { return b.mul(dy, b.Call("cosh", u)) }},
		{Name: "cosh", F: math.Cosh, New: loops(math.Cosh),
			derive: func(b *Builder, u, dy *Node) *Node { return b.mul(dy, b.Call("sinh", u)) }},
		{Name: "sech", F: sech, New: with(sechKernel[float32], sechKernel[float64]),
			derive: func(b *Builder, u, dy *Node) *Node {
				return b.neg(b.mul(b.mul(dy, b.Call("sech", u)), b.Call("tanh", u)))
			}},
		{Name: "log-cosh", F: logCosh, New: loops(logCosh),
			derive: func(b *Builder, u, dy *Node) *Node { return b.mul(dy, b.Call("tanh", u)) }},
		{Name: "sqrt1p-1", F: sqrt1pm1, New: loops(sqrt1pm1),
			derive: func(b *Builder, u, dy *Node) *Node {
				return b.div(b.mul(b.Constant(0.5), dy), b.Call("sqrt", b.add(u, b.Constant(1))))
			}},
		{Name: "cos", F: math.Cos, New: with(cosKernel[float32], cosKernel[float64]),
			derive: func(b *Builder, u, dy *Node) *Node { return b.neg(b.mul(dy, b.Call("sin", u))) }},
		{Name: "erfc", F: math.Erfc, New: func() *ops.Function { return &ops.Function{F32: newErfc[float32](), F64: newErfc[float64]()} },
			derive: func(b *Builder, u, dy *Node) *Node {
				return b.neg(b.node(key{op: slope, fn: b.functions["erf"], a: u, c: dy}))
			}},
		{Name: "asinh", F: math.Asinh, New: loops(math.Asinh),
			derive: func(b *Builder, u, dy *Node) *Node { return b.mul(dy, b.Call("asinh-slope", u)) }},
		{Name: "asinh-slope", F: asinhSlope, New: loops(asinhSlope)},
	} {
		intrinsics[f.Name] = f
	}
}

func with(f32 func(dst, x []float32), f64 func(dst, x []float64)) func() *ops.Function {
	return func() *ops.Function { return &ops.Function{F32: f32, F64: f64} }
}

func loops(f func(float64) float64) func() *ops.Function {
	return func() *ops.Function { return ops.FunctionOf("", f, nil) }
}

// sign is 0 at 0, as a derivative of |z| there.
func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func sqrtKernel[F kernels.Float](dst, x []F) {
	for i, v := range x {
		dst[i] = F(math.Sqrt(float64(v)))
	}
}

func absKernel[F kernels.Float](dst, x []F) {
	for i, v := range x {
		dst[i] = F(math.Abs(float64(v)))
	}
}

func signKernel[F kernels.Float](dst, x []F) {
	for i, v := range x {
		if v > 0 {
			v = 1
		} else if v < 0 {
			v = -1
		}
		dst[i] = v
	}
}

func asinhSlope(x float64) float64 { return 1 / math.Hypot(1, x) }

// logCosh neither overflows nor cancels: log cosh x is log1p(2 sinh²(x/2)).
func logCosh(x float64) float64 {
	if x = math.Abs(x); x > 1 {
		return x + math.Log1p(math.Exp(-2*x)) - math.Ln2
	}
	s := math.Sinh(x / 2)
	return math.Log1p(2 * s * s)
}

// sqrt1pm1 is √(1+x) - 1.
func sqrt1pm1(x float64) float64 {
	if x > 1 {
		return math.Sqrt(1+x) - 1
	}
	return x / (math.Sqrt(1+x) + 1)
}

func sech(x float64) float64 {
	e := math.Exp(-math.Abs(x))
	return 2 * e / (1 + e*e)
}

func sechKernel[F kernels.Float](dst, x []F) {
	for i, v := range x {
		if v > 0 {
			v = -v
		}
		dst[i] = v
	}
	kernels.Exp(dst, dst)
	for i, e := range dst {
		dst[i] = 2 * e / (1 + e*e)
	}
}

var (
	ones32 = filled[float32](1)
	ones64 = filled[float64](1)
)

func filled[F kernels.Float](v F) []F {
	x := make([]F, blockSize)
	for i := range x {
		x[i] = v
	}
	return x
}

func ones[F kernels.Float]() []F {
	if x, ok := any(ones32).([]F); ok {
		return x
	}
	return any(ones64).([]F)
}

// cosKernel is the gradient of the sine, for up to blockSize elements.
func cosKernel[F kernels.Float](dst, x []F) { kernels.SinGrad(dst, x, ones[F]()[:len(x)]) }

// newExpm1 computes e^x - 1 as 2t/(1-t), t = tanh(x/2), up to x = 1, where nothing
// cancels, and as written above.
func newExpm1[F kernels.Float]() func(dst, x []F) {
	t := make([]F, blockSize)
	return func(dst, x []F) {
		t := t[:len(x)]
		kernels.Scale(t, x, 0.5)
		kernels.Tanh(t, t)
		kernels.Exp(dst, x)
		for i, v := range t {
			if v < 0.45 {
				dst[i] = 2 * v / (1 - v)
			} else {
				dst[i]--
			}
		}
	}
}

// newErfc computes 1 - erf x up to x = 1/2, and beyond it one by one in double
// precision.
func newErfc[F kernels.Float]() func(dst, x []F) {
	e := make([]F, blockSize)
	return func(dst, x []F) {
		e := e[:len(x)]
		kernels.Erf(e, x)
		for i, v := range x {
			if v > 0.5 {
				dst[i] = F(math.Erfc(float64(v)))
			} else {
				dst[i] = 1 - e[i]
			}
		}
	}
}

package kernels

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// portable computes in plain Go, functions in float64.
var portable = level{
	name:    "portable",
	float32: portableKernels(gonum.Implementation{}.Sgemm),
	float64: portableKernels(gonum.Implementation{}.Dgemm),
}

func portableKernels[F Float](gemm gonumGemm[F]) kernels[F] {
	return kernels[F]{
		mul: func(c, a, b, d Matrix[F]) { mulGonum(gemm, c, a, b, d) },

		exp: each[F](exp), log1p: each[F](math.Log1p), tanh: each[F](math.Tanh), sigmoid: each[F](sigmoid),
		softplus: each[F](softplus), gaussian: each[F](gaussian), relu: relu[F], erf: each[F](math.Erf), sin: each[F](sin),

		tanhGrad: each2[F](tanhGrad), sigmoidGrad: each2[F](sigmoidGrad), softplusGrad: each2[F](softplusGrad),
		gaussianGrad: each2[F](gaussianGrad), reluGrad: reluGrad[F], erfGrad: each2[F](erfGrad), sinGrad: each2[F](sinGrad),

		axpy: axpy[F], scale: scale[F], add: add[F], hadamard: hadamard[F],
		sum: sum[F], squares: squaresPortable[F], columnSums: columnSums[F], magnitudes: magnitudes[F], within: within[F], maxAbs: maxAbs[F],
		addDifferences: addDifferences[F], addSquares: addSquares[F], normalizeColumns: normalizeColumns[F], normalizeRow: normalizeRow[F],
		addProducts: addProducts[F], addBoth: addBoth[F], columnGradient: columnGradient[F],
		rowProducts: rowProducts[F], rowGradient: rowGradient[F], addRowProducts: addRowProducts[F],
		momentum: momentum[F], nesterov: nesterov[F], rmsprop: rmsprop[F], adam: adam[F], smorms3: smorms3[F], rprop: rprop[F],
	}
}

func each[F Float](f func(float64) float64) func(dst, x []F) {
	return func(dst, x []F) {
		for i, v := range x {
			dst[i] = F(f(float64(v)))
		}
	}
}

func each2[F Float](f func(z, dy float64) float64) func(dst, z, dy []F) {
	return func(dst, z, dy []F) {
		for i, v := range z {
			dst[i] = F(f(float64(v), float64(dy[i])))
		}
	}
}

// exp is math.Exp, which gives Inf too early on some processors.
func exp(x float64) float64 {
	if x > 709 {
		return math.Exp(x-1) * math.E
	}
	return math.Exp(x)
}

// sigmoid does not overflow, and is e^x far below 0.
func sigmoid(x float64) float64 {
	u := math.Exp(-math.Abs(x))
	if x < 0 {
		return u / (1 + u)
	}
	return 1 / (1 + u)
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// gaussian corrects e^(-x²) for the rounding of x².
func gaussian(x float64) float64 { return decayGaussian(1, x) }

// decay returns y·e^-t. Where e^-t alone would be denormal or 0 it multiplies twice
// by e^(-t/2).
func decay(y, t float64) float64 {
	if t < 700 {
		return y * math.Exp(-t)
	}
	e := math.Exp(-t / 2)
	return y * e * e
}

// decayGaussian returns y·e^(-x²).
func decayGaussian(y, x float64) float64 {
	x = min(max(x, -64), 64) // where e^(-x²) is 0 for any y
	z := x * x
	rounding := math.FMA(x, x, -z)
	return decay(y*(1-rounding), z)
}

func tanhGrad(z, dy float64) float64 {
	z = math.Abs(z)
	u := 1 + math.Exp(-2*z)
	return decay(dy*(4/(u*u)), 2*z)
}

func sigmoidGrad(z, dy float64) float64 {
	z = math.Abs(z)
	u := 1 + math.Exp(-z)
	return decay(dy*(1/(u*u)), z)
}

func softplusGrad(z, dy float64) float64 {
	f := 1 / (1 + math.Exp(-math.Abs(z)))
	if z < 0 {
		return decay(dy*f, -z)
	}
	return dy * f
}

func gaussianGrad(z, dy float64) float64 {
	return decayGaussian(dy*(-2*min(max(z, -64), 64)), z)
}

func erfGrad(z, dy float64) float64 { return decayGaussian(dy*(2/math.SqrtPi), z) }

func sinGrad(z, dy float64) float64 { return dy * cos(z) }

// π in three parts. k·pi1 is subtracted without error where that matters.
const (
	pi1    = 0x1.921fb54442d18p+1
	pi2    = 0x1.1a62633145c06p-53
	pi3    = 0x1.c1cd129024e08p-106
	limitK = 0x1p30 // above it, math.Sin reduces, with an absolute error
)

// sin and cos reduce to ±π/2, without math.Sin's relative error near multiples of π.
func sin(x float64) float64 {
	if !(math.Abs(x) < limitK) || x == 0 {
		return math.Sin(x)
	}
	return sinLess(x, math.RoundToEven(x/math.Pi))
}

func cos(x float64) float64 {
	if !(math.Abs(x) < limitK) {
		return math.Cos(x)
	}
	k := math.Floor(x/math.Pi) + .5
	return -sinLess(x, k)
}

// sinLess returns (-1)^⌊k⌋·sin(x - k·π).
func sinLess(x, k float64) float64 {
	r := math.FMA(-k, pi3, math.FMA(-k, pi2, math.FMA(-k, pi1, x)))
	if int64(math.Floor(k))%2 != 0 {
		r = -r
	}
	return math.Sin(r)
}

func relu[F Float](dst, x []F) {
	for i, v := range x {
		if v <= 0 {
			v = 0
		}
		dst[i] = v
	}
}

func reluGrad[F Float](dst, z, dy []F) {
	for i, v := range z {
		switch {
		case v > 0:
			dst[i] = dy[i]
		case v <= 0:
			dst[i] = 0
		default: // NaN
			dst[i] = v
		}
	}
}

func axpy[F Float](dst, x []F, a F) {
	for i, v := range x {
		dst[i] += a * v
	}
}

func scale[F Float](dst, x []F, a F) {
	for i, v := range x {
		dst[i] = a * v
	}
}

func add[F Float](dst, a, b []F) {
	for i, v := range a {
		dst[i] = v + b[i]
	}
}

func hadamard[F Float](dst, a, b []F) {
	for i, v := range a {
		dst[i] = v * b[i]
	}
}

// sumLanes is the number of sums that run side by side in sum and squares:
// element i belongs to sum i mod sumLanes, and halves are added at the end. All
// levels add in this order.
const sumLanes = 32

func sum[F Float](x []F) float64 {
	var s [sumLanes]float64
	for i, v := range x {
		s[i%sumLanes] += float64(v)
	}
	return tree(&s)
}

func squaresPortable[F Float](x []F, center float64) float64 {
	var s [sumLanes]float64
	for i, v := range x {
		d := float64(v) - center
		s[i%sumLanes] = math.FMA(d, d, s[i%sumLanes])
	}
	return tree(&s)
}

func tree(s *[sumLanes]float64) float64 {
	for n := sumLanes / 2; n > 0; n /= 2 {
		for i := range n {
			s[i] += s[i+n]
		}
	}
	return s[0]
}

func columnSums[F Float](dst, x []F, rows, stride int) {
	for i := range rows {
		for j, v := range x[i*stride:][:len(dst)] {
			dst[j] += v
		}
	}
}

// magnitudes compares bits, as DAZ takes denormals for 0.
func magnitudes[F Float](x []F, above, below F) (count int) {
	lo, hi := magnitude(above), magnitude(below)
	if math.Signbit(float64(above)) {
		lo = -1
	}
	for _, v := range x {
		if a := magnitude(v); a > lo && a < hi {
			count++
		}
	}
	return count
}

// magnitude returns the bits of |v|.
func magnitude[F Float](v F) int64 {
	switch v := any(v).(type) {
	case float32:
		return int64(math.Float32bits(v) &^ (1 << 31))
	case float64:
		return int64(math.Float64bits(v) &^ (1 << 63))
	}
	return 0
}

func within[F Float](x []F, lo, hi F) (count int) {
	for _, v := range x {
		if v > lo && v < hi {
			count++
		}
	}
	return count
}

func maxAbs[F Float](x []F) (most F) {
	for _, v := range x {
		if a := F(math.Abs(float64(v))); a > most || a != a {
			most = a
		}
		if most != most {
			return most
		}
	}
	return most
}

func momentum[F Float](w, g, v []F, lr, mu F) {
	for i, g := range g {
		v[i] = mu*v[i] + g
		w[i] -= lr * v[i]
	}
}

func nesterov[F Float](w, g, v []F, lr, mu F) {
	for i, g := range g {
		v[i] = mu*v[i] + g
		w[i] -= lr * (g + mu*v[i])
	}
}

func sqrt[F Float](x F) F { return F(math.Sqrt(float64(x))) }

func rmsprop[F Float](w, g, v []F, lr, rho, rest, eps F) {
	for i, g := range g {
		v[i] = rho*v[i] + rest*(g*g)
		w[i] -= lr * g / (sqrt(v[i]) + eps)
	}
}

func adam[F Float](w, g, m, v []F, rate, beta1, rest1, beta2, rest2, root2, eps F) {
	for i, g := range g {
		m[i] = beta1*m[i] + rest1*g
		v[i] = beta2*v[i] + rest2*(g*g)
		w[i] -= rate * m[i] / (sqrt(v[i])*root2 + eps)
	}
}

func smorms3[F Float](w, g, mem, g1, g2 []F, lr, eps F) {
	for i, g := range g {
		r := 1 / (mem[i] + 1)
		g1[i] = (1-r)*g1[i] + r*g
		g2[i] = (1-r)*g2[i] + r*(g*g)
		x := g1[i] * g1[i] / (g2[i] + eps)
		w[i] -= g * min(lr, x) / (sqrt(g2[i]) + eps)
		mem[i] = 1 + mem[i]*(1-x)
	}
}

func rprop[F Float](w, g, last, step []F, up, down, least, most F) {
	for i, g := range g {
		factor := F(1)
		switch {
		case g > 0 && last[i] > 0, g < 0 && last[i] < 0:
			factor = up
		case g > 0 && last[i] < 0, g < 0 && last[i] > 0:
			factor, g = down, 0
		}
		step[i] = min(max(step[i]*factor, least), most)
		switch {
		case g > 0:
			w[i] -= step[i]
		case g < 0:
			w[i] += step[i]
		case g != g:
			w[i] = g
		}
		last[i] = g
	}
}

type gonumGemm[F Float] func(ta, tb blas.Transpose, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int)

func mulGonum[F Float](gemm gonumGemm[F], c, a, b, d Matrix[F]) {
	var beta F
	ldc := max(c.RowStride, c.Cols)
	if d.Data != nil {
		beta = 1
		if !d.same(c) {
			for i := range c.Rows {
				copy(c.row(i), d.row(i))
			}
		}
	}
	ta, lda := blasForm(a)
	tb, ldb := blasForm(b)
	for i := 0; i < c.Rows; i += tileRows {
		rows := min(i+tileRows, c.Rows)
		for j := 0; j < c.Cols; j += tileCols {
			cols := min(j+tileCols, c.Cols)
			a, b, c := a.slice(i, rows, 0, a.Cols), b.slice(0, b.Rows, j, cols), c.slice(i, rows, j, cols)
			gemm(ta, tb, c.Rows, c.Cols, a.Cols, 1, a.Data, lda, b.Data, ldb, beta, c.Data, ldc)
		}
	}
}

// Tiles of C that gonum computes on the calling goroutine. Larger ones, of four blocks of 64 by
// 64 or more, it gives to other goroutines, whose threads neither flush to zero nor report
// denormals.
const tileRows, tileCols = 64, 3 * 64

func blasForm[F Float](m Matrix[F]) (blas.Transpose, int) {
	if m.ColStride == 1 && m.RowStride >= m.Cols {
		return blas.NoTrans, m.RowStride
	}
	return blas.Trans, m.ColStride
}

package kernels

import (
	"math"
	"math/big"
	"slices"
	"testing"
)

// function is a row of the table of accuracy: an element-wise function, or one of
// z and dy, with its reference and the most units in the last place that a result
// may be away from it.
type function struct {
	name      string
	f32       func(dst, x []float32)
	f64       func(dst, x []float64)
	grad32    func(dst, z, dy []float32)
	grad64    func(dst, z, dy []float64)
	ref32     func(x float64) float64    // for float32: f(x) or f'(x)
	ref       func(x float64) *big.Float // for float64
	ulps32    float64
	ulps64    float64
	portable  float64   // ulps64 for the portable kernels, if that is more
	interests []float64 // arguments with something to get wrong
}

func ofBig(f func(x *big.Float) *big.Float) func(float64) *big.Float {
	return func(x float64) *big.Float { return f(short(num(x))) }
}

var functions = []function{
	{name: "Exp", f32: Exp[float32], f64: Exp[float64], ref32: math.Exp, ref: ofBig(bigExp), ulps32: 1, ulps64: 1, portable: 2,
		interests: []float64{-104, -103.97, -103.28, -87.3365, 88.7228, 89, -746, -745.13, -708.4, 709.78, 710}},
	{name: "Log1p", f32: Log1p[float32], f64: Log1p[float64], ref32: math.Log1p, ref: ofBig(bigLog1p), ulps32: 1.5, ulps64: 1.5,
		interests: []float64{-1, -.25, .5, 2, -.5}},
	{name: "Tanh", f32: Tanh[float32], f64: Tanh[float64], ref32: math.Tanh, ref: ofBig(bigTanh), ulps32: 2, ulps64: 2,
		interests: []float64{.35, 9.01, 10, 19.06, 20, 0x1p-30, 0x1p-60}},
	{name: "Sigmoid", f32: Sigmoid[float32], f64: Sigmoid[float64], ref32: sigmoid, ref: ofBig(bigLogistic), ulps32: 2.5, ulps64: 2.5,
		interests: []float64{-104, -746, 17, 37, -87.4, -708.4}},
	{name: "Softplus", f32: Softplus[float32], f64: Softplus[float64], ref32: softplus, ref: ofBig(bigSoftplus), ulps32: 2, ulps64: 2,
		interests: []float64{-104, -746, 17, 37, -87.4, -708.4}},
	{name: "Gaussian", f32: Gaussian[float32], f64: Gaussian[float64], ref32: func(x float64) float64 { return math.Exp(-x * x) },
		ref: ofBig(bigGaussian), ulps32: 1, ulps64: 1, portable: 2, interests: []float64{10.198, 27.313, 9.345, 26.6, 1e20, 1e200}},
	{name: "ReLU", f32: ReLU[float32], f64: ReLU[float64], ref32: func(x float64) float64 { return max(x, 0) },
		ref: func(x float64) *big.Float { return num(max(x, 0)) }},
	{name: "Erf", f32: Erf[float32], f64: Erf[float64], ref32: math.Erf, ref: ofBig(bigErf), ulps32: 1.25, ulps64: 1,
		interests: []float64{1, 3.92, 4, 5.9, 6, 0x1p-30, 0x1p-60}},
	{name: "Sin", f32: Sin[float32], f64: Sin[float64], ref32: math.Sin, ref: func(x float64) *big.Float { return bigSinOf(x, 0) }, ulps32: 1.75, ulps64: 1.75,
		interests: []float64{math.Pi / 2, math.Pi, 355, 1e5, 0x1p16, 0x1p30, 5319372648326541, 6381956970095103 * 0x1p797}},

	{name: "TanhGrad", grad32: TanhGrad[float32], grad64: TanhGrad[float64], ref32: func(x float64) float64 {
		u := math.Exp(-2 * math.Abs(x))
		return 4 * u / (1 + u) / (1 + u)
	}, ref: ofBig(func(x *big.Float) *big.Float { return bigLogisticGrad(x, 2, 4) }), ulps32: 3.5, ulps64: 3.5, portable: 4,
		interests: []float64{43.7, 52, 87, 354, 373, 708}},
	{name: "SigmoidGrad", grad32: SigmoidGrad[float32], grad64: SigmoidGrad[float64], ref32: func(x float64) float64 {
		u := math.Exp(-math.Abs(x))
		return u / (1 + u) / (1 + u)
	}, ref: ofBig(func(x *big.Float) *big.Float { return bigLogisticGrad(x, 1, 1) }), ulps32: 3.5, ulps64: 3.5, portable: 4,
		interests: []float64{87.4, 104, 174, 708, 746, 1416}},
	{name: "SoftplusGrad", grad32: SoftplusGrad[float32], grad64: SoftplusGrad[float64], ref32: sigmoid, ref: ofBig(bigLogistic), ulps32: 3.5, ulps64: 3.5, portable: 4,
		interests: []float64{-104, -746, -87.4, -174, -708.4, -1416}},
	{name: "GaussianGrad", grad32: GaussianGrad[float32], grad64: GaussianGrad[float64], ref32: func(x float64) float64 { return -2 * x * math.Exp(-x*x) },
		ref: func(x float64) *big.Float {
			return bigMul(bigMul(short(num(-2)), short(num(x))), bigGaussian(short(num(x))))
		},
		ulps32: 3.5, ulps64: 3.5, portable: 4, interests: []float64{10.2, 13.19, 27.3, 37.6, .7071}},
	{name: "ReLUGrad", grad32: ReLUGrad[float32], grad64: ReLUGrad[float64], ref32: step, ref: func(x float64) *big.Float { return num(step(x)) }},
	{name: "ErfGrad", grad32: ErfGrad[float32], grad64: ErfGrad[float64],
		ref32:  func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) },
		ref:    func(x float64) *big.Float { return bigMul(twoBySqrtPi, bigGaussian(short(num(x)))) },
		ulps32: 3.5, ulps64: 3.5, portable: 4, interests: []float64{10.2, 13.19, 27.3, 37.6, .7071}},
	{name: "SinGrad", grad32: SinGrad[float32], grad64: SinGrad[float64], ref32: math.Cos, ref: func(x float64) *big.Float { return bigSinOf(x, 1) },
		ulps32: 2.5, ulps64: 2.5, interests: []float64{math.Pi / 2, math.Pi, 355, 1e5, 0x1p16, 0x1p30, 5319372648326541}},
}

func step(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x <= 0:
		return 0
	}
	return x // NaN
}

// call applies the function to x, or to x and dy.
func call[F Float](f *function, dst, x, dy []F) {
	switch dst := any(dst).(type) {
	case []float32:
		x, dy := any(x).([]float32), any(dy).([]float32)
		if f.grad32 != nil {
			f.grad32(dst, x, dy)
		} else {
			f.f32(dst, x)
		}
	case []float64:
		x, dy := any(x).([]float64), any(dy).([]float64)
		if f.grad64 != nil {
			f.grad64(dst, x, dy)
		} else {
			f.f64(dst, x)
		}
	}
}

// distance is that of got from want in units of the last place at want, which is
// the smallest denormal if want is denormal or 0.
func distance(got float64, want *big.Float) float64 {
	const mantissa, least = 53, -1074
	if math.IsNaN(got) {
		return math.Inf(1)
	}
	exponent := want.MantExp(nil)
	if want.Sign() == 0 {
		exponent = least
	}
	if math.IsInf(got, 0) { // right if want rounds to it
		got = math.Copysign(1, got) * math.MaxFloat64
		limit := new(big.Float).SetMantExp(num(1-math.Ldexp(1, -mantissa-1)), 1024)
		if new(big.Float).Abs(want).Cmp(limit) >= 0 && (want.Sign() < 0) == (got < 0) {
			return 0
		}
		return math.Inf(1)
	}
	d := new(big.Float).Sub(num(got), want)
	d.SetMantExp(d, mantissa-max(exponent, least+mantissa))
	u, _ := d.Float64()
	return math.Abs(u)
}

func nearest(x *big.Float) float64 { f, _ := x.Float64(); return f }

// arguments are spread over all exponents, denser about 1 and at the function's
// points of interest.
func arguments[F Float](interests []float64, n int) (x []F) {
	single := any(F(0)) == any(float32(0))
	r := random(5)
	for range n {
		e := r.Float64()*2098 - 1074
		if single {
			e = r.Float64()*277 - 149
		}
		x = append(x, F(math.Exp2(e)*float64(1-2*r.IntN(2))))
		x = append(x, F(math.Exp2(r.Float64()*14-8)*float64(1-2*r.IntN(2))))
		x = append(x, F(r.NormFloat64()*2))
	}
	interests = append(interests, 0, 1, math.Copysign(0, -1), 0x1p-126, 0x1p-149, 0x1p-1022, 0x1p-1074, math.MaxFloat32, math.MaxFloat64)
	for _, p := range interests {
		for _, v := range []F{F(p), -F(p)} {
			if math.IsInf(float64(v), 0) {
				continue
			}
			x = append(x, v)
			for _, to := range []float64{math.Inf(1), math.Inf(-1)} {
				w := v
				for range 3 {
					if single {
						w = F(math.Nextafter32(float32(w), float32(to)))
					} else {
						w = F(math.Nextafter(float64(w), to))
					}
					if !math.IsInf(float64(w), 0) {
						x = append(x, w)
					}
				}
			}
		}
	}
	return x
}

// gradients has gradients of all sizes for which accuracy is promised.
func gradients[F Float](n int) []F {
	r := random(6)
	dy := make([]F, n)
	limit := 95.
	if any(F(0)) == any(float64(0)) {
		limit = 960
	}
	for i := range dy {
		switch i % 3 {
		case 0:
			dy[i] = F(r.NormFloat64())
		case 1:
			dy[i] = F(math.Exp2((2*r.Float64()-1)*limit) * float64(1-2*r.IntN(2)))
		case 2:
			dy[i] = 1
		}
	}
	return dy
}

// TestFloat32 compares the functions with float64 ones at every 10007th of all
// numbers, or as -stride says.
func TestFloat32(t *testing.T) {
	for i := range functions {
		f := &functions[i]
		t.Run(f.name, func(t *testing.T) {
			const n = 1 << 15
			extra := arguments[float32](f.interests, 2000)
			x, dst, want := make([]float32, n), make([]float32, n), make([]float64, n)
			dy := gradients[float32](n)
			worst, at, previous := make([]float64, len(levels)), make([][2]float32, len(levels)), make([]float32, n)
			for b := uint64(0); b < 1<<32; {
				m := n
				if extra != nil {
					m = copy(x, extra)
					extra = nil
				} else {
					for i := range x {
						x[i] = math.Float32frombits(uint32(b))
						b += *stride
					}
				}
				for i, v := range x[:m] {
					want[i] = f.ref32(float64(v))
					if f.grad32 != nil {
						want[i] *= float64(dy[i])
						if f.name == "ReLUGrad" && want[i] == 0 {
							want[i] = 0 // without dy's sign
						}
					}
				}
				level := -1
				eachLevelQuietly(func() {
					level++
					call(f, dst[:m], x[:m], dy[:m])
					for i, v := range x[:m] {
						u := ulps32(dst[i], want[i])
						if math.IsInf(float64(v), 0) && f.grad32 != nil || v != v && f.name == "ReLUGrad" {
							continue // TestSpecial
						}
						if u > worst[level] {
							worst[level], at[level] = u, [2]float32{v, dy[i]}
						}
						if level == 2 && math.Float32bits(dst[i]) != math.Float32bits(previous[i]) && dst[i] == dst[i] {
							t.Fatalf("%s(%g): %g on %s, %g on %s", f.name, v, previous[i], levels[1].name, dst[i], levels[2].name)
						}
					}
					copy(previous, dst[:m])
				})
			}
			for i, l := range levels {
				t.Logf("%s: %.2f ULP at %g", l.name, worst[i], at[i])
				if !(worst[i] <= f.ulps32) {
					t.Errorf("%s: %s(%g) is %.2f ULP off, more than %g", l.name, f.name, at[i], worst[i], f.ulps32)
				}
			}
		})
	}
}

// eachLevelQuietly is eachLevel without subtests.
func eachLevelQuietly(f func()) {
	all := levels
	defer func() { levels = all }()
	for i := range all {
		levels = all[:i+1]
		f()
	}
}

func ulps32(got float32, want float64) float64 {
	w := float32(want)
	switch {
	case math.IsNaN(want):
		if got != got {
			return 0
		}
		return math.Inf(1)
	case got == w:
		if want == 0 && math.Signbit(float64(got)) != math.Signbit(want) {
			return math.Inf(1)
		}
		if math.IsInf(float64(w), 0) {
			return 0
		}
	case math.IsInf(float64(got), 0):
		return math.Inf(1)
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e, -125)-24)
}

// TestFloat64 compares the functions with arithmetic of high precision.
func TestFloat64(t *testing.T) {
	for i := range functions {
		f := &functions[i]
		t.Run(f.name, func(t *testing.T) {
			x := arguments[float64](f.interests, 700)
			if f.name == "Log1p" {
				x = slices.DeleteFunc(x, func(v float64) bool { return v <= -1 })
			}
			dy := gradients[float64](len(x))
			want := make([]*big.Float, len(x))
			for i, v := range x {
				want[i] = f.ref(v)
				if f.grad64 != nil {
					want[i] = bigMul(want[i], num(dy[i]))
				}
			}
			dst, previous := make([]float64, len(x)), make([]float64, len(x))
			level := -1
			eachLevelQuietly(func() {
				level++
				call(f, dst, x, dy)
				worst, at := 0., 0
				for i, v := range x {
					u := distance(dst[i], want[i])
					if (f.name == "Sin" || f.name == "SinGrad") && math.Abs(v) > 0x1p29 {
						// Go's reduction is accurate to so much in absolute terms.
						if d := math.Abs(dst[i] - nearest(want[i])); d > max(1, math.Abs(dy[i]))*0x1p-51 {
							t.Errorf("%s: %s(%v) is %g off", Name(), f.name, v, d)
						}
						u = 0
					}
					if u > worst {
						worst, at = u, i
					}
					if level == 2 && math.Float64bits(dst[i]) != math.Float64bits(previous[i]) {
						t.Fatalf("%s(%g): %g on %s, %g on %s", f.name, v, previous[i], levels[1].name, dst[i], levels[2].name)
					}
				}
				copy(previous, dst)
				t.Logf("%s: %.2f ULP at %g", Name(), worst, x[at])
				bound := f.ulps64
				if Name() == "portable" {
					bound = max(bound, f.portable)
				}
				if !(worst <= bound) {
					t.Errorf("%s: %s(%v), dy %g: %v is %.2f ULP from %.20g, more than %g", Name(), f.name, x[at], dy[at], dst[at], worst, want[at], bound)
				}
			})
		})
	}
}

// TestSpecial checks signed zeros, infinities and NaN.
func TestSpecial(t *testing.T) {
	inf, nan, minus0 := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	in := []float64{0, minus0, inf, -inf, nan}
	for name, want := range map[string][]float64{
		"Exp": {1, 1, inf, 0, nan}, "Log1p": {0, minus0, inf, nan, nan}, "Tanh": {0, minus0, 1, -1, nan},
		"Sigmoid": {.5, .5, 1, 0, nan}, "Softplus": {math.Ln2, math.Ln2, inf, 0, nan}, "Gaussian": {1, 1, 0, 0, nan},
		"ReLU": {0, 0, inf, 0, nan}, "Erf": {0, minus0, 1, -1, nan}, "Sin": {0, minus0, nan, nan, nan},
		// with dy = 1
		"TanhGrad": {1, 1, 0, 0, nan}, "SigmoidGrad": {.25, .25, 0, 0, nan}, "SoftplusGrad": {.5, .5, 1, 0, nan},
		"GaussianGrad": {minus0, 0, minus0, 0, nan}, "ReLUGrad": {0, 0, 1, 0, nan}, "ErfGrad": {2 / math.SqrtPi, 2 / math.SqrtPi, 0, 0, nan},
		"SinGrad": {1, 1, nan, nan, nan},
	} {
		i := slices.IndexFunc(functions, func(f function) bool { return f.name == name })
		eachLevel(t, func(t *testing.T) {
			testSpecial[float32](t, &functions[i], in, want)
			testSpecial[float64](t, &functions[i], in, want)
		})
	}
}

func testSpecial[F Float](t *testing.T, f *function, in, want []float64) {
	for n := range len(in) { // at all places of a vector
		var x, dy []F
		for range 40 {
			for _, v := range in[n:] {
				x = append(x, F(v))
				dy = append(dy, 1)
			}
		}
		dst := make([]F, len(x))
		call(f, dst, x, dy)
		for i, v := range dst {
			w := F(want[n:][i%len(in[n:])])
			if v != w && (v == v || w == w) || math.Signbit(float64(v)) != math.Signbit(float64(w)) && v == v {
				t.Fatalf("%s(%g) = %g, want %g", f.name, x[i], v, w)
			}
		}
	}
}

// TestTails checks that what is tiny stays what it is, far out: nothing is clamped
// to zero while the result can be represented.
func TestTails(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		z, dy, dst := []float32{50, -87, 10, 100, 13}, []float32{1, 1e12, 1e10, 1e9, 1e40 / 1e10}, make([]float32, 5)
		SigmoidGrad(dst, z, dy)
		for i, v := range dst {
			want := float64(dy[i]) * math.Exp(-math.Abs(float64(z[i])))
			if math.Abs(float64(v)-want) > want*1e-4 || v == 0 {
				t.Errorf("SigmoidGrad(%g, %g) = %g, want %g", z[i], dy[i], v, want)
			}
		}
		z64, dy64, dst64 := []float64{372, 800}, []float64{1, 1e300}, make([]float64, 2)
		TanhGrad(dst64[:1], z64[:1], dy64[:1])
		if dst64[0] < 1e-323 {
			t.Errorf("TanhGrad(372) = %g", dst64[0])
		}
		SigmoidGrad(dst64, z64, dy64)
		if want := 1e300 * math.Exp(-400) * math.Exp(-400); math.Abs(dst64[1]-want) > want*1e-10 {
			t.Errorf("SigmoidGrad(800, 1e300) = %g, want %g", dst64[1], want)
		}
	})
}

// TestTanh checks in float32, at many arguments and at all about the borders of
// pieces, that tanh is odd, at most 1, and decreases by no more than rounding.
func TestTanh(t *testing.T) {
	var x []float32
	for b := math.Float32bits(0x1p-149); b < math.Float32bits(20); b += 509 {
		x = append(x, math.Float32frombits(b))
	}
	for _, border := range []float32{.125, .25, .5, .75, 1, 1.25, 1.75, 2.25, 2.75, 3.25, 4.25, 5.25, 6.25, 7.25, 9.25, 10} {
		b := math.Float32bits(border)
		for i := b - 1000; i < b+1000; i++ {
			x = append(x, math.Float32frombits(i))
		}
	}
	slices.Sort(x)
	minus, y, odd := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
	for i, v := range x {
		minus[i] = -v
	}
	eachLevel(t, func(t *testing.T) {
		Tanh(y, x)
		Tanh(odd, minus)
		largest := float32(0)
		for i, v := range y {
			if v != -odd[i] || v > 1 || v == 0 {
				t.Fatalf("Tanh(±%g) = %g, %g", x[i], v, odd[i])
			}
			if largest = max(largest, v); math.Nextafter32(v, 2) < largest {
				t.Fatalf("Tanh(%g) = %g, less than %g before", x[i], v, largest)
			}
		}
	})
}

// TestLengths checks that nothing is written beyond the slices, that the place in
// a vector does not matter, and that dst may be an argument.
func TestLengths(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		testLengths[float32](t)
		testLengths[float64](t)
	})
}

func testLengths[F Float](t *testing.T) {
	const most = 70
	x, dy := make([]F, most), make([]F, most)
	for i := range x {
		x[i], dy[i] = F(i)/7-3, F(i%5)+1
	}
	for i := range functions {
		f := &functions[i]
		whole := make([]F, most)
		call(f, whole, x, dy)
		for n := range most + 1 {
			y := make([]F, n+2)
			y[0], y[n+1] = 42, 42
			call(f, y[1:n+1], x[:n], dy[:n])
			if y[0] != 42 || y[n+1] != 42 {
				t.Fatalf("%s writes beyond %d elements", f.name, n)
			}
			same(t, f.name, y[1:n+1], whole[:n])
			copy(y, x[:n])
			call(f, y[:n], y[:n], dy[:n])
			same(t, f.name+" in place of x", y[:n], whole[:n])
			if f.grad32 != nil {
				copy(y, dy[:n])
				call(f, y[:n], x[:n], y[:n])
				same(t, f.name+" in place of dy", y[:n], whole[:n])
			}
		}
	}
	// More than a chunk.
	long := make([]F, chunk+100)
	for i := range long {
		long[i] = x[i%most]
	}
	got := make([]F, len(long))
	for i := range functions {
		f := &functions[i]
		whole := make([]F, most)
		call(f, whole, x, dy)
		call(f, got, long, repeat(dy, len(long)))
		same(t, f.name, got, repeat(whole, len(long)))
	}
}

func repeat[F Float](x []F, n int) []F {
	y := make([]F, n)
	for i := range y {
		y[i] = x[i%len(x)]
	}
	return y
}

func same[F Float](t *testing.T, what string, got, want []F) {
	t.Helper()
	for i, v := range got {
		if v != want[i] && (v == v || want[i] == want[i]) {
			t.Fatalf("%s: element %d of %d is %g, want %g", what, i, len(got), v, want[i])
		}
	}
}

// TestLinear checks the sums and products of vectors.
func TestLinear(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		testLinear[float32](t)
		testLinear[float64](t)
	})
}

func testLinear[F Float](t *testing.T) {
	r := random(7)
	for n := range 70 {
		a, b := make([]F, n), make([]F, n)
		sum, product, scaled, moved := make([]F, n), make([]F, n), make([]F, n), make([]F, n)
		for i := range a { // small integers: exact
			a[i], b[i] = F(r.IntN(100)), F(r.IntN(100))
			sum[i], product[i], scaled[i], moved[i] = a[i]+b[i], a[i]*b[i], 3*a[i], b[i]+3*a[i]
		}
		dst := make([]F, n)
		Add(dst, a, b)
		same(t, "Add", dst, sum)
		Hadamard(dst, a, b)
		same(t, "Hadamard", dst, product)
		Scale(dst, a, 3)
		same(t, "Scale", dst, scaled)
		Axpy(b, a, 3)
		same(t, "Axpy", b, moved)
	}
}

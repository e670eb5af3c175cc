package main

import (
	"math"
	"math/big"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

type (
	unary  func(x VecVirtual) VecVirtual
	binary func(a, b VecVirtual) VecVirtual
)

func (u *unit) unary(name, doc string, prepare func() unary) {
	u.each(name, doc, "(dst, x []"+u.float.name+")", []string{"x"}, []string{"dst"}, func() func([]VecVirtual) []VecVirtual {
		f := prepare()
		return func(v []VecVirtual) []VecVirtual { return []VecVirtual{f(v[0])} }
	})
}

func (u *unit) binaryOf(name, doc, first, second string, prepare func() binary) {
	u.each(name, doc, "(dst, "+first+", "+second+" []"+u.float.name+")", []string{first, second}, []string{"dst"},
		func() func([]VecVirtual) []VecVirtual {
			f := prepare()
			return func(v []VecVirtual) []VecVirtual { return []VecVirtual{f(v[0], v[1])} }
		})
}

func (u *unit) functions() {
	u.unary("exp", "sets dst to e^x.", u.exp)
	u.unary("log1p", "sets dst to log(1+x).", u.log1p)
	u.unary("tanh", "sets dst to the hyperbolic tangent of x.", u.tanh)
	u.unary("sigmoid", "sets dst to 1/(1+e^-x).", u.sigmoid)
	u.unary("softplus", "sets dst to log(1+e^x).", u.softplus)
	u.unary("gaussian", "sets dst to e^(-x²).", u.gaussian)
	u.unary("relu", "sets dst to x where x > 0 or NaN, else 0.", u.relu)
	u.unary("erf", "sets dst to the error function of x.", u.erf)

	grad := func(name, doc string, prepare func() binary) { u.binaryOf(name, doc, "z", "dy", prepare) }
	grad("tanhGrad", "sets dst to dy·4u/(1+u)², u = e^-2|z|.", func() binary { return u.logisticGrad(2, 4) })
	grad("sigmoidGrad", "sets dst to dy·u/(1+u)², u = e^-|z|.", func() binary { return u.logisticGrad(1, 1) })
	grad("softplusGrad", "sets dst to dy/(1+e^-z).", u.softplusGrad)
	grad("gaussianGrad", "sets dst to -dy·2z·e^(-z²).", u.gaussianGrad)
	grad("reluGrad", "sets dst to dy where z > 0, to NaN where z is NaN, else to 0.", u.reluGrad)
	grad("erfGrad", "sets dst to dy·2/√π·e^(-z²).", u.erfGrad)

	u.sin("sin", "sets dst to the sine of x, up to the first vector with one beyond the range, which it returns the place of.")
	u.sin("sinGrad", "sets dst to dy·cos z, up to the first vector with one beyond the range, which it returns the place of.")

	u.binaryOf("add", "sets dst to a + b.", "a", "b", func() binary { return func(a, b VecVirtual) VecVirtual { return u.add(a, b) } })
	u.binaryOf("hadamard", "sets dst to a·b.", "a", "b", func() binary { return func(a, b VecVirtual) VecVirtual { return u.mul(a, b) } })
	u.each("axpy", "adds a·x to dst.", "(dst, x []"+u.float.name+", a "+u.float.name+")", []string{"dst", "x"}, []string{"dst"},
		func() func([]VecVirtual) []VecVirtual {
			a := u.scalar("a")
			return func(v []VecVirtual) []VecVirtual { return []VecVirtual{u.fma(a, v[1], v[0])} }
		})
	u.each("scale", "sets dst to a·x.", "(dst, x []"+u.float.name+", a "+u.float.name+")", []string{"x"}, []string{"dst"},
		func() func([]VecVirtual) []VecVirtual {
			a := u.scalar("a")
			return func(v []VecVirtual) []VecVirtual { return []VecVirtual{u.mul(a, v[0])} }
		})
}

// tolerance is that of a polynomial: well below a unit in the last place.
func (u *unit) tolerance() float64 { return u.pick(0x1p-28, 0x1p-57) }

// magic: adding it rounds to an integer and leaves that in the low bits.
func (u *unit) magic() float64 { return math.Ldexp(1.5, u.mantissa) }

func (u *unit) magicBits() uint64 { return u.encode(u.magic()) }

// power prepares the common part of the exponentials. For x = f·(y + low) it
// finds n, r with e^x = 2^n·e^(f·r), |f·r| ≤ ln 2/2, and returns n+magic and r.
// ln 2 is in two parts; n times the first is exact.
func (u *unit) power(f float64) func(y VecVirtual, low Op) (t, r VecVirtual) {
	parts := split(ln2, 2, uint(u.pick(15, 41)))
	rest := u.float.round(math.Ln2 - parts[0])
	if u.float == f64 {
		l, _ := sub(ln2, num(parts[0])).Float64()
		rest = l
	}
	toN, m, hi, lo := u.c(f/math.Ln2), u.c(u.magic()), u.c(-parts[0]/f), u.c(-rest/f)
	return func(y VecVirtual, low Op) (t, r VecVirtual) {
		t = u.fma(y, toN, m)
		n := u.sub(t, m)
		if low != nil {
			return t, u.add(u.fma(n, lo, low), u.fma(n, hi, y))
		}
		return t, u.fma(n, lo, u.fma(n, hi, y))
	}
}

// expm1Over returns the coefficients of (e^(f·r)-1)·scale/r for |f·r| ≤ ln 2/2.
func (u *unit) expm1Over(f, scale float64) []Op {
	h := math.Abs(math.Ln2 / 2 / f)
	return u.cs(fit("e^x-1", func(r *big.Float) *big.Float {
		return quo(mul(num(scale), sub(exp(mul(num(f), r)), num(1))), r)
	}, -h, h, u.tolerance()*math.Abs(f*scale), nil))
}

// expOf prepares e^(f·r). Its first term is exact, so that e^0 is 1.
func (u *unit) expOf(f float64) func(r VecVirtual) VecVirtual {
	one, c := u.c(1), u.expm1Over(f, 1)
	return func(r VecVirtual) VecVirtual { return u.fma(u.horner(r, c), r, one) }
}

// ldexp prepares p·2^n, given n+magic, with overflow and gradual underflow and
// one rounding. |n| must be below 252, in float64 2044: AVX2 multiplies by two
// factors, as 2^n itself may be out of range.
func (u *unit) ldexp() func(p, t VecVirtual) VecVirtual {
	if u.isa == avx512 {
		m := u.c(u.magic())
		return func(p, t VecVirtual) VecVirtual { return u.binary(u.scalef, p, u.sub(t, m)) }
	}
	half := uint64(1) << (u.exponent + 1) // keeps n/2 positive
	m, exponent := u.bits(u.magicBits()-2*half), u.bits((uint64(u.bias)-half)<<u.mantissa)
	return func(p, t VecVirtual) VecVirtual {
		n := u.isub(t, m)
		a := u.shr(1, n)
		b := u.isub(n, a)
		p = u.mul(p, u.iadd(u.shl(u.mantissa, a), exponent))
		return u.mul(p, u.iadd(u.shl(u.mantissa, b), exponent))
	}
}

// factor prepares 2^n for n within the range of exponents, given n+magic.
func (u *unit) factor() func(t VecVirtual) VecVirtual {
	one := u.c(1)
	return func(t VecVirtual) VecVirtual { return u.iadd(u.shl(u.mantissa, t), one) }
}

// Where e^x is 0 whatever rounding does, and where it is Inf.
func (u *unit) expLow() float64  { return u.pick(-104, -746) }
func (u *unit) expHigh() float64 { return u.pick(89, 710) }

// Where dy·e^x is 0 for |dy| up to 2^100, in float64 2^968.
func (u *unit) gradLow() float64 { return u.pick(-174, -1416) }

// expWithin prepares e^(f·y) for f·y from limit to expHigh. At y = end, where f·y
// is the limit, it is 0 without the hundreds of cycles that an operation takes
// whose result underflows.
func (u *unit) expWithin(f, end float64) unary {
	reduce, e, scale := u.power(f), u.expOf(f), u.ldexp()
	last, zero := u.c(end), u.c(0)
	return func(y VecVirtual) VecVirtual {
		t, r := reduce(y, nil)
		return scale(u.choose(y, eq, last, zero, e(r)), t)
	}
}

func (u *unit) exp() unary {
	lo, hi, e := u.c(u.expLow()), u.c(u.expHigh()), u.expWithin(1, u.expLow())
	return func(x VecVirtual) VecVirtual { return e(u.max(lo, u.min(hi, x))) }
}

// expNegAbs prepares e^-|x|. For positive x, beside 1 or x, it need not be less than
// what rounding takes away, and is cut there: there are no denormals on the way to
// a result that is not one.
func (u *unit) expNegAbs() unary {
	lo, enough, zero, sign, e := u.c(u.expLow()), u.c(u.pick(-20, -40)), u.c(0), u.signBit(), u.expWithin(1, u.expLow())
	return func(x VecVirtual) VecVirtual {
		least := u.choose(x, lt, zero, lo, u.load(enough))
		return e(u.binary(u.vmax, least, u.or(x, sign)))
	}
}

// tanhInPieces is tanh for float32. The exponent of |x|+3/4 and two more bits tell
// the piece, where it is a polynomial in |x|-m. That difference is exact, and m is
// such that the constant term, tanh m, is almost a float32: so the result is little
// more than once rounded. The first piece has m = 0 and begins with exactly |x|,
// without results that underflow on the way. The last is 1, and |x| is cut there.
func (u *unit) tanhInPieces() unary {
	const offset, shift, top = .75, 21, 10
	bound := func(k uint64) float64 { return float64(math.Float32frombits(uint32(k<<shift))) - offset }
	first := u.encode(offset) >> shift
	var p [pieces]piece
	var m [pieces]float64
	for k := first; k < first+pieces; k++ {
		lo, hi := bound(k), bound(k+1)
		f, center, given := tanh, 0., []float64(nil)
		switch {
		case k == first:
			given = []float64{0, 1}
		case hi > top:
			f, center, given = func(*big.Float) *big.Float { return num(1) }, top, []float64{1}
		default:
			center = u.nearlyExact(tanh, lo, hi)
		}
		m[k%pieces] = center
		p[k%pieces] = piece{func(x *big.Float) *big.Float { return f(add(x, num(center))) }, lo - center, hi - center, given}
	}
	abs, sign, last, up := u.absBits(), u.signBit(), u.c(top), u.c(offset)
	center, y := u.table(m), u.piecewise("tanh", p, 0x1p-27)
	return func(x VecVirtual) VecVirtual {
		a := u.min(last, u.and(x, abs))
		at := u.place(u.shr(shift, u.add(a, up)))
		return u.or(y(at, u.sub(a, center(at))), u.and(x, sign))
	}
}

// nearlyExact returns a number of the type about the middle of an interval, of
// which f is nearly one, too.
func (u *unit) nearlyExact(f func(x *big.Float) *big.Float, lo, hi float64) (best float64) {
	const tries = 64
	least := math.Inf(1)
	for i := range tries {
		x := u.float.round((lo+hi)/2 + (hi-lo)/4*(float64(i)/tries-.5))
		y := f(num(x))
		v, _ := y.Float64()
		d, _ := quo(sub(num(u.float.round(v)), y), y).Float64()
		if d = math.Abs(d); d < least {
			best, least = x, d
		}
	}
	return best
}

// tanh is h/(h+1) with h = (e^2|x| - 1)/2, and x's sign. From top on the result
// rounds to 1, so that larger ones are cut there. Below 0.35, where h and h+1 both
// round badly, it is |x| + |x|·q with q = x²·p(x²). Only the last |x| is not cut
// at tiny, below which q does not matter: results that underflow on the way cost
// hundreds of cycles.
func (u *unit) tanh() unary {
	if u.float == f32 {
		return u.tanhInPieces()
	}
	const border = .35
	abs, sign, tiny, small, top := u.absBits(), u.signBit(), u.c(u.pick(0x1p-30, 0x1p-60)), u.c(border), u.c(u.pick(10, 20))
	reduce := u.power(2)
	half, minusHalf := u.c(.5), u.c(-.5)
	c, factor, one := u.expm1Over(2, .5), u.factor(), u.c(1)
	p := u.cs(fit("tanh", func(z *big.Float) *big.Float {
		x := sqrt(z)
		return quo(sub(quo(tanh(x), x), num(1)), z)
	}, 0x1p-40, border*border, u.tolerance()*4, nil))
	return func(x VecVirtual) VecVirtual {
		whole := u.and(x, abs)
		y := u.max(tiny, u.min(top, whole))
		z := u.mul(y, y)
		near := u.fma(u.mul(u.horner(z, p), z), whole, whole)
		t, r := reduce(y, nil)
		scale := factor(t)
		h := u.fma(u.mul(u.horner(r, c), r), scale, u.fma(scale, half, minusHalf))
		far := u.div(h, u.add(h, one))
		return u.or(u.choose(whole, lt, small, near, far), u.and(x, sign))
	}
}

// sigmoid is 1/(1+u) for positive x, u/(1+u) for negative, u = e^-|x|.
func (u *unit) sigmoid() unary {
	e, one, zero := u.expNegAbs(), u.c(1), u.c(0)
	return func(x VecVirtual) VecVirtual {
		v := e(x)
		return u.div(u.choose(x, lt, zero, v, u.load(one)), u.add(v, one))
	}
}

// log1pWithin prepares log(1+x) for -1 < x < Inf. With 2^n the power of two by
// which 1+x comes into [3/4, 3/2) and m = (1+x)/2^n - 1, computed without
// rounding 1+x, it is n·ln 2 + log(1+m).
func (u *unit) log1pWithin() unary {
	one, from, exponent := u.c(1), u.c(.75), u.bits(math.MaxUint64<<u.mantissa)
	four, quarter, minusOne, ln2 := u.c(4), u.c(.25), u.c(-1), u.c(math.Ln2)
	c := u.cs(fit("log(1+x)", func(m *big.Float) *big.Float {
		return quo(sub(log1p(m), m), mul(m, m))
	}, -.25, .5, u.tolerance()*4, nil))
	integer := u.exponentValue()
	return func(x VecVirtual) VecVirtual {
		e := u.and(u.isub(u.add(x, one), from), exponent) // n << mantissa
		m := u.add(u.isub(x, e), u.fma(u.isub(u.load(four), e), quarter, minusOne))
		p := u.fma(u.mul(u.horner(m, c), m), m, m)
		return u.fma(integer(e), ln2, p)
	}
}

// exponentValue prepares n from n << mantissa.
func (u *unit) exponentValue() unary {
	if u.float == f32 {
		ulp := u.c(0x1p-23)
		return func(e VecVirtual) VecVirtual {
			d := u.reg()
			VCVTDQ2PS(e, d)
			return u.mul(d, ulp)
		}
	}
	// AVX2 cannot convert 64-bit integers.
	const half = 1 << 10
	up, m, magic := u.bits(half<<u.mantissa), u.bits(u.magicBits()-half), u.c(u.magic())
	return func(e VecVirtual) VecVirtual {
		return u.sub(u.iadd(u.shr(u.mantissa, u.iadd(e, up)), m), magic)
	}
}

func (u *unit) log1p() unary {
	log, sign, inf := u.log1pWithin(), u.signBit(), u.c(math.Inf(1))
	minusOne, minusInf, nan := u.c(-1), u.c(math.Inf(-1)), u.bits(u.encode(math.NaN()))
	return func(x VecVirtual) VecVirtual {
		y := u.or(log(x), u.and(x, sign)) // log1p(-0) = -0
		y = u.choose(x, eq, minusOne, minusInf, y)
		y = u.choose(x, lt, minusOne, nan, y)
		return u.choose(x, nlt, inf, x, y) // +Inf and NaN
	}
}

// softplus is max(x, 0) + log(1 + e^-|x|).
func (u *unit) softplus() unary {
	e, log, zero := u.expNegAbs(), u.log1pWithin(), u.c(0)
	return func(x VecVirtual) VecVirtual { return u.add(log(e(x)), u.max(zero, x)) }
}

// relu takes the sign off the zero, too.
func (u *unit) relu() unary {
	zero := u.load(u.c(0))
	return func(x VecVirtual) VecVirtual { return u.choose(x, nle, zero, x, zero) }
}

func (u *unit) reluGrad() binary {
	zero := u.load(u.c(0))
	return func(z, dy VecVirtual) VecVirtual {
		return u.choose(z, unordered, zero, z, u.choose(z, nle, zero, dy, zero))
	}
}

// The derivatives are dy·v·2^n, with v of moderate size: as 2^n comes last, the
// result is right where f'(z) by itself would be denormal or 0. Where |z| is so
// large that it is 0 anyway, v is 0.

// decayOf is the part that they share: for y ≥ 0 it prepares p and n + magic with
// e^(-f·y) = p·2^n, p = 0 from y = top on, and u = p·2^n or something negligible.
func (u *unit) decayOf(f, top float64) func(y VecVirtual) (p, t, v VecVirtual) {
	reduce, e, factor := u.power(-f), u.expOf(-f), u.factor()
	last, zero, least := u.c(top), u.c(0), u.c(u.magic()-u.pick(100, 1000))
	return func(y VecVirtual) (p, t, v VecVirtual) {
		t, r := reduce(y, nil)
		p = u.choose(y, eq, last, zero, e(r))
		return p, t, u.mul(p, factor(u.max(least, t)))
	}
}

// logisticGradByTable is logisticGrad for float32. It looks up 2^(i/16) of
// u = e^(-f·|z|) = 2^k·2^(i/16)·e^(-f·r), 0 ≤ i < 16, with what rounding took away
// from it; r is so small that a short polynomial does. The low four bits of t are
// i, those above k. As much of 2^k is in v, scale·u, as leaves that normal; the rest
// comes last. Numerator and denominator are multiplied by 5/8: (1+u)² is mostly a
// little above 1, where numbers are relatively least accurate.
func (u *unit) logisticGradByTable(f, scale float64) binary {
	const by = .625
	magic := u.magic() / pieces
	shift := u.mantissa - 4 // from units of 1/16 to the exponent
	var powers, rest [pieces]float64
	rest[0] = 0x1p-100 // not 0, so that nothing underflows where r is tiny
	for i := range powers {
		exact := by * scale * math.Exp2(float64(i)/pieces)
		powers[i] = u.float.round(exact)
		if i > 0 {
			rest[i] = exact/powers[i] - 1
		}
	}
	h := math.Ln2 / pieces / 2 / f
	c := (&piece{func(r *big.Float) *big.Float {
		return quo(sub(exp(mul(num(-f), r)), num(1)), r)
	}, -h, h, []float64{-f}}).fit(2, 0x1p-20, u.float.round)
	p := split(ln2, 2, 15)
	abs, last, toN, m, hi, lo := u.absBits(), u.c(-u.gradLow()/f), u.c(-f/math.Ln2), u.c(magic), u.c(p[0]/f), u.c((math.Ln2-p[0])/f)
	power, low, q := u.table(powers), u.table(rest), u.cs(c)
	integer, least := u.bits(math.MaxUint64-(pieces-1)), u.c(magic-125)
	square, double, unity, one := u.c(1/scale/scale/by), u.c(2/scale), u.c(by), u.c(1)
	return func(z, dy VecVirtual) VecVirtual {
		y := u.and(z, abs)
		if u.isa == avx2 { // without scalef, k-most must be within the exponents
			y = u.min(last, y)
		}
		t := u.fma(y, toN, m)
		n := u.sub(t, m)
		r := u.fma(n, lo, u.fma(n, hi, y))
		k := u.and(t, integer)
		most := u.max(least, k)
		at := u.place(t)
		s := u.iadd(power(at), u.shl(shift, most))
		v := u.keep(y, nge, last, u.fma(s, u.fma(u.horner(r, q), r, low(at)), s))
		v = u.mul(dy, u.div(v, u.fma(u.fma(v, square, double), v, unity)))
		if u.isa == avx512 {
			return u.binary(u.scalef, v, u.sub(k, most))
		}
		return u.mul(v, u.iadd(u.shl(shift, u.isub(k, most)), one))
	}
}

// logisticGrad is dy·scale·u/(1+u)², u = e^(-f·|z|): the derivatives of tanh and
// sigmoid.
func (u *unit) logisticGrad(f, scale float64) binary {
	if u.float == f32 {
		return u.logisticGradByTable(f, scale)
	}
	top := -u.gradLow() / f
	abs, last, one, two := u.absBits(), u.c(top), u.c(1), u.c(2)
	decay, ldexp := u.decayOf(f, top), u.ldexp()
	var four Op
	if scale != 1 {
		four = u.c(scale)
	}
	return func(z, dy VecVirtual) VecVirtual {
		p, t, v := decay(u.min(last, u.and(z, abs)))
		if four != nil {
			p = u.mul(p, four)
		}
		return ldexp(u.mul(dy, u.div(p, u.fma(u.add(v, two), v, one))), t)
	}
}

// softplusGrad is dy·1/(1+u) for positive z, dy·u/(1+u) for negative, u = e^-|z|.
func (u *unit) softplusGrad() binary {
	top := -u.gradLow()
	abs, last, one, zero, m := u.absBits(), u.c(top), u.c(1), u.c(0), u.c(u.magic())
	decay, ldexp := u.decayOf(1, top), u.ldexp()
	return func(z, dy VecVirtual) VecVirtual {
		p, t, v := decay(u.min(last, u.and(z, abs)))
		p = u.choose(z, lt, zero, p, u.load(one))
		t = u.choose(z, lt, zero, t, u.load(m))
		return ldexp(u.mul(dy, u.div(p, u.add(v, one))), t)
	}
}

// square prepares e^(-x²) = p·2^n. The rounding error of x² goes into the reduced
// argument. It returns p, n + magic and |x|, cut at top, where p is 0.
func (u *unit) square(low float64) func(x VecVirtual) (p, t, cut VecVirtual) {
	top := u.float.round(math.Sqrt(-low))
	abs, tiny, last, zero := u.absBits(), u.c(u.pick(0x1p-30, 0x1p-60)), u.c(top), u.c(0)
	reduce, e := u.power(-1), u.expOf(-1)
	return func(x VecVirtual) (p, t, cut VecVirtual) {
		cut = u.min(last, u.and(x, abs))
		a := u.max(tiny, cut)
		y := u.mul(a, a)
		t, r := reduce(y, u.fms(a, a, y))
		return u.choose(cut, eq, last, zero, e(r)), t, cut
	}
}

func (u *unit) gaussian() unary {
	square, ldexp := u.square(u.expLow()), u.ldexp()
	return func(x VecVirtual) VecVirtual {
		p, t, _ := square(x)
		return ldexp(p, t)
	}
}

func (u *unit) gaussianGrad() binary {
	square, ldexp, sign, minusTwo := u.square(u.gradLow()), u.ldexp(), u.signBit(), u.c(-2)
	return func(z, dy VecVirtual) VecVirtual {
		p, t, cut := square(z)
		z = u.or(cut, u.and(z, sign))
		return ldexp(u.mul(dy, u.mul(u.mul(p, minusTwo), z)), t)
	}
}

func (u *unit) erfGrad() binary {
	square, ldexp := u.square(u.gradLow()), u.ldexp()
	f, _ := twoBySqrtPi.Float64()
	scale := u.c(f)
	return func(z, dy VecVirtual) VecVirtual {
		p, t, _ := square(z)
		return ldexp(u.mul(dy, u.mul(p, scale)), t)
	}
}

// erf is x + x·q(x²) up to |x| = 1 and 1 - e^-l(|x|) above, where l = -log(1-erf)
// is a smooth function: a polynomial in |x|-1, as e^-l forgives more the larger it
// is.
func (u *unit) erf() unary {
	top := u.pick(4, 6)
	abs, sign, tiny, one, last := u.absBits(), u.signBit(), u.c(u.pick(0x1p-30, 0x1p-60)), u.c(1), u.c(top)
	q := u.cs(fit("erf", func(z *big.Float) *big.Float {
		x := sqrt(z)
		return sub(quo(erf(x), x), num(1))
	}, 0x1p-40, 1, u.tolerance(), nil))
	l := u.cs(fit("log(1-erf)", func(x *big.Float) *big.Float {
		return sub(num(0), log(sub(num(1), erf(add(x, num(1))))))
	}, 0, top-1, u.tolerance(), func(x float64) float64 { return 1 / math.Erfc(x+1) }))
	reduce, e, factor := u.power(-1), u.expOf(-1), u.factor()
	return func(x VecVirtual) VecVirtual {
		whole := u.and(x, abs)
		a := u.max(tiny, u.min(last, whole))
		near := u.fma(u.horner(u.mul(a, a), q), whole, whole)
		t, r := reduce(u.horner(u.sub(a, one), l), nil)
		far := u.sub(u.load(one), u.mul(e(r), factor(t)))
		return u.or(u.choose(whole, lt, one, near, far), u.and(x, sign))
	}
}

// The greatest arguments that the vectors' reduction takes.
const (
	sinLimit32 = 0x1p16
	sinLimit64 = 0x1p30
)

// sin emits the sine or, as sinGrad, dy times the cosine. With k the nearest
// integer to 2x/π, the result is ±sin r or ±cos r, r = x - k·π/2. π/2 is in three
// parts: k times the first, less x, is exact where that matters.
func (u *unit) sin(name, doc string) {
	in, signature := []string{"x"}, "(dst, x []%s) (done int)"
	cosine := name == "sinGrad"
	if cosine {
		in, signature = []string{"z", "dy"}, "(dst, z, dy []%s) (done int)"
	}
	limit := u.pick(sinLimit32, sinLimit64)
	u.eachWithin(name, doc, signature, in, limit, func() func(v []VecVirtual) VecVirtual {
		p := split(quo(pi, num(2)), 3, uint(u.mantissa+1))
		toK, m := u.c(2/math.Pi), u.c(u.magic())
		p1, p2, p3 := u.c(-p[0]), u.c(-p[1]), u.c(-p[2])
		const end = math.Pi*math.Pi/16 + 1e-6
		sine := u.cs(fit("sin", func(z *big.Float) *big.Float {
			x := sqrt(z)
			return quo(sub(quo(sin(x), x), num(1)), z)
		}, 0x1p-40, end, u.tolerance(), nil))
		cos := u.cs(fit("cos", func(z *big.Float) *big.Float {
			s := sin(quo(sqrt(z), num(2)))
			return quo(mul(num(-2), mul(s, s)), z)
		}, 0x1p-40, end, u.tolerance(), nil))
		one, zero, next := u.c(1), u.c(0), u.bits(1)
		tiny, abs, minus := u.c(u.pick(0x1p-30, 0x1p-60)), u.absBits(), u.signBit()
		return func(v []VecVirtual) VecVirtual {
			x := v[0]
			t := u.fma(x, toK, m)
			k := u.sub(t, m)
			r := u.fma(k, p3, u.fma(k, p2, u.fma(k, p1, x)))
			whole := u.and(r, abs)
			a := u.max(tiny, whole)
			z := u.mul(a, a)
			s := u.or(u.fma(u.mul(u.horner(z, sine), z), whole, whole), u.and(r, minus))
			c := u.fma(u.horner(z, cos), z, one)
			if cosine { // cos x = sin(x + π/2)
				t = u.iadd(t, next)
			}
			odd := u.or(u.shl(8*u.size-1, t), one) // -1 or 1
			y := u.choose(odd, lt, zero, c, s)
			y = u.xor(y, u.and(u.shl(8*u.size-2, t), minus))
			if cosine {
				return u.mul(v[1], y)
			}
			return y
		}
	})
}

package kernels

import (
	"math"
	"math/big"
)

// References in arithmetic of precision bits: enough to reduce the largest float64
// modulo π.

const precision = 1280

func num(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }

// short has the precision that is enough after reduction.
func short(x *big.Float) *big.Float { return new(big.Float).SetPrec(192).Set(x) }

func bigAdd(a, b *big.Float) *big.Float { return new(big.Float).Add(a, b) }
func bigSub(a, b *big.Float) *big.Float { return new(big.Float).Sub(a, b) }
func bigMul(a, b *big.Float) *big.Float { return new(big.Float).Mul(a, b) }
func bigQuo(a, b *big.Float) *big.Float { return new(big.Float).Quo(a, b) }

// series sums a power series whose term k+1 is next(k) times its term k.
func series(first *big.Float, next func(k int) *big.Float) *big.Float {
	sum, term := first, first
	for k := 0; term.Sign() != 0 && term.MantExp(nil) > sum.MantExp(nil)-int(sum.Prec()); k++ {
		term = bigMul(term, next(k))
		sum = bigAdd(sum, term)
	}
	return sum
}

func over(x *big.Float, n int) *big.Float { return bigQuo(x, short(num(float64(n)))) }

func bigAtanh(x *big.Float) *big.Float {
	z := bigMul(x, x)
	sum, power := new(big.Float).SetPrec(x.Prec()), x
	for k := 1; power.Sign() != 0 && power.MantExp(nil) > x.MantExp(nil)-int(x.Prec()); k += 2 {
		sum = bigAdd(sum, bigQuo(power, num(float64(k))))
		power = bigMul(power, z)
	}
	return sum
}

func atanOf(n float64) *big.Float {
	sum, power := num(0), bigQuo(num(1), num(n))
	for k, sign := 1., 1.; power.MantExp(nil) > -precision; k, sign = k+2, -sign {
		sum = bigAdd(sum, bigQuo(power, num(sign*k)))
		power = bigQuo(power, num(n*n))
	}
	return sum
}

var (
	bigPi       = bigSub(bigMul(num(16), atanOf(5)), bigMul(num(4), atanOf(239)))
	bigLn2      = short(bigMul(num(2), bigAtanh(bigQuo(num(1), num(3)))))
	twoBySqrtPi = short(bigQuo(num(2), new(big.Float).SetPrec(precision).Sqrt(bigPi)))
	one         = short(num(1))
	two         = short(num(2))
)

// bigExpm1 has full relative accuracy near 0. Beyond what any of the results can
// be scaled to, it is cut.
func bigExpm1(x *big.Float) *big.Float {
	if x.Sign() == 0 {
		return x
	}
	if x.Cmp(num(1e4)) > 0 {
		x = short(num(1e4))
	}
	if x.Cmp(num(-1e4)) < 0 {
		x = short(num(-1e4))
	}
	f, _ := x.Float64()
	n := math.Round(f / math.Ln2)
	r := bigSub(x, bigMul(short(num(n)), bigLn2))
	m := series(r, func(k int) *big.Float { return over(r, k+2) })
	if n == 0 {
		return m
	}
	return bigSub(new(big.Float).SetMantExp(bigAdd(m, one), int(n)), one)
}

func bigExp(x *big.Float) *big.Float {
	if x.Cmp(num(-1e4)) < 0 {
		x = short(num(-1e4))
	}
	f, _ := x.Float64()
	n := math.Round(min(f, 1e4) / math.Ln2)
	r := bigSub(x, bigMul(short(num(n)), bigLn2))
	if f > 1e4 {
		r = short(num(0))
	}
	m := bigAdd(series(r, func(k int) *big.Float { return over(r, k+2) }), one)
	return new(big.Float).SetMantExp(m, int(n))
}

// bigLog1p is for x > -1.
func bigLog1p(x *big.Float) *big.Float {
	if x.Sign() == 0 {
		return x
	}
	y := bigAdd(one, x)
	e := y.MantExp(nil)
	if f, _ := x.Float64(); f > -.3 && f < .4 {
		return bigMul(two, bigAtanh(bigQuo(x, bigAdd(two, x))))
	}
	y = new(big.Float).SetMantExp(y, -e) // [½, 1)
	l := bigMul(two, bigAtanh(bigQuo(bigSub(y, one), bigAdd(y, one))))
	return bigAdd(l, bigMul(short(num(float64(e))), bigLn2))
}

func neg(x *big.Float) *big.Float { return new(big.Float).Neg(x) }
func abs(x *big.Float) *big.Float { return new(big.Float).Abs(x) }

func bigTanh(x *big.Float) *big.Float {
	m := bigExpm1(bigMul(two, x))
	return bigQuo(m, bigAdd(m, two))
}

func bigLogistic(x *big.Float) *big.Float {
	if x.Sign() < 0 {
		u := bigExp(x)
		return bigQuo(u, bigAdd(one, u))
	}
	return bigQuo(one, bigAdd(one, bigExp(neg(x))))
}

func bigSoftplus(x *big.Float) *big.Float {
	l := bigLog1p(bigExp(neg(abs(x))))
	if x.Sign() > 0 {
		return bigAdd(x, l)
	}
	return l
}

func bigGaussian(x *big.Float) *big.Float { return bigExp(neg(bigMul(x, x))) }

func bigErf(x *big.Float) *big.Float {
	if f, _ := x.Float64(); math.Abs(f) > 7 {
		return short(num(math.Copysign(1, f)))
	}
	if x.Sign() == 0 {
		return x
	}
	z := bigMul(x, x)
	s := series(x, func(k int) *big.Float { return over(bigMul(two, z), 2*k+3) })
	return bigMul(bigMul(s, bigGaussian(x)), twoBySqrtPi)
}

// bigSinOf returns sin(x + quarters·π/2).
func bigSinOf(x float64, quarters float64) *big.Float {
	y := bigAdd(num(x), bigMul(bigPi, num(quarters/2)))
	n, _ := bigAdd(bigQuo(y, bigPi), num(math.Copysign(.5, x))).Int(nil)
	r := short(bigSub(y, bigMul(new(big.Float).SetPrec(precision).SetInt(n), bigPi)))
	if n.Bit(0) == 1 {
		r = neg(r)
	}
	if r.Sign() == 0 {
		return r
	}
	z := neg(bigMul(r, r))
	return series(r, func(k int) *big.Float { return bigQuo(z, short(num(float64((2*k+2)*(2*k+3))))) })
}

// logistic derivatives: scale·u/(1+u)², u = e^-f|x|.
func bigLogisticGrad(x *big.Float, f, scale float64) *big.Float {
	u := bigExp(neg(bigMul(short(num(f)), abs(x))))
	d := bigAdd(one, u)
	return bigQuo(bigMul(short(num(scale)), u), bigMul(d, d))
}

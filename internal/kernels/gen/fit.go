package main

import (
	"fmt"
	"math"
	"math/big"
)

// The polynomials are fitted here, in arithmetic of precision bits: the source has
// the function, the interval and the tolerance, not the digits.

const precision = 512

func num(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }

func add(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(precision).Add(a, b) }
func sub(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(precision).Sub(a, b) }
func mul(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(precision).Mul(a, b) }
func quo(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(precision).Quo(a, b) }

// series sums a power series whose term k+1 is next(k) times its term k.
func series(first *big.Float, next func(k int) *big.Float) *big.Float {
	sum, term := first, first
	for k := 0; ; k++ {
		term = mul(term, next(k))
		if term.Sign() == 0 || term.MantExp(nil) < sum.MantExp(nil)-precision {
			return sum
		}
		sum = add(sum, term)
	}
}

func exp(x *big.Float) *big.Float {
	small := new(big.Float).SetMantExp(x, -16)
	e := series(num(1), func(k int) *big.Float { return quo(small, num(float64(k+1))) })
	for range 16 {
		e = mul(e, e)
	}
	return e
}

// atanh is for small x.
func atanh(x *big.Float) *big.Float {
	sum, power := num(0), x
	for k := 1; power.MantExp(nil) > x.MantExp(nil)-precision; k += 2 {
		sum = add(sum, quo(power, num(float64(k))))
		power = mul(power, mul(x, x))
	}
	return sum
}

// log1p is for x well above -1 and below 2.
func log1p(x *big.Float) *big.Float { return mul(num(2), atanh(quo(x, add(x, num(2))))) }

func log(x *big.Float) *big.Float {
	m := new(big.Float)
	e := x.MantExp(m)
	return add(mul(num(float64(e)), ln2), log1p(sub(m, num(1))))
}

func tanh(x *big.Float) *big.Float {
	e := exp(mul(num(2), x))
	return quo(sub(e, num(1)), add(e, num(1)))
}

func erf(x *big.Float) *big.Float {
	z := mul(x, x)
	s := series(x, func(k int) *big.Float { return quo(mul(num(2), z), num(float64(2*k+3))) })
	return mul(mul(s, exp(sub(num(0), z))), twoBySqrtPi)
}

func sin(x *big.Float) *big.Float {
	z := sub(num(0), mul(x, x))
	return series(x, func(k int) *big.Float { return quo(z, num(float64((2*k+2)*(2*k+3)))) })
}

func sqrt(x *big.Float) *big.Float { return new(big.Float).SetPrec(precision).Sqrt(x) }

var (
	ln2 = mul(num(2), atanh(quo(num(1), num(3))))
	// Machin: π = 16·atan(1/5) - 4·atan(1/239)
	pi          = sub(mul(num(16), atanOf(5)), mul(num(4), atanOf(239)))
	twoBySqrtPi = quo(num(2), sqrt(pi))
)

// atanOf returns atan(1/n).
func atanOf(n float64) *big.Float {
	sum, power := num(0), quo(num(1), num(n))
	for k := 1.; power.MantExp(nil) > -precision; k += 2 {
		sum = add(sum, quo(power, num(k*(1-2*float64((int(k)/2)%2)))))
		power = quo(power, num(n*n))
	}
	return sum
}

// split returns x in n parts of the given number of bits.
func split(x *big.Float, n int, bits uint) (parts []float64) {
	for range n {
		f, _ := new(big.Float).SetPrec(bits).SetMode(big.ToZero).Set(x).Float64()
		parts = append(parts, f)
		x = sub(x, num(f))
	}
	return parts
}

// fit returns the coefficients of the polynomial of least degree that equals f at
// the Chebyshev nodes of [lo, hi] and is nowhere there further from it than the
// tolerance, times scale(x) if that is given.
func fit(what string, f func(x *big.Float) *big.Float, lo, hi, tolerance float64, scale func(x float64) float64) []float64 {
	const grid = 160
	points := make([]*big.Float, grid+1)
	values := make([]*big.Float, grid+1)
	for i := range points {
		points[i] = offZero(lo + (hi-lo)*float64(i)/grid)
		values[i] = f(points[i])
	}
	for degree := 1; degree < 40; degree++ {
		c := interpolate(f, lo, hi, degree)
		worst := 0.
		for i, x := range points {
			p := num(0)
			for j := len(c) - 1; j >= 0; j-- {
				p = add(mul(p, x), c[j])
			}
			d, _ := sub(p, values[i]).Float64()
			if scale != nil {
				at, _ := x.Float64()
				d /= scale(at)
			}
			worst = max(worst, math.Abs(d))
		}
		if worst <= tolerance {
			rounded := make([]float64, len(c))
			for i := range c {
				rounded[i], _ = c[i].Float64()
			}
			return rounded
		}
	}
	panic(fmt.Sprintf("no polynomial for %s on [%g, %g]", what, lo, hi))
}

// offZero moves 0, where quotients like (e^x-1)/x have a gap.
func offZero(x float64) *big.Float {
	if math.Abs(x) < 0x1p-60 {
		x = 0x1p-60
	}
	return num(x)
}

func interpolate(f func(x *big.Float) *big.Float, lo, hi float64, degree int) []*big.Float {
	n := degree + 1
	x, d := make([]*big.Float, n), make([]*big.Float, n)
	for i := range x {
		x[i] = offZero((lo+hi)/2 + (hi-lo)/2*math.Cos(math.Pi*(float64(i)+.5)/float64(n)))
		d[i] = f(x[i])
	}
	for j := 1; j < n; j++ { // divided differences
		for i := n - 1; i >= j; i-- {
			d[i] = quo(sub(d[i], d[i-1]), sub(x[i], x[i-j]))
		}
	}
	c := make([]*big.Float, n) // Newton's form to powers
	for i := range c {
		c[i] = num(0)
	}
	for i := n - 1; i >= 0; i-- {
		for j := n - 1; j > 0; j-- {
			c[j] = sub(c[j-1], mul(x[i], c[j]))
		}
		c[0] = sub(d[i], mul(x[i], c[0]))
	}
	return c
}

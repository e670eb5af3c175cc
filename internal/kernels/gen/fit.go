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
			d, _ := sub(horner(c, x), values[i]).Float64()
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

// fit returns coefficients as numbers of the type that rounds, or nil if the
// polynomial's relative error is above the tolerance even without rounding. Each
// coefficient is rounded before the next ones are fitted, which make up for it.
func (p *piece) fit(degree int, tolerance float64, round func(float64) float64) []float64 {
	const grid = 64
	x, y := make([]*big.Float, grid), make([]*big.Float, grid)
	for i := range x {
		x[i] = offZero((p.lo+p.hi)/2 + (p.hi-p.lo)/2*math.Cos(math.Pi*(float64(i)+.5)/grid))
		y[i] = p.f(x[i])
	}
	c := append([]float64{}, p.first...)
	for len(c) <= degree {
		rest := leastSquares(x, y, c, degree)
		if len(c) == len(p.first) && relativeError(x, y, c, rest) > tolerance {
			return nil
		}
		next, _ := rest[0].Float64()
		c = append(c, round(next))
	}
	return c
}

// leastSquares fits the further coefficients of a polynomial, so that the mean of
// the squared relative errors is least. At Chebyshev nodes, that comes close to the
// least greatest error.
func leastSquares(x, y []*big.Float, c []float64, degree int) []*big.Float {
	n := degree + 1 - len(c)
	a := make([][]*big.Float, n) // normal equations
	for i := range a {
		a[i] = make([]*big.Float, n+1)
		for j := range a[i] {
			a[i][j] = num(0)
		}
	}
	row := make([]*big.Float, n+1)
	for k := range x {
		known, power := num(0), num(1)
		for _, v := range c {
			known = add(known, mul(num(v), power))
			power = mul(power, x[k])
		}
		for i := range n {
			row[i] = quo(power, y[k])
			power = mul(power, x[k])
		}
		row[n] = sub(num(1), quo(known, y[k]))
		for i := range n {
			for j := range row {
				a[i][j] = add(a[i][j], mul(row[i], row[j]))
			}
		}
	}
	for i := range n { // Gauß and Jordan; the matrix is positive definite
		for j := n; j >= i; j-- {
			a[i][j] = quo(a[i][j], a[i][i])
		}
		for k := range n {
			if k == i {
				continue
			}
			for j := n; j >= i; j-- {
				a[k][j] = sub(a[k][j], mul(a[k][i], a[i][j]))
			}
		}
	}
	rest := make([]*big.Float, n)
	for i := range rest {
		rest[i] = a[i][n]
	}
	return rest
}

// relativeError returns the greatest at the points, of the polynomial with
// coefficients c and then rest.
func relativeError(x, y []*big.Float, c []float64, rest []*big.Float) (worst float64) {
	all := make([]*big.Float, 0, len(c)+len(rest))
	for _, v := range c {
		all = append(all, num(v))
	}
	all = append(all, rest...)
	for k := range x {
		d, _ := quo(sub(horner(all, x[k]), y[k]), y[k]).Float64()
		worst = max(worst, math.Abs(d))
	}
	return worst
}

func horner(c []*big.Float, x *big.Float) *big.Float {
	p := num(0)
	for j := len(c) - 1; j >= 0; j-- {
		p = add(mul(p, x), c[j])
	}
	return p
}

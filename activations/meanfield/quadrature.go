package meanfield

import (
	"math"
	"slices"
)

// Estimate is a number with the quadrature's estimate of its error.
type Estimate struct{ Value, Error float64 }

// known reports whether the value is meaningful: finite, and not of a diverging integral.
func (e Estimate) known() bool { return e.Error <= 1e-6*math.Abs(e.Value) }

// Nodes and weights of the Gauss-Kronrod rule of 10 and 21 points on [-1, 1] (R.
// Piessens et al.: QUADPACK, 1983), from the outside in. Gauss' points are those of
// odd index.
var (
	kronrodNode = [11]float64{
		0.995657163025808080735527280689003, 0.973906528517171720077964012084452,
		0.930157491355708226001207180059508, 0.865063366688984510732096688423493,
		0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
		0.562757134668604683339000099272694, 0.433395394129247190799265943165784,
		0.294392862701460198131126603103866, 0.148874338981631210884826001129720, 0,
	}
	kronrodWeight = [11]float64{
		0.011694638867371874278064396062192, 0.032558162307964727478818972459390,
		0.054755896574351996031381300244580, 0.075039674810919952767043140916190,
		0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
		0.123491976262065851077958109585166, 0.134709217311473325928054001771707,
		0.142775938577060080797094273138717, 0.147739104901338491374841515972068,
		0.149445554002916905664936468389821,
	}
	gaussWeight = [5]float64{
		0.066671344308688137593568809893332, 0.149451349150580593145863396957658,
		0.219086362515982043995534934228163, 0.269266719309996355091226921569469,
		0.295524224714752870173815619188769,
	}
)

const (
	precise   = 1e-13 // tolerance of an integral, relative to the integral of |g|
	rounds    = 100   // of bisection
	manyParts = 4096  // at which refinement ends
)

// part is an interval with the integral over it.
type part struct {
	lo, hi, value, size, err float64
	stuck                    int // bisections on the way here that did not reduce the error
}

// kronrod integrates g over [lo, hi]; size is the integral of |g|. The error estimate is
// QUADPACK's.
func kronrod(g func(float64) float64, lo, hi float64) part {
	centre, half := (lo+hi)/2, (hi-lo)/2
	middle := g(centre)
	var values [20]float64
	sum, gauss, size := kronrodWeight[10]*middle, 0., kronrodWeight[10]*math.Abs(middle)
	for i, x := range kronrodNode[:10] {
		a, b := g(centre-half*x), g(centre+half*x)
		values[2*i], values[2*i+1] = a, b
		sum += kronrodWeight[i] * (a + b)
		size += kronrodWeight[i] * (math.Abs(a) + math.Abs(b))
		if i%2 == 1 {
			gauss += gaussWeight[i/2] * (a + b)
		}
	}
	spread := kronrodWeight[10] * math.Abs(middle-sum/2)
	for i := range kronrodNode[:10] {
		spread += kronrodWeight[i] * (math.Abs(values[2*i]-sum/2) + math.Abs(values[2*i+1]-sum/2))
	}
	p := part{lo: lo, hi: hi, value: sum * half, size: size * half, err: math.Abs(sum-gauss) * half}
	if spread *= half; spread > 0 && p.err > 0 {
		if r := 200 * p.err / spread; r < 1 {
			p.err = spread * r * math.Sqrt(r)
		} else {
			p.err = spread
		}
	}
	return p
}

// integrate integrates g from the first of the ascending breaks to the last. It starts with the
// parts between them, and bisects those whose error matters until the error of the whole is
// within the tolerance, below negligible, or due to rounding. If g is not finite, it returns
// NaN.
func integrate(g func(float64) float64, breaks []float64, tolerance, negligible float64) Estimate {
	var space [128]part
	parts := space[:0]
	for i, hi := range breaks[1:] {
		if lo := breaks[i]; lo < hi {
			parts = append(parts, kronrod(g, lo, hi))
		}
	}
	for round := 0; ; round++ {
		var value, size, err float64
		for _, p := range parts {
			value += p.value
			size += p.size
			err += p.err
		}
		if math.IsNaN(value) || math.IsInf(size, 0) {
			return Estimate{math.NaN(), math.Inf(1)}
		}
		allowed := max(tolerance*size, negligible)
		if err <= allowed || round == rounds || len(parts) > manyParts {
			return Estimate{value, err + 0x1p-52*size}
		}
		limit := allowed / float64(len(parts))
		done := true
		for i, p := range parts {
			middle := (p.lo + p.hi) / 2
			if p.err <= limit || p.stuck > 3 || !(p.lo < middle && middle < p.hi) || p.hi-p.lo < 1e-15*max(math.Abs(p.lo), math.Abs(p.hi)) {
				continue
			}
			done = false
			a, b := kronrod(g, p.lo, middle), kronrod(g, middle, p.hi)
			// The error due to a kink is at least halved; that of rounded values is not.
			if a.stuck = p.stuck; a.err+b.err > 0.9*p.err && math.Abs(a.value+b.value-p.value) <= 1e-5*p.size {
				a.stuck++
			}
			b.stuck = a.stuck
			parts[i] = a
			parts = append(parts, b)
		}
		if done {
			return Estimate{value, err + 0x1p-52*size}
		}
	}
}

// gaussianParts are the ends of intervals in which the normal density is smooth. Beyond the last
// it is less than 1e-313.
var gaussianParts = [...]float64{0, 2, 4, 6, 9, 13, 38}

const reach = 38

// density returns the standard normal density.
func density(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }

// addScales appends the ends of intervals for an integral over z that has the
// normal density, and of a function of scale·(z - centre) whose details are of size
// 1: around the centre intervals that double, as far as they are finer than the
// density's, and the kinks.
func addScales(breaks []float64, scale, centre float64, kinks []float64) []float64 {
	for _, k := range kinks {
		if z := centre + k/scale; math.Abs(z) < reach {
			breaks = append(breaks, z)
		}
	}
	for u := 1.; u < 2*scale; u *= 2 {
		for _, z := range [2]float64{centre - u/scale, centre + u/scale} {
			if math.Abs(z) < reach {
				breaks = append(breaks, z)
			}
		}
	}
	return breaks
}

func addGaussian(breaks []float64) []float64 {
	for _, z := range gaussianParts {
		breaks = append(breaks, -z, z)
	}
	return breaks
}

// expect returns E[g(z)] of a standard normal z, g being a function of scale·z with
// kinks.
func expect(g func(z float64) float64, scale float64, kinks []float64) Estimate {
	return expectWithin(precise, g, scale, kinks)
}

func expectWithin(tolerance float64, g func(z float64) float64, scale float64, kinks []float64) Estimate {
	var space [160]float64
	breaks := addScales(addGaussian(space[:0]), scale, 0, kinks)
	slices.Sort(breaks)
	return integrate(func(z float64) float64 { return weighted(g(z), z) }, breaks, tolerance, 0)
}

// weighted returns y·density(z), 0 where the density underflows.
func weighted(y, z float64) float64 {
	if y == 0 {
		return 0
	}
	return y * density(z)
}

// Expectation returns E[g(z)] of a standard normal z. g may have kinks and jumps,
// found by bisection; naming them makes it faster. Details finer than about 1/20
// should be near 0 or have a kink named. A g that is not finite within |z| ≤ 38
// gives NaN.
func Expectation(g func(z float64) float64, kinks ...float64) Estimate {
	return expect(g, 1, kinks)
}

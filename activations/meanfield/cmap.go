package meanfield

import (
	"math"
	"slices"
)

// terms is the largest number of Hermite coefficients.
const terms = 512

// Hermite returns the coefficients a_k = E[g(√q z) h_k(z)] of g, where h_k are the Hermite
// polynomials orthonormal under the normal density, and the remainder E[g²] - Σ a_k². By
// Mehler's formula
//
//	E[g(u₁) g(u₂)] = Σ c^k a_k²
//
// for u₁, u₂ of variance q and correlation c, so the error of n terms is at most |c|^n times the
// remainder. There are as many coefficients as it takes to make the remainder 0, or 512.
func Hermite(g func(u float64) float64, q float64, kinks ...float64) (a []float64, rest float64) {
	s := math.Sqrt(q)
	// h_k φ^½ is of order 1, and oscillates with a wavelength of 2π/√k.
	var space [256]float64
	breaks := space[:0]
	for z := -13.5; z <= 13.5; z += 0.75 {
		breaks = append(breaks, z)
	}
	breaks = slices.DeleteFunc(addScales(breaks, s, 0, kinks), func(z float64) bool { return math.Abs(z) > 13.5 })
	slices.Sort(breaks)
	n := 21 * (len(breaks) - 1)
	memory := make([]float64, 4*n)
	z, w, h, before := memory[:0:n], memory[n:n:2*n], memory[2*n:3*n], memory[3*n:]
	var total float64
	for i, hi := range breaks[1:] {
		centre, half := (breaks[i]+hi)/2, (hi-breaks[i])/2
		for j := -10; j <= 10; j++ {
			k := 10 - max(j, -j)
			x := centre + math.Copysign(kronrodNode[k], float64(j))*half
			y, p := g(s*x), kronrodWeight[k]*half*density(x)
			z, w = append(z, x), append(w, y*p)
			total += y * y * p
		}
	}
	for i := range h {
		h[i] = 1
	}
	rest = total
	for k := 0; k < terms; k++ {
		var sum float64
		up, down := 1/math.Sqrt(float64(k+1)), math.Sqrt(float64(k))
		for i, x := range z {
			sum += w[i] * h[i]
			h[i], before[i] = up*(x*h[i]-down*before[i]), h[i]
		}
		a = append(a, sum)
		if rest -= sum * sum; rest < 1e-15*total {
			break
		}
	}
	return a, max(rest, 0)
}

// kernel is E[g(u₁) g(u₂)] of u₁, u₂ of variance q as a function of their
// correlation.
type kernel struct {
	g     func(float64) float64
	scale float64
	kinks []float64
	a2    []float64 // squared Hermite coefficients
	rest  float64
	whole float64 // at correlation 1
}

// close is the relative error at which the series suffices.
const close = 1e-12

func newKernel(g func(float64) float64, q float64, kinks []float64) *kernel {
	k := &kernel{g: g, scale: math.Sqrt(q), kinks: kinks}
	k.whole = expect(func(z float64) float64 { y := g(k.scale * z); return y * y }, k.scale, kinks).Value
	a, rest := Hermite(g, q, kinks...)
	sum := rest
	for i, v := range a {
		a[i] = v * v
		sum += a[i]
	}
	if math.Abs(sum-k.whole) > close*k.whole {
		k.rest = k.whole // the quadrature of the coefficients missed details of g: no series
		return k
	}
	k.a2, k.rest = a, rest
	return k
}

// at returns E[g(u₁) g(u₂)] at correlation c, by the series if it is as good as quadrature in
// two dimensions.
func (k *kernel) at(c float64) float64 {
	switch {
	case c == 1:
		return k.whole
	case k.missing(c):
		return k.nested(c, false)
	}
	var sum float64
	for _, a := range slices.Backward(k.a2) {
		sum = sum*c + a
	}
	return sum
}

// missing reports whether what the series leaves out matters.
func (k *kernel) missing(c float64) bool {
	return k.rest*math.Pow(math.Abs(c), float64(len(k.a2))) > close*k.whole
}

// lost returns E[g²] - E[g(u₁) g(u₂)] at correlation 1-t, 0 ≤ t ≤ 1, without
// cancellation.
func (k *kernel) lost(t float64) float64 {
	if k.missing(1 - t) {
		return k.nested(1-t, true)
	}
	var sum float64
	if k.rest > close*k.whole {
		sum = k.rest // which contributes nothing at this correlation
	}
	step := math.Log1p(-t)
	for i := 1; i < len(k.a2); i++ {
		sum -= k.a2[i] * math.Expm1(float64(i)*step)
	}
	return sum
}

// nested integrates g(u₁) g(u₂) over the plane, or (g(u₁) - g(u₂))²/2, with u₁, u₂ =
// scale·(a x ± b y), a² = (1+c)/2 and b² = (1-c)/2. Both are even in y.
func (k *kernel) nested(c float64, difference bool) float64 {
	// What is negligible is not refined: where f saturates, the difference of nearly equal
	// numbers is noise.
	tolerance, negligible := 1e-11, 1e-13*k.whole
	if difference {
		tolerance, negligible = 1e-9, 1e-12*(1-c)*k.whole
	}
	a, b := math.Sqrt((1+c)/2)*k.scale, math.Sqrt((1-c)/2)*k.scale
	inner := func(x float64) float64 {
		var space [300]float64
		breaks := append(space[:0], 0, reach)
		for _, z := range gaussianParts {
			breaks = append(breaks, z)
		}
		if b > 0 {
			breaks = addScales(breaks, b, a*x/b, k.kinks)
			for _, kink := range k.kinks {
				breaks = append(breaks, (kink-a*x)/b)
			}
		}
		breaks = slices.DeleteFunc(breaks, func(y float64) bool { return !(y >= 0 && y <= reach) })
		slices.Sort(breaks)
		return 2 * integrate(func(y float64) float64 {
			first, second := k.g(a*x+b*y), k.g(a*x-b*y)
			if difference {
				d := first - second
				return weighted(d*d/2, y)
			}
			return weighted(first*second, y)
		}, breaks, tolerance/10, negligible).Value
	}
	return expectWithin(tolerance, inner, a, k.kinks).Value
}

// Covariance returns E[f(u₁) f(u₂)] of pre-activations u₁, u₂ of variance q and
// correlation c.
func (m *Field) Covariance(q, c float64) float64 { return newKernel(m.f.F, q, m.kinks).at(c) }

// SlopeCovariance returns E[f'(u₁) f'(u₂)]; times q it is the derivative of
// Covariance by c.
func (m *Field) SlopeCovariance(q, c float64) float64 {
	return newKernel(m.f.Derivative, q, m.kinks).at(c)
}

// CMap maps the correlation of two examples' pre-activations from layer to layer, at a fixed
// point q of the q-map:
//
//	c ← (σ_w² E[f(u₁) f(u₂)] + σ_b²)/q
type CMap struct {
	v             Variances
	q             float64
	value, slopes *kernel
}

// CMap returns the c-map at variance q, which must be above 0.
func (m *Field) CMap(v Variances, q float64) *CMap {
	return &CMap{v, q, newKernel(m.f.F, q, m.kinks), newKernel(m.f.Derivative, q, m.kinks)}
}

// At returns the correlation in the next layer.
func (m *CMap) At(c float64) float64 { return (m.v.Weight*m.value.at(c) + m.v.Bias) / m.q }

// Slope returns the derivative of the map, σ_w² E[f'(u₁) f'(u₂)]: χ₁ at c = 1.
func (m *CMap) Slope(c float64) float64 { return m.v.Weight * m.slopes.at(c) }

// fixedPoint returns the correlation to which examples converge if χ₁ > 1: the map is convex on
// [0, 1], so there is one fixed point below 1. It returns 1 if that is within 1e-5 of 1.
func (m *CMap) fixedPoint() float64 {
	// As a function of t = 1-c, so that nothing cancels.
	excess := func(t float64) float64 { return t - m.v.Weight*m.value.lost(t)/m.q }
	end := excess(1)
	if end < 1e-14 {
		return 0 // f is odd and there is no bias
	}
	for lo := 0.5; lo >= 1e-5; lo /= 4 {
		if at := excess(lo); at < 0 {
			return 1 - root(excess, lo, 1, at, end, 1e-11)
		}
	}
	return 1
}

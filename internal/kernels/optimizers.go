package kernels

import "math"

// The updates of the weights w by the gradient g, each in one pass over memory. Coefficients are
// float64 for both element types; 1-rho and the like are computed in float64 and then rounded.

// SGD sets w -= lr·g.
func SGD[F Float](w, g []F, lr float64) {
	Axpy(w, g, F(-lr))
}

// Momentum sets v = mu·v + g and w -= lr·v or, if nesterov, w -= lr·(g + mu·v).
func Momentum[F Float](w, g, v []F, lr, mu float64, nesterov bool) {
	sameLength(len(w), len(g), len(v))
	raceWrite(w)
	raceRead(g)
	raceWrite(v)
	f := use[F]().momentum
	if nesterov {
		f = use[F]().nesterov
	}
	for len(w) > 0 {
		n := min(len(w), chunk)
		f(w[:n], g[:n], v[:n], F(lr), F(mu))
		w, g, v = w[n:], g[n:], v[n:]
	}
}

// RMSProp sets v = rho·v + (1-rho)·g² and w -= lr·g/(√v + eps).
func RMSProp[F Float](w, g, v []F, lr, rho, eps float64) {
	sameLength(len(w), len(g), len(v))
	raceWrite(w)
	raceRead(g)
	raceWrite(v)
	f := use[F]().rmsprop
	for len(w) > 0 {
		n := min(len(w), chunk)
		f(w[:n], g[:n], v[:n], F(lr), F(rho), F(1-rho), F(eps))
		w, g, v = w[n:], g[n:], v[n:]
	}
}

// Adam sets m = beta1·m + (1-beta1)·g, v = beta2·v + (1-beta2)·g² and
// w -= lr·(m/correction1)/(√(v/correction2) + eps). At step t = 1, 2, … the
// corrections are 1-beta1^t and 1-beta2^t.
func Adam[F Float](w, g, m, v []F, lr, beta1, beta2, eps, correction1, correction2 float64) {
	sameLength(len(w), len(g), len(m), len(v))
	raceWrite(w)
	raceRead(g)
	raceWrite(m)
	raceWrite(v)
	f := use[F]().adam
	for len(w) > 0 {
		n := min(len(w), chunk)
		f(w[:n], g[:n], m[:n], v[:n], F(lr/correction1), F(beta1), F(1-beta1), F(beta2), F(1-beta2),
			F(1/math.Sqrt(correction2)), F(eps))
		w, g, m, v = w[n:], g[n:], m[n:], v[n:]
	}
}

// SMORMS3 sets, with r = 1/(mem+1),
//
//	g1 = (1-r)·g1 + r·g
//	g2 = (1-r)·g2 + r·g²
//	x = g1²/(g2+eps)
//	w -= g·min(lr, x)/(√g2 + eps)
//	mem = 1 + mem·(1-x)
//
// mem starts at 1, g1 and g2 at 0 (Simon Funk, 2015).
func SMORMS3[F Float](w, g, mem, g1, g2 []F, lr, eps float64) {
	sameLength(len(w), len(g), len(mem), len(g1), len(g2))
	raceWrite(w)
	raceRead(g)
	raceWrite(mem)
	raceWrite(g1)
	raceWrite(g2)
	f := use[F]().smorms3
	for len(w) > 0 {
		n := min(len(w), chunk)
		f(w[:n], g[:n], mem[:n], g1[:n], g2[:n], F(lr), F(eps))
		w, g, mem, g1, g2 = w[n:], g[n:], mem[n:], g1[n:], g2[n:]
	}
}

// Rprop does a step of iRprop-: it multiplies step by up where the gradient g has the sign of
// last, by down where it has the opposite one, and keeps it within least and most. It sets last
// to g, or to 0 where the sign changed, and moves w by step against the sign of last. A NaN in g
// makes its w NaN.
func Rprop[F Float](w, g, last, step []F, up, down, least, most float64) {
	sameLength(len(w), len(g), len(last), len(step))
	raceWrite(w)
	raceRead(g)
	raceWrite(last)
	raceWrite(step)
	f := use[F]().rprop
	for len(w) > 0 {
		n := min(len(w), chunk)
		f(w[:n], g[:n], last[:n], step[:n], F(up), F(down), F(least), F(most))
		w, g, last, step = w[n:], g[n:], last[n:], step[n:]
	}
}

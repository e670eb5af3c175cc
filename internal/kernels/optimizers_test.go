package kernels

import (
	"math"
	"testing"
)

// optimizers are the updates with their numbers of state slices, and what one
// element becomes in float64, by the formulas.
var optimizers = []struct {
	name   string
	state  int
	update func(s, d state)
	want   func(w, g float64, s []float64) (float64, []float64)
}{
	{"SGD", 0, func(s, d state) { SGD(s.w32, s.g32, .1); SGD(d.w64, d.g64, .1) },
		func(w, g float64, s []float64) (float64, []float64) { return w - .1*g, s }},
	{"Momentum", 1, func(s, d state) {
		Momentum(s.w32, s.g32, s.s32[0], .1, .9, false)
		Momentum(d.w64, d.g64, d.s64[0], .1, .9, false)
	}, func(w, g float64, s []float64) (float64, []float64) {
		v := .9*s[0] + g
		return w - .1*v, []float64{v}
	}},
	{"Nesterov", 1, func(s, d state) {
		Momentum(s.w32, s.g32, s.s32[0], .1, .9, true)
		Momentum(d.w64, d.g64, d.s64[0], .1, .9, true)
	}, func(w, g float64, s []float64) (float64, []float64) {
		v := .9*s[0] + g
		return w - .1*(g+.9*v), []float64{v}
	}},
	{"RMSProp", 1, func(s, d state) {
		RMSProp(s.w32, s.g32, s.s32[0], .01, .999999, 1e-8)
		RMSProp(d.w64, d.g64, d.s64[0], .01, .999999, 1e-8)
	}, func(w, g float64, s []float64) (float64, []float64) {
		const rho = .999999 // 1-rho in float32 would be 5% off
		v := rho*s[0] + (1-rho)*g*g
		return w - .01*g/(math.Sqrt(v)+1e-8), []float64{v}
	}},
	{"Adam", 2, func(s, d state) {
		Adam(s.w32, s.g32, s.s32[0], s.s32[1], .01, .9, .999, 1e-8, .19, .002)
		Adam(d.w64, d.g64, d.s64[0], d.s64[1], .01, .9, .999, 1e-8, .19, .002)
	}, func(w, g float64, s []float64) (float64, []float64) {
		m, v := .9*s[0]+.1*g, .999*s[1]+.001*g*g
		return w - .01*(m/.19)/(math.Sqrt(v/.002)+1e-8), []float64{m, v}
	}},
	{"SMORMS3", 3, func(s, d state) {
		SMORMS3(s.w32, s.g32, s.s32[0], s.s32[1], s.s32[2], .01, 1e-16)
		SMORMS3(d.w64, d.g64, d.s64[0], d.s64[1], d.s64[2], .01, 1e-16)
	}, func(w, g float64, s []float64) (float64, []float64) {
		r := 1 / (s[0] + 1)
		g1, g2 := (1-r)*s[1]+r*g, (1-r)*s[2]+r*g*g
		x := g1 * g1 / (g2 + 1e-16)
		return w - g*min(.01, x)/(math.Sqrt(g2)+1e-16), []float64{1 + s[0]*(1-x), g1, g2}
	}},
}

type state struct {
	w32, g32 []float32
	s32      [][]float32
	w64, g64 []float64
	s64      [][]float64
}

// TestUpdates compares two steps with the formulas.
func TestUpdates(t *testing.T) {
	for _, o := range optimizers {
		t.Run(o.name, func(t *testing.T) {
			eachLevel(t, func(t *testing.T) {
				r := random(11)
				for n := range 40 {
					var s state
					s.w64, s.w32 = make([]float64, n), make([]float32, n)
					s.g64, s.g32 = make([]float64, n), make([]float32, n)
					for range o.state {
						s.s64, s.s32 = append(s.s64, make([]float64, n)), append(s.s32, make([]float32, n))
					}
					want := make([][]float64, n)
					for i := range n {
						for j := range o.state {
							s.s32[j][i] = float32(r.Float64()*.2 + .9)
							s.s64[j][i] = float64(s.s32[j][i])
							want[i] = append(want[i], s.s64[j][i])
						}
						s.g32[i], s.w32[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
						s.g64[i], s.w64[i] = float64(s.g32[i]), float64(s.w32[i])
					}
					w := clone(s.w64)
					for range 2 {
						o.update(s, s)
						for i := range n {
							w[i], want[i] = o.want(w[i], s.g64[i], want[i])
							check := func(what string, single float32, double, want float64) {
								t.Helper()
								if math.Abs(double-want) > 1e-14*(1+math.Abs(want)) || math.Abs(float64(single)-want) > 2e-6*(1+math.Abs(want)) {
									t.Fatalf("%s: element %d of %d is %g, %g, want %g", what, i, n, single, double, want)
								}
							}
							check("w", s.w32[i], s.w64[i], w[i])
							for j := range o.state {
								check("state", s.s32[j][i], s.s64[j][i], want[i][j])
							}
						}
					}
				}
			})
		})
	}
}

// TestSMORMS3 checks the published steps for a constant gradient of 1.
func TestSMORMS3(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		w, g, mem, g1, g2 := []float64{0}, []float64{1}, []float64{1}, []float64{0}, []float64{0}
		for i, want := range []float64{.001414214, .001195229, .001102670, .001053449} {
			before := w[0]
			SMORMS3(w, g, mem, g1, g2, 1e-3, 1e-16)
			close64(t, "step", before-w[0], want, 1e-6)
			close64(t, "memory", mem[0], []float64{1.5, 1.45, 1.257449, 1.124362}[i], 1e-6)
		}
	})
}

// TestRprop checks the published steps, gradients so tiny that their product is 0,
// and that all levels agree.
func TestRprop(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		testRprop[float32](t)
		testRprop[float64](t)
	})
}

func testRprop[F Float](t *testing.T) {
	for _, scale := range []float64{1, 1e-44, 1e38} {
		w, last, step := []F{0}, []F{0}, []F{.1}
		for i, g := range []float64{1, 1, 1, -1, 1} {
			before := w[0]
			Rprop(w, []F{F(g * scale)}, last, step, 1.2, .5, 1e-6, 50)
			if move, want := math.Abs(float64(w[0]-before)), []float64{.1, .12, .144, 0, .072}[i]; math.Abs(move-want) > 1e-6 {
				t.Errorf("gradients of %g: step %d is %g, want %g", scale, i, move, want)
			}
		}
	}
	r := random(12)
	values := func(n int, scale float64) []F {
		x := make([]F, n)
		for i := range x {
			x[i] = F(r.NormFloat64() * scale)
			switch r.IntN(12) {
			case 0, 1:
				x[i] = 0
			case 2:
				x[i] = F(math.NaN())
			case 3:
				x[i] = F(math.Inf(1 - 2*r.IntN(2)))
			}
		}
		return x
	}
	for n := range 70 {
		w, g, last, step := values(n, 1), values(n, 1e-30), values(n, 1e-30), make([]F, n)
		for i := range step {
			step[i] = F(r.Float64())
		}
		w0, last0, step0 := clone(w), clone(last), clone(step)
		rprop(w0, g, last0, step0, 1.2, .5, 1e-6, 1)
		Rprop(w, g, last, step, 1.2, .5, 1e-6, 1)
		same(t, "w", w, w0)
		same(t, "last", last, last0)
		same(t, "step", step, step0)
	}
}

package optimizers

import (
	"math"
	"testing"

	"gorgonia.org/gorgonia"
)

// reference is a published rule for one weight, written down plainly a second
// time: it returns what is subtracted from w. loss is that of the batch.
type reference func() func(w, g, loss float64) float64

// references are for the methods and variants that PyTorch does not have.
var references = map[string]reference{
	"smorms3":            refSMORMS3(1e-3, 1e-16),
	"smorms3(rate=0.1)":  refSMORMS3(0.1, 1e-16),
	"smorms3(eps=1e-40)": refSMORMS3(1e-3, 1e-40),
	"rmsprop(eps-inside=true,rho=0.9,momentum=0.5,rate=0.1,eps=0.0001)": func() func(w, g, loss float64) float64 {
		// TensorFlow's kernel: the rate stands before the momentum.
		var ms, mom float64
		return func(w, g, loss float64) float64 {
			ms += (g*g - ms) * (1 - 0.9)
			mom = mom*0.5 + 0.1*g/math.Sqrt(ms+1e-4)
			return mom
		}
	},
	"rmsprop-hinton(rho=0.8,rate=0.01)": func() func(w, g, loss float64) float64 {
		meanSquare := 0.
		return func(w, g, loss float64) float64 {
			meanSquare = 0.8*meanSquare + 0.2*g*g
			if g == 0 {
				return 0
			}
			return 0.01 * g / math.Sqrt(meanSquare)
		}
	},
	"rmsprop-graves": func() func(w, g, loss float64) float64 {
		var n, gbar, delta float64
		return func(w, g, loss float64) float64 {
			n = 0.95*n + 0.05*g*g
			gbar = 0.95*gbar + 0.05*g
			delta = 0.9*delta - 1e-4*g/math.Sqrt(n-gbar*gbar+1e-4)
			return -delta
		}
	},
	"signsgd": func() func(w, g, loss float64) float64 {
		return func(w, g, loss float64) float64 {
			if g == 0 {
				return 0
			}
			return math.Copysign(0.001, g)
		}
	},
	"signsgd(rate=0.5,momentum=0.75)": func() func(w, g, loss float64) float64 {
		m := 0.
		return func(w, g, loss float64) float64 {
			m += 0.25 * (g - m)
			if m == 0 {
				return 0
			}
			return math.Copysign(0.5, m)
		}
	},
	"lion(rate=0.01,beta1=0.8,beta2=0.95,weight-decay=0.1)": func() func(w, g, loss float64) float64 {
		m := 0.
		return func(w, g, loss float64) float64 {
			update := 0.8*m + 0.2*g
			if update != 0 {
				update = math.Copysign(1, update)
			}
			m = 0.95*m + 0.05*g
			return 0.01 * (update + 0.1*w)
		}
	},
	"rprop-minus": func() func(w, g, loss float64) float64 {
		d, before := 0.01, 0.
		return func(w, g, loss float64) float64 {
			if (g > 0) == (before > 0) && g != 0 && before != 0 {
				d = math.Min(50, 1.2*d)
			} else if g != 0 && before != 0 {
				d = math.Max(1e-6, 0.5*d)
			}
			before = g
			if g == 0 {
				return 0
			}
			return math.Copysign(d, g)
		}
	},
	"rprop-plus":  refRpropPlus(false),
	"irprop-plus": refRpropPlus(true),
}

func refSMORMS3(cap, eps float64) reference {
	return func() func(w, g, loss float64) float64 {
		var g1, g2 float64
		mem := 1.
		return func(w, g, loss float64) float64 {
			r := 1 / (mem + 1)
			g1 = (1-r)*g1 + r*g
			g2 = (1-r)*g2 + r*math.Pow(g, 2)
			x := g1 * g1 / (g2 + eps)
			mem = 1 + mem*(1-x)
			return g * math.Min(cap, x) / (math.Sqrt(g2) + eps)
		}
	}
}

func refRpropPlus(onlyIfWorse bool) reference {
	return func() func(w, g, loss float64) float64 {
		d, before, lastMove, lastLoss := 0.01, 0., 0., math.Inf(1)
		return func(w, g, loss float64) (move float64) {
			same := g > 0 && before > 0 || g < 0 && before < 0
			turned := g > 0 && before < 0 || g < 0 && before > 0
			worse := loss > lastLoss
			lastLoss = loss
			if turned {
				d = math.Max(1e-6, 0.5*d)
				before = 0
				if worse || !onlyIfWorse {
					return -lastMove
				}
				return 0
			}
			if same {
				d = math.Min(50, 1.2*d)
			}
			before = g
			if g != 0 {
				move = math.Copysign(d, g)
			}
			lastMove = move
			return move
		}
	}
}

// Every step of each weight, over 48 gradients of 12 decades, is that of the
// second implementation. The steps are read apart from the values: a step of
// 1e-12 would be invisible in a value of 1.
func TestReferences(t *testing.T) {
	r := readRecorded(t)
	for text, ref := range references {
		for _, typ := range types {
			t.Run(text+"/"+typ.dt.String(), func(t *testing.T) {
				o := mustMake(t, text).(Updater)
				p := newParameter("layer00/weight", typ.dt, r.Start, 2, 4)
				into := newValue(typ.dt, make([]float64, 8), 2, 4)
				rules := make([]func(w, g, loss float64) float64, 8)
				for i := range rules {
					rules[i] = ref()
				}
				largest := make([]float64, 8) // step of each weight so far
				for step, g := range r.Gradients {
					set(p.grad, g)
					set(into, make([]float64, 8))
					loss := math.Sin(float64(step)) // goes up and down
					if err := o.Update([]gorgonia.ValueGrad{p}, StepInfo{Loss: loss}, []gorgonia.Value{into}); err != nil {
						t.Fatal(err)
					}
					for i, got := range get(into) {
						want := -rules[i](r.Start[i], g[i], loss)
						// The difference of two averages may cancel: in float32 only the
						// scale of a weight's steps tells what an error means.
						scale := math.Abs(want)
						if largest[i] = max(largest[i], scale); typ.tol > 1e-6 {
							scale = largest[i]
						}
						if !(math.Abs(got-want) <= typ.tol*scale) {
							t.Fatalf("step %d, weight %d: %g, want %g", step, i, got, want)
						}
					}
				}
				for i, w := range get(p.value) {
					if w != r.Start[i] {
						t.Errorf("Update changed weight %d", i)
					}
				}
			})
		}
	}
}

// Numbers from elsewhere: SMORMS3 by its author's formula for a gradient of 1,
// irprop-minus from the test of optax's implementation.
func TestPublishedSteps(t *testing.T) {
	for _, c := range []struct {
		text   string
		g      []float64
		steps  []float64
		digits float64
	}{
		{"smorms3", []float64{1, 1, 1, 1}, []float64{.001414214, .001195229, .001102670, .001053449}, 1e-6},
		{"irprop-minus(rate=0.1)", []float64{1, 1, 1, -1, 1}, []float64{.1, .12, .144, 0, .072}, 1e-14},
	} {
		o, p := mustMake(t, c.text), newParameter("w", types[0].dt, []float64{0})
		for i, g := range c.g {
			set(p.grad, []float64{g})
			before := get(p.value)[0]
			mustStep(t, o, p)
			if got := before - get(p.value)[0]; !(math.Abs(got-c.steps[i]) <= c.digits*c.steps[0]) {
				t.Errorf("%s, step %d: %.9g, want %g", c.text, i, got, c.steps[i])
			}
		}
	}
}

// vsgd-fd against a second implementation, on noisy quadratics whose curvatures
// span 12 decades, one of them without any gradient for a while.
func TestVSGDFD(t *testing.T) {
	curvature := []float64{1, 10, 1e-6, 1e6, 3, 1, 1e-3, 100}
	start := []float64{1, -0.5, 3, 1e-4, 0.25, 1, -2, 0.125}
	for _, typ := range types {
		t.Run(typ.dt.String(), func(t *testing.T) {
			p := newParameter("w", typ.dt, start, 2, 4)
			// The conversion keeps the product from being fused with what it is subtracted from,
			// here one way and there another: both implementations see one function.
			noise := func(batch, i int) float64 { return float64(0.3 * start[i] * math.Sin(float64(7*batch*batch+3*i))) }
			batch := 0
			gradient := func(i int, w float64) float64 {
				if i == 5 && batch%4 < 2 {
					return 0
				}
				g := curvature[i] * (w - noise(batch, i))
				if typ.dt == types[1].dt {
					g = float64(float32(g))
				}
				return g
			}
			evaluate := func() (float64, error) {
				g := make([]float64, len(start))
				for i, w := range get(p.value) {
					g[i] = gradient(i, w)
				}
				set(p.grad, g)
				return 0, nil
			}
			o := mustMake(t, "vsgd-fd(start=3,slow=4,eps=1e-7,outlier=1)").(Updater)
			refs := make([]refVSGDFD, len(start))
			outliers := 0
			for ; batch < 60; batch++ {
				evaluate()
				before := get(p.value)
				want := make([]float64, len(start))
				for i := range want {
					want[i] = refs[i].step(before[i], func(w float64) float64 { return gradient(i, w) }, typ.dt == types[1].dt)
					outliers += refs[i].outliers
				}
				if err := o.StepWith([]gorgonia.ValueGrad{p}, StepInfo{Gradient: evaluate}); err != nil {
					t.Fatal(err)
				}
				for i, got := range get(p.value) {
					// Where multiplications and additions are fused, two implementations look at
					// points that differ in the last bit, and the rounding of the gradients there is
					// amplified by their ratio to the difference, which is the curvature. The step
					// is proportional to that.
					tol := typ.tol
					if typ.dt == types[0].dt && fuses() {
						tol += 4 * typ.epsilon * refs[i].amplified * math.Abs(want[i]/(before[i]-want[i]))
					}
					if want := before[i] - want[i]; !near(got, want, tol) {
						t.Fatalf("batch %d, weight %d: %g, want %g to %g of it", batch, i, got, want, tol)
					}
				}
			}
			if outliers == 0 {
				t.Error("no outliers seen: the test is too easy")
			}
			for i, w := range get(p.value) {
				if !(math.Abs(w) <= 0.5*math.Abs(start[i])) {
					t.Errorf("weight %d is still %g", i, w)
				}
			}
		})
	}
}

// fuses reports whether the compiler fuses a multiplication with an addition.
func fuses() bool {
	square := func(x, y float64) float64 { return x*x - y }
	x := 1 + 0x1p-30*float64(len(types)) // not a constant
	return square(x, float64(x*x)) != 0
}

type refVSGDFD struct {
	n               int
	g, v, h, u, tau float64
	gs, vs, hs, us  []float64
	outliers        int
	amplified       float64 // largest ratio of the gradients to their difference
}

func (r *refVSGDFD) step(w float64, gradient func(float64) float64, single bool) float64 {
	const start, slow, eps, outlier = 3, 4, 1e-7, 1
	g := gradient(w)
	by := r.g
	if r.n == 0 {
		by = g
	}
	shifted := w + by
	if single {
		shifted = float64(float32(shifted))
	}
	if shifted == w && by != 0 {
		if single {
			shifted = float64(math.Nextafter32(float32(w), float32(math.Inf(int(math.Copysign(1, by))))))
		} else {
			shifted = math.Nextafter(w, math.Inf(int(math.Copysign(1, by))))
		}
	}
	known := shifted != w
	if there := gradient(shifted); there != g {
		r.amplified = max(r.amplified, (math.Abs(there)+math.Abs(g))/math.Abs(there-g))
	}
	h := math.Max(eps, math.Abs((gradient(shifted)-g)/(shifted-w)))
	r.n++
	mean := func(x []float64) (m float64) {
		for _, e := range x {
			m += e / float64(len(x))
		}
		return m
	}
	if r.n <= start {
		r.gs, r.vs = append(r.gs, g), append(r.vs, g*g)
		if known {
			r.hs, r.us = append(r.hs, h), append(r.us, h*h)
		}
		r.g, r.v, r.h, r.u = mean(r.gs), mean(r.vs), mean(r.hs), mean(r.us)
		if r.n == start {
			r.v, r.h, r.u, r.tau = slow*r.v, slow*r.h, slow*slow*r.u, start
		}
		return 0
	}
	if known && r.u == 0 {
		r.h, r.u = h, h*h
	}
	deviation := func(m, s float64) float64 { return math.Sqrt(math.Max(0, s-m*m)) }
	if math.Abs(g-r.g) > outlier*deviation(r.g, r.v) || known && math.Abs(h-r.h) > outlier*deviation(r.h, r.u) {
		r.tau++
		r.outliers++
	}
	a := 1 / r.tau
	r.g += a * (g - r.g)
	r.v += a * (g*g - r.v)
	if known {
		r.h += a * (h - r.h)
		r.u += a * (h*h - r.u)
	}
	var ratio, rate float64
	if r.v > 0 {
		ratio = math.Min(1, r.g*r.g/r.v)
	}
	if r.u > 0 {
		rate = r.h / r.u * ratio
	}
	r.tau = r.tau - ratio*r.tau + 1
	return rate * g
}

package optimizers

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// layerReference is a published rule for whole parameters, written down plainly
// a second time: it returns what is subtracted from each.
type layerReference func() func(w, g, h [][]float64) [][]float64

var layerReferences = map[string]layerReference{
	"normalized-gradient(momentum=0.5)": func() func(w, g, h [][]float64) [][]float64 {
		v := zeros()
		return func(w, g, h [][]float64) [][]float64 {
			return mapped(g, func(k, i int) float64 {
				v[k][i] = 0.5*v[k][i] + g[k][i]/length(g[k])
				return 0.01 * v[k][i]
			})
		}
	},
	"lars(rate=2,trust=0.1,weight-decay=0.3)": func() func(w, g, h [][]float64) [][]float64 {
		v := zeros()
		return func(w, g, h [][]float64) [][]float64 {
			return mapped(g, func(k, i int) float64 {
				local := 0.1 * length(w[k]) / (length(g[k]) + 0.3*length(w[k]))
				v[k][i] = 0.9*v[k][i] + 2*local*(g[k][i]+0.3*w[k][i])
				return v[k][i]
			})
		}
	},
	"lamb(weight-decay=0.01)": func() func(w, g, h [][]float64) [][]float64 {
		m, v, t := zeros(), zeros(), 0.
		return func(w, g, h [][]float64) [][]float64 {
			t++
			r := mapped(g, func(k, i int) float64 {
				m[k][i] += 0.1 * (g[k][i] - m[k][i])
				v[k][i] += 0.001 * (g[k][i]*g[k][i] - v[k][i])
				return m[k][i]/(1-math.Pow(0.9, t))/(math.Sqrt(v[k][i]/(1-math.Pow(0.999, t)))+1e-6) + 0.01*w[k][i]
			})
			return mapped(r, func(k, i int) float64 { return 0.001 * length(w[k]) / length(r[k]) * r[k][i] })
		}
	},
	"vsgd-l(start=3,slow=5)": func() func(w, g, h [][]float64) [][]float64 {
		refs := [2][8]refVSGD{}
		return func(w, g, h [][]float64) [][]float64 {
			return mapped(g, func(k, i int) float64 {
				return refs[k][i].step([]float64{g[k][i]}, []float64{h[k][i]})[0]
			})
		}
	},
	"vsgd-b(start=3,slow=5)": func() func(w, g, h [][]float64) [][]float64 {
		var refs [2]refVSGD
		return func(w, g, h [][]float64) [][]float64 {
			return [][]float64{refs[0].step(g[0], h[0]), refs[1].step(g[1], h[1])}
		}
	},
	"vsgd-g(start=3,slow=5)": func() func(w, g, h [][]float64) [][]float64 {
		var ref refVSGD
		return func(w, g, h [][]float64) [][]float64 {
			s := ref.step(append(append([]float64{}, g[0]...), g[1]...), append(append([]float64{}, h[0]...), h[1]...))
			return [][]float64{s[:8], s[8:]}
		}
	},
	"muon(momentum=0.9)":            func() func(w, g, h [][]float64) [][]float64 { return refMuon(true) },
	"muon(momentum=0.9,heavy=true)": func() func(w, g, h [][]float64) [][]float64 { return refMuon(false) },
}

// refVSGD is vsgd for one block, of one weight for vsgd-l.
type refVSGD struct {
	n              float64
	gs, hs         [][]float64
	squares        []float64
	gbar, hbar     []float64
	square, memory float64
}

func (r *refVSGD) step(g, h []float64) []float64 {
	const start, slow, eps = 3, 5, 1e-9
	r.n++
	floored := make([]float64, len(h))
	for i := range h {
		floored[i] = math.Max(eps, math.Abs(h[i]))
	}
	square := length(g) * length(g)
	if r.n <= start {
		r.gs, r.hs, r.squares = append(r.gs, g), append(r.hs, floored), append(r.squares, square)
		if r.n == start {
			r.gbar, r.hbar = make([]float64, len(g)), make([]float64, len(g))
			for k := range r.gs {
				for i := range g {
					r.gbar[i] += r.gs[k][i] / start
					r.hbar[i] += slow * r.hs[k][i] / start
				}
				r.square += slow * r.squares[k] / start
			}
			r.memory = start
		}
		return make([]float64, len(g))
	}
	largest := 0.
	for i := range g {
		r.gbar[i] += (g[i] - r.gbar[i]) / r.memory
		r.hbar[i] += (floored[i] - r.hbar[i]) / r.memory
		largest = math.Max(largest, r.hbar[i])
	}
	r.square += (square - r.square) / r.memory
	ratio := 0.
	if r.square > 0 {
		ratio = length(r.gbar) * length(r.gbar) / r.square
	}
	r.memory += 1 - ratio*r.memory
	out := make([]float64, len(g))
	for i := range g {
		out[i] = ratio / largest * g[i]
	}
	return out
}

// refMuon is Muon with matrices of gonum, for a 4x2 and a 2x4 parameter.
func refMuon(nesterov bool) func(w, g, h [][]float64) [][]float64 {
	v := zeros()
	return func(w, g, h [][]float64) [][]float64 {
		out := make([][]float64, 2)
		for k, rows := range []int{4, 2} {
			u := make([]float64, 8)
			for i := range u {
				v[k][i] = 0.9*v[k][i] + g[k][i]
				if u[i] = v[k][i]; nesterov {
					u[i] = g[k][i] + 0.9*v[k][i]
				}
			}
			cols := 8 / rows
			x := mat.NewDense(rows, cols, u)
			x.Scale(1/(mat.Norm(x, 2)+1e-7), x)
			for range 5 {
				var a, ax, aax, next mat.Dense
				a.Mul(x, x.T())
				ax.Mul(&a, x)
				aax.Mul(&a, &ax)
				next.Apply(func(i, j int, e float64) float64 {
					return 3.4445*e - 4.7750*ax.At(i, j) + 2.0315*aax.At(i, j)
				}, x)
				x = &next
			}
			x.Scale(0.02*math.Sqrt(math.Max(1, float64(cols)/float64(rows))), x)
			out[k] = x.RawMatrix().Data
		}
		return out
	}
}

func zeros() [][]float64 { return [][]float64{make([]float64, 8), make([]float64, 8)} }

func mapped(like [][]float64, f func(k, i int) float64) [][]float64 {
	out := zeros()
	for k := range like {
		for i := range like[k] {
			out[k][i] = f(k, i)
		}
	}
	return out
}

func length(x []float64) float64 {
	sum := 0.
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// Each step of two parameters over the recorded gradients is that of the second
// implementation.
func TestLayerReferences(t *testing.T) {
	r := readRecorded(t)
	for text, ref := range layerReferences {
		for _, typ := range types {
			t.Run(text+"/"+typ.dt.String(), func(t *testing.T) {
				o, rule := mustMake(t, text).(Updater), ref()
				w := [][]float64{{1, -2, 0.5, 1, 3, 0, 0, 0.5}, {0.25, 0.5, 0, -0.125, 1, -1, 1, -1}}
				shapes := [][]int{{4, 2}, {2, 4}}
				var params []gorgonia.ValueGrad
				var into []gorgonia.Value
				curvatures := map[string]gorgonia.Value{}
				for k, name := range []string{"a", "b"} {
					params = append(params, newParameter(name, typ.dt, w[k], shapes[k]...))
					into = append(into, newValue(typ.dt, make([]float64, 8), shapes[k]...))
					curvatures[name] = newValue(typ.dt, make([]float64, 8), shapes[k]...)
				}
				for step, row := range r.Gradients {
					other := append(append([]float64{}, row[5:]...), row[:5]...)
					g, h := [][]float64{row, other}, zeros()
					for k, p := range params {
						for i := range h[k] {
							h[k][i] = float64(float32((2 + math.Sin(float64(3*step+i+k))) * math.Pow(10, float64(i-4))))
						}
						set(p.(*parameter).grad, g[k])
						set(curvatures[p.(*parameter).name], h[k])
						set(into[k], make([]float64, 8))
					}
					b := StepInfo{Curvature: func(name string) gorgonia.Value { return curvatures[name] }}
					if err := o.Update(params, b, into); err != nil {
						t.Fatal(err)
					}
					want := rule(w, g, h)
					for k := range want {
						got := get(into[k])
						for i := range got {
							// What is small beside the rest of the parameter comes out of
							// sums over it.
							if scale := max(math.Abs(want[k][i]), 1e-3*length(want[k])); !(math.Abs(got[i]+want[k][i]) <= typ.tol*scale) {
								t.Fatalf("step %d, parameter %d, weight %d: %g, want %g", step, k, i, got[i], -want[k][i])
							}
						}
					}
				}
			})
		}
	}
}

// Muon's update has singular values near 1, also for a gradient whose own span
// decades, and for tall matrices and vectors as well as wide ones.
func TestMuonOrthogonalizes(t *testing.T) {
	for _, shape := range [][]int{{3, 8}, {8, 3}, {6, 6}, {5}, {}} {
		size := 1
		for _, n := range shape {
			size *= n
		}
		for _, typ := range types {
			p := newParameter("w", typ.dt, make([]float64, size), shape...)
			g := make([]float64, size)
			for i := range g {
				g[i] = math.Sin(float64(7*i*i+1)) * 1e-3
			}
			set(p.grad, g)
			mustStep(t, mustMake(t, "muon(rate=1)"), p)
			rows, cols := rowsCols(tensor.Shape(shape), size)
			x := mat.NewDense(rows, cols, get(p.value))
			x.Scale(-1/math.Sqrt(max(1, float64(cols)/float64(rows))), x)
			var svd mat.SVD
			if !svd.Factorize(x, mat.SVDNone) {
				t.Fatal("no SVD")
			}
			for _, s := range svd.Values(nil) {
				if s < 0.6 || s > 1.25 {
					t.Errorf("%v %v: singular value %g", shape, typ.dt, s)
				}
			}
			// The direction is that of descent.
			along := 0.
			for i, u := range x.RawMatrix().Data {
				along += u * g[i]
			}
			if along <= 0 {
				t.Errorf("%v: not along the gradient", shape)
			}
		}
	}
}

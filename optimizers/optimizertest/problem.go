package optimizertest

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// problem is a function of some parameters, with its derivatives.
type problem struct {
	start []start
	// f sets the gradients g and the curvatures h (diagonal Gauss-Newton) at w, all
	// by parameter, and returns the loss.
	f func(w, g, h [][]float64) float64
}

type start struct {
	name  string
	w     []float64
	shape tensor.Shape
}

var mixed = []start{
	{"layer00/gain", []float64{0.9}, tensor.Shape{}},
	{"layer01/bias", []float64{0.3, -0.2, 0.25}, tensor.Shape{3}},
	{"layer00/weight", []float64{-0.35, 0.3, 0.4, -0.4, 0.5, 0.2}, tensor.Shape{2, 3}},
}

// bowl is Σ a (w-c)²/2 with curvatures a from 1 to 10.
func bowl() problem {
	return problem{mixed, func(w, g, h [][]float64) (loss float64) {
		n := 0
		for i := range w {
			for j, x := range w[i] {
				n++
				a, c := 1+float64(n-1), 0.1*math.Cos(float64(n))
				loss += a * (x - c) * (x - c) / 2
				g[i][j], h[i][j] = a*(x-c), a
			}
		}
		return loss
	}}
}

// wave is a slope with ripples: its gradients are about size whatever the values.
func wave(size float64) problem {
	return problem{mixed, func(w, g, h [][]float64) (loss float64) {
		for i := range w {
			for j, x := range w[i] {
				slope := 1 - 2*float64(j%2)
				loss += size * (slope*x - math.Cos(x)/2)
				g[i][j] = size * (slope + math.Sin(x)/2)
				h[i][j] = size * math.Abs(math.Cos(x)/2)
			}
		}
		return loss
	}}
}

// rosenbrock is (1-x)² + 100 (y-x²)², from (-1.2, 1).
func rosenbrock() problem {
	starts := []start{
		{"layer00/weight", []float64{-1.2}, tensor.Shape{1, 1}},
		{"layer01/bias", []float64{1}, tensor.Shape{1}},
	}
	return problem{starts, func(w, g, h [][]float64) float64 {
		x, y := w[0][0], w[1][0]
		g[0][0] = -2*(1-x) - 400*x*(y-x*x)
		g[1][0] = 200 * (y - x*x)
		h[0][0], h[1][0] = 2+800*x*x, 200 // of the residuals √2 (1-x) and √200 (y-x²)
		return (1-x)*(1-x) + 100*(y-x*x)*(y-x*x)
	}}
}

// parameter is one parameter of a problem, as an optimizer sees it.
type parameter struct {
	name                   string
	value, grad, curvature gorgonia.Value
	w, g, h                []float64
	wrote                  []float64        // the gradient as it was last written
	x, d                   []gorgonia.Value // of a matrix: the inputs and output gradients of its product
}

func (p *parameter) Name() string                  { return p.name }
func (p *parameter) Value() gorgonia.Value         { return p.value }
func (p *parameter) Grad() (gorgonia.Value, error) { return p.grad, nil }

// parameters are those of a problem, at its start.
type parameters struct {
	problem
	all     []*parameter
	vgs     []gorgonia.ValueGrad
	byName  map[string]*parameter
	w, g, h [][]float64
	loss    float64
	info    optimizers.StepInfo
}

func (pr problem) parameters(dt tensor.Dtype) *parameters {
	ps := &parameters{problem: pr, byName: make(map[string]*parameter)}
	for _, s := range pr.start {
		n := len(s.w)
		p := &parameter{name: s.name, w: make([]float64, n), g: make([]float64, n), h: make([]float64, n), wrote: make([]float64, n)}
		for _, v := range []*gorgonia.Value{&p.value, &p.grad, &p.curvature} {
			*v = value(dt, s.shape)
		}
		if len(s.shape) == 2 { // x is the identity, so that d is the gradient of W
			p.x = []gorgonia.Value{value(dt, tensor.Shape{s.shape[0], s.shape[0]})}
			one := make([]float64, s.shape[0]*s.shape[0])
			for i := range s.shape[0] {
				one[i*s.shape[0]+i] = 1
			}
			set(p.x[0], one)
			p.d = []gorgonia.Value{value(dt, s.shape)}
		}
		set(p.value, s.w)
		ps.all, ps.vgs, ps.byName[s.name] = append(ps.all, p), append(ps.vgs, p), p
		ps.w, ps.g, ps.h = append(ps.w, p.w), append(ps.g, p.g), append(ps.h, p.h)
	}
	ps.info = optimizers.StepInfo{
		Size:      1,
		Full:      true,
		Gradient:  func() (float64, error) { return ps.evaluate(), nil },
		Curvature: func(name string) gorgonia.Value { return ps.byName[name].curvature },
		Layer: func(name string) (inputs, outputGradients []gorgonia.Value) {
			return ps.byName[name].x, ps.byName[name].d
		},
	}
	return ps
}

// evaluate computes loss, gradients and curvatures at the present values.
func (ps *parameters) evaluate() float64 {
	for _, p := range ps.all {
		read(p.w, p.value)
	}
	ps.loss = ps.f(ps.w, ps.g, ps.h)
	for _, p := range ps.all {
		set(p.grad, p.g)
		set(p.curvature, p.h)
		if p.d != nil {
			set(p.d[0], p.g)
		}
		read(p.wrote, p.grad)
	}
	return ps.loss
}

// try makes one step by the gradients that are there.
func (ps *parameters) try(s gorgonia.Solver) error {
	ps.info.Loss = ps.loss
	return optimizers.Step(s, ps.vgs, ps.info)
}

func (ps *parameters) step(t *testing.T, s gorgonia.Solver) {
	if err := ps.try(s); err != nil {
		t.Helper()
		t.Fatal(err)
	}
}

func (ps *parameters) steps(t *testing.T, s gorgonia.Solver, n int) {
	t.Helper()
	for range n {
		ps.evaluate()
		ps.step(t, s)
	}
}

func (ps *parameters) values() (all [][]float64) {
	for _, p := range ps.all {
		all = append(all, get(p.value))
	}
	return all
}

func value(dt tensor.Dtype, shape tensor.Shape) gorgonia.Value {
	switch {
	case len(shape) > 0:
		return tensor.New(tensor.WithShape(shape...), tensor.Of(dt))
	case dt == tensor.Float32:
		return gorgonia.NewF32(0)
	}
	return gorgonia.NewF64(0)
}

// set writes x to a value.
func set(v gorgonia.Value, x []float64) {
	switch v := v.(type) {
	case *gorgonia.F32:
		*v = gorgonia.F32(x[0])
	case *gorgonia.F64:
		*v = gorgonia.F64(x[0])
	case *tensor.Dense:
		if v.Dtype() == tensor.Float64 {
			copy(v.Float64s(), x)
			return
		}
		for i, d := range x {
			v.Float32s()[i] = float32(d)
		}
	}
}

// read reads a value into x.
func read(x []float64, v gorgonia.Value) {
	switch v := v.(type) {
	case *gorgonia.F32:
		x[0] = float64(*v)
	case *gorgonia.F64:
		x[0] = float64(*v)
	case *tensor.Dense:
		if v.Dtype() == tensor.Float64 {
			copy(x, v.Float64s())
			return
		}
		for i, d := range v.Float32s() {
			x[i] = float64(d)
		}
	}
}

func get(v gorgonia.Value) []float64 {
	x := make([]float64, max(1, v.Shape().TotalSize()))
	read(x, v)
	return x
}

package vm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var dtypes = []tensor.Dtype{tensor.Float64, tensor.Float32}

// must returns the node, or panics: graphs of tests are right.
func must(n *G.Node, err error) *G.Node {
	if err != nil {
		panic(err)
	}
	return n
}

// values makes a tensor of numbers that depend on the seed, from -1 to 1.
func values(dtype tensor.Dtype, seed uint64, shape ...int) *tensor.Dense {
	r := rand.New(rand.NewPCG(seed, 1))
	n := tensor.Shape(shape).TotalSize()
	if dtype == tensor.Float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = 2*r.Float32() - 1
		}
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = 2*r.Float64() - 1
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}

// net is a graph under construction: its inputs with random values, by name.
type net struct {
	g      *G.ExprGraph
	dtype  tensor.Dtype
	inputs G.Nodes
}

func newNet(dtype tensor.Dtype) *net { return &net{g: G.NewGraph(), dtype: dtype} }

func (n *net) seed() uint64 { return uint64(len(n.inputs) + 1) }

// input adds an input of the given shape; without one, a scalar.
func (n *net) input(name string, shape ...int) *G.Node {
	var in *G.Node
	if len(shape) == 0 {
		in = G.NewScalar(n.g, n.dtype, G.WithName(name), G.WithValue(scalar(n.dtype, 0.25+float64(n.seed()))))
	} else {
		in = G.NewTensor(n.g, n.dtype, len(shape), G.WithName(name), G.WithShape(shape...), G.WithValue(values(n.dtype, n.seed(), shape...)))
	}
	n.inputs = append(n.inputs, in)
	return in
}

func scalar(dtype tensor.Dtype, x float64) G.Value {
	if dtype == tensor.Float32 {
		return G.NewF32(float32(x))
	}
	return G.NewF64(x)
}

// sum returns the sum of squares, a loss.
func loss(y *G.Node) *G.Node {
	if y.IsScalar() {
		return must(G.Square(y))
	}
	return must(G.Sum(must(G.Square(y))))
}

// gradients returns the loss and its gradients with respect to all inputs.
func (n *net) gradients(loss *G.Node, but ...*G.Node) G.Nodes {
	var wrt G.Nodes
	for _, in := range n.inputs {
		if !G.Nodes(but).Contains(in) {
			wrt = append(wrt, in)
		}
	}
	grads, err := G.Grad(loss, wrt...)
	if err != nil {
		panic(err)
	}
	return append(G.Nodes{loss}, grads...)
}

// change gives the inputs other numbers: in run 1 in the same tensors, in run 2 in
// new ones.
func (n *net) change(run int) {
	for i, in := range n.inputs {
		seed := uint64(1000*run + i)
		if in.IsScalar() {
			G.Let(in, scalar(n.dtype, 1+float64(seed%7)/4))
			continue
		}
		v := values(n.dtype, seed, in.Shape()...)
		switch {
		case run == 1:
			tensor.Copy(in.Value().(*tensor.Dense), v)
		case run == 2:
			if err := G.Let(in, v); err != nil {
				panic(err)
			}
		}
	}
}

// floats returns a copy of the numbers of a value.
func floats(v G.Value) []float64 {
	var list []float64
	switch x := v.Data().(type) {
	case float64:
		return []float64{x}
	case float32:
		return []float64{float64(x)}
	case []float64:
		return append(list, x...)
	case []float32:
		for _, x := range x {
			list = append(list, float64(x))
		}
		return list
	}
	panic(fmt.Sprintf("%T", v.Data()))
}

// same reports the first difference of two lists in their bits. NaNs are equal.
func same(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
			t.Errorf("%s: element %d is %g, want %g", what, i, got[i], want[i])
			return
		}
	}
}

func compile(t testing.TB, g *G.ExprGraph, wanted ...*G.Node) *vm.Machine {
	t.Helper()
	m, err := vm.Compile(g, wanted...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func run(t testing.TB, m *vm.Machine) {
	t.Helper()
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
}

// tanh and f are functions of the project's own operations.
var tanh = &ops.Function{
	Name: "tanh",
	F32:  kernels.Tanh[float32], Grad32: kernels.TanhGrad[float32],
	F64: kernels.Tanh[float64], Grad64: kernels.TanhGrad[float64],
}

// layers adds own affine and tanh layers of h's width.
func (n *net) layers(h *G.Node, depth int) *G.Node {
	width := h.Shape()[1]
	for i := range depth {
		w, b := n.input(fmt.Sprint("w", i), width, width), n.input(fmt.Sprint("b", i), width)
		h = must(ops.Pointwise(tanh, must(ops.Affine(h, w, b))))
	}
	return h
}

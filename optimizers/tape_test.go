package optimizers_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// perceptron is a network of two layers and a scalar, of stock operations.
type perceptron struct {
	g      *G.ExprGraph
	loss   *G.Node
	params G.Nodes
}

func newPerceptron(t *testing.T, dt tensor.Dtype) perceptron {
	t.Helper()
	g := G.NewGraph()
	input := func(name string, seed float64, shape ...int) *G.Node {
		v := tensor.New(tensor.Of(dt), tensor.WithShape(shape...))
		for i := range v.Size() {
			x := math.Sin(seed + 1.7*float64(i))
			if dt == tensor.Float32 {
				v.Float32s()[i] = float32(x)
			} else {
				v.Float64s()[i] = x
			}
		}
		return G.NewMatrix(g, dt, G.WithName(name), G.WithShape(shape...), G.WithValue(v))
	}
	var scale any = 0.5
	if dt == tensor.Float32 {
		scale = float32(0.5)
	}
	x, target := input("x", 0, 6, 3), input("t", 7, 6, 2)
	w0, w1 := input("layer0/weight", 1, 3, 4), input("layer1/weight", 2, 4, 2)
	c := G.NewScalar(g, dt, G.WithName("scale"), G.WithValue(scale))
	y := G.Must(G.Mul(G.Must(G.Tanh(G.Must(G.Mul(x, w0)))), w1))
	loss := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(G.Must(G.Mul(c, y)), target))))))
	p := perceptron{g, loss, G.Nodes{w0, w1, c}}
	if _, err := G.Grad(loss, p.params...); err != nil {
		t.Fatal(err)
	}
	return p
}

// reference is a parameter outside the graph, with the machine's gradients.
type reference struct {
	name        string
	value, grad G.Value
}

func (r *reference) Name() string           { return r.name }
func (r *reference) Value() G.Value         { return r.value }
func (r *reference) Grad() (G.Value, error) { return r.grad, nil }

// machines are the ways to run a program whose parameters a solver steps.
var machines = map[string]func(t *testing.T, p perceptron) G.VM{
	"TapeMachine":                     func(t *testing.T, p perceptron) G.VM { return G.NewTapeMachine(p.g) },
	"TapeMachine with BindDualValues": func(t *testing.T, p perceptron) G.VM { return G.NewTapeMachine(p.g, G.BindDualValues(p.params...)) },
	"vm": func(t *testing.T, p perceptron) G.VM {
		m, err := vm.Compile(p.g)
		if err != nil {
			t.Fatal(err)
		}
		return m
	},
	"vm with named outputs": func(t *testing.T, p perceptron) G.VM {
		m, err := vm.Compile(p.g, p.loss, p.params[0].Deriv(), p.params[1].Deriv(), p.params[2].Deriv())
		if err != nil {
			t.Fatal(err)
		}
		return m
	},
}

// TestMachines has each solver step the usual Gorgonia program, on each machine, and
// compares the parameters with those of the solver given the gradients of every single
// run by StepWith.
func TestMachines(t *testing.T) {
	texts := []string{
		"sgd(momentum=0.9)", "signsgd(momentum=0.9)",
		"partition(rules=[{pattern=*/*,optimizer=adam},{pattern=*,optimizer=sgd}])",
		"partition(rules=[{pattern=*/*,optimizer=chain(before=[clip-global-norm],optimizer=smorms3)},{pattern=*,optimizer=sgd}])",
		"chain(optimizer=adam(rate=0.01))",
		"chain(optimizer=partition(rules=[{pattern=*/*,optimizer=smorms3},{pattern=*,optimizer=sgd}]),after=[weight-decay])",
	}
	for _, name := range optimizers.Catalogue.Names() {
		if name != "partition" && name != "chain" { // which need settings
			texts = append(texts, name)
		}
	}
	for _, link := range optimizers.Links.Names() {
		switch link {
		case "scale-by-depth":
			link = "scale-by-depth(base=0.9)"
		case "schedule":
			link = "schedule(schedule=cosine(steps=30))"
		case "scale":
			link = "scale(rules=[{pattern=*/*,factor=0.5},{pattern=*,factor=2}])"
		}
		texts = append(texts, fmt.Sprintf("chain(optimizer=rmsprop,after=[%s])", link))
		if link != "cautious" { // which stands only behind an optimizer
			texts = append(texts, fmt.Sprintf("chain(before=[%s],optimizer=sgd(rate=0.1))", link))
		}
	}
	for _, text := range texts {
		choice, err := catalogue.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, dt := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
			for name, machine := range machines {
				t.Run(fmt.Sprintf("%s/%v/%s", text, dt, name), func(t *testing.T) {
					trajectory(t, choice, dt, machine)
				})
			}
		}
	}
}

func trajectory(t *testing.T, choice catalogue.Choice, dt tensor.Dtype, machine func(*testing.T, perceptron) G.VM) {
	solver, expected := makeSolver(t, choice), makeSolver(t, choice)
	p, q := newPerceptron(t, dt), newPerceptron(t, dt)
	if solver.(optimizers.InformedSolver).Needs() != 0 {
		if err := solver.Step(G.NodesToValueGrads(p.params)); !errors.Is(err, optimizers.ErrNeedsMore) {
			t.Errorf("Step returns %v, want ErrNeedsMore", err)
		}
		return
	}
	m := machine(t, p)
	defer m.Close()
	want := make([]G.ValueGrad, len(q.params))
	read := make([]G.Value, len(q.params)) // of the reference's graph, after each run
	for i, n := range q.params {
		G.Read(n.Deriv(), &read[i])
		want[i] = &reference{name: n.Name(), value: n.Value()}
	}
	r := G.NewTapeMachine(q.g)
	defer r.Close()
	for step := range 10 {
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		if err := solver.Step(G.NodesToValueGrads(p.params)); err != nil {
			t.Fatal(err)
		}
		m.Reset()

		if err := r.RunAll(); err != nil {
			t.Fatal(err)
		}
		r.Reset()
		for i := range want {
			want[i].(*reference).grad = read[i]
		}
		if err := expected.(optimizers.InformedSolver).StepWith(want, optimizers.StepInfo{}); err != nil {
			t.Fatal(err)
		}
		for i, n := range p.params {
			got, want := fmt.Sprint(n.Value().Data()), fmt.Sprint(want[i].Value().Data())
			if got != want {
				t.Fatalf("step %d: %s is %.300s, want %.300s", step, n.Name(), got, want)
			}
		}
	}
}

func makeSolver(t *testing.T, choice catalogue.Choice) G.Solver {
	t.Helper()
	s, err := optimizers.Catalogue.Make(choice)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStepSharedConstant has a solver leave alone what is not a gradient of its own: the
// constant 1 that all graphs of a process share, and an input.
func TestStepSharedConstant(t *testing.T) {
	for name, options := range map[string]func(G.Nodes) []G.VMOpt{
		"plain":          func(G.Nodes) []G.VMOpt { return nil },
		"BindDualValues": func(n G.Nodes) []G.VMOpt { return []G.VMOpt{G.BindDualValues(n...)} },
	} {
		t.Run(name, func(t *testing.T) {
			g := G.NewGraph()
			w := G.NewScalar(g, G.Float64, G.WithName("w"), G.WithValue(2.))
			x := G.NewScalar(g, G.Float64, G.WithName("x"), G.WithValue(3.))
			loss := G.Must(G.Add(x, w))
			if _, err := G.Grad(loss, w); err != nil {
				t.Fatal(err)
			}
			m := G.NewTapeMachine(g, options(G.Nodes{w})...)
			defer m.Close()
			solver := makeSolver(t, catalogue.Choice{Name: "sgd"})
			for range 3 {
				if err := m.RunAll(); err != nil {
					t.Fatal(err)
				}
				if err := solver.Step(G.NodesToValueGrads(G.Nodes{w})); err != nil {
					t.Fatal(err)
				}
				m.Reset()
			}
			one := w.Deriv().Value().Data()
			if one != 1. {
				t.Errorf("the constant 1 has become %v", one)
			}
		})
	}
}

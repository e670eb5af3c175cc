package vm_test

import (
	"fmt"

	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A loss and its gradient, computed and computed again after a step of a solver.
func Example() {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(2, 2))
	w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(
		tensor.New(tensor.WithBacking([]float64{3, -1}))))
	loss := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Mul(x, w)))))) // of the errors of x·w against 0
	grads, err := G.Grad(loss, w)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := vm.Compile(g, loss, grads[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := G.Let(x, tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{1, 0, 0, 2}))); err != nil {
		fmt.Println(err)
		return
	}
	solver := G.NewVanillaSolver(G.WithLearnRate(0.25))
	for range 3 {
		if err := m.RunAll(); err != nil {
			fmt.Println(err)
			return
		}
		d, _ := w.Grad()
		fmt.Println("loss", loss.Value(), "gradient", d.Data())
		if err := solver.Step(G.NodesToValueGrads(G.Nodes{w})); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// loss 6.5 gradient [3 -4]
	// loss 2.53125 gradient [2.25 0]
	// loss 1.423828125 gradient [1.6875 0]
}

// A result inside the graph, which a run does not keep, seen as it is computed.
func ExampleMachine_Observe() {
	g := G.NewGraph()
	x := G.NewVector(g, tensor.Float64, G.WithName("x"), G.WithValue(
		tensor.New(tensor.WithBacking([]float64{1, -2}))))
	double := G.Must(G.Add(x, x))
	m, err := vm.Compile(g, G.Must(G.Sum(G.Must(G.Square(double)))))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := m.Observe(double, func(v G.Value) { fmt.Println(v) }); err != nil {
		fmt.Println(err)
		return
	}
	if err := m.RunObserved(); err != nil {
		fmt.Println(err)
	}
	// Output: [ 2  -4]
}

// A program that was written for a TapeMachine, with nothing but the machine changed.
func ExampleCompile() {
	g := G.NewGraph()
	w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(
		tensor.New(tensor.WithBacking([]float64{1, 2, 3}))))
	loss := G.Must(G.Sum(G.Must(G.Square(w))))
	var read G.Value
	G.Read(loss, &read)
	if _, err := G.Grad(loss, w); err != nil {
		fmt.Println(err)
		return
	}
	machine, err := vm.Compile(g) // was gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(w))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer machine.Close()
	solver := G.NewVanillaSolver(G.WithLearnRate(0.25))
	for range 3 {
		if err := machine.RunAll(); err != nil {
			fmt.Println(err)
			return
		}
		if err := solver.Step(G.NodesToValueGrads(G.Nodes{w})); err != nil {
			fmt.Println(err)
			return
		}
		machine.Reset()
		fmt.Println(read)
	}
	// Output:
	// 14
	// 3.5
	// 0.875
}

// A step of gradient descent in the middle of the pass: no gradient is kept.
func ExampleCompileUpdates() {
	g := G.NewGraph()
	w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(
		tensor.New(tensor.WithBacking([]float64{3, -1}))))
	loss := G.Must(G.Sum(G.Must(G.Square(w))))
	if _, err := G.Grad(loss, w); err != nil {
		fmt.Println(err)
		return
	}
	m, err := vm.CompileUpdates(g, []vm.Update{{Of: w, Bind: func(value, derivative G.Value) (func() error, error) {
		w, d := value.Data().([]float64), derivative.Data().([]float64)
		return func() error {
			for i, d := range d {
				w[i] -= 0.25 * d
			}
			return nil
		}, nil
	}}}, loss)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		if err := m.RunAll(); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("loss", loss.Value(), "w", w.Value().Data())
	}
	// Output:
	// loss 10 w [1.5 -0.5]
	// loss 2.5 w [0.75 -0.25]
	// loss 0.625 w [0.375 -0.125]
}

package models_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ExampleAlternating is a network whose layers are wide and narrow by turns.
func ExampleAlternating() {
	p, err := models.NewParameters(tensor.Float32, 1)
	if err != nil {
		panic(err)
	}
	network, err := models.Build(
		models.MLP{Depth: 5, Widths: models.Alternating(16, 4), Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)},
		models.Shape{Inputs: 64, Outputs: 10, Batch: 32, Loss: models.CrossEntropy}, p, true)
	if err != nil {
		panic(err)
	}
	for _, l := range network.Layers {
		fmt.Println(l.Name, l.PreActivation.Shape())
	}
	// Output:
	// layer01 (32, 16)
	// layer02 (32, 4)
	// layer03 (32, 16)
	// layer04 (32, 4)
	// layer05 (32, 16)
	// output (32, 10)
}

func TestWidths(t *testing.T) {
	for text, want := range map[string]string{
		"64,32,16":              "64,32,16",
		" 64, 32 ,16 ":          "64,32,16",
		"7":                     "7",
		"16,4 alternating":      "16,4 alternating",
		"16, 4\talternating":    "16,4 alternating",
		"3,2,1   alternating  ": "3,2,1 alternating",
	} {
		w, err := models.ParseWidths(text)
		if err != nil || w.String() != want {
			t.Errorf("%q is %q, %v, want %q", text, w, err, want)
		}
		if again, err := models.ParseWidths(w.String()); err != nil || again.String() != want {
			t.Errorf("%q is read as %q, %v", w, again, err)
		}
	}
	for _, text := range []string{"", ",", "8,", "8,0", "8,-1", "8,a", "alternating", "8alternating", "8,4 alternates", "8 4", "1e2,3", "8,99999999999999999999"} {
		if w, err := models.ParseWidths(text); err == nil {
			t.Errorf("%q is read as %v", text, w)
		}
	}
	for _, c := range []struct {
		w            models.Widths
		depth, width int
		want         string // "": an error
	}{
		{models.Widths{}, 3, 8, "[8 8 8]"},
		{models.Widths{}, 0, 0, "[]"},
		{models.Widths{}, 1, 0, ""},
		{models.Widths{}, -1, 8, ""},
		{models.Layers(3, 2), 2, 8, "[3 2]"},
		{models.Layers(3, 2), 3, 8, ""},
		{models.Layers(3, 0), 2, 8, ""},
		{models.Alternating(16, 4), 5, 8, "[16 4 16 4 16]"},
		{models.Alternating(16, 4), 0, 8, "[]"},
		{models.Alternating(), 2, 8, ""},
	} {
		units, err := c.w.Of(c.depth, c.width)
		if got := fmt.Sprint(units); err == nil && got != c.want || err != nil && c.want != "" {
			t.Errorf("%q of depth %d and width %d: %s, %v, want %q", c.w, c.depth, c.width, got, err, c.want)
		}
	}
}

// TestPlanWidths checks the layers of the architectures that take widths, and that the others
// say that they don't.
func TestPlanWidths(t *testing.T) {
	functions := map[string]activations.Activation{"deep-linear": activations.Identity(), "rbf": activations.Gaussian(), "irnn": activations.ReLU()}
	byLayer := 0
	for _, name := range models.Catalogue.Names() {
		a, err := models.Catalogue.Make(catalogue.Choice{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		plan := models.Plan{Depth: 3, Width: 5, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1), Widths: models.Layers(5, 2, 4)}
		if f := functions[name]; f != nil {
			plan.Activation = f
		}
		m, err := plan.Model(a)
		if _, ok := a.(models.ByLayer); !ok {
			if err == nil || !strings.Contains(err.Error(), "5,2,4") {
				t.Errorf("%s, of one width, makes %v, %v", name, m, err)
			}
			continue
		}
		byLayer++
		if err != nil {
			t.Fatal(name, err)
		}
		s := models.Shape{Inputs: 6, Outputs: 3, Batch: 2, Loss: models.CrossEntropy, Steps: 2, TargetSteps: 1}
		n := build(t, m, s, parameters(t, tensor.Float32, 1), true)
		columns := map[string]int{} // of a layer, or of the steps of one
		for _, l := range n.Layers {
			layer, _, _ := strings.Cut(l.Name, "/")
			columns[layer] = l.Activation.Shape()[1]
		}
		if got := fmt.Sprint(columns); got != "map[layer01:5 layer02:2 layer03:4 output:3]" {
			t.Errorf("%s has layers of %s", name, got)
		}
		plan.Depth = 2
		if m, err = plan.Model(a); err == nil {
			p, _ := models.NewParameters(tensor.Float32, 1)
			_, err = models.Build(m, s, p, false)
		}
		if err == nil || !strings.Contains(err.Error(), "the widths 5,2,4 are of 3 layers, and the depth is 2") {
			t.Errorf("%s of depth 2: %v", name, err)
		}
	}
	if byLayer < 7 {
		t.Errorf("only %d architectures take widths by layer", byLayer)
	}
}

// TestInitialStates compares networks whose initial states are learned or fed with each
// other: the same numbers give the same outputs, and the same gradients elsewhere.
func TestInitialStates(t *testing.T) {
	s := models.Shape{Inputs: 6, Outputs: 4, Batch: 3, Loss: models.MeanSquaredError, Steps: 3, TargetSteps: 2}
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for _, cell := range []models.Cell{models.RNN, models.LSTM, models.GRU} {
			m := models.Recurrent{Depth: 2, Width: 4, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1), Cell: cell}
			outputs := map[models.InitialState][]float64{}
			for _, initial := range []models.InitialState{models.ZeroState, models.LearnedState, models.FedState} {
				m.Initial = initial
				n := build(t, m, s, parameters(t, dtype, 1), true)
				fill(n)
				states := 0
				state := func(row int) func(int) float64 { return func(i int) float64 { return math.Sin(float64(i%row + row)) } }
				for _, name := range []string{"layer01/initial", "layer02/initial", "layer01/initial-cell", "layer02/initial-cell"} {
					if p := n.Parameters.Tensor(name); p != nil {
						states++
						set(p, state(4))
					}
					if in := n.Inputs[name]; in != nil {
						states++
						set(in.Value().(*tensor.Dense), state(4))
					}
				}
				want := 2
				if cell == models.LSTM {
					want = 4
				}
				if initial == models.ZeroState {
					want = 0
				}
				if states != want {
					t.Fatalf("%s, %s: %d initial states, want %d", cell, initial, states, want)
				}
				machine, err := n.TrainingMachine(n.Output)
				if err != nil {
					t.Fatal(err)
				}
				if err := machine.RunAll(); err != nil {
					t.Fatal(err)
				}
				outputs[initial] = floats(n.Output.Value().(*tensor.Dense))
				var grads []float64
				for _, l := range n.Learnables {
					if !strings.Contains(l.Name(), "/initial") {
						g, err := l.Grad()
						if err != nil {
							t.Fatal(err)
						}
						grads = append(grads, floats(g.(*tensor.Dense))...)
					}
				}
				outputs[initial] = append(outputs[initial], grads...)
			}
			learned, fed := fmt.Sprint(outputs[models.LearnedState]), fmt.Sprint(outputs[models.FedState])
			if learned != fed {
				t.Errorf("%v, %s: learned states make\n%s\nfed ones\n%s", dtype, cell, learned, fed)
			}
			if learned == fmt.Sprint(outputs[models.ZeroState]) {
				t.Errorf("%v, %s: initial states change nothing", dtype, cell)
			}
		}
	}
	choice := catalogue.Choice{Name: "gru", Settings: map[string]any{"initial": "fed"}}
	a, err := models.Catalogue.Make(choice)
	if err == nil {
		_, err = a.Model(models.Plan{Depth: 1, Width: 2, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1)})
	}
	if err == nil || !strings.Contains(err.Error(), "come from a program") {
		t.Errorf("fed states in a study: %v", err)
	}
}

// TestGates compares the gates of an LSTM, a GRU and a highway layer with what they do.
func TestGates(t *testing.T) {
	init := initializers.LeCunNormal(1)
	sequence := models.Shape{Inputs: 4, Outputs: 2, Batch: 2, Loss: models.MeanSquaredError, Steps: 2, TargetSteps: 1}
	for _, c := range []struct {
		m     models.Model
		s     models.Shape
		layer string
		gates string
	}{
		{models.Recurrent{Depth: 1, Width: 3, Activation: activations.Tanh(), Initializer: init, Cell: models.LSTM, ForgetBias: 7}, sequence, "layer01/t0001", "input[0 3] forget[3 6] output[6 9] "},
		{models.Recurrent{Depth: 1, Width: 3, Activation: activations.Tanh(), Initializer: init, Cell: models.GRU}, sequence, "layer01/t0002", "reset[0 3] update[3 6] "},
		{models.Recurrent{Depth: 1, Width: 3, Activation: activations.Tanh(), Initializer: init, Cell: models.RNN}, sequence, "layer01/t0002", ""},
		{models.Highway{Depth: 2, Width: 3, Activation: activations.Tanh(), Initializer: init, GateBias: 7}, shape(2), "layer02", "transform[0 3] "},
	} {
		n := build(t, c.m, c.s, parameters(t, tensor.Float64, 1), true)
		l, _ := n.Layer(c.layer)
		got := ""
		for _, g := range l.Gates {
			got += fmt.Sprintf("%s[%d %d] ", g.Name, g.From, g.To)
			if _, err := g.Values(); err == nil {
				t.Errorf("%s: gate %s has values before a run", c.layer, g.Name)
			}
		}
		if got != c.gates {
			t.Errorf("%s has the gates %s, want %s", c.layer, got, c.gates)
			continue
		}
		var nodes G.Nodes
		for _, g := range l.Gates {
			nodes = append(nodes, g.PreActivation)
		}
		machine, err := n.TrainingMachine(nodes...)
		if err != nil {
			t.Fatal(err)
		}
		if err := machine.RunAll(); err != nil { // inputs of 0: biases alone
			t.Fatal(err)
		}
		for _, g := range l.Gates {
			want := 0.
			if g.Name == "forget" || g.Name == "transform" {
				want = 7
			}
			values, err := g.Values()
			if err != nil || len(values) != 6 {
				t.Fatalf("%s: gate %s: %v, %v", c.layer, g.Name, values, err)
			}
			for _, v := range values {
				if c.layer != "layer01/t0002" && v != want {
					t.Errorf("%s: gate %s is at %g, want %g", c.layer, g.Name, v, want)
				}
			}
		}
	}
}

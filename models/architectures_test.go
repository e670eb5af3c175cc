package models_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// architecture makes the model that text such as lstm(forget-bias=2) says.
func architecture(t testing.TB, text string, p models.Plan) models.Model {
	t.Helper()
	m, err := make1(text, p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func make1(text string, p models.Plan) (models.Model, error) {
	choice, err := catalogue.Read(text)
	if err != nil {
		return nil, err
	}
	a, err := models.Catalogue.Make(choice)
	if err != nil {
		return nil, err
	}
	return a.Model(p)
}

func plan(depth, width int, f activations.Activation) models.Plan {
	return models.Plan{Depth: depth, Width: width, Activation: f, Initializer: initializers.LeCunNormal(1.2)}
}

var (
	flat    = models.Shape{Inputs: 5, Outputs: 3, Batch: 4, Loss: models.CrossEntropy}
	square  = models.Shape{Inputs: 5, Outputs: 5, Batch: 4, Loss: models.MeanSquaredError}
	toOne   = models.Shape{Inputs: 10, Outputs: 3, Batch: 3, Loss: models.CrossEntropy, Steps: 5, TargetSteps: 1}
	toMany  = models.Shape{Inputs: 10, Outputs: 6, Batch: 3, Loss: models.StepCrossEntropy, Steps: 5, TargetSteps: 3}
	toAll   = models.Shape{Inputs: 10, Outputs: 5, Batch: 3, Loss: models.MeanSquaredError, Steps: 5, TargetSteps: 5}
	oneStep = models.Shape{Inputs: 2, Outputs: 3, Batch: 3, Loss: models.CrossEntropy, Steps: 1, TargetSteps: 1}
)

// cases are models of every kind, small enough for central differences.
var cases = []struct {
	model string
	plan  models.Plan
	shape models.Shape
}{
	{"residual", plan(4, 4, activations.Tanh()), flat},
	{"residual(order=post-activation)", plan(4, 4, activations.Sigmoid()), flat},
	{"residual(order=post-activation,block=1)", plan(3, 5, activations.Tanh()), flat},
	{"residual(order=inside,scale=re-zero,block=1)", plan(3, 4, activations.Tanh()), flat},
	{"residual(scale=skip-init)", plan(4, 4, activations.Softplus()), square},
	{"residual(scale=by-depth,block=3)", plan(6, 4, activations.Gaussian()), flat},
	{"residual(scale=fixup)", plan(4, 4, activations.Tanh()), flat},
	{"residual(scale=fixup,order=post-activation,block=3)", plan(6, 4, activations.Tanh()), flat},
	{"highway", plan(4, 4, activations.Tanh()), flat},
	{"highway(gate-bias=1)", plan(3, 5, activations.Sigmoid()), square},
	{"autoencoder(code=2)", plan(5, 6, activations.Tanh()), square},
	{"deep-linear", plan(4, 4, activations.Identity()), flat},
	{"rnn", plan(1, 4, activations.Tanh()), toOne},
	{"rnn(start=identity,scale=0.5)", plan(2, 4, activations.Softplus()), toMany},
	{"rnn(start=initializer)", plan(3, 3, activations.Sigmoid()), toAll},
	{"irnn", plan(1, 4, activations.ReLU()), toOne},
	{"lstm", plan(1, 4, activations.Tanh()), toOne},
	{"lstm(forget-bias=-1)", plan(2, 3, activations.Tanh()), toMany},
	{"lstm(start=identity)", plan(3, 3, activations.Softplus()), toAll},
	{"lstm", plan(2, 3, activations.Tanh()), oneStep},
	{"gru", plan(1, 4, activations.Tanh()), toOne},
	{"gru", plan(2, 3, activations.Sigmoid()), toMany},
	{"gru(start=initializer)", plan(3, 3, activations.Tanh()), toAll},
}

func each(t *testing.T, f func(t *testing.T, m models.Model, s models.Shape)) {
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s/%d", c.model, c.plan.Depth), func(t *testing.T) {
			f(t, architecture(t, c.model, c.plan), c.shape)
		})
	}
}

// vary moves all parameters away from their first values, of which zeros hide mistakes.
func vary(p *models.Parameters) {
	for i, name := range p.Names() {
		t := p.Tensor(name)
		was := floats(t)
		set(t, func(k int) float64 { return was[k] + 0.3*math.Sin(float64(7*k+3*i+1)) })
	}
}

// TestArchitectureGradients compares the gradients of all parameters of every model with
// central differences.
func TestArchitectureGradients(t *testing.T) {
	each(t, func(t *testing.T, m models.Model, s models.Shape) {
		p := parameters(t, tensor.Float64, 3)
		n := build(t, m, s, p, true)
		fill(n)
		vary(p)
		machine, err := n.TrainingMachine()
		if err != nil {
			t.Fatal(err)
		}
		loss := func() float64 {
			if err := machine.RunAll(); err != nil {
				t.Fatal(err)
			}
			return float64(*n.Loss.Value().(*G.F64))
		}
		loss()
		gradients := gradients(t, n)
		for i, l := range n.Learnables {
			w := l.Value().(*tensor.Dense).Float64s()
			var any bool
			for k := range w {
				const h = 1e-5
				was := w[k]
				w[k] = was + h
				up := loss()
				w[k] = was - h
				down := loss()
				w[k] = was
				if slope := (up - down) / (2 * h); math.Abs(slope-gradients[i][k]) > 2e-9*max(1, math.Abs(slope)) {
					t.Fatalf("gradient of %s[%d] is %g, the slope %g", l.Name(), k, gradients[i][k], slope)
				}
				any = any || gradients[i][k] != 0
			}
			if !any && s.Steps != 1 {
				t.Errorf("the gradient of %s is 0", l.Name())
			}
		}
	})
}

func gradients(t testing.TB, n *models.Network) [][]float64 {
	t.Helper()
	var list [][]float64
	for _, l := range n.Learnables {
		g, err := l.Grad()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, append([]float64(nil), g.(*tensor.Dense).Float64s()...))
	}
	return list
}

// TestAgainstGorgonia compares the gradients with those of gorgonia.Grad, run on the
// TapeMachine.
func TestAgainstGorgonia(t *testing.T) {
	each(t, func(t *testing.T, m models.Model, s models.Shape) {
		p := parameters(t, tensor.Float64, 3)
		n, other := build(t, m, s, p, true), build(t, m, s, p, false)
		vary(p)
		fill(n)
		fill(other)
		machine, err := n.TrainingMachine()
		if err != nil {
			t.Fatal(err)
		}
		if err := machine.RunAll(); err != nil {
			t.Fatal(err)
		}
		want, err := G.Grad(other.Loss, other.Learnables...)
		if err != nil {
			t.Fatal(err)
		}
		tape := G.NewTapeMachine(other.Graph, G.BindDualValues(other.Learnables...))
		defer tape.Close()
		if err := tape.RunAll(); err != nil {
			t.Fatal(err)
		}
		for i, got := range gradients(t, n) {
			want := floats(want[i].Value().(*tensor.Dense))
			for k := range got {
				if math.Abs(got[k]-want[k]) > 1e-14+1e-12*math.Abs(want[k]) {
					t.Fatalf("gradient of %s[%d] is %g, Gorgonia's %g", n.Learnables[i].Name(), k, got[k], want[k])
				}
			}
		}
	})
}

// TestLayersAreSeen checks that each layer's pre-activation and activation can be
// observed, and the gradient of the one, in a machine made for training alone.
func TestLayersAreSeen(t *testing.T) {
	each(t, func(t *testing.T, m models.Model, s models.Shape) {
		n := build(t, m, s, parameters(t, tensor.Float32, 3), true)
		fill(n)
		machine, err := n.TrainingMachine()
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		seen := map[*G.Node]bool{}
		for _, l := range n.Layers {
			if names[l.Name] {
				t.Errorf("two layers are called %s", l.Name)
			}
			names[l.Name] = true
			for what, node := range map[string]*G.Node{"z": l.PreActivation, "y": l.Activation, "dz": l.PreActivation.Deriv()} {
				if node == nil {
					t.Fatalf("%s has no %s", l.Name, what)
				}
				if err := machine.Observe(node, func(G.Value) { seen[node] = true }); err != nil {
					t.Errorf("%s, %s: %v", l.Name, what, err)
				}
				defer func() {
					if !seen[node] {
						t.Errorf("%s, %s: not observed", l.Name, what)
					}
				}()
			}
			if l.Weight == nil || !strings.HasPrefix(l.Weight.Name(), strings.Split(l.Name, "/")[0]) {
				t.Errorf("%s has the weight %v", l.Name, l.Weight)
			}
		}
		if s.Steps > 0 && !names["layer01/t0001"] || s.Steps == 0 && !names["layer01"] || !names["output"] {
			t.Errorf("layers %v", names)
		}
		if err := machine.RunObserved(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSingle compares the loss of float32 networks with that of float64 ones.
func TestSingle(t *testing.T) {
	each(t, func(t *testing.T, m models.Model, s models.Shape) {
		var losses []float64
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			n := build(t, m, s, parameters(t, dtype, 3), true)
			fill(n)
			machine, err := n.TrainingMachine()
			if err != nil {
				t.Fatal(err)
			}
			if err := machine.RunAll(); err != nil {
				t.Fatal(err)
			}
			switch v := n.Loss.Value().(type) {
			case *G.F32:
				losses = append(losses, float64(*v))
			case *G.F64:
				losses = append(losses, float64(*v))
			}
		}
		if math.Abs(losses[0]/losses[1]-1) > 1e-5 {
			t.Errorf("losses %g and %g", losses[0], losses[1])
		}
	})
}

// TestLinearInSteps builds and runs 1000 steps, and compares operations and memory with
// those of 500.
func TestLinearInSteps(t *testing.T) {
	for _, cell := range []string{"rnn", "lstm", "gru"} {
		var steps, bytes []float64
		for _, T := range []int{250, 500, 1000} {
			s := models.Shape{Inputs: 2 * T, Outputs: 1, Batch: 2, Loss: models.MeanSquaredError, Steps: T, TargetSteps: 1}
			n := build(t, architecture(t, cell, plan(2, 4, activations.Tanh())), s, parameters(t, tensor.Float32, 1), true)
			fill(n)
			m, err := n.TrainingMachine()
			if err != nil {
				t.Fatal(err)
			}
			if err := m.RunAll(); err != nil {
				t.Fatal(err)
			}
			steps, bytes = append(steps, float64(m.Steps())), append(bytes, float64(m.Bytes()))
		}
		for what, v := range map[string][]float64{"operations": steps, "bytes": bytes} {
			if first, second := v[1]-v[0], v[2]-v[1]; math.Abs(second/first-2) > 0.02 {
				t.Errorf("%s: %s %v: not linear in the steps", cell, what, v)
			}
		}
	}
}

// TestFirstValuesOfArchitectures checks what their starts promise.
func TestFirstValuesOfArchitectures(t *testing.T) {
	first := func(text string, p models.Plan, s models.Shape) *models.Parameters {
		params := parameters(t, tensor.Float64, 3)
		build(t, architecture(t, text, p), s, params, false)
		return params
	}
	p := first("lstm(forget-bias=1.5)", plan(1, 4, activations.Tanh()), toOne)
	want := append(append(make([]float64, 4), 1.5, 1.5, 1.5, 1.5), make([]float64, 8)...)
	if got := floats(p.Tensor("layer01/bias")); !slices.Equal(got, want) {
		t.Errorf("LSTM biases %v", got)
	}
	u := floats(p.Tensor("layer01/recurrent"))
	for gate := range 4 { // each block orthogonal
		for i := range 4 {
			for j := range 4 {
				var sum, want float64
				for k := range 4 {
					sum += u[k*16+gate*4+i] * u[k*16+gate*4+j]
				}
				if i == j {
					want = 1
				}
				if math.Abs(sum-want) > 1e-13 {
					t.Errorf("gate %d: columns %d and %d have the product %g", gate, i, j, sum)
				}
			}
		}
	}
	u = floats(first("irnn(scale=0.5)", plan(1, 2, activations.ReLU()), toOne).Tensor("layer01/recurrent"))
	if !slices.Equal(u, []float64{0.5, 0, 0, 0.5}) {
		t.Errorf("IRNN starts from %v", u)
	}
	p = first("highway", plan(3, 2, activations.Tanh()), flat)
	if b := floats(p.Tensor("layer02/gate/bias")); !slices.Equal(b, []float64{-2, -2}) || p.Tensor("layer01/gate/bias") != nil {
		t.Errorf("gate biases %v", b)
	}
	p = first("residual(scale=fixup)", plan(8, 3, activations.Tanh()), flat)
	plainStart := first("residual", plan(8, 3, activations.Tanh()), flat)
	for i, v := range floats(p.Tensor("layer03/weight")) {
		if want := floats(plainStart.Tensor("layer03/weight"))[i] / 2; math.Abs(v-want) > 1e-15 { // 4^(-1/2)
			t.Errorf("fixup: weight %g, want %g", v, want)
		}
	}
	for name, want := range map[string]float64{"layer04/weight": 0, "output/weight": 0, "layer04/scale": 1} {
		if v := floats(p.Tensor(name)); slices.Min(v) != want || slices.Max(v) != want {
			t.Errorf("fixup: %s is %v at first", name, v)
		}
	}
	if a := floats(first("residual(scale=skip-init)", plan(2, 3, activations.Tanh()), flat).Tensor("layer02/scale")); a[0] != 0 {
		t.Errorf("skip-init starts at %v", a)
	}
	if w := fmt.Sprint(models.Autoencoder{Depth: 7, Width: 64, Code: 8}.Widths()); w != "[64 32 16 8 16 32 64]" {
		t.Errorf("widths %s", w)
	}
}

func TestBadArchitectures(t *testing.T) {
	batch, err := normalization.Catalogue.Make(catalogue.Choice{Name: "batch-norm"})
	if err != nil {
		t.Fatal(err)
	}
	normalised := plan(2, 3, activations.Tanh())
	normalised.Normalization = batch
	for _, c := range []struct {
		model string
		plan  models.Plan
		shape models.Shape
		says  string
	}{
		{"residual", plan(5, 4, activations.Tanh()), flat, "blocks of 2"},
		{"residual(order=before)", plan(4, 4, activations.Tanh()), flat, "pre-activation"},
		{"residual(scale=half)", plan(4, 4, activations.Tanh()), flat, "fixup"},
		{"residual(scale=re-zero)", plan(4, 4, activations.Tanh()), flat, "skip-init"},
		{"residual(scale=fixup,block=1)", plan(4, 4, activations.Tanh()), flat, "at least 2"},
		{"residual(scale=fixup)", normalised, flat, "without normalisation"},
		{"residual", plan(4, 4, nil), flat, "no activation"},
		{"highway", plan(0, 4, activations.Tanh()), flat, "at least 1"},
		{"autoencoder", plan(4, 16, activations.Tanh()), square, "odd"},
		{"autoencoder(code=20)", plan(3, 16, activations.Tanh()), square, "code"},
		{"autoencoder(code=2)", plan(3, 16, activations.Tanh()), flat, "inputs"},
		{"deep-linear", plan(4, 16, activations.Tanh()), flat, "mlp"},
		{"rnn", plan(1, 4, activations.Tanh()), flat, "sequence"},
		{"rnn", normalised, toOne, "weights"},
		{"rnn(start=zero)", plan(1, 4, activations.Tanh()), toOne, "orthogonal"},
		{"irnn", plan(1, 4, activations.Tanh()), toOne, "relu"},
		{"lstm", plan(0, 4, activations.Tanh()), toOne, "at least 1"},
		{"mlp", plan(1, 4, activations.Tanh()), models.Shape{Inputs: 5, Outputs: 3, Batch: 1, Loss: models.CrossEntropy, Steps: 3, TargetSteps: 1}, "sequence"},
		{"mlp", plan(1, 4, activations.Tanh()), models.Shape{Inputs: 5, Outputs: 3, Batch: 1, Loss: models.StepCrossEntropy}, "sequence"},
	} {
		m, err := make1(c.model, c.plan)
		if err == nil {
			_, err = models.Build(m, c.shape, parameters(t, tensor.Float32, 1), true)
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one with %q", c.model, err, c.says)
		}
	}
}

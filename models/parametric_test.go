package models_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// learned returns activations with parameters, of each kind and with each penalty.
func learned(t testing.TB) map[string]activations.Activation {
	t.Helper()
	list := map[string]activations.Activation{}
	add := func(name string, a activations.Activation, err error) {
		if err != nil {
			t.Fatal(err)
		}
		list[name] = a
	}
	for _, learn := range []activations.Learn{activations.PerLayer, activations.PerUnit} {
		for name, p := range map[string]activations.Penalty{"": nil, "l2": activations.L2(0.3), "log": activations.LogSquared(0.2), "product": activations.WeightProduct(0.1)} {
			s, err := activations.Scaled(activations.Tanh(), activations.Parameter{Start: 1.3, Learn: learn, Penalty: p})
			add(fmt.Sprintf("scaled %s %s", learn, name), s, err)
		}
		f, err := activations.Formula("a*tanh(b*z) + c*z",
			activations.Parameter{Name: "a", Start: 1.3, Learn: learn, Penalty: activations.L2(0.1)},
			activations.Parameter{Name: "b", Start: 0.7, Learn: activations.PerLayer},
			activations.Parameter{Name: "c", Start: 0.1, Learn: activations.PerUnit})
		add(fmt.Sprintf("formula %s", learn), f, err)
		s, err := activations.Scaled(f, activations.Parameter{Name: "d", Start: 0.9, Learn: learn})
		add(fmt.Sprintf("scaled formula %s", learn), s, err)
	}
	return list
}

func gradientOf(t testing.TB, n *G.Node) []float64 {
	t.Helper()
	v, err := n.Grad()
	if err != nil {
		t.Fatal(err)
	}
	return append([]float64(nil), floats(v.(*tensor.Dense))...)
}

// TestLearnedParameters compares the gradients of all parameters of networks with
// learned parameters and penalties with central differences, and those of float32
// with those of float64.
func TestLearnedParameters(t *testing.T) {
	for name, f := range learned(t) {
		t.Run(name, func(t *testing.T) {
			m := models.MLP{Depth: 3, Width: 4, Activation: f, Initializer: initializers.LeCunNormal(1.2)}
			var of64 map[string][]float64
			for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
				p := parameters(t, dtype, 3)
				n := build(t, m, shape(4), p, true)
				fill(n)
				for k, l := range n.Layers[:3] { // of one start, but distinct values
					for i, a := range l.Parameters {
						v := a.Value().(*tensor.Dense)
						was := floats(v)[0]
						set(v, func(j int) float64 { return was + 0.11*float64(k) + 0.05*float64(i) - 0.07*float64(j) })
					}
				}
				machine, err := n.TrainingMachine()
				if err != nil {
					t.Fatal(err)
				}
				if err := machine.RunAll(); err != nil {
					t.Fatal(err)
				}
				gradients := map[string][]float64{}
				for _, l := range n.Learnables {
					gradients[l.Name()] = gradientOf(t, l)
				}
				if dtype == tensor.Float32 {
					for name, g := range gradients {
						for k := range g {
							if want := of64[name][k]; math.Abs(g[k]-want) > 1e-5*(1+math.Abs(want)) {
								t.Errorf("float32: gradient of %s[%d] is %g, in float64 %g", name, k, g[k], want)
							}
						}
					}
					continue
				}
				of64 = gradients
				for _, l := range n.Learnables {
					w := l.Value().(*tensor.Dense).Float64s()
					for k := range w {
						const h = 1e-5
						at := func(v float64) float64 {
							was := w[k]
							w[k] = v
							if err := machine.RunAll(); err != nil {
								t.Fatal(err)
							}
							w[k] = was
							return float64(*n.Loss.Value().(*G.F64))
						}
						slope := (at(w[k]+h) - at(w[k]-h)) / (2 * h)
						if got := gradients[l.Name()][k]; math.Abs(slope-got) > 1e-8 {
							t.Errorf("gradient of %s[%d] is %g, the slope %g", l.Name(), k, got, slope)
						}
					}
				}
			}
		})
	}
}

func TestNamesOfLearned(t *testing.T) {
	f, err := activations.Formula("a*tanh(b*z)",
		activations.Parameter{Name: "a", Start: 1.5, Learn: activations.PerUnit},
		activations.Parameter{Name: "b", Start: 0.7, Learn: activations.PerLayer})
	if err != nil {
		t.Fatal(err)
	}
	m := models.MLP{Depth: 2, Width: 4, Activation: f, Initializer: initializers.LeCunNormal(1)}
	p := parameters(t, tensor.Float32, 1)
	n := build(t, m, shape(3), p, true)
	want := "[layer01/weight layer01/bias layer01/a layer01/b layer02/weight layer02/bias layer02/a layer02/b output/weight output/bias]"
	if got := fmt.Sprint(p.Names()); got != want {
		t.Errorf("parameters %s, want %s", got, want)
	}
	values := n.Layers[1].ParameterValues()
	if got := fmt.Sprint(values); got != "map[a:[1.5 1.5 1.5 1.5] b:[0.699999988079071]]" {
		t.Errorf("values of layer02: %s", got)
	}
	if n.Layers[2].Parameters != nil {
		t.Error("the output layer has parameters of an activation")
	}
}

// TestPenalty checks that training has the penalty in its loss, and evaluation has not.
func TestPenalty(t *testing.T) {
	network := func(p activations.Penalty, training bool) *models.Network {
		f, err := activations.Scaled(activations.Tanh(), activations.Parameter{Start: 1.5, Learn: activations.PerUnit, Penalty: p})
		if err != nil {
			t.Fatal(err)
		}
		n := build(t, models.MLP{Depth: 2, Width: 4, Activation: f, Initializer: initializers.LeCunNormal(1)}, shape(3), parameters(t, tensor.Float64, 1), training)
		fill(n)
		return n
	}
	loss := func(n *models.Network) float64 {
		m, err := n.TrainingMachine()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		return float64(*n.Loss.Value().(*G.F64))
	}
	data := loss(network(nil, true))
	norms := 0.
	for _, name := range []string{"layer02/weight", "output/weight"} {
		var s float64
		for _, w := range network(nil, true).Parameters.Tensor(name).Float64s() {
			s += w * w
		}
		norms += 1.5 * math.Sqrt(s)
	}
	for name, c := range map[string]struct {
		p    activations.Penalty
		want float64
	}{
		"l2":      {activations.L2(0.1), 0.1 * 8 * 1.5 * 1.5},
		"log":     {activations.LogSquared(0.1), 0.1 * 8 * math.Log(1.5) * math.Log(1.5)},
		"product": {activations.WeightProduct(0.1), 0.1 * norms},
	} {
		if got := loss(network(c.p, true)) - data; math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: the loss has %g more, want %g", name, got, c.want)
		}
		n := network(c.p, false)
		m, err := n.EvaluationMachine()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
	}
	// In a curvature, l2 is exact.
	n := network(activations.L2(0.1), true)
	plain := network(nil, true)
	curvature := func(n *models.Network) []float64 {
		h, err := n.Curvature()
		if err != nil {
			t.Fatal(err)
		}
		m, err := n.TrainingMachine(h...)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		for i, l := range n.Learnables {
			if l.Name() == "layer02/a" {
				return h[i].Value().(*tensor.Dense).Float64s()
			}
		}
		return nil
	}
	with, without := curvature(n), curvature(plain)
	for i := range with {
		if math.Abs(with[i]-without[i]-0.2) > 1e-12 || without[i] <= 0 {
			t.Errorf("curvature of layer02/a[%d]: %g with the penalty, %g without", i, with[i], without[i])
		}
	}
}

// TestLearnedCurvature: before the mean squared error, the diagonal of the Gauss-Newton
// matrix of a last hidden layer's factor is (2/n) Σ (∂y/∂a)².
func TestLearnedCurvature(t *testing.T) {
	for _, learn := range []activations.Learn{activations.PerLayer, activations.PerUnit} {
		f, err := activations.Formula("a*tanh(z)", activations.Parameter{Name: "a", Start: 1.5, Learn: learn})
		if err != nil {
			t.Fatal(err)
		}
		s := models.Shape{Inputs: 5, Outputs: 1, Batch: 4, Loss: models.MeanSquaredError}
		n := build(t, models.MLP{Depth: 1, Width: 1, Activation: f, Initializer: initializers.LeCunNormal(1)}, s, parameters(t, tensor.Float64, 1), true)
		fill(n)
		h, err := n.Curvature()
		if err != nil {
			t.Fatal(err)
		}
		m, err := n.TrainingMachine(append(h, n.Layers[0].PreActivation)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		w := n.Parameters.Tensor("output/weight").Float64s()[0]
		var want float64
		for _, z := range n.Layers[0].PreActivation.Value().(*tensor.Dense).Float64s() {
			d := w * math.Tanh(z)
			want += 2. / 4 * d * d
		}
		if got := h[2].Value().(*tensor.Dense).Float64s()[0]; math.Abs(got/want-1) > 1e-12 {
			t.Errorf("%s: curvature of %s is %g, want %g", learn, n.Learnables[2].Name(), got, want)
		}
	}
}

func TestLearnedErrors(t *testing.T) {
	scaled := func(a activations.Parameter) activations.Activation {
		f, err := activations.Scaled(activations.Tanh(), a)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	clash, err := activations.Formula("gain*tanh(z)", activations.Parameter{Name: "gain", Start: 1, Learn: activations.PerLayer})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		m    models.Model
		want string
	}{
		"no reader": {notRead{scaled(activations.Parameter{Start: 1, Learn: activations.PerLayer, Penalty: activations.WeightProduct(1)})}, "penalty of layer01/a: no layer multiplies"},
		"clash":     {clashing{clash}, "layer01/gain is a parameter of the"},
	} {
		_, err := models.Build(c.m, shape(2), parameters(t, tensor.Float32, 1), true)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// notRead is a model in which no weights read the hidden layer's activation itself.
type notRead struct{ f activations.Activation }

func (m notRead) Layout(b *models.Builder, x *G.Node) (*G.Node, error) {
	y, err := b.Dense("layer01", x, 3, m.f, initializers.LeCunNormal(1), nil)
	if err != nil {
		return nil, err
	}
	return activations.Tanh().Node(y)
}

// clashing has a parameter of its own by the name of the activation's.
type clashing struct{ f activations.Activation }

func (m clashing) Layout(b *models.Builder, x *G.Node) (*G.Node, error) {
	if _, err := b.Parameter("layer01/gain", nil, 1); err != nil {
		return nil, err
	}
	return b.Dense("layer01", x, 3, m.f, initializers.LeCunNormal(1), nil)
}

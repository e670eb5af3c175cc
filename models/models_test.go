package models_test

import (
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func mlp(depth, width int) models.MLP {
	return models.MLP{Depth: depth, Width: width, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)}
}

func shape(batch int) models.Shape {
	return models.Shape{Inputs: 5, Outputs: 3, Batch: batch, Loss: models.CrossEntropy}
}

func build(t testing.TB, m models.Model, s models.Shape, p *models.Parameters, training bool) *models.Network {
	t.Helper()
	n, err := models.Build(m, s, p, training)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func parameters(t testing.TB, dtype tensor.Dtype, seed uint64) *models.Parameters {
	t.Helper()
	p, err := models.NewParameters(dtype, seed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fill gives input and target values.
func fill(n *models.Network) {
	for i, node := range []*G.Node{n.Input, n.Target} {
		v := node.Value().(*tensor.Dense)
		set(v, func(k int) float64 {
			if i == 0 {
				return math.Sin(float64(3 * k))
			}
			if k%n.Shape.Outputs == k/n.Shape.Outputs%n.Shape.Outputs {
				return 1
			}
			return 0
		})
	}
}

func set(t *tensor.Dense, f func(int) float64) {
	for i := range t.Shape().TotalSize() {
		if t.Dtype() == tensor.Float32 {
			t.Float32s()[i] = float32(f(i))
		} else {
			t.Float64s()[i] = f(i)
		}
	}
}

func TestNames(t *testing.T) {
	p := parameters(t, tensor.Float32, 1)
	n := build(t, mlp(2, 4), shape(3), p, true)
	want := "[layer01/weight layer01/bias layer02/weight layer02/bias output/weight output/bias]"
	if got := fmt.Sprint(p.Names()); got != want {
		t.Errorf("parameters %s, want %s", got, want)
	}
	var learnables []string
	for _, l := range n.Learnables {
		learnables = append(learnables, l.Name())
	}
	if got := fmt.Sprint(learnables); got != want {
		t.Errorf("learnables %s, want %s", got, want)
	}
	if p.Count() != 5*4+4+4*4+4+4*3+3 {
		t.Errorf("%d parameters", p.Count())
	}
	l, ok := n.Layer("layer02")
	if !ok || l.Function != "tanh" || !l.PreActivation.Shape().Eq(tensor.Shape{3, 4}) {
		t.Errorf("layer02: %+v, %v", l, ok)
	}
	if _, ok := n.Layer("layer03"); ok {
		t.Error("there is a third layer")
	}
	if got := models.LayerName(122); got != "layer123" {
		t.Errorf("the 123rd layer is %s", got)
	}
}

// TestFirstValues checks that first weights depend on seed and name alone.
func TestFirstValues(t *testing.T) {
	weights := func(dtype tensor.Dtype, depth int, seed uint64, name string) []float64 {
		p := parameters(t, dtype, seed)
		build(t, mlp(depth, 4), shape(2), p, false)
		return floats(p.Tensor(name))
	}
	a, deeper := weights(tensor.Float64, 2, 1, "layer02/weight"), weights(tensor.Float64, 7, 1, "layer02/weight")
	other, single := weights(tensor.Float64, 2, 2, "layer02/weight"), weights(tensor.Float32, 2, 1, "layer02/weight")
	for i := range a {
		if a[i] != deeper[i] {
			t.Errorf("element %d depends on the depth", i)
		}
		if a[i] == other[i] {
			t.Errorf("element %d does not depend on the seed", i)
		}
		if float64(float32(a[i])) != single[i] {
			t.Errorf("element %d: float32 starts from %g, float64 from %g", i, single[i], a[i])
		}
	}
	for i, b := range weights(tensor.Float64, 2, 1, "layer02/bias") {
		if b != 0 {
			t.Errorf("bias %d starts at %g", i, b)
		}
	}
}

func floats(t *tensor.Dense) []float64 {
	if t.Dtype() == tensor.Float64 {
		return t.Float64s()
	}
	list := make([]float64, len(t.Float32s()))
	for i, v := range t.Float32s() {
		list[i] = float64(v)
	}
	return list
}

// TestGradients compares the gradients of all parameters with central differences,
// for each activation and loss.
func TestGradients(t *testing.T) {
	for _, f := range []activations.Activation{activations.Tanh(), activations.Softplus(), activations.Gaussian(), activations.Sigmoid()} {
		for _, loss := range []models.Loss{models.CrossEntropy, models.MeanSquaredError} {
			p := parameters(t, tensor.Float64, 3)
			m := models.MLP{Depth: 3, Width: 4, Activation: f, Initializer: initializers.LeCunNormal(1.2)}
			n := build(t, m, models.Shape{Inputs: 5, Outputs: 3, Batch: 4, Loss: loss}, p, true)
			fill(n)
			machine, err := n.TrainingMachine()
			if err != nil {
				t.Fatal(err)
			}
			value := func() float64 {
				if err := machine.RunAll(); err != nil {
					t.Fatal(err)
				}
				return float64(*n.Loss.Value().(*G.F64))
			}
			value()
			var gradients [][]float64
			for _, l := range n.Learnables {
				g, err := l.Grad()
				if err != nil {
					t.Fatal(err)
				}
				gradients = append(gradients, append([]float64(nil), g.(*tensor.Dense).Float64s()...))
			}
			for i, l := range n.Learnables {
				w := l.Value().(*tensor.Dense).Float64s()
				for k := range w {
					const h = 1e-5
					was := w[k]
					w[k] = was + h
					up := value()
					w[k] = was - h
					down := value()
					w[k] = was
					if slope := (up - down) / (2 * h); math.Abs(slope-gradients[i][k]) > 1e-8 {
						t.Errorf("%s, %s: gradient of %s[%d] is %g, the slope %g", f.Name(), loss, l.Name(), k, gradients[i][k], slope)
					}
				}
			}
		}
	}
}

// TestSharedParameters trains on one graph and evaluates on another, of another batch
// size: the same examples must give the same outputs.
func TestSharedParameters(t *testing.T) {
	p := parameters(t, tensor.Float64, 1)
	training, evaluation := build(t, mlp(3, 4), shape(6), p, true), build(t, mlp(3, 4), shape(2), p, false)
	fill(training)
	train, err := training.TrainingMachine()
	if err != nil {
		t.Fatal(err)
	}
	evaluate, err := evaluation.EvaluationMachine()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evaluation.TrainingMachine(); err == nil {
		t.Error("a network built for evaluation makes a training machine")
	}
	output := func() []float64 {
		copy(evaluation.Input.Value().(*tensor.Dense).Float64s(), training.Input.Value().(*tensor.Dense).Float64s())
		if err := evaluate.RunAll(); err != nil {
			t.Fatal(err)
		}
		return append([]float64(nil), evaluation.Output.Value().(*tensor.Dense).Float64s()...)
	}
	before := output()
	if err := train.RunAll(); err != nil {
		t.Fatal(err)
	}
	if err := G.NewVanillaSolver(G.WithLearnRate(0.5)).Step(G.NodesToValueGrads(training.Learnables)); err != nil {
		t.Fatal(err)
	}
	after := output()
	w := p.Tensor("output/bias").Float64s()
	if w[0] == 0 || before[0] == after[0] {
		t.Error("the evaluation graph does not see the trained parameters")
	}
}

// TestAgainstPlainLoops compares a forward pass with one written out.
func TestAgainstPlainLoops(t *testing.T) {
	p := parameters(t, tensor.Float64, 9)
	n := build(t, mlp(2, 4), shape(3), p, false)
	fill(n)
	m, err := n.EvaluationMachine()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	layer := func(x []float64, name string, f func(float64) float64) []float64 {
		w, b := p.Tensor(name+"/weight"), p.Tensor(name+"/bias").Float64s()
		in, out := w.Shape()[0], w.Shape()[1]
		y := make([]float64, out)
		for j := range out {
			z := b[j]
			for i := range in {
				z += x[i] * w.Float64s()[i*out+j]
			}
			y[j] = f(z)
		}
		return y
	}
	for row := range 3 {
		x := n.Input.Value().(*tensor.Dense).Float64s()[row*5 : row*5+5]
		y := layer(layer(layer(x, "layer01", math.Tanh), "layer02", math.Tanh), "output", func(z float64) float64 { return z })
		for k, want := range y {
			if got := n.Output.Value().(*tensor.Dense).Float64s()[row*3+k]; math.Abs(got-want) > 1e-14 {
				t.Errorf("output %d of example %d is %g, want %g", k, row, got, want)
			}
		}
	}
}

// TestDeep builds, differentiates and runs 1000 layers.
func TestDeep(t *testing.T) {
	n := build(t, mlp(1000, 8), shape(2), parameters(t, tensor.Float32, 1), true)
	fill(n)
	m, err := n.TrainingMachine()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	// Forward two operations a layer, backward four; the output layer and the loss.
	if want := 1000*(2+4) - 1 + 1 + 2 + 3; m.Steps() != want {
		t.Errorf("%d operations, want %d: none that nobody asked for", m.Steps(), want)
	}
}

func TestBuildSideBySide(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			p, err := models.NewParameters(tensor.Float32, uint64(i))
			if err != nil {
				t.Error(err)
				return
			}
			n, err := models.Build(mlp(5, 4), shape(2), p, true)
			if err != nil {
				t.Error(err)
				return
			}
			m, err := n.TrainingMachine()
			if err != nil {
				t.Error(err)
				return
			}
			if err := m.RunAll(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestBadInput(t *testing.T) {
	if _, err := models.NewParameters(tensor.Int, 1); err == nil {
		t.Error("parameters of type int are accepted")
	}
	ok := shape(2)
	for name, c := range map[string]struct {
		m models.Model
		s models.Shape
	}{
		"negative depth":  {mlp(-1, 4), ok},
		"no width":        {mlp(2, 0), ok},
		"no activation":   {models.MLP{Depth: 1, Width: 2, Initializer: initializers.HeNormal(1)}, ok},
		"no initialiser":  {models.MLP{Depth: 1, Width: 2, Activation: activations.Tanh()}, ok},
		"batch of 0":      {mlp(1, 2), models.Shape{Inputs: 1, Outputs: 1, Loss: models.CrossEntropy}},
		"unknown loss":    {mlp(1, 2), models.Shape{Inputs: 1, Outputs: 1, Batch: 1, Loss: "hinge"}},
		"no loss":         {mlp(1, 2), models.Shape{Inputs: 1, Outputs: 1, Batch: 1}},
		"wrong output":    {wide{}, ok},
		"negative inputs": {mlp(1, 2), models.Shape{Inputs: -1, Outputs: 1, Batch: 1, Loss: models.CrossEntropy}},
	} {
		if _, err := models.Build(c.m, c.s, parameters(t, tensor.Float32, 1), true); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	p := parameters(t, tensor.Float32, 1)
	build(t, mlp(1, 4), ok, p, false)
	if _, err := models.Build(mlp(1, 5), ok, p, false); err == nil {
		t.Error("another width with the same parameters: no error")
	}
}

// wide is a model whose output does not fit.
type wide struct{}

func (wide) Layout(b *models.Builder, x *G.Node) (*G.Node, error) { return x, nil }

func BenchmarkBuild(b *testing.B) {
	for _, depth := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			for b.Loop() {
				n := build(b, mlp(depth, 8), shape(2), parameters(b, tensor.Float32, 1), true)
				if _, err := n.TrainingMachine(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(depth), "µs/layer")
		})
	}
}

func Example() {
	p, err := models.NewParameters(tensor.Float32, 1)
	if err != nil {
		panic(err)
	}
	network, err := models.Build(
		models.MLP{Depth: 20, Width: 64, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)},
		models.Shape{Inputs: 64, Outputs: 10, Batch: 32, Loss: models.CrossEntropy}, p, true)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(network.Layers), "layers, the first", network.Layers[0].Name, network.Layers[0].PreActivation.Shape())
	fmt.Println(p.Count(), "parameters from", p.Names()[0], "to", p.Names()[len(p.Names())-1])
	// Output:
	// 21 layers, the first layer01 (32, 64)
	// 83850 parameters from layer01/weight to output/bias
}

// TestMeasure: the size of a network that is only measured is that of the built one.
func TestMeasure(t *testing.T) {
	s := models.Shape{Inputs: 6, Outputs: 3, Batch: 4, Loss: models.CrossEntropy}
	for _, name := range []string{"mlp", "residual", "highway", "rbf", "rnn", "lstm"} {
		shape := s
		if name == "rnn" || name == "lstm" {
			shape.Steps, shape.TargetSteps = 3, 1
		}
		a, err := models.Catalogue.Make(catalogue.Choice{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		f := activations.Tanh()
		if name == "rbf" {
			f = activations.Gaussian()
		}
		m, err := a.Model(models.Plan{Depth: 2, Width: 5, Activation: f, Initializer: initializers.GlorotNormal(1)})
		if err != nil {
			t.Fatal(err)
		}
		p, err := models.NewParameters(tensor.Float32, 1)
		if err != nil {
			t.Fatal(err)
		}
		n := build(t, m, shape, p, false)
		size, err := models.Measure(m, shape, tensor.Float32)
		if err != nil {
			t.Fatal(err)
		}
		values := 0
		for _, node := range n.Graph.AllNodes() {
			values += node.Shape().TotalSize()
		}
		if size.Parameters != p.Count() || size.Values != values || size.Nodes != len(n.Graph.AllNodes()) {
			t.Errorf("%s: %+v, want %d parameters, %d values, %d nodes", name, size, p.Count(), values, len(n.Graph.AllNodes()))
		}
	}
	// A width whose weights would fill any memory is measured as well.
	size, err := models.Measure(models.MLP{Depth: 2, Width: 1 << 20, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)}, s, tensor.Float32)
	if want := 1 << 40; err != nil || size.Largest != want {
		t.Errorf("%+v, %v; want a largest parameter of %d", size, err, want)
	}
}

package keep_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/keep"
	"github.com/gradflow/gradflow/models/train"
	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"
)

// dense is a matrix of a tensor's elements.
func dense(t *tensor.Dense) *mat.Dense {
	x := make([]float64, t.Shape().TotalSize())
	if t.Dtype() == tensor.Float64 {
		copy(x, t.Float64s())
	} else {
		for i, v := range t.Float32s() {
			x[i] = float64(v)
		}
	}
	return mat.NewDense(t.Shape()[0], t.Shape()[1], x)
}

// again does a loop's steps and computes the gradients of the last batch once more, which no
// optimizer has taken yet.
func again(t *testing.T, l *train.Loop) {
	t.Helper()
	run(t, l)
	if err := l.Machine.RunAll(); err != nil {
		t.Fatal(err)
	}
}

// TestFeedbackGradient computes the gradients of direct feedback alignment a second time, by its
// definition: δ = (e·B) ∘ (1 - tanh² z), e the softmax less the target, over the batch.
func TestFeedbackGradient(t *testing.T) {
	for _, c := range []struct {
		dtype     tensor.Dtype
		tolerance float64
	}{{tensor.Float64, 1e-12}, {tensor.Float32, 2e-5}} {
		const depth, batch = 4, 8
		l := kept(t, mlp(depth, 5, activations.Tanh()), c.dtype, batch, "direct-feedback(gain=1.5)", "sgd(rate=1e-30)", 1)
		n := l.Network
		again(t, l)
		feedback := map[string]*mat.Dense{}
		for _, node := range n.Graph.AllNodes() {
			if v, ok := node.Value().(*tensor.Dense); ok && v.Dims() == 2 && len(node.Name()) > 9 && node.Name()[7:] == "/feedback" {
				feedback[node.Name()[:7]] = dense(v)
			}
		}
		if len(feedback) != depth {
			t.Fatalf("%d feedback matrices", len(feedback))
		}
		apply := func(x, w *mat.Dense) *mat.Dense {
			var z mat.Dense
			z.Mul(x, w)
			return &z
		}
		x := dense(n.Input.Value().(*tensor.Dense))
		target := dense(n.Target.Value().(*tensor.Dense))
		layers := []*mat.Dense{x}
		for i := range depth { // biases start at 0
			z := apply(layers[i], dense(n.Parameters.Tensor(models.LayerName(i)+"/weight")))
			z.Apply(func(_, _ int, v float64) float64 { return math.Tanh(v) }, z)
			layers = append(layers, z)
		}
		e := apply(layers[depth], dense(n.Parameters.Tensor("output/weight")))
		for i := range batch {
			sum := 0.
			for k := range outputs {
				sum += math.Exp(e.At(i, k))
			}
			for k := range outputs {
				e.Set(i, k, (math.Exp(e.At(i, k))/sum-target.At(i, k))/batch)
			}
		}
		for i, layer := range n.Layers {
			delta := e
			if i < depth {
				d := apply(e, feedback[layer.Name])
				d.Apply(func(r, k int, v float64) float64 { y := layers[i+1].At(r, k); return v * (1 - y*y) }, d)
				delta = d
			}
			var want mat.Dense
			want.Mul(layers[i].T(), delta)
			grad, err := layer.Weight.Grad()
			if err != nil {
				t.Fatal(err)
			}
			got := dense(grad.(*tensor.Dense))
			got.Sub(got, &want)
			if off := mat.Norm(got, 2) / mat.Norm(&want, 2); !(off < c.tolerance) {
				t.Errorf("%v: the gradient of %s is off by %.2g", c.dtype, layer.Name, off)
			}
		}
	}
}

// TestFeedbackReaches: thirty sigmoid layers, of which backpropagation moves only the last ones,
// all get a gradient, and the same seed has the same matrices.
func TestFeedbackReaches(t *testing.T) {
	norms := func(what string) []float64 {
		l := kept(t, mlp(30, 8, activations.Sigmoid()), tensor.Float64, 32, what, "sgd(rate=0.1)", 5)
		again(t, l)
		var list []float64
		for _, layer := range l.Network.Layers {
			g, err := layer.Weight.Grad()
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, mat.Norm(dense(g.(*tensor.Dense)), 2))
		}
		return list
	}
	direct, back := norms("direct-feedback"), norms("none")
	if back[0] > 1e-12 || direct[0] < 1e-3 || direct[0] < direct[29]/100 {
		t.Errorf("the first layer's gradient is %g, by backpropagation %g", direct[0], back[0])
	}
	if !slices.Equal(direct, norms("direct-feedback")) {
		t.Error("the same seed has other matrices")
	}
}

// TestAuxiliaryGradient compares the gradients with central differences of the loss of steps, which
// is the network's own and 0.3·s of each readout's.
func TestAuxiliaryGradient(t *testing.T) {
	const batch = 8
	l := kept(t, mlp(5, 4, activations.Tanh()), tensor.Float64, batch, "auxiliary-losses(every=2,strength=0.3,schedule=constant(factor=0.5))", "sgd(rate=1e-30)", 1)
	n := l.Network
	again(t, l)
	var readouts []string
	for _, name := range n.Parameters.Names() {
		if len(name) > 7 && name[7:] == "/auxiliary/weight" {
			readouts = append(readouts, name[:7])
		}
	}
	if !slices.Equal(readouts, []string{"layer02", "layer04"}) {
		t.Fatalf("readouts at %v", readouts)
	}
	x, target := dense(n.Input.Value().(*tensor.Dense)), dense(n.Target.Value().(*tensor.Dense))
	parameter := func(name string) *tensor.Dense { return n.Parameters.Tensor(name) }
	answer := func(y *mat.Dense, name string) float64 {
		var z mat.Dense
		z.Mul(y, dense(parameter(name+"/weight")))
		bias, loss := parameter(name+"/bias").Float64s(), 0.
		for i := range batch {
			sum, right := 0., 0.
			for k := range outputs {
				v := z.At(i, k) + bias[k]
				sum += math.Exp(v)
				right += target.At(i, k) * v
			}
			loss += (math.Log(sum) - right) / batch
		}
		return loss
	}
	loss := func() float64 {
		y, total := x, 0.
		for i := range 5 {
			var z mat.Dense
			z.Mul(y, dense(parameter(models.LayerName(i)+"/weight")))
			bias := parameter(models.LayerName(i) + "/bias").Float64s()
			z.Apply(func(_, k int, v float64) float64 { return math.Tanh(v + bias[k]) }, &z)
			y = &z
			if i == 1 || i == 3 {
				total += .3 * .5 * answer(y, models.LayerName(i)+"/auxiliary")
			}
		}
		return total + answer(y, "output")
	}
	for i, name := range n.Parameters.Names() {
		grad, err := n.Learnables[i].Grad()
		if err != nil {
			t.Fatal(err)
		}
		w, g := parameter(name).Float64s(), grad.(*tensor.Dense).Float64s()
		for k := range w {
			const h = 1e-4
			at := func(v float64) float64 { old := w[k]; w[k] = old + v; defer func() { w[k] = old }(); return loss() }
			want := (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)
			if !(math.Abs(g[k]-want) < 1e-11) {
				t.Errorf("%s[%d]: gradient %.13g, by differences %.13g", name, k, g[k], want)
			}
		}
	}
}

// TestAuxiliaryFades: with a schedule that falls, the readouts' losses do.
func TestAuxiliaryFades(t *testing.T) {
	k := made(t, keep.Catalogue, "auxiliary-losses(every=1,schedule=inverse-time(decay=1))")
	if k == nil {
		t.Fatal("no keep")
	}
	steps := func(n int) float64 {
		l := kept(t, mlp(3, 4, activations.Tanh()), tensor.Float64, 8, "auxiliary-losses(every=1,strength=1000,schedule=inverse-time(decay=1))", "sgd(rate=1e-30)", n)
		return run(t, l).Loss
	}
	if first, tenth := steps(1), steps(10); !(tenth < first/5 && tenth > first/20) {
		t.Errorf("the losses fall from %g to %g in ten steps of 1/(1+t)", first, tenth)
	}
}

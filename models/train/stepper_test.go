package train_test

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
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// batchNormed is a network of two layers with batch normalisation and learned
// activations.
func batchNormed(t *testing.T, dtype tensor.Dtype) *models.Network {
	t.Helper()
	norm, err := normalization.Catalogue.Make(catalogue.Choice{Name: "batch-norm"})
	if err != nil {
		t.Fatal(err)
	}
	scaled, err := activations.Catalogue.Read("scaled(of=tanh,a=1.5,learn=unit)")
	if err != nil {
		t.Fatal(err)
	}
	f, err := activations.Catalogue.Make(scaled)
	if err != nil {
		t.Fatal(err)
	}
	p, err := models.NewParameters(dtype, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := models.Build(models.MLP{Depth: 2, Width: 8, Activation: f, Initializer: initializers.GlorotNormal(1), Normalization: norm},
		models.Shape{Inputs: inputs, Outputs: 2, Batch: 16, Loss: models.CrossEntropy}, p, true)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// look is a hook that looks at the gradients, so that they have to be kept.
func look(when train.Schedule) train.Hook {
	return train.Hook{When: when, Before: func(*train.State) error { return nil }}
}

// TestJoined trains with the updates in the middle of the backward pass, after it, and
// now the one, now the other: losses, parameters and running statistics are the same to
// the bit.
func TestJoined(t *testing.T) {
	nets := map[string]func(*testing.T, tensor.Dtype) *models.Network{
		"plain":      func(t *testing.T, d tensor.Dtype) *models.Network { return network(t, d, 4) },
		"batch-norm": batchNormed,
	}
	for name, build := range nets {
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			for _, text := range []string{"sgd", "adam", "rmsprop", "smorms3", "irprop-minus", "irprop-plus", "lamb", "muon", "vsgd-fd",
				"chain(before=[clip-global-norm(limit=1)],optimizer=sgd)"} {
				t.Run(fmt.Sprint(name, "/", dtype, "/", text), func(t *testing.T) {
					train := func(hooks ...train.Hook) (numbers []float64) {
						choice, err := optimizers.Catalogue.Read(text)
						if err != nil {
							t.Fatal(err)
						}
						solver, err := optimizers.Catalogue.Make(choice)
						if err != nil {
							t.Fatal(err)
						}
						n := build(t, dtype)
						l := loop(t, n, solver, 12)
						l.Hooks = append(hooks, losses(&numbers))
						run(t, l)
						for _, name := range append(n.Parameters.Names(), n.Parameters.Statistics()...) {
							numbers = append(numbers, floats(n.Parameters.Tensor(name))...)
						}
						return numbers
					}
					joined, apart, mixed := train(), train(look(nil)), train(look(train3))
					if !slices.Equal(joined, apart) || !slices.Equal(mixed, apart) {
						t.Errorf("joined %v\nmixed  %v\napart  %v", joined, mixed, apart)
					}
				})
			}
		}
	}
}

// train3 selects every third step.
var train3 = train.Every(3)

func losses(list *[]float64) train.Hook {
	return train.Hook{After: func(s *train.State) error { *list = append(*list, s.Loss); return nil }}
}

func floats(t *tensor.Dense) []float64 {
	if t.Dtype() == tensor.Float64 {
		return slices.Clone(t.Float64s())
	}
	var x []float64
	for _, v := range t.Float32s() {
		x = append(x, float64(v))
	}
	return x
}

// TestJoinedDivergence has runs diverge in the backward pass: the results are the same
// whether or not gradients are looked at.
func TestJoinedDivergence(t *testing.T) {
	result := func(hooks ...train.Hook) train.Result {
		n := network(t, tensor.Float32, 4)
		l := loop(t, n, sgd(t, 0.1), 10)
		// Weights that let every unit live and the gradient overflow below layer03.
		l.Hooks = append(hooks, train.Hook{When: train.AtSteps(2), After: func(*train.State) error {
			for _, name := range n.Parameters.Names() {
				w := n.Parameters.Tensor(name).Float32s()
				switch {
				case name == "layer02/weight" || name == "layer03/weight":
					clear(w)
					w[0] = 3e38
				case name == "layer01/weight" || strings.HasSuffix(name, "/bias"):
					clear(w)
				}
			}
			output := n.Parameters.Tensor("output/weight").Float32s()
			for i := range output {
				output[i] = float32(i%2) + 1
			}
			return nil
		}})
		return run(t, l)
	}
	joined, apart := result(), result(look(nil))
	if joined != apart {
		t.Errorf("joined %+v\napart  %+v", joined, apart)
	}
	if joined.Status != train.Diverged || joined.Steps != 3 || !strings.HasPrefix(joined.Layer, "layer0") ||
		!strings.Contains(joined.Reason, joined.Layer) || math.IsNaN(joined.Loss) {
		t.Errorf("%+v", joined)
	}
}

// blaming is a solver that finds a parameter's gradient not to be finite.
type blaming string

func (b blaming) Step([]G.ValueGrad) error {
	return &optimizers.NonFiniteError{Parameter: string(b), What: "element 0 of 1 is NaN"}
}

// TestLayerOfDivergence has all parameters of a layer count as its own.
func TestLayerOfDivergence(t *testing.T) {
	for parameter, layer := range map[string]string{"layer02/weight": "layer02", "layer01/gamma": "layer01", "layer02/a": "layer02", "output/bias": "output", "layer02x/b": ""} {
		r := run(t, loop(t, batchNormed(t, tensor.Float64), blaming(parameter), 3))
		if r.Status != train.Diverged || r.Layer != layer || !strings.Contains(r.Reason, parameter) {
			t.Errorf("%s: %+v", parameter, r)
		}
	}
}

// TestStep has a check end a step before anything changes.
func TestStep(t *testing.T) {
	for _, solver := range []G.Solver{sgd(t, 0.1), asking{}} {
		n := network(t, tensor.Float64, 2)
		s, err := train.NewStepper(n, solver)
		if err != nil {
			t.Fatal(err)
		}
		if err := next(newStream(1), n.Input.Value().(*tensor.Dense).Float64s(), n.Target.Value().(*tensor.Dense).Float64s()); err != nil {
			t.Fatal(err)
		}
		before := floats(n.Parameters.Tensor("output/weight"))
		enough := fmt.Errorf("enough")
		if err := s.Step(func(loss float64) error {
			if loss != s.Loss() || loss == 0 {
				t.Errorf("the check sees the loss %g, it is %g", loss, s.Loss())
			}
			return enough
		}); err == nil || !strings.Contains(err.Error(), "enough") {
			t.Errorf("error %v", err)
		}
		if !slices.Equal(before, floats(n.Parameters.Tensor("output/weight"))) {
			t.Errorf("%T: the step changed something", solver)
		}
	}
}

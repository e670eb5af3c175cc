package models_test

import (
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"gorgonia.org/tensor"
)

// TestNormalizedGradients compares the gradients of whole networks with central
// differences.
func TestNormalizedGradients(t *testing.T) {
	for _, text := range []string{"batch-norm", "batch-norm(placement=after)", "layer-norm", "layer-norm(placement=after)", "rms-norm", "weight-norm", "weight-standardization"} {
		p := parameters(t, tensor.Float64, 3)
		m := models.MLP{Depth: 3, Width: 4, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1.2), Normalization: norm(t, text)}
		n := build(t, m, shape(6), p, true)
		fill(n)
		differences(t, text, n)
	}
}

// TestWhereNormalizationsStand looks at the layers: their parameters, and whether the
// pre-activation is what f is applied to.
func TestWhereNormalizationsStand(t *testing.T) {
	names := func(text string) (parameters_ []string, l models.Layer, n *models.Network) {
		p := parameters(t, tensor.Float64, 3)
		m := mlp(1, 4)
		m.Normalization = norm(t, text)
		n = build(t, m, shape(6), p, true)
		return p.Names(), n.Layers[0], n
	}
	list, layer, n := names("batch-norm")
	if layer.Bias != nil || len(list) != 5 {
		t.Errorf("batch norm before f: a bias %v, parameters %v; it takes a bias away", layer.Bias, list)
	}
	fill(n)
	m, err := n.TrainingMachine(layer.PreActivation)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, z := range floats(layer.PreActivation.Value().(*tensor.Dense)) {
		sum += z
	}
	if sum > 1e-12 || sum < -1e-12 {
		t.Errorf("the sum of normalised pre-activations is %g", sum)
	}
	for text, want := range map[string]int{"none": 4, "batch-norm(placement=after)": 6, "layer-norm": 6, "rms-norm": 5, "weight-norm": 5} {
		list, layer, _ := names(text)
		if len(list) != want || layer.Bias == nil {
			t.Errorf("%s: parameters %v, want %d with a bias", text, list, want)
		}
	}
	// Running statistics are no parameters.
	p := parameters(t, tensor.Float32, 1)
	m2 := mlp(1, 4)
	m2.Normalization = norm(t, "batch-norm")
	build(t, m2, shape(6), p, true)
	if want := 5*4 + 4 + 4 + 4*3 + 3; p.Count() != want || len(p.Statistics()) != 2 {
		t.Errorf("%d parameters and statistics %v, want %d and 2", p.Count(), p.Statistics(), want)
	}
	if _, err := models.Build(m2, shape(1), parameters(t, tensor.Float32, 1), true); err == nil {
		t.Error("batch norm of one example is accepted in training")
	}
	build(t, m2, shape(1), p, false)
}

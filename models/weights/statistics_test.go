package weights

import (
	"slices"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"gorgonia.org/tensor"
)

// TestStatistics checks that the running statistics of batch norm are carried along.
func TestStatistics(t *testing.T) {
	norm, err := normalization.Catalogue.Make(catalogue.Choice{Name: "batch-norm"})
	if err != nil {
		t.Fatal(err)
	}
	normalised := func(seed uint64) *models.Network {
		p, err := models.NewParameters(tensor.Float64, seed)
		if err != nil {
			t.Fatal(err)
		}
		n, err := models.Build(
			models.MLP{Depth: 2, Width: 4, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1), Normalization: norm},
			models.Shape{Inputs: 5, Outputs: 3, Batch: 1, Loss: models.CrossEntropy}, p, false)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	a, b := normalised(1), normalised(2)
	statistics := a.Parameters.Statistics()
	if len(statistics) == 0 {
		t.Fatal("batch norm has no statistics")
	}
	for _, name := range statistics { // as training would have left them
		for i := range a.Parameters.Tensor(name).Float64s() {
			a.Parameters.Tensor(name).Float64s()[i] = 0.5 + float64(i)
		}
	}
	want := run(t, a, input)
	if _, err := Load(save(t, a.Parameters, nil), b.Parameters); err != nil {
		t.Fatal(err)
	}
	if got := run(t, b, input); !slices.Equal(got, want) {
		t.Errorf("output %v after loading, was %v", got, want)
	}
}

package jacobian_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/jacobian"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"gorgonia.org/tensor"
)

// TestPyTorch compares all singular values with those of PyTorch's autograd Jacobian.
func TestPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/pytorch.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Model, Activation, Norm string
		Depth                         int
		X                             []float64
		Parameters                    map[string][]float64
		Layers                        map[string][]float64
		Through                       []float64
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			f, err := activations.Catalogue.Make(catalogue.Choice{Name: c.Activation})
			if err != nil {
				t.Fatal(err)
			}
			norm, err := normalization.Catalogue.Make(catalogue.Choice{Name: c.Norm})
			if err != nil {
				t.Fatal(err)
			}
			const units = 6
			var m models.Model
			switch c.Model {
			case "mlp":
				m = models.MLP{Depth: c.Depth, Width: units, Activation: f, Initializer: initializers.LeCunNormal(1), Normalization: norm}
			case "residual":
				m = models.Residual{Depth: c.Depth, Width: units, Activation: f, Initializer: initializers.LeCunNormal(1)}
			case "highway":
				m = models.Highway{Depth: c.Depth, Width: units, Activation: f, Initializer: initializers.LeCunNormal(1)}
			}
			p, err := models.NewParameters(tensor.Float64, 1)
			if err != nil {
				t.Fatal(err)
			}
			build := func(batch int) (*models.Network, error) {
				n, err := models.Build(m, models.Shape{Inputs: len(c.X), Outputs: len(c.Through), Batch: batch, Loss: models.CrossEntropy}, p, false)
				if err != nil {
					return nil, err
				}
				for _, name := range p.Names() {
					values, ok := c.Parameters[name]
					if !ok || copy(p.Tensor(name).Float64s(), values) != p.Tensor(name).Shape().TotalSize() {
						t.Fatalf("%d numbers of %s", len(values), name)
					}
				}
				return n, nil
			}
			r, err := jacobian.Measure(t.Context(), build, [][]float64{c.X}, true)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Layers) != len(c.Layers) {
				t.Fatalf("%d layers, want %d", len(r.Layers), len(c.Layers))
			}
			for _, l := range r.Layers {
				compare(t, l.Name, l.Spectrum, c.Layers[l.Name])
			}
			compare(t, "input to output", r.InputOutput, c.Through)
			list, err := jacobian.Layers(t.Context(), build, c.X)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "first", list[0].Spectrum, c.Layers[list[0].Name])
		})
	}
}

func compare(t *testing.T, name string, s jacobian.Spectrum, want []float64) {
	t.Helper()
	sum := 0.
	for _, w := range want {
		sum += math.Pow(10, 2*w)
	}
	if mean := math.Log10(sum / float64(len(want))); !(math.Abs(float64(s.MeanSquare)-mean) < 1e-11) {
		t.Errorf("%s: mean square 10^%.14g, PyTorch has 10^%.14g", name, float64(s.MeanSquare), mean)
	}
	// PyTorch multiplies the Jacobian out: of what is smaller than the largest by 10^-16 it has only
	// the rounding. A norm makes two of them 0, or as small as its eps.
	largest := math.Pow(10, want[0])
	for i, v := range s.Log10 {
		got, want := math.Pow(10, float64(v)), math.Pow(10, want[i])
		if !(math.Abs(got-want) < 1e-11*want+1e-15*largest) {
			t.Errorf("%s: singular value %d is %.14g, PyTorch has %.14g", name, i, got, want)
		}
	}
	if s.Max != s.Log10[0] || s.Min != s.Log10[len(want)-1] {
		t.Errorf("%s: from 10^%g to 10^%g, want from 10^%g to 10^%g", name, float64(s.Max), float64(s.Min), float64(s.Log10[0]), float64(s.Log10[len(want)-1]))
	}
}

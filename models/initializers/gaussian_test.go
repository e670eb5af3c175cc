package initializers_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/initializers"
	"gonum.org/v1/gonum/stat"
)

// TestFreeVariances: weights and biases have the variances that are asked for, within three
// standard errors of √(2/n).
func TestFreeVariances(t *testing.T) {
	const in, out = 300, 200
	for text, want := range map[string][2]float64{
		"gaussian": {1, 0}, "gaussian(weight-variance=1.7,bias-variance=0.05)": {1.7, 0.05}, "gaussian(weight-variance=4)": {4, 0},
		"orthogonal(gain=1.5)": {2.25, 0}, "orthogonal(gain=0.5,bias-variance=2)": {0.25, 2},
	} {
		choice, err := catalogue.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		init, err := initializers.Catalogue.Make(choice)
		if err != nil {
			t.Fatal(err)
		}
		w := make([]float64, in*out)
		init.Fill(w, in, out, rand.New(rand.NewPCG(1, 2)))
		if got := in * stat.Variance(w, nil); math.Abs(got/want[0]-1) > 3*math.Sqrt(2./(in*out)) {
			t.Errorf("%s: weights of variance %g/fan-in, want %g", text, got, want[0])
		}
		b, biased := init.(initializers.Biased)
		if biased != (want[1] > 0) {
			t.Errorf("%s: sets biases: %t", text, biased)
		}
		if biased {
			x := make([]float64, 10000)
			b.FillBias(x, rand.New(rand.NewPCG(1, 2)))
			if got := stat.Variance(x, nil); math.Abs(got/want[1]-1) > 3*math.Sqrt(2./10000) {
				t.Errorf("%s: biases of variance %g, want %g", text, got, want[1])
			}
		}
		if v, ok := init.(initializers.Variances); ok {
			if weight, bias := v.Variances(in, out); math.Abs(weight*in/want[0]-1) > 1e-12 || math.Abs(bias-want[1]) > 1e-12 {
				t.Errorf("%s: says variances %g and %g", text, weight*in, bias)
			}
		}
	}
	for _, text := range []string{"gaussian(weight-variance=0)", "gaussian(bias-variance=-1)", "orthogonal(gain=0)", "orthogonal(bias-variance=-1)"} {
		choice, err := catalogue.Parse(text)
		if err == nil {
			_, err = initializers.Catalogue.Make(choice)
		}
		if err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
	// What was recorded before there were biases is the same choice.
	full, err := initializers.Catalogue.Complete(catalogue.Choice{Name: "orthogonal"})
	if err != nil || full.String() != "orthogonal(gain=1)" {
		t.Errorf("orthogonal is %s, %v", full, err)
	}
}

package initializers_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/initializers"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// TestMoments compares the moments of 120 000 drawn weights with the formulas. A
// sample variance of n values has the relative standard error sqrt((κ-1)/n), κ
// the kurtosis: 3 for a normal, 9/5 for a uniform distribution; four of them are
// allowed.
func TestMoments(t *testing.T) {
	const in, out, gain = 400, 300, 1.5
	for _, c := range []struct {
		init     initializers.Initializer
		variance float64
		kurtosis float64
	}{
		{initializers.LeCunNormal(gain), gain * gain / in, 3},
		{initializers.LeCunUniform(gain), gain * gain / in, 1.8},
		{initializers.GlorotNormal(gain), 2 * gain * gain / (in + out), 3},
		{initializers.GlorotUniform(gain), 2 * gain * gain / (in + out), 1.8},
		{initializers.HeNormal(gain), 2 * gain * gain / in, 3},
		{initializers.HeUniform(gain), 2 * gain * gain / in, 1.8},
		{initializers.HeUniform(0), 2. / in, 1.8},
	} {
		w, err := initializers.Values(c.init, 1, "layer01/weight", in, out)
		if err != nil {
			t.Fatal(err)
		}
		n := float64(len(w))
		mean, variance := stat.PopMeanVariance(w, nil)
		if limit := 4 * math.Sqrt(c.variance/n); math.Abs(mean) > limit {
			t.Errorf("%s: mean %g, want 0 within %g", c.init.Name(), mean, limit)
		}
		if limit := 4 * math.Sqrt((c.kurtosis-1)/n); math.Abs(variance/c.variance-1) > limit {
			t.Errorf("%s: variance %g, want %g within a part of %g", c.init.Name(), variance, c.variance, limit)
		}
		if k := stat.ExKurtosis(w, nil) + 3; math.Abs(k-c.kurtosis) > 0.1 {
			t.Errorf("%s: kurtosis %g, want %g", c.init.Name(), k, c.kurtosis)
		}
	}
}

func TestOrthogonal(t *testing.T) {
	for _, s := range [][2]int{{20, 20}, {30, 7}, {7, 30}, {1, 5}, {5, 1}, {1, 1}} {
		in, out := s[0], s[1]
		const gain = 1.3
		data, err := initializers.Values(initializers.Orthogonal(gain), 3, "w", in, out)
		if err != nil {
			t.Fatal(err)
		}
		w := mat.NewDense(in, out, data)
		var product mat.Dense
		if in >= out {
			product.Mul(w.T(), w)
		} else {
			product.Mul(w, w.T())
		}
		n, _ := product.Dims()
		for i := range n {
			for j := range n {
				want := 0.
				if i == j {
					want = gain * gain
				}
				if d := math.Abs(product.At(i, j) - want); d > 1e-13 {
					t.Errorf("%dx%d: product at %d,%d is off by %g", in, out, i, j, d)
				}
			}
		}
	}
}

// TestOrthogonalIsUniform checks the sign of R's diagonal: without fixing it, the
// mean of the trace of a random orthogonal matrix is not 0. The trace of one has
// variance 1.
func TestOrthogonalIsUniform(t *testing.T) {
	const n, count = 4, 4000
	var sum float64
	for k := range count {
		w, _ := initializers.Values(initializers.Orthogonal(1), uint64(k), "w", n, n)
		for i := range n {
			sum += w[i*n+i]
		}
	}
	if mean, limit := sum/count, 4/math.Sqrt(count); math.Abs(mean) > limit {
		t.Errorf("mean trace %g, want 0 within %g", mean, limit)
	}
}

func TestStreams(t *testing.T) {
	draw := func(seed uint64, name string) string {
		r := initializers.Stream(seed, name)
		return fmt.Sprint(r.Uint64(), r.Uint64())
	}
	if again := draw(1, "layer01/weight"); again != draw(1, "layer01/weight") {
		t.Error("a stream is not reproducible")
	}
	if draw(1, "layer01/weight") == draw(1, "layer02/weight") || draw(1, "a") == draw(2, "a") {
		t.Error("different parameters or seeds have the same stream")
	}
}

func TestBadInput(t *testing.T) {
	if _, err := initializers.Values(initializers.HeNormal(1), 1, "w", 0, 3); err == nil {
		t.Error("a fan-in of 0 is accepted")
	}
	for _, gain := range []float64{-1, math.NaN()} {
		_, err := initializers.Catalogue.Make(catalogue.Choice{Name: "orthogonal", Settings: map[string]any{"gain": gain}})
		if err == nil {
			t.Errorf("a gain of %g is accepted", gain)
		}
	}
	for _, name := range initializers.Catalogue.Names() {
		i, err := initializers.Catalogue.Make(catalogue.Choice{Name: name})
		if err != nil || i.Name() != name {
			t.Errorf("%s: made %v, %v", name, i, err)
		}
	}
}

func ExampleValues() {
	w, err := initializers.Values(initializers.GlorotUniform(1), 42, "layer01/weight", 2, 2)
	fmt.Println(len(w), err)
	// Output: 4 <nil>
}

package initializertest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/suite"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"gorgonia.org/tensor"
)

// Run tests init, as subtests of t, for layers with the nonlinearity f. nil is none; an
// initialiser that does not implement Adaptable is the same for all.
func Run(t *testing.T, init initializers.Initializer, f activations.Activation) {
	t.Helper()
	if init == nil {
		t.Fatal("the initialiser is nil")
	}
	t.Run("name", func(t *testing.T) { suite.Name(t, init.Name()) })
	if _, ok := init.(initializers.Adaptable); ok {
		t.Run("output layer", func(t *testing.T) {
			if made := adapt(t, init, nil); made != nil {
				run(t, made)
			}
		})
		if f == nil {
			return
		}
	}
	if made := adapt(t, init, f); made != nil {
		run(t, made)
		t.Run("network", func(t *testing.T) { network(t, init, f) })
	}
}

// adapt returns init for f; nil after an error.
func adapt(t *testing.T, init initializers.Initializer, f activations.Activation) initializers.Initializer {
	t.Helper()
	made, err := initializers.For(init, f)
	if err == nil && made == nil {
		err = fmt.Errorf("initializers.For returns nil without an error")
	}
	if err != nil {
		t.Errorf("the initialiser for %v: %v", nameOf(f), err)
		return nil
	}
	return made
}

func nameOf(f activations.Activation) string {
	if f == nil {
		return "layers without a nonlinearity"
	}
	return f.Name()
}

func run(t *testing.T, init initializers.Initializer) {
	t.Run("weights", func(t *testing.T) { weights(t, init) })
	t.Run("determinism", func(t *testing.T) { determinism(t, init) })
	if b, ok := init.(initializers.Biased); ok {
		t.Run("biases", func(t *testing.T) { biases(t, b) })
	}
	if v, ok := init.(initializers.Variances); ok {
		t.Run("variances", func(t *testing.T) { variances(t, v) })
	}
	if d, ok := init.(initializers.FromData); ok {
		t.Run("data", func(t *testing.T) { data(t, d) })
	}
}

// shapes are those of (fan-in, fan-out).
var shapes = [][2]int{{1, 1}, {1, 7}, {7, 1}, {5, 5}, {4, 9}, {9, 4}, {64, 10}}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// filled returns weights on what was there before, with room around that must stay.
func filled(init initializers.Initializer, shape [2]int, before float64, r *rand.Rand) (w []float64, outside bool) {
	n := shape[0] * shape[1]
	room := make([]float64, n+2)
	for i := range room {
		room[i] = before
	}
	w = room[1 : n+1 : n+1]
	init.Fill(w, shape[0], shape[1], r)
	same := func(x float64) bool { return math.Float64bits(x) == math.Float64bits(before) }
	return w, !same(room[0]) || !same(room[n+1])
}

func weights(t *testing.T, init initializers.Initializer) {
	var wrong suite.Faults
	defer wrong.Report(t)
	for _, shape := range shapes {
		ones, outside := filled(init, shape, 1, random(1))
		fresh, _ := filled(init, shape, math.NaN(), random(1))
		if outside {
			t.Errorf("shape %v: Fill writes beside the weights", shape)
		}
		for i, v := range fresh {
			if v-v != 0 {
				wrong.Add(v, "shape %v: weight %d is %g, or left as it was", shape, i, v)
			} else if math.Float64bits(ones[i]) != math.Float64bits(v) {
				wrong.Add(ones[i]-v, "shape %v: weight %d is %g where it was 1, and %g otherwise", shape, i, ones[i], v)
			}
		}
	}
}

// determinism compares several fills.
func determinism(t *testing.T, init initializers.Initializer) {
	for _, shape := range shapes {
		first, _ := filled(init, shape, 0, random(1))
		list := make([][]float64, 8)
		var group sync.WaitGroup
		for i := range list {
			group.Go(func() { list[i], _ = filled(init, shape, 0, random(1)) })
		}
		group.Wait()
		for _, again := range list {
			if !slices.Equal(first, again) {
				t.Errorf("shape %v: the same random numbers give other weights a second time", shape)
				return
			}
		}
		r := random(1)
		filled(init, shape, 0, r)
		other, _ := filled(init, shape, 0, random(2))
		if drew := r.Uint64() != random(1).Uint64(); drew && shape[0]*shape[1] > 1 && slices.Equal(first, other) {
			t.Errorf("shape %v: other random numbers give the same weights", shape)
		}
	}
}

func biases(t *testing.T, init initializers.Biased) {
	var wrong suite.Faults
	defer wrong.Report(t)
	for _, n := range []int{1, 2, 33} {
		b := slices.Repeat([]float64{math.NaN()}, n)
		init.FillBias(b, random(1))
		again := make([]float64, n)
		init.FillBias(again, random(1))
		for i, v := range b {
			if v-v != 0 {
				wrong.Add(v, "bias %d of %d is %g, or left as it was", i, n, v)
			} else if v != again[i] {
				wrong.Add(v-again[i], "bias %d of %d is %g, then %g from the same random numbers", i, n, v, again[i])
			}
		}
	}
}

// variances compares the claim with draws. A mean of n squares x² has the standard error
// of their deviation over √n, which for a weight that is 0 with probability 1-p is larger
// than that of a normal one: it is measured over matrices, as the weights of one depend on
// each other where they are orthogonal.
func variances(t *testing.T, init initializers.Variances) {
	const draws = 200
	for _, shape := range [][2]int{{40, 40}, {20, 60}, {60, 20}, {1, 50}} {
		weight, bias := init.Variances(shape[0], shape[1])
		compare(t, fmt.Sprintf("weight, shape %v", shape), weight, draws, func(r *rand.Rand) []float64 {
			w := make([]float64, shape[0]*shape[1])
			init.Fill(w, shape[0], shape[1], r)
			return w
		})
		biased, ok := init.(initializers.Biased)
		if !ok {
			if bias != 0 {
				t.Errorf("shape %v: a bias variance of %g is claimed, and FillBias is missing", shape, bias)
			}
			continue
		}
		compare(t, fmt.Sprintf("bias, shape %v", shape), bias, draws, func(r *rand.Rand) []float64 {
			b := make([]float64, shape[1])
			biased.FillBias(b, r)
			return b
		})
	}
}

// compare fails unless the mean square of what is drawn is as claimed.
func compare(t *testing.T, what string, claim float64, draws int, draw func(*rand.Rand) []float64) {
	t.Helper()
	var mean, square float64
	for k := range draws {
		var own float64
		x := draw(random(uint64(k)))
		for _, v := range x {
			own += v * v / float64(len(x))
		}
		mean += own / float64(draws)
		square += own * own / float64(draws)
	}
	limit := 5*math.Sqrt(max(square-mean*mean, 0)/float64(draws)) + 1e-9*mean
	if !(math.Abs(mean-claim) <= limit) {
		t.Errorf("the mean square of a %s is %.6g ± %.2g, claimed is %.6g", what, mean, limit/5, claim)
	}
}

// data fits layers of a linear map and hostile ones.
func data(t *testing.T, init initializers.FromData) {
	const in, out, batch = 6, 4, 50
	r := random(3)
	x := make([]float64, batch*in)
	for i := range x {
		x[i] = 1 + 2*r.NormFloat64()
	}
	w := make([]float64, in*out)
	init.Fill(w, in, out, random(4))
	report, err := init.Fit(w, func() ([]float64, error) {
		z := make([]float64, batch*out)
		for b := range batch {
			for i := range in {
				for j := range out {
					z[b*out+j] += x[b*in+i] * w[i*out+j]
				}
			}
		}
		return z, nil
	})
	if err != nil {
		t.Errorf("a linear layer: %v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(report)) {
		if v := report[name]; v-v != 0 {
			t.Errorf("%s is reported as %g", name, v)
		}
	}
	finite(t, "a linear layer", w)
	for _, z := range []float64{0, math.NaN(), math.Inf(1)} {
		w := make([]float64, in*out)
		init.Fill(w, in, out, random(4))
		calls := 0
		_, err := init.Fit(w, func() ([]float64, error) {
			if calls++; calls > 1e6 {
				return nil, fmt.Errorf("no convergence in a million evaluations")
			}
			return slices.Repeat([]float64{z}, batch*out), nil
		})
		if calls > 1e6 {
			t.Errorf("where all pre-activations are %g, Fit does not end", z)
		}
		if err == nil {
			finite(t, fmt.Sprintf("a layer whose pre-activations are all %g", z), w)
		}
	}
	failed := fmt.Errorf("no memory")
	if _, err := init.Fit(w, func() ([]float64, error) { return nil, failed }); err == nil {
		t.Error("an error of the evaluation is lost")
	}
}

func finite(t *testing.T, what string, w []float64) {
	t.Helper()
	for i, v := range w {
		if v-v != 0 {
			t.Errorf("%s: weight %d is %g after Fit", what, i, v)
			return
		}
	}
}

// network starts networks of two depths and both types.
func network(t *testing.T, init initializers.Initializer, f activations.Activation) {
	if f == nil {
		f = activations.Identity()
	}
	first := func(depth int, dtype tensor.Dtype) *models.Parameters {
		t.Helper()
		p, err := models.NewParameters(dtype, 9)
		if err != nil {
			t.Fatal(err)
		}
		_, err = models.Build(models.MLP{Depth: depth, Width: 8, Activation: f, Initializer: init},
			models.Shape{Inputs: 6, Outputs: 3, Batch: 2, Loss: models.MeanSquaredError}, p, false)
		if err != nil {
			t.Fatalf("a network of depth %d: %v", depth, err)
		}
		return p
	}
	short, long, single := first(2, tensor.Float64), first(5, tensor.Float64), first(2, tensor.Float32)
	for _, name := range []string{"layer01/weight", "layer01/bias", "layer02/weight", "output/weight"} {
		a, b, c := short.Tensor(name).Float64s(), long.Tensor(name).Float64s(), single.Tensor(name).Float32s()
		if !slices.Equal(a, b) {
			t.Errorf("%s is another one in a deeper network", name)
		}
		for i, v := range a {
			if float32(v) != c[i] {
				t.Errorf("%s[%d] is %g in float32 and %g in float64", name, i, c[i], v)
				break
			}
		}
	}
}

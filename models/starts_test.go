package models_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"gonum.org/v1/gonum/stat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// cycle is a stream of rows of 5 inputs, shuffled anew in each epoch.
type cycle struct {
	rows  [][]float64
	order []int
	r     *rand.Rand
}

func newCycle(n, distinct int) *cycle {
	c := &cycle{r: rand.New(rand.NewPCG(3, 4))}
	for i := range n {
		row := make([]float64, 5)
		for k := range row {
			row[k] = float64(float32(2 + math.Sin(float64(7*(i%distinct)+k*k))))
		}
		c.rows = append(c.rows, row)
	}
	return c
}

func (c *cycle) Next64(x, t []float64) error {
	for len(x) > 0 {
		if len(c.order) == 0 {
			c.order = c.r.Perm(len(c.rows))
		}
		copy(x[:5], c.rows[c.order[0]])
		x, c.order = x[5:], c.order[1:]
	}
	return nil
}

func (c *cycle) Next32(x, t []float32) error {
	wide := make([]float64, len(x))
	if err := c.Next64(wide, nil); err != nil {
		return err
	}
	for i, v := range wide {
		x[i] = float32(v)
	}
	return nil
}

// TestCenters: the first layer's centers are different examples whatever the batch, and
// the same ones each time; with more units than examples the start says so.
func TestCenters(t *testing.T) {
	centers := func(how models.Centers, batch, n, distinct int) ([][]float64, models.Start) {
		p := parameters(t, tensor.Float32, 5)
		m := rbf(2, 40, nil)
		m.Centers = how
		starts, err := models.Prepare(m, shape(batch), p, newCycle(n, distinct))
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]float64
		for row := range slices.Chunk(floats(p.Tensor("layer01/center")), 5) {
			rows = append(rows, row)
		}
		return rows, starts[0]
	}
	for _, how := range []models.Centers{models.KMeansPP, models.SampleCenters} {
		for _, batch := range []int{3, 16, 64} {
			for _, c := range []struct{ examples, distinct, want int }{{300, 300, 40}, {300, 50, 40}, {300, 4, 4}, {40, 40, 40}} {
				name := fmt.Sprintf("%s, batch %d, %d examples, %d distinct", how, batch, c.examples, c.distinct)
				rows, start := centers(how, batch, c.examples, c.distinct)
				again, _ := centers(how, batch, c.examples, c.distinct)
				seen := map[string]bool{}
				known := newCycle(c.examples, c.distinct).rows
				for i, row := range rows {
					seen[fmt.Sprint(row)] = true
					if !slices.Equal(row, again[i]) {
						t.Errorf("%s: center %d is %v, then %v", name, i, row, again[i])
					}
					if !slices.ContainsFunc(known, func(x []float64) bool { return slices.Equal(x, row) }) {
						t.Errorf("%s: center %d, %v, is not an example", name, i, row)
					}
				}
				if len(seen) != c.want || start.Values["centers"] != float64(c.want) {
					t.Errorf("%s: %d different centers, reported %v; want %d", name, len(seen), start.Values["centers"], c.want)
				}
				if told := strings.Contains(start.Note, fmt.Sprintf("only %d distinct", c.distinct)); told != (c.want < 40) {
					t.Errorf("%s: the start notes %q", name, start.Note)
				}
			}
		}
	}
}

// TestStartsSeeOneBatch: a start that looks at more batches leaves the first one to the next.
func TestStartsSeeOneBatch(t *testing.T) {
	var kappas [2]float64
	for i, how := range []models.Centers{models.KMeansPP, models.SampleCenters} {
		p := parameters(t, tensor.Float64, 5)
		m := rbf(1, 40, nil)
		m.Centers = how
		starts, err := models.Prepare(m, shape(16), p, newCycle(300, 300))
		if err != nil {
			t.Fatal(err)
		}
		n := build(t, m, shape(16), p, false)
		if err := newCycle(300, 300).Next64(n.Input.Value().(*tensor.Dense).Float64s(), nil); err != nil {
			t.Fatal(err)
		}
		kappas[i] = stat.Mean(observed(t, n, n.Layers[0].PreActivation), nil)
		if !(math.Abs(kappas[i]-1) <= 1e-9) {
			t.Errorf("%s: z has the mean %g on the first batch, want κ = 1: %+v", how, kappas[i], starts)
		}
	}
}

// observed evaluates a network and returns the values of a node.
func observed(t testing.TB, n *models.Network, node *G.Node) []float64 {
	t.Helper()
	m, err := n.EvaluationMachine()
	if err != nil {
		t.Fatal(err)
	}
	var list []float64
	if err := m.Observe(node, func(v G.Value) { list = slices.Clone(floats(v.(*tensor.Dense))) }); err != nil {
		t.Fatal(err)
	}
	if err := m.RunObserved(); err != nil {
		t.Fatal(err)
	}
	return list
}

func lsuv(t testing.TB) initializers.Initializer {
	t.Helper()
	init, err := initializers.LSUV(initializers.LSUVConfig{Tolerance: 0.01})
	if err != nil {
		t.Fatal(err)
	}
	return init
}

// TestLSUVWithNormalization: what a layer multiplies by is scaled until the variance is 1,
// with weights that are normalised too; or LSUV is refused, with the reason.
func TestLSUVWithNormalization(t *testing.T) {
	texts := []string{"none", "weight-norm", "weight-standardization", "batch-norm", "batch-norm(placement=after)",
		"layer-norm", "layer-norm(placement=after)", "rms-norm", "rms-norm(placement=after)"}
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		for _, text := range texts {
			for _, model := range []string{"mlp", "residual", "residual(order=inside,scale=skip-init)", "residual(order=post-activation)", "highway"} {
				p := parameters(t, dtype, 2)
				plan := models.Plan{Depth: 4, Width: 8, Activation: activations.Softplus(), Initializer: lsuv(t), Normalization: norm(t, text)}
				m := architecture(t, model, plan)
				starts, err := models.Prepare(m, shape(64), p, newCycle(300, 300))
				if err != nil {
					t.Errorf("%s of %s: %v", model, text, err)
					continue
				}
				for _, s := range starts {
					if v := s.Values; !(math.Abs(v["variance_after"]-1) <= 0.01) || !(v["tries"] <= 2) {
						t.Errorf("%s of %s: %s reports %v", model, text, s.Layer, v)
					}
				}
				// The first layer's pre-activations, computed here.
				n := build(t, m, shape(64), p, false)
				if err := newCycle(300, 300).Next64(n.Input.Value().(*tensor.Dense).Float64s(), nil); dtype == tensor.Float64 && err != nil {
					t.Fatal(err)
				} else if dtype == tensor.Float32 {
					continue
				}
				if strings.HasSuffix(text, "-norm") && text != "weight-norm" {
					continue // the layer's pre-activations are normalised
				}
				first := n.Layers[0].PreActivation
				if model == "residual" {
					if first.Shape()[1] != 8 {
						t.Fatal("the stem is not the first pre-activation")
					}
				}
				if v := stat.PopVariance(observed(t, n, first), nil); !(math.Abs(v-1) <= 0.01) {
					t.Errorf("%s of %s: the first layer's pre-activations have the variance %g", model, text, v)
				}
			}
		}
	}
}

// deaf normalises weights to lengths of 1 and says nothing about restarts.
type deaf struct{ normalization.Normalization }

// twice has one weight in two layers.
type twice struct{ init initializers.Initializer }

func (m twice) Layout(b *models.Builder, x *G.Node) (*G.Node, error) {
	x, err := b.Dense("layer01", x, 5, activations.Tanh(), m.init, nil)
	if err != nil {
		return nil, err
	}
	for range 2 {
		if x, _, _, err = b.Affine("shared", x, 5, m.init, nil); err != nil {
			return nil, err
		}
	}
	return b.Output(x, m.init)
}

func TestLSUVElsewhere(t *testing.T) {
	plan := models.Plan{Depth: 2, Width: 6, Activation: activations.Tanh(), Initializer: lsuv(t)}
	for text, want := range map[string]string{
		"weight-standardization(gain=1.7)": "its setting gain, 1.7, is their length at first",
		"deaf":                             "does not implement normalization.Restarter",
	} {
		with := plan
		if text == "deaf" {
			with.Normalization = deaf{normalization.NewWeightNorm()}
		} else {
			with.Normalization = norm(t, text)
		}
		_, err := models.Build(architecture(t, "mlp", with), shape(4), parameters(t, tensor.Float32, 1), true)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("LSUV with %s: %v, want %q", text, err, want)
		}
	}
	if _, err := models.Build(architecture(t, "lstm", plan), toOne, parameters(t, tensor.Float32, 1), true); err == nil || !strings.Contains(err.Error(), "gate by gate") {
		t.Errorf("LSUV of an LSTM: %v", err)
	}
	// The output layer of an RBF network.
	p := parameters(t, tensor.Float64, 1)
	starts, err := models.Prepare(models.RBF{Depth: 1, Width: 10, Initializer: lsuv(t)}, shape(64), p, newCycle(300, 300))
	if err != nil || len(starts) != 3 || starts[2].Layer != "output" || !(math.Abs(starts[2].Values["variance_after"]-1) <= 0.01) {
		t.Errorf("LSUV of an RBF network: %+v, %v", starts, err)
	}
	// A shared weight is fitted once, where it is first used.
	starts, err = models.Prepare(twice{lsuv(t)}, shape(64), parameters(t, tensor.Float64, 1), newCycle(300, 300))
	var names []string
	for _, s := range starts {
		names = append(names, s.Layer)
	}
	if got := strings.Join(names, " "); err != nil || got != "layer01 shared output" {
		t.Errorf("LSUV of a shared weight: starts of %s, %v", got, err)
	}
	// A batch-norm of one example, constant pre-activations: an error, not a success.
	constant := batch(make([]float64, 5*8))
	if _, err := models.Prepare(architecture(t, "mlp", plan), shape(8), parameters(t, tensor.Float64, 1), constant); err == nil || !strings.Contains(err.Error(), "prepare layer01: ") {
		t.Errorf("LSUV of constant inputs: %v", err)
	}
	if _, err := models.Prepare(architecture(t, "mlp", plan), shape(8), parameters(t, tensor.Float64, 1), nil); err == nil || !strings.Contains(err.Error(), "no examples") {
		t.Errorf("LSUV without examples: %v", err)
	}
}

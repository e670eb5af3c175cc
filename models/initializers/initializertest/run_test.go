package initializertest_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/suite"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/initializers/initializertest"
)

// TestCatalogue runs all that the catalogue has, and variants.
func TestCatalogue(t *testing.T) {
	texts := append(initializers.Catalogue.Names(), "critical(bias-variance=0.05)", "critical(orthogonal=true)",
		"critical(orthogonal=true,bias-variance=0.05)", "sparse(inputs=3,gain=0.5)", "orthogonal(gain=1.3)", "glorot-uniform(gain=2)")
	for _, text := range texts {
		choice, err := catalogue.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		init, err := initializers.Catalogue.Make(choice)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []activations.Activation{nil, activations.Tanh(), activations.ReLU()} {
			if text == "critical(bias-variance=0.05)" && f != nil && f.Name() == "relu" || text == "critical(orthogonal=true,bias-variance=0.05)" && f != nil && f.Name() == "relu" {
				continue // there is no critical point
			}
			name := text
			if f != nil {
				name += " of " + f.Name()
			}
			t.Run(name, func(t *testing.T) { initializertest.Run(t, init, f) })
		}
	}
}

// own is an initialiser of functions.
type own struct {
	name string
	fill func(w []float64, in, out int, r *rand.Rand)
}

func (o own) Name() string { return o.name }
func (o own) Fill(w []float64, in, out int, r *rand.Rand) {
	o.fill(w, in, out, r)
}

func normal(w []float64, in, out int, r *rand.Rand) {
	for i := range w {
		w[i] = r.NormFloat64() / math.Sqrt(float64(in))
	}
}

// claiming claims variances.
type claiming struct {
	own
	weight, bias float64
}

func (c claiming) Variances(in, out int) (weight, bias float64) {
	return c.weight / float64(in), c.bias
}

type withBias struct {
	own
	fill func(b []float64, r *rand.Rand)
}

func (w withBias) FillBias(b []float64, r *rand.Rand) { w.fill(b, r) }

type fitted struct {
	own
	fit func(w []float64, evaluate func() ([]float64, error)) (map[string]float64, error)
}

func (f fitted) Fit(w []float64, evaluate func() ([]float64, error)) (map[string]float64, error) {
	return f.fit(w, evaluate)
}

// adaptable returns nothing for an output layer.
type adaptable struct{ own }

func (adaptable) For(activations.Activation) (initializers.Initializer, error) { return nil, nil }

func TestSuiteFindsFaults(t *testing.T) {
	shared := rand.New(rand.NewPCG(1, 1))
	planted := func(check, says string, init initializers.Initializer) suite.Planted {
		return suite.Planted{Check: check, Says: says, Run: func(t *testing.T) { initializertest.Run(t, init, activations.Tanh()) }}
	}
	suite.Find(t, []suite.Planted{
		{Check: "nil", Says: "the initialiser is nil", Run: func(t *testing.T) {
			t.Run("nil", func(t *testing.T) { initializertest.Run(t, nil, nil) })
		}},
		planted("name", "not lower-case", own{"Mine", normal}),
		planted("weights", "left as it was", own{"all-but-one", func(w []float64, in, out int, r *rand.Rand) { normal(w[1:], in, out, r) }}),
		planted("weights", "where it was 1", own{"adds", func(w []float64, in, out int, r *rand.Rand) {
			for i := range w {
				if w[i] != w[i] {
					w[i] = 0
				}
				w[i] += r.NormFloat64()
			}
		}}),
		planted("weights", "left as it was", own{"fan-in-one", func(w []float64, in, out int, r *rand.Rand) {
			for i := range w {
				w[i] = r.NormFloat64() / math.Sqrt(float64(in-1)) // infinite for one input
			}
		}}),
		planted("determinism", "other weights a second time", own{"own-numbers", func(w []float64, in, out int, _ *rand.Rand) {
			for i := range w {
				w[i] = rand.Float64() + 0*shared.Float64()
			}
		}}),
		planted("determinism", "give the same weights", own{"own-seed", func(w []float64, in, out int, r *rand.Rand) {
			r.Uint64()
			normal(w, in, out, rand.New(rand.NewPCG(1, 1)))
		}}),
		planted("variances", "claimed is", claiming{own{"claims", normal}, 2, 0}),
		planted("variances", "FillBias is missing", claiming{own{"claims-biases", normal}, 1, 0.1}),
		planted("biases", "left as it was", withBias{own{"no-last-bias", normal}, func(b []float64, r *rand.Rand) { clear(b[1:]) }}),
		planted("output_layer", "nil without an error", adaptable{own{"adapts", normal}}),
		planted("data", "after Fit", fitted{own{"divides", normal}, func(w []float64, evaluate func() ([]float64, error)) (map[string]float64, error) {
			z, err := evaluate()
			if err != nil {
				return nil, err
			}
			for i := range w {
				w[i] /= z[0] - z[1]
			}
			return nil, nil
		}}),
		planted("data", "is reported as", fitted{own{"reports", normal}, func(w []float64, evaluate func() ([]float64, error)) (map[string]float64, error) {
			_, err := evaluate()
			return map[string]float64{"ratio": math.Inf(1)}, err
		}}),
		planted("data", "is lost", fitted{own{"loses", normal}, func(w []float64, evaluate func() ([]float64, error)) (map[string]float64, error) {
			evaluate()
			return nil, nil
		}}),
	})
}

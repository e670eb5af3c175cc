package modeltest_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/suite"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/modeltest"
	"github.com/gradflow/gradflow/normalization"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var (
	flat   = models.Shape{Inputs: 5, Outputs: 3, Batch: 4, Loss: models.CrossEntropy}
	square = models.Shape{Inputs: 5, Outputs: 5, Batch: 4, Loss: models.MeanSquaredError}
	toOne  = models.Shape{Inputs: 10, Outputs: 3, Batch: 3, Loss: models.CrossEntropy, Steps: 5, TargetSteps: 1}
	toMany = models.Shape{Inputs: 10, Outputs: 6, Batch: 3, Loss: models.StepCrossEntropy, Steps: 5, TargetSteps: 3}
)

// made makes a model of the catalogue, and one of twice the depth.
func made(t testing.TB, text string, plan models.Plan) (m, deeper models.Model) {
	t.Helper()
	choice, err := catalogue.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	a, err := models.Catalogue.Make(choice)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = plan.Model(a); err != nil {
		t.Fatal(err)
	}
	plan.Depth *= 2
	if choice.Name == "autoencoder" {
		plan.Depth--
	}
	if deeper, err = plan.Model(a); err != nil {
		t.Fatal(err)
	}
	return m, deeper
}

// TestCatalogue runs all architectures of the catalogue.
func TestCatalogue(t *testing.T) {
	lsuv, err := initializers.LSUV(initializers.LSUVConfig{})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := normalization.NewBatchNorm(normalization.BatchNormConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		shape      models.Shape
		change     func(*models.Plan)
	}{
		{"", "mlp", flat, nil},
		{"mlp lsuv", "mlp", flat, func(p *models.Plan) { p.Initializer = lsuv }},
		{"mlp lsuv weight-norm", "mlp", flat, func(p *models.Plan) { p.Initializer, p.Normalization = lsuv, normalization.NewWeightNorm() }},
		{"mlp batch-norm", "mlp", flat, func(p *models.Plan) { p.Normalization = batch }},
		{"", "deep-linear", flat, func(p *models.Plan) { p.Activation = activations.Identity() }},
		{"", "residual", flat, nil},
		{"", "residual(order=post-activation)", flat, nil},
		{"", "residual(order=inside,scale=re-zero)", flat, nil},
		{"", "residual(scale=fixup)", flat, nil},
		{"", "highway", flat, nil},
		{"", "autoencoder(code=2)", square, func(p *models.Plan) { p.Depth = 3 }},
		{"", "rnn", toOne, nil},
		{"", "irnn", toMany, func(p *models.Plan) { p.Activation = activations.ReLU() }},
		{"", "lstm", toMany, nil},
		{"", "gru", toOne, nil},
		{"", "rnn(initial=learned)", toOne, nil},
		{"", "lstm(initial=learned)", toMany, nil},
		{"", "gru(initial=learned)", toMany, nil},
		{"mlp widths", "mlp", flat, byLayer},
		{"rbf widths", "rbf", flat, func(p *models.Plan) { byLayer(p); p.Activation = activations.Gaussian() }},
		{"lstm widths", "lstm", toOne, byLayer},
		{"gru widths", "gru(initial=learned)", toOne, byLayer},
		{"", "rbf", flat, func(p *models.Plan) { p.Activation = activations.Gaussian() }},
	} {
		plan := models.Plan{Depth: 2, Width: 6, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1)}
		if c.change != nil {
			c.change(&plan)
		}
		if c.name == "" {
			c.name = c.text
		}
		t.Run(c.name, func(t *testing.T) {
			m, deeper := made(t, c.text, plan)
			if c.text == "residual(scale=fixup)" { // it starts by depth
				modeltest.Run(t, m, c.shape)
				return
			}
			modeltest.Run(t, m, c.shape, deeper)
		})
	}
}

func byLayer(p *models.Plan) { p.Widths = models.Alternating(6, 3) }

// TestFedStates runs recurrent networks whose initial states are inputs of the network.
func TestFedStates(t *testing.T) {
	for _, cell := range []models.Cell{models.RNN, models.LSTM, models.GRU} {
		t.Run(string(cell), func(t *testing.T) {
			m := models.Recurrent{Depth: 2, Width: 4, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1), Cell: cell, Initial: models.FedState}
			modeltest.Run(t, m, toMany)
		})
	}
}

// own is a model of one function.
type own func(b *models.Builder, x *G.Node) (*G.Node, error)

func (f own) Layout(b *models.Builder, x *G.Node) (*G.Node, error) { return f(b, x) }

// dense is a hidden layer that is visible or not.
func dense(b *models.Builder, x *G.Node) (*G.Node, error) {
	return b.Dense("layer01", x, 4, activations.Tanh(), initializers.LeCunNormal(1), nil)
}

func TestSuiteFindsFaults(t *testing.T) {
	init := initializers.LeCunNormal(1)
	planted := func(check, says string, m own) suite.Planted {
		return suite.Planted{Check: check, Says: says, Run: func(t *testing.T) { modeltest.Run(t, m, flat) }}
	}
	calls := 0
	suite.Find(t, []suite.Planted{
		{Check: "nil", Says: "the model is nil", Run: func(t *testing.T) { t.Run("nil", func(t *testing.T) { modeltest.Run(t, nil, flat) }) }},
		planted("build", "made no output", func(*models.Builder, *G.Node) (*G.Node, error) { return nil, nil }),
		planted("build", "output is of shape", func(b *models.Builder, x *G.Node) (*G.Node, error) { return dense(b, x) }),
		planted("build", "for evaluation it has the parameters", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			if !b.Training() {
				if _, err := b.Parameter("more", init, 2, 2); err != nil {
					return nil, err
				}
			}
			return b.Output(x, init)
		}),
		planted("layers", "no layer is visible", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			y, _, _, err := b.Affine("output", x, 3, init, nil)
			return y, err
		}),
		planted("layers", "the pre-activation of its gate transform: it has no gradient", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			y, err := dense(b, x)
			if err != nil {
				return nil, err
			}
			z, err := activations.Tanh().Node(x) // it gates nothing
			if err == nil {
				err = b.AddGate("layer01", models.Gate{Name: "transform", Function: "sigmoid", PreActivation: z, To: 4})
			}
			if err != nil {
				return nil, err
			}
			return b.Output(y, init)
		}),
		planted("evaluation", "does not depend on the input state", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			if _, err := b.Input("state", 2); err != nil {
				return nil, err
			}
			return b.Output(x, init)
		}),
		planted("layers", "is not an output layer", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			return b.Dense("layer01", x, 3, activations.Tanh(), init, nil)
		}),
		planted("layers", "is not one of the parameters", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			y, _, _, err := b.Affine("output", x, 3, init, nil)
			if err != nil {
				return nil, err
			}
			return y, b.AddLayer(models.Layer{Name: "output", PreActivation: y, Activation: y, Weight: x})
		}),
		planted("gradients", "the worst", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			f := activations.Elementwise("wrong", math.Sin, func(z float64) float64 { return 1.01 * math.Cos(z) })
			x, err := b.Dense("layer01", x, 4, f, init, nil)
			if err != nil {
				return nil, err
			}
			return b.Output(x, init)
		}),
		planted("float_types", "in float32", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			factor := 1.
			if x.Dtype() == tensor.Float32 {
				factor = 1.1
			}
			x, err := b.Dense("layer01", x, 4, activations.Tanh(), initializers.LeCunNormal(factor), nil)
			if err != nil {
				return nil, err
			}
			return b.Output(x, init)
		}),
		planted("determinism", "a second time", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			if _, err := b.Learnable("output/weight", func(w []float64) {
				for i := range w {
					w[i] = rand.NormFloat64()
				}
			}, 5, 3); err != nil {
				return nil, err
			}
			return b.Output(x, init)
		}),
		planted("determinism", "start from the same numbers", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			for _, name := range []string{"layer01", "layer02"} {
				r := b.Stream("all")
				if _, err := b.Learnable(name+"/weight", func(w []float64) { init.Fill(w, 5, 5, r) }, 5, 5); err != nil {
					return nil, err
				}
				var err error
				if x, err = b.Dense(name, x, 5, activations.Tanh(), init, nil); err != nil {
					return nil, err
				}
			}
			return b.Output(x, init)
		}),
		planted("determinism", "same network", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			return b.Output(x, initializers.Identity(1))
		}),
		{Check: "deeper", Says: "starts from other values in variant 1", Run: func(t *testing.T) {
			depth := func(layers int) own {
				return func(b *models.Builder, x *G.Node) (*G.Node, error) {
					r := b.Stream("all") // one stream, from the last layer to the first
					for i := layers; i > 0; i-- {
						name := models.LayerName(i - 1)
						if _, err := b.Learnable(name+"/weight", func(w []float64) { init.Fill(w, 5, 5, r) }, 5, 5); err != nil {
							return nil, err
						}
					}
					for i := range layers {
						var err error
						if x, err = b.Dense(models.LayerName(i), x, 5, activations.Tanh(), init, nil); err != nil {
							return nil, err
						}
					}
					return b.Output(x, init)
				}
			}
			modeltest.Run(t, depth(2), flat, depth(3))
		}},
		planted("evaluation", "depends on example 0", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			y, err := b.Output(x, init)
			if err != nil {
				return nil, err
			}
			sum, err := G.Sum(y)
			if err != nil {
				return nil, err
			}
			return G.Add(y, sum)
		}),
		planted("evaluation", "in training with the same", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			y, err := b.Output(x, init)
			if err != nil || b.Training() {
				return y, err
			}
			return G.Add(y, y)
		}),
		planted("starts", "data-dependent starts report", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			y, err := b.Output(x, init)
			b.OnData(x, func(*models.Data) (models.Start, error) {
				calls++
				return models.Start{Layer: "output", Values: map[string]float64{"calls": float64(calls)}}, nil
			})
			return y, err
		}),
		planted("starts", "initialisation reports", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			y, err := b.Output(x, init)
			b.OnData(x, func(*models.Data) (models.Start, error) { return models.Start{Layer: "elsewhere"}, nil })
			return y, err
		}),
		planted("hostile_inputs", "does not show it", func(b *models.Builder, x *G.Node) (*G.Node, error) {
			hide := activations.Elementwise("hide", func(z float64) float64 { return max(min(z, 9), -9) + 0 }, func(z float64) float64 { return 1 })
			silent := activations.Elementwise("silent", func(z float64) float64 {
				if z != z {
					return 0
				}
				return hide.F(z)
			}, func(z float64) float64 {
				if math.Abs(z) > 9 {
					return 0
				}
				return 1
			})
			x, err := silent.Node(x)
			if err != nil {
				return nil, err
			}
			return b.Output(x, init)
		}),
	})
}

package keep

import (
	"math"
	"slices"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// FeedbackConfig has the settings of [NewFeedback].
type FeedbackConfig struct {
	Gain float64 `json:"gain" default:"1" range:"(0,]" doc:"deviation of the elements of B, times the root of the number of outputs"`
	catalogue.Given
}

// feedback is direct-feedback.
type feedback struct{ config FeedbackConfig }

// NewFeedback returns direct-feedback, direct feedback alignment: the error at the outputs
// e = ∂L/∂y reaches every hidden layer at once, by a fixed random matrix B(l) of shape (outputs,
// units), and not through the layers above. With x the input of layer l and z = x·W + b,
//
//	δ(l) = (e·B(l)) ∘ f'(z),   ∂L/∂W(l) = xᵀ·δ(l)
//
// in place of backpropagation's δ(l) = (δ(l+1)·W(l+1)ᵀ) ∘ f'(z). The output layer has its own
// gradient. B's elements are from N(0, gain²/outputs), by the seed of the parameters. No depth
// can make the gradient vanish, and no product with Wᵀ is computed; but it is not the gradient
// of the loss, and layers learn as far as their weights come to agree with it.
//
// A normalisation of z or of f(z) passes the gradient on within its layer. It works for plain
// feed-forward networks, of layers that read the one below alone: others are an error.
//
// Source: A. Nøkland: Direct feedback alignment provides learning in deep neural networks,
// arXiv 1609.01596, equation 8.
func NewFeedback(c FeedbackConfig) (Keep, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return feedback{c}, nil
}

// Model replaces the backward pass.
func (f feedback) Model(m models.Model) models.Model { return aligned{m, f.config.Gain} }

// Attach adds nothing: the graph has it all.
func (feedback) Attach(*train.Loop) error { return nil }

// aligned is a model whose hidden layers learn by feedback.
type aligned struct {
	models.Model
	gain float64
}

// Layout lays the model out with layers that pass no gradient on, and gives each its own.
func (a aligned) Layout(b *models.Builder, x *G.Node) (*G.Node, error) {
	if !b.Training() {
		return a.Model.Layout(b, x)
	}
	b.Detach()
	y, err := a.Model.Layout(b, x)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*G.Node, error) { return nil, errors.Wrap(err, "direct-feedback") }
	hidden := slices.DeleteFunc(b.Layers(), func(l models.Layer) bool { return l.Function == "" })
	for i, l := range hidden {
		above := y
		if i+1 < len(hidden) {
			above = hidden[i+1].PreActivation
		}
		if len(l.Gates) > 0 || !ops.Passes(l.Weight, l.PreActivation) || ops.Passes(l.Activation, above) {
			return fail(errors.Errorf("%s is not a plain layer f(x·W + b): it is not for residual, highway, recurrent and RBF networks", l.Name))
		}
	}
	objective, err := b.Shape().Loss.Objective()
	if err != nil {
		return fail(err)
	}
	loss, err := objective.Node(y, b.Target(), b.Shape())
	if err != nil {
		return fail(err)
	}
	var one G.Value = G.NewF64(1)
	if loss.Dtype() == tensor.Float32 {
		one = G.NewF32(1)
	}
	e, err := ops.Pullback(G.NewConstant(one), loss, y)
	if err != nil {
		return fail(err)
	}
	for _, l := range hidden {
		d, err := ops.MatMul(e, a.matrix(b, l), false, false)
		if err != nil {
			return fail(errors.Wrap(err, l.Name))
		}
		term, err := ops.Feedback(l.Activation, d)
		if err != nil {
			return fail(errors.Wrap(err, l.Name))
		}
		b.Penalise("direct-feedback of "+l.Name, 1, term)
	}
	return y, nil
}

// matrix is B of a layer.
func (a aligned) matrix(b *models.Builder, l models.Layer) *G.Node {
	outputs, units := b.Shape().Outputs, l.Activation.Shape()[1]
	r := b.Stream(l.Name + "/feedback")
	deviation := a.gain / math.Sqrt(float64(outputs))
	v := tensor.New(tensor.Of(l.Activation.Dtype()), tensor.WithShape(outputs, units), tensor.WithEngine(G.StandardEngine{}))
	for i := range outputs * units {
		n := deviation * r.NormFloat64()
		if v.Dtype() == tensor.Float32 {
			v.Float32s()[i] = float32(n)
		} else {
			v.Float64s()[i] = n
		}
	}
	return G.NewMatrix(l.Activation.Graph(), v.Dtype(), G.WithName(l.Name+"/feedback"), G.WithShape(outputs, units), G.WithValue(v))
}

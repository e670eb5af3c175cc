package models

import (
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Residual is a network of blocks with a shortcut, x ↦ x + s·F(x), and a linear output
// layer. F has Block layers, named layer01, layer02, … through the whole network; Order says
// where their nonlinearities f are:
//
//	PostActivation   x ↦ f(x + s·F(x)),  F = … f(x·W₁ + b₁)·W₂ + b₂
//	PreActivation    x ↦ x + s·F(x),     F = … f(f(x)·W₁ + b₁)·W₂ + b₂
//	Inside           x ↦ x + s·F(x),     F = … f(f(x·W₁ + b₁)·W₂ + b₂)
//
// A post-activation network with saturating f has no free way back for the gradient: it
// passes f' in each block. The others have one.
//
// Where the inputs are not Width, the shortcut of the first block is a projection without
// bias, layer02/shortcut for blocks of two. With PreActivation there is instead a linear layer
// before the first block, stem/weight and stem/bias, as otherwise f would be applied to the
// data; and f is applied once more before the output layer.
//
// A normalisation stands where f is: at f's argument, at its result, or at the weights of
// all hidden layers.
//
// Sources: K. He, X. Zhang, S. Ren, J. Sun: Deep residual learning for image recognition,
// 2015 (PostActivation); the same: Identity mappings in deep residual networks, 2016
// (PreActivation); and for the scales see [Scale].
type Residual struct {
	Depth         int // hidden layers, a multiple of Block
	Width         int // units of each
	Activation    activations.Activation
	Initializer   initializers.Initializer // of all weights, but see Fixup
	Normalization normalization.Normalization
	Order         Order // "": PreActivation
	Scale         Scale // "": Unscaled
	Block         int   // layers in a block; 0: 2
}

// Order says where the nonlinearities of a residual block are.
type Order string

const (
	PostActivation Order = "post-activation"
	PreActivation  Order = "pre-activation"
	Inside         Order = "inside"
)

// Scale is the factor s of the branch of a residual block.
type Scale string

const (
	// Unscaled is 1: the variance of x grows with every block.
	Unscaled Scale = "none"
	// ByDepth is 1/√L for L blocks: it then grows by a constant factor over all of them.
	ByDepth Scale = "by-depth"
	// InverseDepth is 1/L: the sum over all blocks stays of order 1, and so does the change of x in
	// a training step, whatever the depth: a rate found at one depth then serves at others. It is
	// the branch of CompleteP, α = 1 (N. Dey et al.: Don't be lazy: CompleteP enables
	// compute-efficient deep transformers, arXiv 2505.01618), whose rates for Adam do not depend
	// on the depth, and for hidden weights are as 1/width: the link scale gives them. Checked are
	// the branch and, by a coordinate check, that it does what the paper says of it.
	InverseDepth Scale = "inverse-depth"
	// SkipInit is a learned number for each block, layer02/scale, 0 at first: the network
	// starts as its shortcuts alone (S. De, S. Smith: Batch normalization biases residual
	// blocks towards the identity function in deep networks, 2020).
	SkipInit Scale = "skip-init"
	// ReZero is the same number for blocks with Order Inside, for which it was proposed
	// (T. Bachlechner et al.: ReZero is all you need, 2020).
	ReZero Scale = "re-zero"
	// Fixup is a learned number for each block, 1 at first. The last weights of each block and
	// of the output layer start at 0, the others of a block of m layers are scaled by
	// L^(-1/(2m-2)), with m at least 2 (H. Zhang, Y. Dauphin, T. Ma: Fixup initialization,
	// 2019; its scalar biases are part of the layers' bias vectors).
	Fixup Scale = "fixup"
)

// check completes the settings.
func (m *Residual) check() error {
	if m.Order == "" {
		m.Order = PreActivation
	}
	if m.Scale == "" {
		m.Scale = Unscaled
	}
	if m.Block == 0 {
		m.Block = 2
	}
	switch {
	case m.Depth < 0 || m.Width < 1:
		return errors.Errorf("a residual network of depth %d and width %d: want at least 0 and 1", m.Depth, m.Width)
	case m.Activation == nil:
		return errors.New("a residual network has no activation")
	case m.Initializer == nil:
		return errors.New("a residual network has no initialiser")
	case m.Block < 0 || m.Depth%m.Block != 0:
		return errors.Errorf("a residual network of %d layers can't be divided into blocks of %d: change one of them", m.Depth, m.Block)
	case m.Order != PostActivation && m.Order != PreActivation && m.Order != Inside:
		return errors.Errorf("a residual network with order %q: want %s, %s or %s", m.Order, PostActivation, PreActivation, Inside)
	case m.Scale == ReZero && m.Order != Inside:
		return errors.Errorf("re-zero is for blocks with order inside; with order %s the same number is called skip-init", m.Order)
	case m.Scale == Fixup && m.Block < 2:
		return errors.New("fixup scales the layers before the last one of a block: it needs blocks of at least 2")
	case m.Scale != Unscaled && m.Scale != ByDepth && m.Scale != InverseDepth && m.Scale != SkipInit && m.Scale != ReZero && m.Scale != Fixup:
		return errors.Errorf("a residual network with scale %q: want %s, %s, %s, %s, %s or %s", m.Scale, Unscaled, ByDepth, InverseDepth, SkipInit, ReZero, Fixup)
	case m.Normalization != nil && m.Normalization.Site() == normalization.Distance:
		return errors.Errorf("%s normalises the squared distances of RBF layers: a residual network has none", m.Normalization.Name())
	case m.Normalization != nil && m.Scale == Fixup:
		return errors.New("fixup is for networks without normalisation: choose one of them")
	}
	if n, err := activations.Units(m.Activation, m.Width); m.Order == PostActivation && (err != nil || n != m.Width) {
		return errors.Errorf("order post-activation applies f to the sum with the shortcut, which must keep its width: %s changes it; use order inside or pre-activation", m.Activation.Name())
	}
	return nil
}

// Layout implements [Model].
func (m Residual) Layout(b *Builder, x *G.Node) (*G.Node, error) {
	err := m.check()
	if err != nil {
		return nil, err
	}
	init, err := initializers.For(m.Initializer, m.Activation)
	if err != nil {
		return nil, err
	}
	if m.Scale == Fixup {
		if !initializers.WeightsOnly(init) {
			return nil, errors.Errorf("fixup sets the first weights of a block's layers itself: the initialiser can't be %s, which sets more than weights, or needs data", init.Name())
		}
	}
	if m.Order == PreActivation {
		if x, _, _, err = b.Affine("stem", x, m.Width, init, nil); err != nil {
			return nil, err
		}
	}
	for first := 0; first < m.Depth; first += m.Block {
		if x, err = m.block(b, x, first, init); err != nil {
			return nil, err
		}
	}
	if m.Order == PreActivation {
		if x, _, _, _, err = m.nonlinearity(b, "final", x); err != nil {
			return nil, err
		}
	}
	if m.Scale == Fixup {
		return b.Output(x, zeros{})
	}
	return b.Output(x, m.Initializer)
}

// block adds the block whose first layer has this number.
func (m Residual) block(b *Builder, x *G.Node, first int, init initializers.Initializer) (*G.Node, error) {
	blocks := m.Depth / m.Block
	last := LayerName(first + m.Block - 1)
	f := x
	var layer Layer // the last one, which with PostActivation is not complete before the sum
	var err error
	for i := range m.Block {
		own := init
		if m.Scale == Fixup {
			own = rescaled{init, math.Pow(float64(blocks), -1/float64(2*m.Block-2))}
			if i == m.Block-1 {
				own = zeros{}
			}
		}
		complete := m.Order != PostActivation || i < m.Block-1
		if f, layer, err = m.layer(b, LayerName(first+i), f, own, complete); err == nil && complete {
			err = b.AddLayer(layer)
		}
		if err != nil {
			return nil, err
		}
	}
	if x.Shape()[1] != m.Width {
		w, err := b.Parameter(last+"/shortcut", init, x.Shape()[1], m.Width)
		if err != nil {
			return nil, err
		}
		if x, err = ops.MatMul(x, w, false, false); err != nil {
			return nil, errors.Wrap(err, last)
		}
	}
	var sum *G.Node
	switch m.Scale {
	case Unscaled:
		sum, err = ops.Shortcut(x, f, 1)
	case ByDepth:
		sum, err = ops.Shortcut(x, f, 1/math.Sqrt(float64(blocks)))
	case InverseDepth:
		sum, err = ops.Shortcut(x, f, 1/float64(blocks))
	default:
		var scale *G.Node
		if scale, err = b.Learnable(last+"/scale", func(a []float64) { a[0] = index(m.Scale == Fixup) }, 1); err == nil {
			sum, err = ops.LearnedShortcut(x, f, scale)
		}
	}
	if err != nil {
		return nil, errors.Wrap(err, last)
	}
	if m.Order != PostActivation {
		return sum, nil
	}
	if sum, layer.PreActivation, layer.Activation, layer.Parameters, err = m.nonlinearity(b, last, sum); err != nil {
		return nil, err
	}
	return sum, b.AddLayer(layer)
}

func index(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// layer makes a layer of a branch, complete unless its nonlinearity comes after the sum.
func (m Residual) layer(b *Builder, name string, x *G.Node, init initializers.Initializer, complete bool) (*G.Node, Layer, error) {
	fail := func(err error) (*G.Node, Layer, error) { return nil, Layer{}, err }
	own := Layer{Name: name, Function: m.Activation.Name()}
	var weightNorm normalization.Normalization
	if m.Normalization != nil && m.Normalization.Site() == normalization.Weight {
		weightNorm = m.Normalization
	}
	var err error
	if m.Order == PreActivation {
		if x, own.PreActivation, own.Activation, own.Parameters, err = m.nonlinearity(b, name, x); err != nil {
			return fail(err)
		}
	}
	columns := m.Width
	if m.Order == Inside {
		if columns, err = activations.PreActivations(m.Activation, m.Width); err != nil {
			return fail(errors.Wrap(err, name))
		}
	}
	if x, own.Weight, own.Bias, err = b.Affine(name, x, columns, init, weightNorm); err != nil {
		return fail(err)
	}
	if m.Order != PreActivation && complete {
		if x, own.PreActivation, own.Activation, own.Parameters, err = m.nonlinearity(b, name, x); err != nil {
			return fail(err)
		}
	}
	return x, own, nil
}

// nonlinearity applies f to z, with the normalisation where it stands. It returns what
// goes on, what f was applied to, its result, and its parameters.
func (m Residual) nonlinearity(b *Builder, name string, x *G.Node) (next, z, y *G.Node, params G.Nodes, err error) {
	fail := func(err error) (_, _, _ *G.Node, _ G.Nodes, _ error) { return nil, nil, nil, nil, err }
	if z, err = b.Normalize(m.Normalization, normalization.PreActivation, name, x); err != nil {
		return fail(err)
	}
	if y, params, err = b.Activate(name, m.Activation, z); err != nil {
		return fail(err)
	}
	next, err = b.Normalize(m.Normalization, normalization.Activation, name, y)
	return next, z, y, params, err
}

// zeros starts weights at 0.
type zeros struct{}

func (zeros) Name() string                             { return "zeros" }
func (zeros) Fill(w []float64, _, _ int, _ *rand.Rand) { clear(w) }

// rescaled multiplies the weights of an initialiser.
type rescaled struct {
	initializers.Initializer
	factor float64
}

func (s rescaled) Fill(w []float64, fanIn, fanOut int, r *rand.Rand) {
	s.Initializer.Fill(w, fanIn, fanOut, r)
	for i := range w {
		w[i] *= s.factor
	}
}

// residual is the architecture of [Residual] networks.
type residual struct {
	Order Order `json:"order" default:"pre-activation" doc:"where the nonlinearities are: pre-activation, post-activation or inside"`
	Scale Scale `json:"scale" default:"none" doc:"scaling of the branches: none, by-depth (1/√L of L blocks), inverse-depth (1/L), skip-init, re-zero or fixup"`
	Block int   `json:"block" default:"2" range:"[1,100]" doc:"layers in a block"`
}

func (a residual) Model(p Plan) (Model, error) {
	m := Residual{p.Depth, p.Width, p.Activation, p.Initializer, p.Normalization, a.Order, a.Scale, a.Block}
	return m, m.check()
}

package models

import (
	"fmt"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Recurrent is a stack of Depth recurrent layers of Width units that read a sequence
// (Shape.Steps), and a linear output layer that answers in its last steps
// (Shape.TargetSteps): many-to-one or many-to-many. States start as Initial says. With x_t the input of
// a layer in step t and h_t its state, which is the next layer's input:
//
//	RNN    z_t = x_t·W + b + h_{t-1}·U                  h_t = f(z_t)
//	LSTM   z_t = x_t·W + b + h_{t-1}·U = [i f o g]      c_t = σ(f)∘c_{t-1} + σ(i)∘φ(g),  h_t = σ(o)∘φ(c_t)
//	GRU    [r u n]_t = x_t·W + b,  [r' u' n']_t = h_{t-1}·U + b'
//	       h_t = (1-σ(u+u'))∘φ(n + σ(r+r')∘n') + σ(u+u')∘h_{t-1}
//
// The network is unrolled: each step of each layer is one of Network.Layers, named
// layer01/t0001, layer01/t0002, …, layer02/t0001, …, so that the gradient over time is
// seen as that over depth is. Its weight is the recurrent one, U, that all steps share. Its
// gates are input, forget and output, or reset and update. The parameters of a layer are
// layer01/weight, layer01/bias, layer01/recurrent, for a GRU layer01/recurrent-bias, and
// the initial states if these are learned.
//
// The products of all inputs with W are one product, and so are their gradients'; a step has
// one product for all gates. Time and memory grow linearly with the number of steps.
type Recurrent struct {
	Depth         int // recurrent layers
	Width         int // units of each
	Activation    activations.Activation
	Initializer   initializers.Initializer    // of W and of the output layer, gate by gate
	Normalization normalization.Normalization // of W and U; nil: none
	Cell          Cell
	Start         RecurrentStart // of U, gate by gate; "": OrthogonalStart
	Scale         float64        // factor of U at first; 0: 1
	ForgetBias    float64        // first value of an LSTM's b_f
	Initial       InitialState   // of h and c; "": ZeroState
	Widths        Widths         // units of the layers where these differ, instead of Width
}

// InitialState says what the states of a recurrent layer are before the first step.
type InitialState string

const (
	// ZeroState is 0.
	ZeroState InitialState = "zeros"
	// LearnedState is a learned row that all examples share, 0 at first: layer01/initial and,
	// for the cell state of an LSTM, layer01/initial-cell.
	LearnedState InitialState = "learned"
	// FedState is a further input of the network of the same names, of a row for each example:
	// zeros until a program sets them. See [Network].Inputs.
	FedState InitialState = "fed"
)

// Cell is the kind of a recurrent layer.
type Cell string

const (
	RNN  Cell = "rnn"
	LSTM Cell = "lstm" // see ops.LSTM for sources
	GRU  Cell = "gru"
)

// RecurrentStart says what a recurrent weight is at first.
type RecurrentStart string

const (
	// OrthogonalStart is a random orthogonal matrix (A. Saxe, J. McClelland, S. Ganguli, 2014).
	OrthogonalStart RecurrentStart = "orthogonal"
	// IdentityStart is the identity: the state stays as it is (Q. Le, N. Jaitly, G. Hinton: A
	// simple way to initialize recurrent networks of rectified linear units, 2015).
	IdentityStart RecurrentStart = "identity"
	// InitializerStart draws U as W is drawn.
	InitializerStart RecurrentStart = "initializer"
)

// check completes the settings.
func (m *Recurrent) check() error {
	if m.Start == "" {
		m.Start = OrthogonalStart
	}
	if m.Scale == 0 {
		m.Scale = 1
	}
	if m.Initial == "" {
		m.Initial = ZeroState
	}
	if _, err := m.Widths.Of(m.Depth, m.Width); err != nil {
		return errors.Wrap(err, "recurrent network")
	}
	switch {
	case m.Depth < 1:
		return errors.Errorf("a recurrent network of depth %d: want at least 1", m.Depth)
	case m.Initial != ZeroState && m.Initial != LearnedState && m.Initial != FedState:
		return errors.Errorf("a recurrent network with the initial state %q: want %s, %s or %s", m.Initial, ZeroState, LearnedState, FedState)
	case m.Activation == nil:
		return errors.New("a recurrent network has no activation")
	case m.Initializer == nil:
		return errors.New("a recurrent network has no initialiser")
	case m.Cell != RNN && m.Cell != LSTM && m.Cell != GRU:
		return errors.Errorf("a recurrent network of cells %q: want %s, %s or %s", m.Cell, RNN, LSTM, GRU)
	case m.Start != OrthogonalStart && m.Start != IdentityStart && m.Start != InitializerStart:
		return errors.Errorf("a recurrent network that starts from %q: want %s, %s or %s", m.Start, OrthogonalStart, IdentityStart, InitializerStart)
	case m.Normalization != nil && m.Normalization.Site() != normalization.Weight:
		return errors.Errorf("%s normalises the units of a layer; in a recurrent network each time step would need statistics of its own: use one that normalises weights, or none", m.Normalization.Name())
	}
	if _, ok := m.Activation.(activations.Parametric); ok && m.Cell != RNN {
		return errors.Errorf("the activation %s has parameters; that of an %s can't: use one without, or an rnn", m.Activation.Name(), m.Cell)
	}
	return nil
}

// function returns the activation for the cells that apply it themselves: a new one each
// time, as it may have memory of its own.
func (m *Recurrent) function() (*ops.Function, error) {
	y, err := m.Activation.Node(G.NewMatrix(G.NewGraph(), tensor.Float64, G.WithShape(1, 1), G.WithName("z")))
	if err != nil {
		return nil, err
	}
	f := ops.FunctionIn(y)
	if f == nil {
		return nil, errors.Errorf("the activation %s is not one operation on each element: the cells of an %s need that", m.Activation.Name(), m.Cell)
	}
	return f, nil
}

// gates returns the number of blocks of W.
func (m *Recurrent) gates() int {
	switch m.Cell {
	case LSTM:
		return 4
	case GRU:
		return 3
	}
	return 1
}

// Layout implements [Model].
func (m Recurrent) Layout(b *Builder, x *G.Node) (*G.Node, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	s := b.Shape()
	if s.Steps < 1 {
		return nil, errors.Errorf("an %s reads a sequence: choose a task that is one, such as adding or row-by-row", m.Cell)
	}
	x, err := ops.TimeMajor(x, s.Steps)
	if err != nil {
		return nil, err
	}
	units, err := m.Widths.Of(m.Depth, m.Width)
	if err != nil {
		return nil, err
	}
	var states []*G.Node
	for i, n := range units {
		m.Width = n
		if i > 0 {
			if x, err = ops.Stack(states...); err != nil {
				return nil, errors.Wrap(err, LayerName(i))
			}
		}
		if states, err = m.layer(b, LayerName(i), x, s.Steps); err != nil {
			return nil, err
		}
	}
	if x, err = ops.Stack(states[s.Steps-s.TargetSteps:]...); err != nil {
		return nil, err
	}
	y, err := b.Output(x, m.Initializer)
	if err != nil || s.TargetSteps == 1 {
		return y, err
	}
	return ops.BatchMajor(y, s.TargetSteps)
}

// layer adds a layer and returns its states.
func (m *Recurrent) layer(b *Builder, name string, x *G.Node, steps int) ([]*G.Node, error) {
	p, recurrent, own, err := m.parameters(b, name, x)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	h, err := m.initial(b, name+"/initial", p, steps)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	c := h
	if m.Cell == LSTM && m.Initial != ZeroState {
		if c, err = m.initial(b, name+"/initial-cell", p, steps); err != nil {
			return nil, errors.Wrap(err, name)
		}
	}
	states := make([]*G.Node, steps)
	for t := range steps {
		own.Name = StepName(name, t)
		switch m.Cell {
		case RNN:
			if own.PreActivation, err = ops.Step(p, h, recurrent, t, steps); err == nil {
				h, own.Parameters, err = b.Activate(name, m.Activation, own.PreActivation)
			}
		case LSTM:
			var f *ops.Function
			if f, err = m.function(); err != nil {
				break
			}
			if own.PreActivation, err = ops.Step(p, h, recurrent, t, steps); err == nil {
				h, c, err = ops.LSTM(f, own.PreActivation, c)
			}
		case GRU:
			var f *ops.Function
			if f, err = m.function(); err != nil {
				break
			}
			var q *G.Node
			if q, err = ops.Affine(h, recurrent, own.Bias); err != nil {
				break
			}
			if own.PreActivation, err = ops.GRUStep(p, q, t, steps); err == nil {
				h, err = ops.GRU(f, own.PreActivation, h)
			}
		}
		if err != nil {
			return nil, errors.Wrap(err, own.Name)
		}
		states[t], own.Activation = h, h
		own.Gates = m.gatesOf(own.PreActivation)
		if err := b.AddLayer(own); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// initial returns a state before the first step, for the products p of all inputs.
func (m *Recurrent) initial(b *Builder, name string, p *G.Node, steps int) (*G.Node, error) {
	switch m.Initial {
	case LearnedState:
		row, err := b.Learnable(name, nil, m.Width)
		if err != nil {
			return nil, err
		}
		return ops.RepeatRow(row, b.Shape().Batch)
	case FedState:
		return b.Input(name, m.Width)
	}
	return ops.Zeros(p, steps, m.Width)
}

// gatesOf returns the gates of a step, whose pre-activations are side by side.
func (m *Recurrent) gatesOf(z *G.Node) (gates []Gate) {
	names := map[Cell][]string{LSTM: {"input", "forget", "output"}, GRU: {"reset", "update"}}
	for k, name := range names[m.Cell] {
		gates = append(gates, Gate{name, activations.Sigmoid().Name(), z, k * m.Width, (k + 1) * m.Width})
	}
	return gates
}

// StepName returns the name of a time step counted from 0 in a recurrent layer:
// layer01/t0001, layer01/t0002, …
func StepName(layer string, t int) string { return fmt.Sprintf("%s/t%04d", layer, t+1) }

// parameters returns the products of all inputs with W, and the recurrent weight; and what
// all steps of the layer have in common.
func (m *Recurrent) parameters(b *Builder, name string, x *G.Node) (p, recurrent *G.Node, common Layer, err error) {
	fail := func(err error) (_, _ *G.Node, _ Layer, _ error) { return nil, nil, Layer{}, err }
	init, err := initializers.For(m.Initializer, m.Activation)
	if err != nil {
		return fail(err)
	}
	if !initializers.WeightsOnly(init) {
		return fail(errors.Errorf("a recurrent layer starts gate by gate: the initialiser can't be %s, which sets more than weights, or needs data", init.Name()))
	}
	weight, err := m.weight(b, name+"/weight", init, 1, x.Shape()[1])
	if err != nil {
		return fail(err)
	}
	bias, err := b.Learnable(name+"/bias", func(x []float64) {
		if m.Cell == LSTM { // of [i f o g]
			for k := range m.Width {
				x[m.Width+k] = m.ForgetBias
			}
		}
	}, m.gates()*m.Width)
	if err != nil {
		return fail(err)
	}
	start := init
	switch m.Start {
	case OrthogonalStart:
		start = initializers.Orthogonal(1)
	case IdentityStart:
		start = initializers.Identity(1)
	}
	common = Layer{Bias: bias, Function: m.Activation.Name()}
	if m.Cell != RNN {
		common.Function = string(m.Cell)
	}
	if common.Weight, err = m.weight(b, name+"/recurrent", start, m.Scale, m.Width); err != nil {
		return fail(err)
	}
	if m.Cell == GRU {
		if common.Bias, err = b.Learnable(name+"/recurrent-bias", func([]float64) {}, m.gates()*m.Width); err != nil {
			return fail(err)
		}
	}
	w, err := b.Normalize(m.Normalization, normalization.Weight, name, weight)
	if err != nil {
		return fail(err)
	}
	if recurrent, err = b.Normalize(m.Normalization, normalization.Weight, name+"/recurrent", common.Weight); err != nil {
		return fail(err)
	}
	p, err = ops.Affine(x, w, bias)
	return p, recurrent, common, err
}

// weight returns a weight with a block of columns for each gate, drawn one by one.
func (m *Recurrent) weight(b *Builder, name string, init initializers.Initializer, scale float64, inputs int) (*G.Node, error) {
	gates := m.gates()
	return b.Learnable(name, func(w []float64) {
		block := make([]float64, inputs*m.Width)
		for k := range gates {
			clear(block)
			init.Fill(block, inputs, m.Width, b.Stream(fmt.Sprintf("%s/gate%d", name, k)))
			for i, v := range block {
				w[i/m.Width*gates*m.Width+k*m.Width+i%m.Width] = scale * v
			}
		}
	}, inputs, gates*m.Width)
}

// rnn is the architecture of RNNs.
type rnn struct {
	Start   RecurrentStart `json:"start" default:"orthogonal" doc:"initialisation of the recurrent weights: orthogonal, identity or initializer"`
	Scale   float64        `json:"scale" default:"1" range:"(0,)" doc:"initial factor of the recurrent weights"`
	Initial InitialState   `json:"initial" omit:"default" default:"zeros" doc:"initial states: zeros or learned"`
}

func (a rnn) Model(p Plan) (Model, error) { return recurrent(p, RNN, a.Start, a.Scale, 0, a.Initial) }

func recurrent(p Plan, c Cell, start RecurrentStart, scale, forgetBias float64, initial InitialState) (Model, error) {
	if initial == FedState {
		return nil, errors.New("initial states that are fed come from a program: of a study they are zeros or learned")
	}
	m := Recurrent{p.Depth, p.Width, p.Activation, p.Initializer, p.Normalization, c, start, scale, forgetBias, initial, p.Widths}
	return m, m.check()
}

func (rnn) WidthsByLayer()  {}
func (irnn) WidthsByLayer() {}
func (lstm) WidthsByLayer() {}
func (gru) WidthsByLayer()  {}

// irnn is that of RNNs of rectified linear units that start from the identity.
type irnn struct {
	Scale   float64      `json:"scale" default:"1" range:"(0,)" doc:"factor of the identity"`
	Initial InitialState `json:"initial" omit:"default" default:"zeros" doc:"initial states: zeros or learned"`
}

func (a irnn) Model(p Plan) (Model, error) {
	if p.Activation == nil || p.Activation.Name() != "relu" {
		return nil, errors.New("an IRNN has the activation relu; with another one the model is rnn(start=identity)")
	}
	return recurrent(p, RNN, IdentityStart, a.Scale, 0, a.Initial)
}

// lstm is that of LSTMs.
type lstm struct {
	Start      RecurrentStart `json:"start" default:"orthogonal" doc:"initialisation of the recurrent weights of each gate: orthogonal, identity or initializer"`
	ForgetBias float64        `json:"forget-bias" default:"1" doc:"initial value of the forget gates' biases"`
	Initial    InitialState   `json:"initial" omit:"default" default:"zeros" doc:"initial states: zeros or learned"`
}

func (a lstm) Model(p Plan) (Model, error) {
	return recurrent(p, LSTM, a.Start, 1, a.ForgetBias, a.Initial)
}

// gru is that of GRUs.
type gru struct {
	Start   RecurrentStart `json:"start" default:"orthogonal" doc:"initialisation of the recurrent weights of each gate: orthogonal, identity or initializer"`
	Initial InitialState   `json:"initial" omit:"default" default:"zeros" doc:"initial states: zeros or learned"`
}

func (a gru) Model(p Plan) (Model, error) { return recurrent(p, GRU, a.Start, 1, 0, a.Initial) }

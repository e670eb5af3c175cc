package models

import (
	"slices"
	"sync"

	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Shape is what a model must fit: the task's sizes, and the examples in a batch.
type Shape struct {
	Inputs, Outputs, Batch int
	Loss                   Loss
	// Steps and TargetSteps are those of sequences, 0 for other tasks: the inputs are Steps
	// vectors, one after the other, and the outputs the answers in the last TargetSteps
	// of them.
	Steps, TargetSteps int
}

// Network is a model laid out as a graph for one batch size.
type Network struct {
	Graph      *G.ExprGraph
	Input      *G.Node            // (batch, inputs)
	Target     *G.Node            // (batch, outputs)
	Output     *G.Node            // (batch, outputs): logits for the cross-entropy
	Loss       *G.Node            // scalar: what is trained on, with the penalties if it is for training
	Inputs     map[string]*G.Node // further inputs that the model has declared, by name
	Layers     []Layer            // from the input to the output
	Learnables G.Nodes            // the parameters, in the order of the layers
	Parameters *Parameters
	Shape      Shape
	Objective  Objective // what Shape.Loss names

	model         Model
	training      bool
	updates       []func() error      // to call after each training step
	needs         G.Nodes             // what they read
	starts        []start             // that depend on data
	readers       map[*G.Node]G.Nodes // the weights that multiply a node
	penalties     []penalty
	terms         []term
	ofActivations map[string]bool // the names of the parameters that activations have
}

// Layer is what can be seen of one layer y = f(z). The output layer is the last,
// without a nonlinearity: its Activation is its PreActivation.
type Layer struct {
	Name          string  // "layer01", …, "output"
	PreActivation *G.Node // z
	Activation    *G.Node // y
	Weight, Bias  *G.Node // the parameters; no bias where a normalisation takes it away
	Function      string  // the name of f; "" for the output layer
	Parameters    G.Nodes // what f learns, such as layer01/a
	Gates         []Gate
}

// Gate is one of a layer's gates, a nonlinearity of its own that says how much of something
// passes: its pre-activations are columns of a node.
type Gate struct {
	Name          string  // "transform", "input", "forget", "output", "reset", "update"
	Function      string  // what is applied to the pre-activations: "sigmoid"
	PreActivation *G.Node // a row for each example
	From, To      int     // the gate's columns: From, …, To-1
}

// Values returns the gate's pre-activations in the last run of a machine that was asked for
// their node, row by row.
func (g Gate) Values() ([]float64, error) {
	t, ok := g.PreActivation.Value().(*tensor.Dense)
	if !ok {
		return nil, errors.Errorf("models: gate %s has not been computed", g.Name)
	}
	all, columns := values(t), t.Shape()[1]
	list := make([]float64, 0, len(all)/columns*(g.To-g.From))
	for ; len(all) > 0; all = all[columns:] {
		list = append(list, all[g.From:g.To]...)
	}
	return list, nil
}

// Model is the description of a network.
type Model interface {
	// Layout adds the layers to the graph that starts from x, of shape (batch,
	// inputs), and returns the output, of shape (batch, outputs).
	Layout(b *Builder, x *G.Node) (*G.Node, error)
}

// building is held while Gorgonia builds a graph: it writes to global memory then.
var building sync.Mutex

// Build lays a model out, for float32 or float64 as the parameters are, and takes the
// parameters from p, where missing ones are created. For training, the gradients of the
// loss with respect to all parameters are added ([Network.TrainingMachine] computes
// them). Build can be called from several goroutines, with Parameters of their own.
func Build(m Model, s Shape, p *Parameters, training bool) (*Network, error) {
	n, err := layout(m, s, p, training)
	if err != nil || !training {
		return n, err
	}
	building.Lock()
	defer building.Unlock()
	if err = ops.Gradient(n.Loss, n.Learnables...); err != nil {
		return nil, errors.Wrap(err, "models")
	}
	return n, nil
}

// layout builds the network without the gradients.
func layout(m Model, s Shape, p *Parameters, training bool) (*Network, error) {
	switch {
	case m == nil:
		return nil, errors.New("models: the model is nil")
	case p == nil:
		return nil, errors.New("models: the parameters are nil: make some with NewParameters")
	case s.Inputs < 1 || s.Outputs < 1 || s.Batch < 1:
		return nil, errors.Errorf("a network of %d inputs, %d outputs and batch %d: all must be at least 1", s.Inputs, s.Outputs, s.Batch)
	case s.Steps < 0 || s.Steps > 0 && (s.Inputs%s.Steps != 0 || s.TargetSteps < 1 || s.TargetSteps > s.Steps || s.Outputs%s.TargetSteps != 0):
		return nil, errors.Errorf("%d inputs and %d outputs do not divide into a sequence of %d steps with answers in %d", s.Inputs, s.Outputs, s.Steps, s.TargetSteps)
	}
	objective, err := s.Loss.Objective()
	if err != nil {
		return nil, errors.Wrap(err, "models")
	}
	building.Lock()
	defer building.Unlock()
	g := G.NewGraph()
	n := &Network{
		Graph:      g,
		Inputs:     map[string]*G.Node{},
		Parameters: p,
		Shape:      s,
		Objective:  objective,
		model:      m,
		training:   training,
		readers:    map[*G.Node]G.Nodes{},

		ofActivations: map[string]bool{},
	}
	if n.Input, err = n.data("input", s.Inputs); err != nil {
		return nil, err
	}
	if n.Target, err = n.data("target", s.Outputs); err != nil {
		return nil, err
	}
	b := &Builder{network: n, nodes: map[string]*G.Node{}, layers: map[string]bool{}, fitted: map[*G.Node]bool{}, spaced: map[string]int{}}
	if n.Output, err = m.Layout(b, n.Input); err != nil {
		return nil, errors.Wrap(err, "models")
	}
	if n.Output == nil {
		return nil, errors.Errorf("models: the model %T made no output", m)
	}
	if want := (tensor.Shape{s.Batch, s.Outputs}); !n.Output.Shape().Eq(want) {
		return nil, errors.Errorf("models: the model's output is of shape %v, want %v", n.Output.Shape(), want)
	}
	if n.Loss, err = n.Objective.Node(n.Output, n.Target, s); err == nil && (n.Loss == nil || !n.Loss.IsScalar()) {
		err = errors.Errorf("loss %s made %v, want a scalar", s.Loss, n.Loss)
	}
	if err == nil && training {
		n.Loss, err = n.penalise(n.Loss)
	}
	if err != nil {
		return nil, errors.Wrap(err, "models")
	}
	return n, nil
}

// data returns the node of a matrix of data for each example, with zeros as its value
// unless the network is only measured.
func (n *Network) data(name string, columns int) (*G.Node, error) {
	node := G.NewMatrix(n.Graph, n.Parameters.dtype, G.WithName(name), G.WithShape(n.Shape.Batch, columns))
	if n.Parameters.shapes != nil {
		return node, nil
	}
	t := tensor.New(tensor.Of(n.Parameters.dtype), tensor.WithShape(node.Shape()...), tensor.WithEngine(G.StandardEngine{}))
	return node, errors.Wrap(G.Let(node, t), "models")
}

// Curvature adds the diagonal of the Gauss-Newton approximation of the loss's second
// derivatives to the graph, by bbprop, and returns a node for each of Learnables. There
// is none for operations that it is not known for: the error names the first.
func (n *Network) Curvature() (G.Nodes, error) {
	building.Lock()
	defer building.Unlock()
	h, err := ops.Curvature(n.Loss, n.Learnables...)
	return h, errors.Wrap(err, "models")
}

// Product is a matrix product x·W in a network: its input x and the gradient of the loss with
// respect to the product, both with a row for each example of the batch.
type Product struct{ Input, Gradient *G.Node }

// Products returns, for each of Learnables, the products in which it is the factor W: one for
// a layer's weights, one for each time step for recurrent ones, none for biases and for
// weights that are normalised first.
func (n *Network) Products() ([][]Product, error) {
	found, err := ops.Products(n.Loss, n.Learnables...)
	if err != nil {
		return nil, errors.Wrap(err, "models")
	}
	products := make([][]Product, len(found))
	for i, list := range found {
		for _, p := range list {
			products[i] = append(products[i], Product{p.X, p.Gradient})
		}
	}
	return products, nil
}

// TrainingMachine compiles the loss, the gradients of all parameters, and more nodes of
// the graph if need be.
func (n *Network) TrainingMachine(more ...*G.Node) (*vm.Machine, error) {
	wanted := append([]*G.Node{n.Loss}, more...)
	wanted = append(wanted, n.needs...)
	// From the output to the input, as they are computed: a layer's gradients then come
	// while what they are made of is in the processor's cache, and its memory can serve
	// the next layer.
	for _, p := range slices.Backward(n.Learnables) {
		d := p.Deriv()
		if d == nil {
			return nil, noGradient(p)
		}
		wanted = append(wanted, d)
	}
	return vm.Compile(n.Graph, wanted...)
}

// UpdatingMachine compiles the loss and a backward pass that updates each parameter as
// soon as its gradient is computed and the run has no more use for the parameter's value:
// see [vm.Update]. bind returns the update of Learnables[i] by a gradient. The machine
// works in the memory of a training machine, with which it takes turns.
func (n *Network) UpdatingMachine(training *vm.Machine, bind func(i int, gradient G.Value) (func() error, error)) (*vm.Machine, error) {
	var updates []vm.Update
	for i, p := range slices.Backward(n.Learnables) {
		if p.Deriv() == nil {
			return nil, noGradient(p)
		}
		updates = append(updates, vm.Update{Of: p, Bind: func(_, gradient G.Value) (func() error, error) { return bind(i, gradient) }})
	}
	return training.CompileUpdates(updates, append(G.Nodes{n.Loss}, n.needs...)...)
}

func noGradient(p *G.Node) error {
	return errors.Errorf("models: the network has no gradient of %s: build it for training", p.Name())
}

// Again lays the same model out once more, for another batch size and not for training, with
// the same parameters: what is measured there leaves this network and its machines alone.
func (n *Network) Again(batch int) (*Network, error) {
	s := n.Shape
	s.Batch = batch
	return Build(n.model, s, n.Parameters, false)
}

// Readers returns what multiplies a node in the layers x·W + b of the network: the weights, or
// what a normalisation has made of them. None where the node goes elsewhere first.
func (n *Network) Readers(x *G.Node) G.Nodes { return slices.Clone(n.readers[x]) }

// Pullback adds the gradient of Σ seed∘to with respect to from to the graph: see [ops.Pullback].
func (n *Network) Pullback(seed, to, from *G.Node) (*G.Node, error) {
	building.Lock()
	defer building.Unlock()
	return ops.Pullback(seed, to, from)
}

// AfterStep does what is to be done once for each training step, after the training
// machine's run on its batch and before the parameters change: running statistics are
// updated.
func (n *Network) AfterStep() error {
	for _, update := range n.updates {
		if err := update(); err != nil {
			return errors.Wrap(err, "models")
		}
	}
	return nil
}

// EvaluationMachine compiles the output alone.
func (n *Network) EvaluationMachine() (*vm.Machine, error) { return vm.Compile(n.Graph, n.Output) }

// Layer returns the layer with this name.
func (n *Network) Layer(name string) (Layer, bool) {
	for _, l := range n.Layers {
		if l.Name == name {
			return l, true
		}
	}
	return Layer{}, false
}

package models

import (
	"math/rand/v2"
	"slices"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Builder lays out the layers of one network. Models use it, those of this package as
// those of anyone's: all that the probes see of a network has been declared here.
type Builder struct {
	network *Network
	nodes   map[string]*G.Node
	layers  map[string]bool
	fitted  map[*G.Node]bool // weights that a data-dependent start belongs to
	spaced  map[string]int   // layers with a place for a normalisation of some, by their order

	detached bool // layers pass no gradient on: see Detach
}

// Shape returns what the network must fit.
func (b *Builder) Shape() Shape { return b.network.Shape }

// Stream returns the random numbers of this name: the same ones each time, for the seed
// of the network's parameters. A parameter's first values come from the stream of its name,
// and so do not depend on what else there is in the network.
func (b *Builder) Stream(name string) *rand.Rand {
	return initializers.Stream(b.network.Parameters.seed, name)
}

// AddLayer makes a layer visible, to the probes among others: the next one of
// Network.Layers. Dense and Output do so themselves. A layer needs a name that no other
// has, and all nodes but the bias.
func (b *Builder) AddLayer(l Layer) error {
	switch {
	case l.Name == "":
		return errors.New("a layer has no name")
	case l.PreActivation == nil || l.Activation == nil || l.Weight == nil:
		return errors.Errorf("layer %s: its pre-activation, activation or weight is nil", l.Name)
	case slices.ContainsFunc(l.Parameters, func(p *G.Node) bool { return p == nil }):
		return errors.Errorf("layer %s: a parameter of its activation is nil", l.Name)
	}
	if b.layers[l.Name] {
		return errors.Errorf("two layers named %s", l.Name)
	}
	gates := l.Gates
	l.Gates = nil
	b.layers[l.Name] = true
	b.network.Layers = append(b.network.Layers, l)
	for _, g := range gates {
		if err := b.AddGate(l.Name, g); err != nil {
			return err
		}
	}
	return nil
}

// AddGate makes a gate of a layer visible, which has been added before. The gate needs a name
// that no other one of the layer has, and columns of a matrix.
func (b *Builder) AddGate(layer string, g Gate) error {
	i := slices.IndexFunc(b.network.Layers, func(l Layer) bool { return l.Name == layer })
	switch {
	case i < 0:
		return errors.Errorf("gate %s: unknown layer %s", g.Name, layer)
	case g.Name == "" || g.Function == "":
		return errors.Errorf("layer %s: a gate has no name, or no function", layer)
	case g.PreActivation == nil || g.PreActivation.Dims() != 2:
		return errors.Errorf("layer %s: the pre-activation of gate %s is %v, want a matrix", layer, g.Name, g.PreActivation)
	case g.From < 0 || g.To <= g.From || g.To > g.PreActivation.Shape()[1]:
		return errors.Errorf("layer %s: gate %s has the columns from %d to before %d of %d", layer, g.Name, g.From, g.To, g.PreActivation.Shape()[1])
	}
	l := &b.network.Layers[i]
	if slices.ContainsFunc(l.Gates, func(other Gate) bool { return other.Name == g.Name }) {
		return errors.Errorf("layer %s: two gates named %s", layer, g.Name)
	}
	l.Gates = append(l.Gates, g)
	return nil
}

// Input returns the node of a further input of the network, of shape (batch, columns):
// the same node each time. It is zeros until the program sets the value of
// Network.Inputs[name] before a run.
func (b *Builder) Input(name string, columns int) (*G.Node, error) {
	if node := b.network.Inputs[name]; node != nil {
		if node.Shape()[1] != columns {
			return nil, errors.Errorf("input %s has %d columns, not %d", name, node.Shape()[1], columns)
		}
		return node, nil
	}
	if name == "" || columns < 1 || b.nodes[name] != nil {
		return nil, errors.Errorf("input %q of %d columns: want a name that no parameter has, and at least 1 column", name, columns)
	}
	node, err := b.network.data(name, columns)
	if err == nil {
		b.network.Inputs[name] = node
	}
	return node, err
}

// Parameter returns the node of the parameter with this name and shape: the same
// node each time, so that layers can share one. A new one is filled by init, or
// with zeros if that is nil.
func (b *Builder) Parameter(name string, init initializers.Initializer, shape ...int) (*G.Node, error) {
	if init == nil {
		return b.ofLayer(name, nil, shape...)
	}
	return b.ofLayer(name, func(x []float64) error {
		values, err := initializers.Values(init, b.network.Parameters.seed, name, shape[0], shape[len(shape)-1])
		if err == nil && len(values) != len(x) {
			err = errors.Errorf("parameter %s of shape %v: initialiser %s fills matrices", name, shape, init.Name())
		}
		copy(x, values)
		return err
	}, shape...)
}

// Learnable is Parameter with the first values of a new parameter set by fill; nil leaves
// zeros. (In a network of which only the size is asked, parameters have no values and fill
// is not called: see [Measure].) It makes Builder a normalization.Builder, with the three
// methods that follow.
func (b *Builder) Learnable(name string, fill func(x []float64), shape ...int) (*G.Node, error) {
	if fill == nil {
		return b.ofLayer(name, nil, shape...)
	}
	return b.ofLayer(name, func(x []float64) error {
		fill(x)
		return nil
	}, shape...)
}

// ofLayer is parameter, for what no activation has.
func (b *Builder) ofLayer(name string, fill func(x []float64) error, shape ...int) (*G.Node, error) {
	if b.network.ofActivations[name] {
		return nil, errors.Errorf("%s is a parameter of the activation already: give that another name", name)
	}
	return b.parameter(name, fill, shape...)
}

func (b *Builder) parameter(name string, fill func(x []float64) error, shape ...int) (*G.Node, error) {
	if err := b.check("parameter", name, shape); err != nil {
		return nil, err
	}
	value, err := b.network.Parameters.learnable(name, fill, shape...)
	if err != nil {
		return nil, err
	}
	known := b.nodes[name]
	node, err := b.bind(name, value, shape)
	if err == nil && known == nil {
		b.network.Learnables = append(b.network.Learnables, node)
	}
	return node, err
}

// check returns an error unless a parameter or statistic can have this name and shape.
func (b *Builder) check(what, name string, shape []int) error {
	switch {
	case name == "":
		return errors.Errorf("a %s has no name", what)
	case b.network.Inputs[name] != nil:
		return errors.Errorf("%s %s: an input has that name", what, name)
	case len(shape) < 1 || len(shape) > 2:
		return errors.Errorf("%s %s has %d dimensions: want a vector or a matrix", what, name, len(shape))
	case slices.Min(shape) < 1:
		return errors.Errorf("%s %s of shape %v: want at least 1 of each", what, name, shape)
	}
	return nil
}

// Statistic returns the node of a tensor that is not learned, the same each time. All
// its elements are value at first.
func (b *Builder) Statistic(name string, value float64, shape ...int) (*G.Node, error) {
	if err := b.check("statistic", name, shape); err != nil {
		return nil, err
	}
	t, err := b.network.Parameters.statistic(name, func(x []float64) error {
		for i := range x {
			x[i] = value
		}
		return nil
	}, shape...)
	if err != nil {
		return nil, err
	}
	return b.bind(name, t, shape)
}

// bind returns the node of a tensor of this shape; nil if the network is only measured.
func (b *Builder) bind(name string, value *tensor.Dense, shape tensor.Shape) (*G.Node, error) {
	if node := b.nodes[name]; node != nil {
		return node, nil
	}
	node := G.NewTensor(b.network.Graph, b.network.Parameters.dtype, len(shape), G.WithName(name), G.WithShape(shape...))
	if value != nil {
		if err := G.Let(node, value); err != nil {
			return nil, errors.Wrapf(err, "parameter %s", name)
		}
	}
	b.nodes[name] = node
	return node, nil
}

// Target returns the node of the targets, of shape (batch, outputs).
func (b *Builder) Target() *G.Node { return b.network.Target }

// Detach makes the layers that Affine and Dense add from now on pass no gradient on to what they
// read, in a network for training: they learn by terms of their own, see Penalise.
func (b *Builder) Detach() { b.detached = b.network.training }

// Training reports whether the network is built for training.
func (b *Builder) Training() bool { return b.network.training }

// Layers returns those that have been declared so far, as Network.Layers.
func (b *Builder) Layers() []Layer { return slices.Clone(b.network.Layers) }

// Readers returns the weights that multiply a node so far, as [Network.Readers].
func (b *Builder) Readers(x *G.Node) G.Nodes { return b.network.Readers(x) }

// Penalise adds coefficient times a scalar to the loss that a network built for training is
// trained on. Others leave it out. The name is for errors.
func (b *Builder) Penalise(name string, coefficient float64, scalar *G.Node) {
	b.network.terms = append(b.network.terms, term{name, coefficient, scalar})
}

// AfterStep has update called once for each training step, after the run on its batch
// and before the parameters change. The training machine computes the nodes needed.
func (b *Builder) AfterStep(update func() error, needs ...*G.Node) {
	b.network.updates = append(b.network.updates, update)
	b.network.needs = append(b.network.needs, needs...)
}

// Normalize returns x normalised, if norm is not nil and stands at this site of a
// layer, otherwise x.
func (b *Builder) Normalize(norm normalization.Normalization, site normalization.Site, name string, x *G.Node) (*G.Node, error) {
	if norm == nil || norm.Site() != site {
		return x, nil
	}
	if x == nil {
		return nil, errors.Errorf("%s: %s is to normalise a node that is nil", name, norm.Name())
	}
	if s, ok := norm.(normalization.Spaced); ok {
		if s.Every() < 1 {
			return nil, errors.Errorf("%s is to stand in every %d layers: want at least 1", norm.Name(), s.Every())
		}
		order, known := b.spaced[name]
		if !known {
			order = len(b.spaced)
			b.spaced[name] = order
		}
		if order%s.Every() != 0 {
			return x, nil
		}
	}
	y, err := norm.Normalize(b, name, x)
	if err != nil {
		return nil, errors.Wrap(err, norm.Name())
	}
	if y == nil {
		return nil, errors.Errorf("%s made no node in %s", norm.Name(), name)
	}
	if !y.Shape().Eq(x.Shape()) {
		return nil, errors.Errorf("%s made shape %v of %v in %s", norm.Name(), y.Shape(), x.Shape(), name)
	}
	return y, nil
}

// Affine returns z = x·W + b with the parameters name/weight, filled by init, and
// name/bias, zeros at first unless init is an initializers.Biased. norm, if not nil,
// normalises W or z where that is its site; there is no bias where it would take it away.
func (b *Builder) Affine(name string, x *G.Node, units int, init initializers.Initializer, norm normalization.Normalization) (z, weight, bias *G.Node, err error) {
	fail := func(err error) (z, weight, bias *G.Node, _ error) { return nil, nil, nil, err }
	switch {
	case init == nil:
		return fail(errors.Errorf("%s has no initialiser", name))
	case x == nil || x.Dims() != 2:
		return fail(errors.Errorf("%s: its input is %v, want a matrix", name, x))
	case units < 1:
		return fail(errors.Errorf("%s has %d units: want at least 1", name, units))
	}
	if norm != nil && norm.Site() == normalization.Distance {
		return fail(errors.Errorf("%s normalises the squared distances of RBF layers; %s is x·W + b and has none", norm.Name(), name))
	}
	below := slices.IndexFunc(b.network.Layers, func(l Layer) bool { return l.Activation == x && l.Function != "" })
	if o, ok := init.(initializers.OfLayers); ok && below >= 0 {
		init = o.OfLayers()
	}
	if weight, err = b.Parameter(name+"/weight", init, x.Shape()[1], units); err != nil {
		return fail(err)
	}
	w, err := b.Normalize(norm, normalization.Weight, name, weight)
	if err != nil {
		return fail(err)
	}
	b.network.readers[x] = append(b.network.readers[x], w)
	affine, product := ops.Affine, func(x, w *G.Node) (*G.Node, error) { return ops.MatMul(x, w, false, false) }
	if b.detached {
		affine, product = ops.AffineDetached, ops.MatMulDetached
	}
	if r, ok := norm.(normalization.BiasRemover); ok && r.Site() == normalization.PreActivation {
		z, err = product(x, w)
	} else {
		if bias, err = b.bias(name, init, units); err != nil {
			return fail(err)
		}
		z, err = affine(x, w, bias)
	}
	if err != nil {
		return fail(errors.Wrap(err, name))
	}
	if f, ok := init.(initializers.FromBelow); ok && x != b.network.Input {
		if below < 0 {
			err = errors.Errorf("%s: %s sets the gradient's factor to a plain layer below, and %s reads something else, such as a sum with a shortcut or a normalised activation: choose another initialiser, such as lsuv", name, init.Name(), name)
		} else {
			err = b.fitBelow(name, f, norm, weight, b.network.Layers[below])
		}
	} else {
		err = b.fit(name, init, norm, weight, z)
	}
	if err != nil {
		return fail(err)
	}
	z, err = b.Normalize(norm, normalization.PreActivation, name, z)
	return z, weight, bias, err
}

// bias returns the biases of a layer, zeros at first unless init says otherwise.
func (b *Builder) bias(name string, init initializers.Initializer, units int) (*G.Node, error) {
	biased, ok := init.(initializers.Biased)
	if !ok {
		return b.Parameter(name+"/bias", nil, units)
	}
	return b.Learnable(name+"/bias", func(x []float64) { biased.FillBias(x, b.Stream(name+"/bias")) }, units)
}

// fit has init go on with data, if it does: with the layer's pre-activations z, before a
// normalisation of them. Of a weight that several layers share, the first one's decide.
func (b *Builder) fit(name string, init initializers.Initializer, norm normalization.Normalization, weight, z *G.Node) error {
	fit, ok := init.(initializers.FromData)
	if !ok || b.fitted[weight] {
		return nil
	}
	b.fitted[weight] = true
	follow := func() error { return nil }
	if norm != nil && norm.Site() == normalization.Weight {
		r, ok := norm.(normalization.Restarter)
		if !ok {
			return errors.Errorf("%s: %s changes the weights to fit data, and %s, which normalises them, can't follow (it does not implement normalization.Restarter): choose another of the two", name, init.Name(), norm.Name())
		}
		var err error
		if follow, err = r.Restart(b, name, weight); err != nil {
			return errors.Wrapf(err, "%s: %s can't fit weights that %s normalises", name, init.Name(), norm.Name())
		}
	}
	b.OnData(z, func(d *Data) (Start, error) {
		w := d.Get(weight)
		set := func() error {
			if err := d.Set(weight, w); err != nil {
				return err
			}
			return follow()
		}
		report, err := fit.Fit(w, func() ([]float64, error) {
			if err := set(); err != nil {
				return nil, err
			}
			return d.Evaluate()
		})
		if err == nil {
			err = set()
		}
		return Start{Layer: name, Values: report}, err
	})
	return nil
}

// fitBelow has init go on with the slopes of the layer below.
func (b *Builder) fitBelow(name string, init initializers.FromBelow, norm normalization.Normalization, weight *G.Node, below Layer) error {
	if norm != nil {
		return errors.Errorf("%s: %s scales weights, and has no effect, or another one, with %s: choose one of the two", name, init.Name(), norm.Name())
	}
	f := ops.FunctionIn(below.Activation)
	if f == nil {
		return errors.Errorf("%s: %s needs the slope f'(z) of each unit of %s, whose %s is not an element-wise function without parameters", name, init.Name(), below.Name, below.Function)
	}
	if b.fitted[weight] {
		return nil
	}
	b.fitted[weight] = true
	b.OnData(below.PreActivation, func(d *Data) (Start, error) {
		z, err := d.Evaluate()
		if err != nil {
			return Start{Layer: name}, err
		}
		slope, one := make([]float64, len(z)), make([]float64, len(z))
		for i := range one {
			one[i] = 1
		}
		f.Grad64(slope, z, one)
		shape := weight.Shape()
		slopes, examples := make([]float64, shape[0]), float64(len(z)/shape[0])
		for i, s := range slope {
			slopes[i%len(slopes)] += s * s / examples
		}
		w := d.Get(weight)
		report, err := init.FitBelow(w, shape[0], shape[1], slopes)
		if err == nil {
			err = d.Set(weight, w)
		}
		return Start{Layer: name, Values: report}, err
	})
	return nil
}

// Dense adds the layer y = f(x·W + b) of this many units, normalised by norm if that is not
// nil, and returns y. The layer's pre-activation is what f is applied to: of more or fewer
// columns than there are units if f is an [activations.Resizer].
func (b *Builder) Dense(name string, x *G.Node, units int, f activations.Activation, init initializers.Initializer, norm normalization.Normalization) (*G.Node, error) {
	if f == nil {
		return nil, errors.Errorf("%s has no activation", name)
	}
	init, err := initializers.For(init, f)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	columns, err := activations.PreActivations(f, units)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	z, weight, bias, err := b.Affine(name, x, columns, init, norm)
	if err != nil {
		return nil, err
	}
	y, params, err := b.Activate(name, f, z)
	if err != nil {
		return nil, err
	}
	if err := b.AddLayer(Layer{Name: name, PreActivation: z, Activation: y, Weight: weight, Bias: bias, Function: f.Name(), Parameters: params}); err != nil {
		return nil, err
	}
	return b.Normalize(norm, normalization.Activation, name, y)
}

// Output adds the output layer y = x·W + b, of Shape.Outputs units: of those of one answer
// if x has the rows of a sequence's answers, TargetSteps times the batch.
func (b *Builder) Output(x *G.Node, init initializers.Initializer) (*G.Node, error) {
	const name = "output"
	units := b.Shape().Outputs
	if s := b.Shape(); s.TargetSteps > 1 && x != nil && x.Dims() == 2 && x.Shape()[0] == s.Batch*s.TargetSteps {
		units /= s.TargetSteps
	}
	init, err := initializers.For(init, nil)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	z, weight, bias, err := b.Affine(name, x, units, init, nil)
	if err != nil {
		return nil, err
	}
	return z, b.AddLayer(Layer{Name: name, PreActivation: z, Activation: z, Weight: weight, Bias: bias})
}

package models

import (
	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/ops"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Builder lays out the layers of one network. Models use it.
type Builder struct {
	network *Network
	nodes   map[string]*G.Node
}

// Shape returns what the network must fit.
func (b *Builder) Shape() Shape { return b.network.Shape }

// Parameter returns the node of the parameter with this name and shape: the same
// node each time, so that layers can share one. A new one is filled by init, or
// with zeros if that is nil.
func (b *Builder) Parameter(name string, init initializers.Initializer, shape ...int) (*G.Node, error) {
	if init == nil {
		return b.ofLayer(name, nil, shape...)
	}
	return b.ofLayer(name, func(x []float64) error {
		values, err := initializers.Values(init, b.network.Parameters.seed, name, shape[0], shape[len(shape)-1])
		copy(x, values)
		return err
	}, shape...)
}

// Learnable is Parameter with the first values of a new parameter set by fill. (In a
// network of which only the size is asked, parameters have no values and fill is not
// called: see [Measure].) It makes Builder a normalization.Builder, with the three methods that follow.
func (b *Builder) Learnable(name string, fill func(x []float64), shape ...int) (*G.Node, error) {
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

// Statistic returns the node of a tensor that is not learned, the same each time. All
// its elements are value at first.
func (b *Builder) Statistic(name string, value float64, shape ...int) (*G.Node, error) {
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

// Training tells whether the network is built for training.
func (b *Builder) Training() bool { return b.network.training }

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
	y, err := norm.Normalize(b, name, x)
	if err != nil {
		return nil, errors.Wrap(err, norm.Name())
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
	if init == nil {
		return fail(errors.Errorf("%s has no initialiser", name))
	}
	if norm != nil && norm.Site() == normalization.Distance {
		return fail(errors.Errorf("%s normalises the squared distances of RBF layers; %s is x·W + b and has none", norm.Name(), name))
	}
	if weight, err = b.Parameter(name+"/weight", init, x.Shape()[1], units); err != nil {
		return fail(err)
	}
	w, err := b.Normalize(norm, normalization.Weight, name, weight)
	if err != nil {
		return fail(err)
	}
	b.network.readers[x] = append(b.network.readers[x], w)
	if r, ok := norm.(normalization.BiasRemover); ok && r.Site() == normalization.PreActivation {
		z, err = ops.MatMul(x, w, false, false)
	} else {
		if bias, err = b.bias(name, init, units); err != nil {
			return fail(err)
		}
		z, err = ops.Affine(x, w, bias)
	}
	if err != nil {
		return fail(errors.Wrap(err, name))
	}
	b.fit(name, init, z)
	z, err = b.Normalize(norm, normalization.PreActivation, name, z)
	return z, weight, bias, err
}

// bias returns the biases of a layer, zeros at first unless init says otherwise.
func (b *Builder) bias(name string, init initializers.Initializer, units int) (*G.Node, error) {
	biased, ok := init.(initializers.Biased)
	if !ok {
		return b.Parameter(name+"/bias", nil, units)
	}
	return b.Learnable(name+"/bias", func(x []float64) {
		biased.FillBias(x, initializers.Stream(b.network.Parameters.seed, name+"/bias"))
	}, units)
}

// fit has init go on with data, if it does: with the layer's pre-activations z.
func (b *Builder) fit(name string, init initializers.Initializer, z *G.Node) {
	fit, ok := init.(initializers.FromData)
	if !ok {
		return
	}
	b.OnData(z, func(evaluate func() ([]float64, error)) (Start, error) {
		t := b.network.Parameters.Tensor(name + "/weight")
		w := values(t)
		report, err := fit.Fit(w, func() ([]float64, error) {
			setValues(t, w)
			return evaluate()
		})
		setValues(t, w)
		return Start{Layer: name, Values: report}, err
	})
}

// Dense adds the layer y = f(x·W + b) of so many units, normalised by norm if that is not
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
	b.network.Layers = append(b.network.Layers, Layer{Name: name, PreActivation: z, Activation: y, Weight: weight, Bias: bias, Function: f.Name(), Parameters: params})
	return b.Normalize(norm, normalization.Activation, name, y)
}

// Output adds the output layer y = x·W + b.
func (b *Builder) Output(x *G.Node, init initializers.Initializer) (*G.Node, error) {
	const name = "output"
	init, err := initializers.For(init, nil)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	z, weight, bias, err := b.Affine(name, x, b.Shape().Outputs, init, nil)
	if err != nil {
		return nil, err
	}
	b.network.Layers = append(b.network.Layers, Layer{Name: name, PreActivation: z, Activation: z, Weight: weight, Bias: bias})
	return z, nil
}

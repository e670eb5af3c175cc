package models

import (
	"slices"

	"github.com/gradflow/gradflow/internal/arena"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Parameters holds the parameters of a model by name, for all graphs of it.
type Parameters struct {
	dtype   tensor.Dtype
	seed    uint64
	memory  arena.Arena
	names   []string // of what is learned
	tensors map[string]*tensor.Dense

	statistics []string // names of the tensors that are not

	shapes map[string]tensor.Shape // instead of the tensors, of a network that is only measured
}

// NewParameters makes an empty set of parameters with elements of type
// tensor.Float32 or tensor.Float64. [Build] fills it, with first values that depend on
// the seed and each parameter's name.
func NewParameters(dtype tensor.Dtype, seed uint64) (*Parameters, error) {
	if dtype != tensor.Float32 && dtype != tensor.Float64 {
		return nil, errors.Errorf("parameters of type %v: want float32 or float64", dtype)
	}
	return &Parameters{dtype: dtype, seed: seed, tensors: map[string]*tensor.Dense{}}, nil
}

// DType returns the type of the elements.
func (p *Parameters) DType() tensor.Dtype { return p.dtype }

// Names returns the names of the parameters in the order of the layers.
func (p *Parameters) Names() []string { return slices.Clone(p.names) }

// Statistics returns the names of the tensors that are not learned but averaged over
// the training steps, in the order of the layers: those of batch normalisation.
func (p *Parameters) Statistics() []string { return slices.Clone(p.statistics) }

// Tensor returns the parameter or statistic with this name, nil if there is none. Its
// elements may be changed; the graphs see it.
func (p *Parameters) Tensor(name string) *tensor.Dense { return p.tensors[name] }

// Count returns the number of elements of all parameters, statistics not included.
func (p *Parameters) Count() int {
	n := 0
	for _, name := range p.names {
		n += p.tensors[name].Shape().TotalSize()
	}
	return n
}

// Float64 returns a copy in double precision.
func (p *Parameters) Float64() *Parameters {
	c := &Parameters{dtype: tensor.Float64, seed: p.seed, names: p.Names(), statistics: p.Statistics(), tensors: map[string]*tensor.Dense{}}
	for name, t := range p.tensors {
		x := arena.Make[float64](&c.memory, t.Shape().TotalSize())
		if t.Dtype() == tensor.Float64 {
			copy(x, t.Float64s())
		} else {
			for i, v := range t.Float32s() {
				x[i] = float64(v)
			}
		}
		c.tensors[name] = tensor.New(tensor.WithBacking(x), tensor.WithShape(t.Shape()...), tensor.WithEngine(G.StandardEngine{}))
	}
	return c
}

// learnable returns the parameter with this name and shape, new and with the values
// that fill sets (nil: zeros) if there is none yet.
func (p *Parameters) learnable(name string, fill func(x []float64) error, shape ...int) (*tensor.Dense, error) {
	return p.get(&p.names, name, fill, shape...)
}

// statistic returns the same of a tensor that is not learned.
func (p *Parameters) statistic(name string, fill func(x []float64) error, shape ...int) (*tensor.Dense, error) {
	return p.get(&p.statistics, name, fill, shape...)
}

func (p *Parameters) get(names *[]string, name string, fill func(x []float64) error, shape ...int) (*tensor.Dense, error) {
	if p.shapes != nil {
		if _, known := p.shapes[name]; !known {
			p.shapes[name] = slices.Clone(shape)
			*names = append(*names, name)
		}
		return nil, nil
	}
	if t := p.tensors[name]; t != nil {
		if !t.Shape().Eq(tensor.Shape(shape)) {
			return nil, errors.Errorf("parameter %s has the shape %v, not %v", name, t.Shape(), shape)
		}
		return t, nil
	}
	size := tensor.Shape(shape).TotalSize()
	var elements any
	if p.dtype == tensor.Float64 {
		elements = arena.Make[float64](&p.memory, size)
	} else {
		elements = arena.Make[float32](&p.memory, size)
	}
	t := tensor.New(tensor.WithBacking(elements), tensor.WithShape(shape...), tensor.WithEngine(G.StandardEngine{}))
	if fill != nil {
		values := make([]float64, size)
		if err := fill(values); err != nil {
			return nil, err
		}
		setValues(t, values)
	}
	p.tensors[name] = t
	*names = append(*names, name)
	return t, nil
}

// setValues sets the elements of t, rounded to its type.
func setValues(t *tensor.Dense, values []float64) {
	if t.Dtype() == tensor.Float64 {
		copy(t.Float64s(), values)
		return
	}
	x := t.Float32s()
	for i, v := range values {
		x[i] = float32(v)
	}
}

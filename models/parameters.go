package models

import (
	"slices"

	"github.com/gradflow/gradflow/models/initializers"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Parameters holds the parameters of a model by name, for all graphs of it.
type Parameters struct {
	dtype   tensor.Dtype
	seed    uint64
	names   []string
	tensors map[string]*tensor.Dense
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

// Tensor returns the parameter with this name, nil if there is none. Its elements may
// be changed; the graphs see it.
func (p *Parameters) Tensor(name string) *tensor.Dense { return p.tensors[name] }

// Count returns the number of elements of all parameters.
func (p *Parameters) Count() int {
	n := 0
	for _, t := range p.tensors {
		n += t.Shape().TotalSize()
	}
	return n
}

// get returns the parameter with this name and shape, new from an initialiser (nil:
// zeros) if there is none yet.
func (p *Parameters) get(name string, init initializers.Initializer, shape ...int) (*tensor.Dense, error) {
	if t := p.tensors[name]; t != nil {
		if !t.Shape().Eq(tensor.Shape(shape)) {
			return nil, errors.Errorf("parameter %s has the shape %v, not %v", name, t.Shape(), shape)
		}
		return t, nil
	}
	t := tensor.New(tensor.Of(p.dtype), tensor.WithShape(shape...), tensor.WithEngine(G.StandardEngine{}))
	if init != nil {
		values, err := initializers.Values(init, p.seed, name, shape[0], shape[len(shape)-1])
		if err != nil {
			return nil, err
		}
		switch p.dtype {
		case tensor.Float32:
			for i, v := range values {
				t.Float32s()[i] = float32(v)
			}
		default:
			copy(t.Float64s(), values)
		}
	}
	p.tensors[name] = t
	p.names = append(p.names, name)
	return t, nil
}

package optimizers

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// proxy is a parameter with a gradient of our own instead of the real one, so
// that it can be changed, and if need be a value.
type proxy struct {
	gorgonia.ValueGrad
	name string
	grad gorgonia.Value
	data view // of grad

	value gorgonia.Value // one of our own, if not nil
	copy  view           // of value
}

func (p *proxy) Value() gorgonia.Value {
	if p.value != nil {
		return p.value
	}
	return p.ValueGrad.Value()
}

func (p *proxy) Name() string                  { return p.name }
func (p *proxy) Grad() (gorgonia.Value, error) { return p.grad, nil }

// proxies are made once for each name.
type proxies map[string]*proxy

// of returns the proxy of p with a copy of its gradient.
func (ps proxies) of(p *param) *proxy {
	x := ps[p.name]
	if x == nil {
		x = &proxy{name: p.name}
		x.grad, x.data = p.zeros()
		ps[p.name] = x
	}
	x.ValueGrad = p.valueGrad
	p.g.copyTo(x.data)
	return x
}

// zeros returns a value in the shape and type of p.
func (p *param) zeros() (gorgonia.Value, view) {
	var v gorgonia.Value
	switch {
	case len(p.shape) > 0:
		v = tensor.New(tensor.WithShape(p.shape...), tensor.Of(p.dtype()))
	case p.single:
		v = gorgonia.NewF32(0)
	default:
		v = gorgonia.NewF64(0)
	}
	data, err := viewOf(v)
	if err != nil {
		panic(err) // made above
	}
	return v, data
}

func warnings(s gorgonia.Solver) []string {
	if w, ok := s.(Warner); ok {
		return w.Warnings()
	}
	return nil
}

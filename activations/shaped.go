package activations

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// Shaped is the nonlinearity of a wide or deep network made more linear,
//
//	s·(f(z/s) - f(0))/f'(0)
//
// with slope 1 and value 0 at 0, and 1/s of the curvature of f. With s = a√width the
// correlation of two examples stays random, and neither collapses nor decouples, as depth
// and width grow together; with s = a√depth each of depth layers bends by its share of what
// one layer of f would bend.
//
// Source: M. Li, M. Nica, D. Roy: The neural covariance SDE: shaped infinite depth-and-width
// networks at initialization, 2022 (arXiv 2206.02768), from memory: f(z/s)·s with s = a√n
// for smooth f with f(0) = 0 and f'(0) = 1. That f is first brought to that is ours.
func Shaped(f Scalar, s float64) (*Transformed, error) {
	if f == nil {
		return nil, errors.New("shaped: no activation")
	}
	if !(s > 0) || math.IsInf(s, 1) {
		return nil, errors.Errorf("shaped: scale %g: must be above 0 and finite", s)
	}
	slope, value := f.Derivative(0), f.F(0)
	if slope == 0 || math.IsNaN(slope) || math.IsInf(slope, 0) {
		return nil, errors.Errorf("shaped of %s: its slope at 0 is %g, and must not be 0: move it first, as in formula(of=...)", f.Name(), slope)
	}
	return transform("shaped", f, 1/s, 0, s/slope, -value), nil
}

type shapedSettings struct {
	Of    Activation `json:"of" default:"null" doc:"the activation to shape, smooth at 0; null: tanh"`
	With  string     `json:"with" default:"width" doc:"what s grows with: width or depth of the network, or none"`
	Scale float64    `json:"scale" default:"1" range:"(0,]" doc:"a in s = a√width or a√depth; s itself with none"`
}

func makeShaped(s shapedSettings) (Activation, error) {
	f, err := orTanh(s.Of)
	if err != nil {
		return nil, err
	}
	switch s.With {
	case "none":
		return orError(Shaped(f, s.Scale))
	case "width", "depth":
		return adaptable{name: "shaped", fit: func(n Network) (Activation, error) {
			size := n.Width
			if s.With == "depth" {
				size = n.Depth
			}
			return orError(Shaped(f, s.Scale*math.Sqrt(float64(size))))
		}}, nil
	}
	return nil, catalogue.Invalid("with", "%q: want width, depth or none", s.With)
}

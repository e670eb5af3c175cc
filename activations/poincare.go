package activations

import (
	"math"

	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/pkg/errors"
)

// GaussianPoincare is a·f(z) + b with
//
//	E[(a f(z) + b)²] = 1,  E[(a f'(z))²] = 1,  z ~ N(0, 1)
//
// so that in a network of orthogonal weights, or Gaussian ones of variance 1/fan-in, the
// variance 1 of the pre-activations is kept forward and the gradient's norm backward, at
// any depth. a is 1/√E[f'²], and b exists for every f: by the Gaussian Poincaré inequality
// Var f is at most E[f'²]. Of its two values the one that keeps E[a f + b] nearer to 0 is
// taken, the positive one if they are as near.
//
//	tanh  a = 1.4674, b = 0.3885
//
// Source: Y. Lu, S. Gould, T. Ajanthan: Bidirectionally self-normalizing neural networks,
// 2020 (arXiv 2006.12169), where the nonlinearities are called Gaussian-Poincaré normalised;
// the formula was derived anew, and its numbers for tanh computed.
func GaussianPoincare(f Scalar) (*Transformed, error) {
	m, err := momentsOf("gaussian-poincare", f)
	if err != nil {
		return nil, err
	}
	if !(m.slope2 > 0) {
		return nil, errors.Errorf("gaussian-poincare of %s: its derivative is 0 where the pre-activations are", f.Name())
	}
	a := 1 / math.Sqrt(m.slope2)
	root := math.Sqrt(max(0, 1-a*a*m.variance)) // the mean of a·f + b, of either sign
	b := root - a*m.mean
	return transform("gaussian-poincare", f, 1, 0, a, b/a), nil
}

// moments are those of f(z), z ~ N(0, 1).
type moments struct{ mean, square, variance, slope2 float64 }

func momentsOf(name string, f Scalar) (moments, error) {
	if f == nil {
		return moments{}, errors.Errorf("%s: no activation", name)
	}
	if p, ok := f.(Parametric); ok && len(p.Parameters()) > 0 {
		return moments{}, errors.Errorf("%s of %s: its parameters are learned, but the transformation holds for one value of them: make them fixed", name, f.Name())
	}
	at := func(g func(z float64) float64) float64 { return meanfield.Expectation(g).Value }
	m := moments{mean: at(f.F)}
	m.square = at(func(z float64) float64 { y := f.F(z); return y * y })
	m.variance = at(func(z float64) float64 { y := f.F(z) - m.mean; return y * y })
	m.slope2 = at(func(z float64) float64 { d := f.Derivative(z); return d * d })
	if math.IsNaN(m.square) || math.IsNaN(m.slope2) {
		return moments{}, errors.Errorf("%s of %s: its moments are not finite", name, f.Name())
	}
	return m, nil
}

type poincareSettings struct {
	Of Activation `json:"of" default:"null" doc:"the activation to normalise; null: tanh"`
}

func makePoincare(s poincareSettings) (Activation, error) {
	f, err := orTanh(s.Of)
	if err != nil {
		return nil, err
	}
	return orError(GaussianPoincare(f))
}

// orError keeps a nil pointer out of an interface.
func orError(t *Transformed, err error) (Activation, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}

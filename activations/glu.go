package activations

import (
	"math"

	"github.com/pkg/errors"
)

// GLU is the gated linear unit a_i·f(b_i), with a the first half of each example's
// pre-activations and b the second: a layer of n units has 2n. f is the gate: sigmoid in
// the original, others are as good. Where the gate is open, the gradient of a passes as it is.
//
// Source: Y. Dauphin et al., Language modeling with gated convolutional networks, 2017
// (arXiv 1612.08083); other gates: N. Shazeer, GLU variants improve transformer, 2020.
func GLU(f Scalar) (Activation, error) {
	if f == nil {
		return nil, errors.New("glu: the gate is nil")
	}
	return Rowwise("glu", 2, 1,
		func(y, z []float64) {
			a, b := z[:len(y)], z[len(y):]
			for i := range y {
				y[i] = gated(a[i], f.F(b[i]))
			}
		},
		func(dz, z, dy []float64) {
			n := len(dy)
			for i, d := range dy {
				dz[i] = gated(d, f.F(z[n+i]))
				dz[n+i] = gated(d*z[i], f.Derivative(z[n+i]))
			}
		}), nil
}

// gated is a·g, with a closed gate closed to infinity, too.
func gated(a, g float64) float64 {
	if g == 0 && !math.IsNaN(a) {
		return 0
	}
	return a * g
}

type gluSettings struct {
	Gate Activation `json:"gate" default:"null" doc:"element-wise function of the gate; sigmoid if null"`
}

func makeGLU(s gluSettings) (Activation, error) {
	if s.Gate == nil {
		return GLU(Sigmoid())
	}
	f, err := ScalarOf(s.Gate)
	if err != nil {
		return nil, errors.New("gate: " + s.Gate.Name() + " is not element-wise")
	}
	return GLU(f)
}

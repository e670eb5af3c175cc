package normalization

import (
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/pkg/errors"
)

// Network is what a normalisation may depend on of the network that it is for.
type Network struct {
	Activation activations.Activation // what follows
	Depth      int                    // nonlinear layers, one after the other
}

// Adaptable is a [Normalization] that is to be fitted to a network before it is used.
type Adaptable interface {
	Normalization
	// For returns the normalisation for a network.
	For(Network) (Normalization, error)
}

// For returns n as it is in a network: fitted to it, if it is [Adaptable], else n itself.
func For(n Normalization, net Network) (Normalization, error) {
	a, ok := n.(Adaptable)
	if !ok {
		return n, nil
	}
	fitted, err := a.For(net)
	return fitted, errors.Wrap(err, n.Name())
}

// WorkingPoint returns the γ and β from which an activation f starts nearly linear behind a norm
// that centres each unit over the batch: the largest γ, of 1, 2^(-1/4), 2^(-1/2), …, and the
// smallest |β| for it, a multiple of 1/8 up to 4, with which the factor of the squared gradient
// in a layer,
//
//	χ = γ² E[f'(γn + β)²] / Var f(γn + β),  n standard normal
//
// is at most 1 + 1/L in a network of L layers ([meanfield.Field.Degree]): over all of them it
// grows by no more than e. χ is at least 1 for any f.
//
// Points where E[f'(γn + β)²] is less than a quarter of its largest value for that γ are left
// out. There f is nearly linear only as it has saturated: tanh(z) + z/10 at β = 4. The rare
// pre-activation that leaves the tail then outweighs all others, and from layer to layer more:
// networks of finite width explode where the theory has χ = 1.02.
func WorkingPoint(n Network) (gamma, beta float64, err error) {
	_, field, err := fieldOf(n)
	if err != nil {
		return 0, 0, err
	}
	most := 1 + 1/float64(max(1, n.Depth))
	for k := range 41 {
		gamma = math.Exp2(-float64(k) / 4)
		steepest := steepest(field, gamma)
		for i := range betas + 1 {
			for _, beta = range []float64{float64(i) / 8, -float64(i) / 8} {
				if field.Degree(gamma, beta) <= most && steepEnough(field, gamma, beta, steepest) {
					return gamma, beta, nil
				}
			}
		}
	}
	return 0, 0, errors.Errorf("working point: %s has none with a gamma from %.2g to 1 and a beta from -4 to 4 for %d layers", n.Activation.Name(), gamma, n.Depth)
}

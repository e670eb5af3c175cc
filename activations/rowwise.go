package activations

import (
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Rowwise makes an activation that maps each row, the pre-activations of one example, by f.
// It makes to columns of each from columns: 1 of 1 keeps the width, 1 of 2 halves it.
//
// f sets y, of len(z)/from·to elements, to f(z). gradient sets dz to the gradient of the sum
// of dy·f(z) with respect to z:
//
//	dz_i = Σ_j dy_j ∂f_j/∂z_i
//
// Both get float64, also in networks of float32, must set every element of their first
// argument and must leave the others alone. They are called by one goroutine at a time for
// each network, but by several for several networks.
//
// It has no scalar f, so there is no mean-field theory of it.
func Rowwise(name string, from, to int, f func(y, z []float64), gradient func(dz, z, dy []float64)) Activation {
	r := rowwise{ops.RowFunction{Name: name, From: from, To: to, F: f, Gradient: gradient}}
	if from == to {
		return &r
	}
	return &resizing{r}
}

type rowwise struct{ function ops.RowFunction }

func (r *rowwise) Name() string { return r.function.Name }

func (r *rowwise) Node(z *G.Node) (*G.Node, error) {
	y, err := ops.Rowwise(&r.function, z)
	return y, errors.Wrapf(err, "activation %q", r.function.Name)
}

// resizing is a rowwise activation that changes the number of columns.
type resizing struct{ rowwise }

func (r *resizing) Resize() (from, to int) { return r.function.From, r.function.To }

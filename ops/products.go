package ops

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Product is a matrix product x·W in a graph.
type Product struct {
	X        *G.Node // one row for each example
	Gradient *G.Node // of the loss with respect to the product, in its shape
}

// Products returns, for each of params, the products in which it is the factor W, in the order
// in which they are computed: the gradient of W is the sum of all xᵀ·g. Call [Gradient] for loss
// and params first. A parameter that is not such a factor, such as a bias or a weight that is
// normalised first, has none.
func Products(loss *G.Node, params ...*G.Node) ([][]Product, error) {
	b := &secondBackward{inputs: map[*G.Node]G.Nodes{}, leads: map[*G.Node]bool{}}
	index := make(map[*G.Node]int, len(params))
	for i, p := range params {
		if p.Deriv() == nil {
			return nil, errors.Errorf("products: %v has no gradient", p)
		}
		b.leads[p], index[p] = true, i
	}
	b.visit(loss)
	found := make([][]Product, len(params))
	outer := product(true, false)() // xᵀ·g
	for _, n := range b.order {
		o, ok := n.Op().(*operation)
		if !ok || o.grads == nil || n.Deriv() == nil {
			continue
		}
		for i, g := range o.grads() {
			of, known := index[b.inputs[n][i]]
			if known && g.rule != nil && len(g.of) == 2 && g.of[0] >= 0 && g.of[1] == seed && g.rule() == outer {
				found[of] = append(found[of], Product{b.inputs[n][g.of[0]], n.Deriv()})
			}
		}
	}
	return found, nil
}

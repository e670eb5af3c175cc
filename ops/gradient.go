package ops

import (
	"slices"
	"strings"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Gradient adds the backward pass of a scalar loss to the graph, and gives each node between the
// parameters and the loss its gradient: Node.Deriv. It differs from gorgonia.Grad in one thing.
// The gradient of a node with several users is the sum of what they contribute, and Gorgonia
// makes a node for each contribution and a stock addition for each pair. Here it is one
// operation, which adds the contributions in place as it computes them: a weight shared by a
// thousand time steps has a thousand products added to one matrix, and the gradients of a
// thousand rows of a matrix are written where they belong. The hash of the operation is unique,
// so that no collision can merge its node with another.
//
// Sums of many terms are divided into operations of at most termsOfSum terms, each of which adds
// to the result of the previous one, in its memory.
func Gradient(loss *G.Node, params ...*G.Node) error {
	if err := readable("gradient", 0, loss); err != nil {
		return err
	}
	if dims(loss) != 0 {
		return errors.Errorf("gradient: the loss is of shape %v, want a scalar", loss.Shape())
	}
	b := &secondBackward{inputs: map[*G.Node]G.Nodes{}, leads: map[*G.Node]bool{}, differentiable: true}
	for i, p := range params {
		if err := readable("gradient", i+1, p); err != nil {
			return err
		}
		if p.Deriv() != nil {
			return errors.Errorf("gradient: %v has one already: a graph is differentiated once", p)
		}
		b.leads[p] = true
	}
	b.visit(loss)
	var one G.Value = G.NewF64(1)
	if loss.Dtype() == tensor.Float32 {
		one = G.NewF32(1)
	}
	terms := map[*G.Node][]term{loss: {{args: G.Nodes{G.NewConstant(one)}}}}
	for _, n := range slices.Backward(b.order) {
		if !b.leads[n] || len(terms[n]) == 0 {
			continue
		}
		grad, err := sum(terms[n])
		if err != nil {
			return errors.Wrapf(err, "gradient of %v", n)
		}
		delete(terms, n)
		G.SetDerivOf(grad, n)
		if n.Op() == nil {
			continue
		}
		contributions, err := contributions(n, b.inputs[n], grad)
		if err != nil {
			return errors.Wrap(err, "gradient")
		}
		for i, in := range b.inputs[n] {
			if b.leads[in] && contributions[i].args != nil {
				terms[in] = append(terms[in], contributions[i])
			}
		}
	}
	for _, p := range params {
		if p.Deriv() == nil {
			return errors.Errorf("gradient: the loss does not depend on %v", p)
		}
	}
	return nil
}

// term is a contribution to a gradient: the result of a rule, or args[0] itself where
// there is none.
type term struct {
	rule *rule
	args G.Nodes
}

// contributions returns what an operation contributes to the gradient of each input; args is nil
// for inputs that have none.
func contributions(n *G.Node, in G.Nodes, grad *G.Node) ([]term, error) {
	list := make([]term, len(in))
	if o, ok := n.Op().(*operation); ok {
		if o.grads == nil {
			return nil, errors.Errorf("%s has no derivative", o.name)
		}
		for i, g := range o.grads() {
			if g.rule == nil {
				continue
			}
			list[i] = term{g.rule(), g.nodes(in, n, grad)}
			if list[i].rule == same[dims(in[i])] {
				list[i].rule = nil
			}
		}
		return list, nil
	}
	op, ok := n.Op().(G.SDOp)
	if !ok {
		return nil, errors.Errorf("%v has no derivative", n.Op())
	}
	nodes, err := op.SymDiff(in, n, grad)
	if err != nil {
		return nil, errors.Wrapf(err, "%v", n.Op())
	}
	for i, wrt := range op.DiffWRT(len(in)) {
		if wrt {
			list[i].args = G.Nodes{nodes[i]}
		}
	}
	return list, nil
}

// termsOfSum is the most terms that one operation adds up.
const termsOfSum = 16

// sum adds the sum of the terms to the graph.
func sum(terms []term) (*G.Node, error) {
	if len(terms) == 1 {
		if t := terms[0]; t.rule != nil {
			return apply(t.rule, t.args...)
		}
		return terms[0].args[0], nil
	}
	// An existing result comes first: the sum can be written over it.
	terms = slices.Clone(terms)
	slices.SortStableFunc(terms, func(a, b term) int { return index(a.rule != nil) - index(b.rule != nil) })
	for len(terms) > 1 {
		n := min(len(terms), termsOfSum)
		r, args := sumRule(terms[:n])
		node, err := apply(r, args...)
		if err != nil {
			return nil, err
		}
		terms = append([]term{{args: G.Nodes{node}}}, terms[n:]...)
	}
	return terms[0].args[0], nil
}

// sumRule is the sum of at least two terms. It can be differentiated where the terms'
// rules can without their results.
func sumRule(terms []term) (*rule, G.Nodes) {
	r := &rule{}
	var (
		names   []string
		args    G.Nodes
		grads   []gradient
		parts32 []part[float32]
		parts64 []part[float64]
	)
	linear := true
	for _, t := range terms {
		if t.rule == nil {
			t.rule = same[dims(t.args[0])]
		}
		lo, hi := len(args), len(args)+len(t.args)
		names = append(names, t.rule.name)
		args = append(args, t.args...)
		r.in = append(r.in, t.rule.in...)
		r.out = t.rule.out
		parts32 = append(parts32, part[float32]{t.rule.f32, t.rule.add32, lo, hi})
		parts64 = append(parts64, part[float64]{t.rule.f64, t.rule.add64, lo, hi})
		if linear = linear && t.rule.grads != nil; !linear {
			continue
		}
		for _, g := range t.rule.grads() {
			shifted := gradient{rule: g.rule}
			for _, k := range g.of {
				if k >= 0 {
					k += lo
				}
				linear = linear && k != result
				shifted.of = append(shifted.of, k)
			}
			grads = append(grads, shifted)
		}
	}
	if linear {
		r.grads = func() []gradient { return grads }
	}
	if terms[0].rule == nil {
		r.overwrite = []int{0}
	}
	slices.Sort(names)
	r.name = "sum(" + strings.Join(slices.Compact(names), "+") + ")"
	rules := terms
	r.shape = func(in []tensor.Shape) (tensor.Shape, error) {
		var shape tensor.Shape
		for _, t := range rules {
			s, err := t.shape(in[:len(t.args)])
			switch {
			case err != nil:
				return nil, err
			case shape != nil && !s.Eq(shape):
				return nil, errors.Errorf("%s: terms of the shapes %v and %v", r.name, shape, s)
			}
			shape, in = s, in[len(t.args):]
		}
		return shape, nil
	}
	r.f32, r.f64 = sumKernel(parts32), sumKernel(parts64)
	return r, args
}

func (t term) shape(in []tensor.Shape) (tensor.Shape, error) {
	if t.rule == nil {
		return in[0].Clone(), nil
	}
	return t.rule.shape(in)
}

// part is a term as the sum's kernel sees it.
type part[F kernels.Float] struct {
	set, add func(view[F], []view[F])
	lo, hi   int // its inputs
}

func sumKernel[F kernels.Float](parts []part[F]) func(view[F], []view[F]) {
	var scratch view[F] // made by the first call that needs it
	return func(y view[F], in []view[F]) {
		for i, p := range parts {
			switch {
			case i == 0:
				p.set(y, in[p.lo:p.hi])
			case p.add != nil:
				p.add(y, in[p.lo:p.hi])
			default:
				if scratch.data == nil {
					scratch = view[F]{make([]F, len(y.data)), y.rows, y.cols}
				}
				p.set(scratch, in[p.lo:p.hi])
				kernels.Add(y.data, y.data, scratch.data)
			}
		}
	}
}

// same are the rules of the identity, by the number of dimensions.
var same [3]*rule

func init() {
	for d := range same {
		same[d] = &rule{
			name:      "same",
			in:        []int{d},
			out:       d,
			shape:     sameShape,
			f32:       func(y view[float32], in []view[float32]) { copy(y.data, in[0].data) },
			f64:       func(y view[float64], in []view[float64]) { copy(y.data, in[0].data) },
			add32:     func(y view[float32], in []view[float32]) { kernels.Add(y.data, y.data, in[0].data) },
			add64:     func(y view[float64], in []view[float64]) { kernels.Add(y.data, y.data, in[0].data) },
			grads:     func() []gradient { return []gradient{identity(d)} },
			overwrite: []int{0},
		}
	}
}

// identity is the gradient of an input that enters the result unchanged.
func identity(dims int) gradient {
	return gradient{rule: func() *rule { return same[dims] }, of: []int{seed}}
}

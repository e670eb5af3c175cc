package ops

import (
	"fmt"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Curvature adds a second backward pass to the graph, that of the diagonal of the
// Gauss-Newton approximation of a loss's second derivatives, and returns its nodes,
// one of each parameter's shape. It is bbprop: with h_v for an element v of any node,
//
//	y = f(z), element by element:   h_z = f'(z)² h_y
//	y = x·W + b:                    h_x = h_y·(W²)ᵀ   h_W = (x²)ᵀ·h_y   h_b = columns' sums of h_y
//	y = a + b:                      h_a = h_b = h_y
//	the mean squared error of n elements:   h_y = 2/n
//	the cross-entropy of a batch of n:      h_z = p(1-p)/n, p = softmax(z)
//
// and the sum where a node has several users. All refer to the loss as defined, a mean over the
// batch: h_W above is the mean of h_z x² over the examples, as a gradient is a mean over the
// examples.
//
// No element of h is negative. Within a node the matrix J'HJ is treated as diagonal (J is the
// Jacobian of the outputs, H the second derivatives of the loss by them). So h is exact where
// that is true: for the parameters of the last layer, for those of the layer below if the loss
// is the mean squared error, and throughout a network whose units do not interact before such a
// loss. Elsewhere it is the method's approximation.
//
// h shrinks as the square of the gradient: in float32 it is 0 where the gradient, relative to
// that of the loss, is below about 1e-22.
//
// Source: Y. LeCun, L. Bottou, G. Orr, K.-R. Müller: Efficient BackProp (1998), section
// 7; S. Becker, Y. LeCun: Improving the convergence of back-propagation learning with
// second-order methods (1988).
func Curvature(loss *G.Node, params ...*G.Node) (G.Nodes, error) {
	if err := readable("curvature", 0, loss); err != nil {
		return nil, err
	}
	if dims(loss) != 0 {
		return nil, errors.Errorf("curvature: the loss is of shape %v, want a scalar", loss.Shape())
	}
	b := &secondBackward{inputs: map[*G.Node]G.Nodes{}, leads: map[*G.Node]bool{}, of: map[*G.Node]*G.Node{}}
	for i, p := range params {
		if err := readable("curvature", i+1, p); err != nil {
			return nil, err
		}
		b.leads[p] = true
	}
	b.visit(loss)
	var one G.Value = G.NewF64(1)
	if loss.Dtype() == tensor.Float32 {
		one = G.NewF32(1)
	}
	b.of[loss] = G.NewConstant(one)
	for i := len(b.order) - 1; i >= 0; i-- {
		if err := b.pass(b.order[i]); err != nil {
			return nil, errors.Wrap(err, "curvature")
		}
	}
	nodes := make(G.Nodes, len(params))
	for i, p := range params {
		if nodes[i] = b.of[p]; nodes[i] == nil {
			return nil, errors.Errorf("curvature: the loss does not depend on %v", p)
		}
	}
	return nodes, nil
}

// secondBackward is the second backward pass under construction.
type secondBackward struct {
	inputs map[*G.Node]G.Nodes
	order  G.Nodes             // what the loss is computed from, inputs before users
	leads  map[*G.Node]bool    // whether a node depends on a parameter
	of     map[*G.Node]*G.Node // h of each node so far
	// differentiable ignores inputs with respect to which there is no derivative.
	differentiable bool
}

// visit orders the nodes that the loss is computed from, without recursion, as graphs are deep.
func (b *secondBackward) visit(loss *G.Node) {
	type frame struct {
		node *G.Node
		next int
	}
	var stack []frame
	push := func(n *G.Node) {
		if _, seen := b.inputs[n]; seen {
			return
		}
		var list G.Nodes
		if n.Op() != nil {
			for it := n.Graph().From(n.ID()); it.Next(); {
				list = append(list, it.Node().(*G.Node))
			}
		}
		b.inputs[n] = list
		stack = append(stack, frame{node: n})
	}
	for push(loss); len(stack) > 0; {
		top := &stack[len(stack)-1]
		n, ins := top.node, b.inputs[top.node]
		if top.next < len(ins) {
			top.next++
			push(ins[top.next-1])
			continue
		}
		var wrt []bool
		if b.differentiable {
			wrt = differentiable(n, len(ins))
		}
		for i, in := range ins {
			b.leads[n] = b.leads[n] || b.leads[in] && (wrt == nil || wrt[i])
		}
		b.order = append(b.order, n)
		stack = stack[:len(stack)-1]
	}
}

// differentiable reports for each input of n whether n has a derivative with respect to it:
// there is none with respect to the size of a matrix, say.
func differentiable(n *G.Node, inputs int) []bool {
	if op, ok := n.Op().(G.SDOp); ok {
		return op.DiffWRT(inputs)
	}
	all := make([]bool, inputs)
	for i := range all {
		all[i] = true // a missing derivative is an error later, where it is needed
	}
	return all
}

// pass passes h of n, which is complete, on to the inputs of n.
func (b *secondBackward) pass(n *G.Node) error {
	if n.Op() == nil || !b.leads[n] {
		return nil
	}
	ins := b.inputs[n]
	var r *rule
	if o, ok := n.Op().(*operation); ok {
		r = o.rule
	} else if stockAddition(n.Op()) && ins[0].Shape().Eq(ins[1].Shape()) {
		r = total(dims(n))
	}
	if r == nil || r.curve == nil {
		return errors.Errorf("%v has no rule for it: train with an optimizer that needs no curvature", n.Op())
	}
	for i, in := range ins {
		if !b.leads[in] {
			continue
		}
		h, err := r.curve(r, i, ins, n, b.of[n])
		if err == nil && b.of[in] != nil {
			h, err = apply(total(dims(in)), b.of[in], h)
		}
		if err != nil {
			return errors.Wrapf(err, "%s, input %d", r.name, i)
		}
		b.of[in] = h
	}
	return nil
}

// stockAddition reports whether an operation is that of gorgonia.Add between two tensors or two
// numbers: its type is not exported.
func stockAddition(op G.Op) bool { return fmt.Sprint(op) == "+ false" }

// curve adds h of input i of a rule's operation to the graph, from its inputs, its
// result and h of that.
type curve func(r *rule, i int, in G.Nodes, out, h *G.Node) (*G.Node, error)

// elementwise is the curve of operations in which each element of the result depends
// on one element of each input: the gradient g ↦ f'·g, twice.
func elementwise(r *rule, i int, in G.Nodes, out, h *G.Node) (*G.Node, error) {
	g := r.grads()[i]
	h, err := g.node(in, out, h)
	if err != nil {
		return nil, err
	}
	return g.node(in, out, h)
}

// multilinear is the curve of operations that are linear in each of their inputs: the
// gradient, with the other inputs squared.
func multilinear(r *rule, i int, in G.Nodes, out, h *G.Node) (*G.Node, error) {
	g := r.grads()[i]
	squares := make(G.Nodes, len(in))
	for _, k := range g.of {
		if k < 0 {
			continue
		}
		var err error
		if squares[k], err = apply(squareOf(dims(in[k])), in[k]); err != nil {
			return nil, err
		}
	}
	return g.node(squares, out, h)
}

// crossEntropyCurve is the curve of the logits. The targets have none, as they have no gradient.
func crossEntropyCurve(_ *rule, i int, in G.Nodes, _, h *G.Node) (*G.Node, error) {
	if i != 0 {
		return nil, errors.New("the targets have no derivatives")
	}
	return apply(crossEntropyCurvature, in[0], in[1], h)
}

// crossEntropyCurvature is g·Σt·p(1-p)/batch of logits, targets and g.
var crossEntropyCurvature = &rule{
	name:      "cross-entropy''",
	in:        []int{2, 2, 0},
	out:       2,
	shape:     func(in []tensor.Shape) (tensor.Shape, error) { return sameShape(in[:2]) },
	f32:       crossEntropyCurvatureKernel[float32],
	f64:       crossEntropyCurvatureKernel[float64],
	overwrite: []int{0},
}

func crossEntropyCurvatureKernel[F kernels.Float](h view[F], in []view[F]) {
	z, t, g := in[0], in[1], float64(in[2].data[0])
	scale := g / float64(z.rows)
	for i := range z.rows {
		z, t, e := row(z, i), row(t, i), row(h, i) // e^(z_k - z_top), then h
		top := z[largest(z)]
		for k, v := range z {
			e[k] = v - top
		}
		kernels.Exp(e, e)
		es, ts := add(e), add(t)
		for k, v := range e {
			// 1-p is computed as the share of the others: a difference would cancel.
			e[k] = F(scale * ts.all * float64(v) / es.all * (without(es, e, k) / es.all))
		}
	}
}

func meanSquaredErrorCurve(r *rule, _ int, in G.Nodes, out, h *G.Node) (*G.Node, error) {
	return apply(meanSquaredErrorCurvature, in[0], h)
}

// meanSquaredErrorCurvature is 2g/n of n elements and g.
var meanSquaredErrorCurvature = &rule{
	name:  "mean-squared-error''",
	in:    []int{2, 0},
	out:   2,
	shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
	f32:   meanSquaredErrorCurvatureKernel[float32],
	f64:   meanSquaredErrorCurvatureKernel[float64],
}

func meanSquaredErrorCurvatureKernel[F kernels.Float](h view[F], in []view[F]) {
	c := F(2 * float64(in[1].data[0]) / float64(len(h.data)))
	for i := range h.data {
		h.data[i] = c
	}
}

// total is a + b.
func total(dims int) *rule {
	return &rule{
		name:      "total",
		in:        []int{dims, dims},
		out:       dims,
		shape:     sameShape,
		f32:       func(y view[float32], in []view[float32]) { kernels.Add(y.data, in[0].data, in[1].data) },
		f64:       func(y view[float64], in []view[float64]) { kernels.Add(y.data, in[0].data, in[1].data) },
		curve:     func(_ *rule, _ int, _ G.Nodes, _, h *G.Node) (*G.Node, error) { return h, nil },
		overwrite: []int{0, 1},
	}
}

// squareOf is x² of each element.
func squareOf(dims int) *rule {
	return &rule{
		name:  "square",
		in:    []int{dims},
		out:   dims,
		shape: sameShape,
		f32:   func(y view[float32], in []view[float32]) { kernels.Hadamard(y.data, in[0].data, in[0].data) },
		f64:   func(y view[float64], in []view[float64]) { kernels.Hadamard(y.data, in[0].data, in[0].data) },
	}
}

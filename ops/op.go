package ops

import (
	"encoding/binary"
	"hash"
	"slices"
	"unsafe"

	"github.com/chewxy/hm"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// rule describes an operation.
type rule struct {
	name  string // with all settings, as it is part of the node's hash
	in    []int  // the number of dimensions of each input: 0 scalar, 1 vector, 2 matrix
	out   int    // the number of dimensions of the result
	shape func(in []tensor.Shape) (tensor.Shape, error)
	f32   func(out view[float32], in []view[float32]) // must not change in
	f64   func(out view[float64], in []view[float64])
	// product32 and product64 prepare a rule that is one matrix product.
	product32 func(out view[float32], in []view[float32]) *kernels.Product[float32]
	product64 func(out view[float64], in []view[float64]) *kernels.Product[float64]
	// add32 and add64, where there are any, add the result to out: sums use them.
	add32 func(out view[float32], in []view[float32])
	add64 func(out view[float64], in []view[float64])
	// grads gives the gradient with respect to each input; the zero gradient means that an input
	// has none. A rule without grads can't be differentiated.
	grads func() []gradient
	// curve gives the curvature of an input: see [Curvature]. If nil, there is none.
	curve curve
	// overwrite lists the inputs that the result may be written over.
	overwrite []int
	// function is applied to each element of the only input, if the rule does only that.
	function *Function
}

// gradient says how the gradient of an input is computed: by a rule, from some of
// the operation's inputs, by their numbers, its result and the result's gradient.
type gradient struct {
	rule func() *rule
	of   []int
}

const (
	result = -1 - iota // the operation's result
	seed               // the gradient of the loss with respect to the result
)

// view is a value as a kernel sees it: its elements, row-major, with the last dimension as
// columns. A scalar is 1 by 1, a vector one row.
type view[F kernels.Float] struct {
	data       []F
	rows, cols int
}

func (v view[F]) matrix() kernels.Matrix[F] { return kernels.Dense(v.rows, v.cols, v.data) }

// operation is the operation of one node, by a rule.
type operation struct {
	*rule
	salt   uint32
	shapes []tensor.Shape // of the node's inputs, then its own; nil outside a graph
	// The views of the last call, kept so that a call allocates nothing: an operation belongs to
	// one node, and a graph's machines run one at a time.
	in32 []view[float32]
	in64 []view[float64]
}

var (
	_ G.SDOp            = (*operation)(nil)
	_ G.ADOp            = (*operation)(nil)
	_ G.UsePreallocDoer = (*operation)(nil)
	_ vm.Salted         = (*operation)(nil)
	_ vm.Overwriter     = (*operation)(nil)
	_ vm.Binder         = (*operation)(nil)
)

// apply adds the operation of a rule to the graph of its inputs.
func apply(r *rule, inputs ...*G.Node) (*G.Node, error) {
	for i, n := range inputs {
		if err := readable(r.name, i, n); err != nil {
			return nil, err
		}
		if dims(n) != r.in[i] || n.Dims() != r.in[i] {
			return nil, errors.Errorf("%s: input %d is of shape %v and type %v, want %d dimensions", r.name, i, n.Shape(), n.Type(), r.in[i])
		}
		if n.Dtype() != inputs[0].Dtype() {
			return nil, errors.Errorf("%s: input %d has elements of type %v, input 0 of type %v", r.name, i, n.Dtype(), inputs[0].Dtype())
		}
	}
	if t := inputs[0].Dtype(); t != tensor.Float32 && t != tensor.Float64 {
		return nil, errors.Errorf("%s: elements of type %v: only float32 and float64 are computed", r.name, t)
	}
	o := &operation{rule: r}
	n, err := vm.Apply(o, inputs...)
	if err != nil {
		return nil, err
	}
	for _, in := range inputs {
		o.shapes = append(o.shapes, in.Shape())
	}
	o.shapes = append(o.shapes, n.Shape())
	return n, nil
}

// readable returns an error unless n is a node with numbers.
func readable(name string, i int, n *G.Node) error {
	switch {
	case n == nil:
		return errors.Errorf("%s: input %d is nil", name, i)
	case n.Type() == nil:
		return errors.Errorf("%s: input %d, %v, is a statement", name, i, n)
	}
	return nil
}

// dims returns the number of dimensions of n's type, which is also that of its shape, except for
// vectors made as columns or rows.
func dims(n *G.Node) int {
	if t, ok := n.Type().(G.TensorType); ok {
		return t.Dims
	}
	return 0
}

func (o *operation) Arity() int { return len(o.in) }

// Type returns a new type each time: Gorgonia takes it apart as it infers types.
func (o *operation) Type() hm.Type {
	element := hm.TypeVariable('a')
	of := func(dims int) hm.Type {
		if dims == 0 {
			return element
		}
		return G.TensorType{Dims: dims, Of: element}
	}
	var types []hm.Type
	for _, d := range o.in {
		types = append(types, of(d))
	}
	return hm.NewFnType(append(types, of(o.out))...)
}

func (o *operation) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	shapes := make([]tensor.Shape, len(in))
	for i, s := range in {
		shape, ok := s.(tensor.Shape)
		if !ok {
			return nil, errors.Errorf("%s: the shape of input %d is unknown", o.name, i)
		}
		shapes[i] = shape
	}
	return o.infer(shapes)
}

func (o *operation) infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != len(o.in) {
		return nil, errors.Errorf("%s: %d inputs, want %d", o.name, len(in), len(o.in))
	}
	for i, s := range in {
		if s.Dims() != o.in[i] {
			return nil, errors.Errorf("%s: input %d is of shape %v, want %d dimensions", o.name, i, s, o.in[i])
		}
	}
	return o.shape(in)
}

func (o *operation) ReturnsPtr() bool     { return o.out > 0 }
func (o *operation) CallsExtern() bool    { return false }
func (o *operation) OverwritesInput() int { return -1 }
func (o *operation) MayOverwrite() []int  { return o.overwrite }
func (o *operation) String() string       { return o.name }

// Salt makes the hash of this operation unique: see [vm.Salted].
func (o *operation) Salt(salt uint32) { o.salt = salt }

// DistinctHash marks it as such: see [vm.Distinct].
func (o *operation) DistinctHash() {}

func (o *operation) WriteHash(h hash.Hash) {
	h.Write([]byte("gradflow/" + o.name))
	binary.Write(h, binary.LittleEndian, o.salt)
}

// Hashcode is the salt: Gorgonia compares it where the hashes of two nodes collide.
func (o *operation) Hashcode() uint32 { return o.salt }

// Do computes the result in new memory.
func (o *operation) Do(in ...G.Value) (G.Value, error) {
	shapes := make([]tensor.Shape, len(in))
	for i, v := range in {
		shapes[i] = v.Shape()
	}
	shape, err := o.infer(shapes)
	if err != nil {
		return nil, err
	}
	return o.UsePreallocDo(newValue(in[0].Dtype(), o.out, shape), in...)
}

func newValue(t tensor.Dtype, dims int, shape tensor.Shape) G.Value {
	switch {
	case dims > 0:
		return tensor.New(tensor.Of(t), tensor.WithShape(shape...), tensor.WithEngine(G.StandardEngine{}))
	case t == tensor.Float32:
		return G.NewF32(0)
	default:
		return G.NewF64(0)
	}
}

// UsePreallocDo computes the result in out.
func (o *operation) UsePreallocDo(out G.Value, in ...G.Value) (G.Value, error) {
	ok := o.fits(out, in)
	switch {
	case !ok:
	case out.Dtype() == tensor.Float32:
		ok = call(o.f32, &o.in32, out, in)
	case out.Dtype() == tensor.Float64:
		ok = call(o.f64, &o.in64, out, in)
	default:
		ok = false
	}
	if !ok {
		return nil, o.unreadable(out, in)
	}
	return out, nil
}

// Bind prepares the computation of in's result into out.
func (o *operation) Bind(out G.Value, in ...G.Value) (vm.Computation, error) {
	var c vm.Computation
	if o.fits(out, in) {
		switch out.Dtype() {
		case tensor.Float32:
			c = bind(o.f32, o.product32, out, in)
		case tensor.Float64:
			c = bind(o.f64, o.product64, out, in)
		}
	}
	if c == nil {
		return nil, o.unreadable(out, in)
	}
	return c, nil
}

func bind[F kernels.Float](f func(view[F], []view[F]), product func(view[F], []view[F]) *kernels.Product[F], out G.Value, in []G.Value) vm.Computation {
	c := &computation[F]{f: f, in: make([]view[F], len(in))}
	var ok bool
	c.out, ok = read[F](out)
	for i, v := range in {
		var readable bool
		c.in[i], readable = read[F](v)
		ok = ok && readable
	}
	switch {
	case !ok:
		return nil
	case product != nil:
		return product(c.out, c.in)
	}
	return c
}

// computation is a kernel with its operands.
type computation[F kernels.Float] struct {
	f   func(view[F], []view[F])
	out view[F]
	in  []view[F]
}

func (c *computation[F]) Do() { c.f(c.out, c.in) }

// fits reports whether the values have the shapes of the nodes: kernels rely on it.
func (o *operation) fits(out G.Value, in []G.Value) bool {
	if len(in) != len(o.in) {
		return false
	}
	if o.shapes == nil { // Do has made out fit
		return true
	}
	for i, v := range in {
		if !slices.Equal(v.Shape(), o.shapes[i]) {
			return false
		}
	}
	return slices.Equal(out.Shape(), o.shapes[len(in)])
}

func call[F kernels.Float](f func(view[F], []view[F]), views *[]view[F], out G.Value, in []G.Value) bool {
	if len(*views) < len(in) {
		*views = make([]view[F], len(in))
	}
	y, ok := read[F](out)
	for i, v := range in {
		var readable bool
		(*views)[i], readable = read[F](v)
		ok = ok && readable
	}
	if ok {
		f(y, (*views)[:len(in)])
	}
	return ok
}

// read returns the view of a value, if it has elements of type F in row-major
// order without gaps.
func read[F kernels.Float](v G.Value) (x view[F], ok bool) {
	x.rows, x.cols = 1, 1
	switch v := v.(type) {
	case *tensor.Dense:
		if v.RequiresIterator() || v.DataOrder().IsColMajor() {
			return x, false
		}
		switch data := any(&x.data).(type) {
		case *[]float32:
			if ok = v.Dtype() == tensor.Float32; ok {
				*data = v.Float32s()
			}
		case *[]float64:
			if ok = v.Dtype() == tensor.Float64; ok {
				*data = v.Float64s()
			}
		}
		if shape := v.Shape(); len(shape) > 0 {
			x.cols = shape[len(shape)-1]
		}
		if x.cols > 0 {
			x.rows = len(x.data) / x.cols
		}
	case *G.F32:
		x.data, ok = any(unsafe.Slice((*float32)(v), 1)).([]F)
	case *G.F64:
		x.data, ok = any(unsafe.Slice((*float64)(v), 1)).([]F)
	}
	return x, ok
}

func (o *operation) unreadable(out G.Value, in []G.Value) error {
	if len(in) != len(o.in) {
		return errors.Errorf("%s: %d inputs, want %d", o.name, len(in), len(o.in))
	}
	for i, v := range in {
		d, ok := v.(*tensor.Dense)
		switch {
		case o.shapes != nil && !slices.Equal(v.Shape(), o.shapes[i]):
			return errors.Errorf("%s: input %d is of shape %v, its node of shape %v", o.name, i, v.Shape(), o.shapes[i])
		case v.Dtype() != out.Dtype():
			return errors.Errorf("%s: input %d has elements of type %v, the result of type %v", o.name, i, v.Dtype(), out.Dtype())
		case ok && (d.RequiresIterator() || d.DataOrder().IsColMajor()):
			return errors.Errorf("%s: input %d is not row-major and without gaps: give it a copy (Materialize)", o.name, i)
		}
	}
	return errors.Errorf("%s: can't be computed into a %T of shape %v with elements of type %v", o.name, out, out.Shape(), out.Dtype())
}

func (o *operation) DiffWRT(n int) []bool {
	wrt := make([]bool, n)
	var grads []gradient
	if o.grads != nil {
		grads = o.grads()
	}
	for i := range wrt {
		// If the rule has no gradients, SymDiff returns an error then: false would mean a
		// gradient of zero.
		wrt[i] = grads == nil || grads[i].rule != nil
	}
	return wrt
}

// SymDiff returns a node for the gradient with respect to each input, nil for those
// that have none.
func (o *operation) SymDiff(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	if o.grads == nil {
		return nil, errors.Errorf("%s has no derivative", o.name)
	}
	nodes := make(G.Nodes, len(in))
	for i, g := range o.grads() {
		if g.rule == nil {
			continue
		}
		var err error
		if nodes[i], err = g.node(in, out, grad); err != nil {
			return nil, errors.Wrapf(err, "gradient of %s with respect to input %d", o.name, i)
		}
	}
	return nodes, nil
}

// node adds the gradient to the graph, given the gradient of the result.
func (g gradient) node(in G.Nodes, out, grad *G.Node) (*G.Node, error) {
	return apply(g.rule(), g.nodes(in, out, grad)...)
}

// nodes returns the nodes that the gradient is computed from.
func (g gradient) nodes(in G.Nodes, out, grad *G.Node) G.Nodes {
	args := make(G.Nodes, len(g.of))
	for k, n := range g.of {
		switch n {
		case result:
			args[k] = out
		case seed:
			args[k] = grad
		default:
			args[k] = in[n]
		}
	}
	return args
}

// DoDiff adds the gradients to those of the inputs: the LispMachine's way.
func (o *operation) DoDiff(_ G.ExecutionContext, in G.Nodes, out *G.Node) error {
	if o.grads == nil {
		return errors.Errorf("%s has no derivative", o.name)
	}
	grad, err := out.Grad()
	if err != nil {
		return errors.Wrapf(err, "%s", o.name)
	}
	for i, g := range o.grads() {
		if g.rule == nil {
			continue
		}
		args := make([]G.Value, len(g.of))
		for k, n := range g.of {
			switch n {
			case result:
				args[k] = out.Value()
			case seed:
				args[k] = grad
			default:
				args[k] = in[n].Value()
			}
		}
		d, err := (&operation{rule: g.rule()}).Do(args...)
		if err != nil {
			return errors.Wrapf(err, "gradient of %s with respect to input %d", o.name, i)
		}
		sum, err := in[i].Grad()
		if err != nil {
			return errors.Wrapf(err, "gradient of %s with respect to input %d", o.name, i)
		}
		if !addTo[float32](sum, d) && !addTo[float64](sum, d) {
			return errors.Errorf("gradient of %s with respect to input %d: %T can't be added to %T", o.name, i, d, sum)
		}
	}
	return nil
}

func addTo[F kernels.Float](sum, d G.Value) bool {
	x, ok := read[F](sum)
	y, ok2 := read[F](d)
	if !ok || !ok2 || len(x.data) != len(y.data) {
		return false
	}
	kernels.Add(x.data, x.data, y.data)
	return true
}

package expression

import (
	"math"

	"github.com/gradflow/gradflow/ops"
)

// Function is a function of one variable that expressions can use.
type Function struct {
	Name string
	F, D func(float64) float64 // the function and its derivative
	// New returns kernels, which may have memory of their own.
	New func() *ops.Function
	// derive returns dy·f'(u) as an expression; nil: by the kernels.
	derive func(b *Builder, u, dy *Node) *Node
}

type op uint8

const (
	constant op = iota
	variable
	seed
	parameter
	add
	sub
	mul
	div
	power
	maximum
	minimum
	call     // fn(a)
	slope    // c·fn'(a)
	above    // c where a > b, NaN where one of them is, else 0
	notAbove // 0 where a > b, NaN where one of them is, else c
	powerLog // c·a^b·log a, the derivative of a^b by b
)

// Node is an expression. Equal expressions of one Builder are one node.
type Node struct {
	key
	id int
	at int // where it stands in the text, from 1; 0 for what was derived
}

// key is what makes a node.
type key struct {
	op      op
	fn      *Function
	a, b, c *Node
	bits    uint64 // of a constant
	index   int    // of a parameter
}

func (n *Node) value() float64 { return math.Float64frombits(n.bits) }

func (n *Node) is(v float64) bool { return n.op == constant && n.value() == v }

func (n *Node) calls(name string) bool { return n.op == call && n.fn.Name == name }

// Has reports whether the expression depends on z.
func (n *Node) Has() bool {
	for _, m := range order(n) {
		if m.op == variable {
			return true
		}
	}
	return false
}

// IsZero reports whether the expression is the constant 0.
func (n *Node) IsZero() bool { return n.is(0) }

// order returns what the roots consist of, parts before the whole.
func order(roots ...*Node) []*Node {
	var list []*Node
	seen := map[*Node]bool{}
	var visit func(n *Node)
	visit = func(n *Node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		visit(n.a)
		visit(n.b)
		visit(n.c)
		list = append(list, n)
	}
	for _, n := range roots {
		visit(n)
	}
	return list
}

// Builder makes the nodes of expressions, simplified.
type Builder struct {
	functions map[string]*Function
	nodes     map[key]*Node
	at        int // given to new nodes
}

// NewBuilder makes a builder of expressions that may use the given functions besides
// the package's own. Of the given ones, sigmoid, softplus, softsign and relu are used in
// place of forms that overflow, cancel or cost more; and the derivatives of sech, cos and
// erfc need tanh, sin and erf.
func NewBuilder(functions map[string]*Function) *Builder {
	b := &Builder{functions: map[string]*Function{}, nodes: map[key]*Node{}}
	for name, f := range intrinsics {
		b.functions[name] = f
	}
	for name, f := range functions {
		b.functions[name] = f
	}
	return b
}

func (b *Builder) node(k key) *Node {
	if n := b.nodes[k]; n != nil {
		return n
	}
	n := &Node{key: k, id: len(b.nodes), at: b.at}
	b.nodes[k] = n
	return n
}

// Constant returns the number v.
func (b *Builder) Constant(v float64) *Node {
	return b.node(key{op: constant, bits: math.Float64bits(v)})
}

// Variable returns z.
func (b *Builder) Variable() *Node { return b.node(key{op: variable}) }

// Parameter returns parameter i.
func (b *Builder) Parameter(i int) *Node { return b.node(key{op: parameter, index: i}) }

func (b *Builder) seed() *Node { return b.node(key{op: seed}) }

// binary makes a node of two numbers, folded if both are constant and the result is
// finite: what is not is reported when the expression is tried.
func (b *Builder) binary(o op, x, y *Node) *Node {
	if x.op == constant && y.op == constant {
		if v := apply(o, nil, x.value(), y.value(), 0); !math.IsInf(v, 0) && !math.IsNaN(v) {
			return b.Constant(v)
		}
	}
	return b.node(key{op: o, a: x, b: y})
}

func (b *Builder) add(x, y *Node) *Node {
	if x.op == constant || y.op != constant && y.id < x.id { // one order, constants last
		x, y = y, x
	}
	switch {
	case x.op == constant:
	case y.is(0):
		return x
	case x == y:
		return b.mul(b.Constant(2), x)
	case y.is(-1):
		if z := b.lessOne(x); z != nil {
			return z
		}
	case y.op == mul && y.a.is(-1):
		return b.sub(x, y.b)
	case x.op == mul && x.a.is(-1):
		return b.sub(y, x.b)
	case b.opposite(x, y):
		return b.mul(b.Constant(2), b.Call("cosh", x.a))
	}
	return b.binary(add, x, y)
}

// opposite reports whether x and y are e^u and e^-u.
func (b *Builder) opposite(x, y *Node) bool {
	return x.calls("exp") && y.calls("exp") && y.a == b.neg(x.a)
}

// lessOne returns x - 1 as it does not cancel where x is near 1; nil where no such form
// is known.
func (b *Builder) lessOne(x *Node) *Node {
	switch {
	case x.calls("exp"):
		return b.Call("expm1", x.a)
	case x.calls("gaussian"):
		return b.Call("expm1", b.neg(b.mul(x.a, x.a)))
	case x.calls("sqrt") && x.a.op == add && x.a.b.is(1):
		return b.Call("sqrt1p-1", x.a.a)
	case x.calls("cosh"): // 2 sinh²(u/2)
		s := b.Call("sinh", b.mul(b.Constant(0.5), x.a))
		return b.mul(b.Constant(2), b.mul(s, s))
	case x.calls("cos"): // -2 sin²(u/2)
		if b.functions["sin"] == nil {
			return nil
		}
		s := b.Call("sin", b.mul(b.Constant(0.5), x.a))
		return b.mul(b.Constant(-2), b.mul(s, s))
	case x.calls("sech"): // -tanh u tanh(u/2)
		if b.functions["tanh"] == nil {
			return nil
		}
		return b.neg(b.mul(b.Call("tanh", x.a), b.Call("tanh", b.mul(b.Constant(0.5), x.a))))
	case x.calls("sigmoid"):
		return b.neg(b.Call("sigmoid", b.neg(x.a)))
	case x.op == mul && x.a.is(2) && x.b.calls("sigmoid") && b.functions["tanh"] != nil:
		return b.Call("tanh", b.mul(b.Constant(0.5), x.b.a))
	case x.calls("erf"):
		return b.neg(b.Call("erfc", x.a))
	case x.calls("erfc"):
		return b.neg(b.Call("erf", x.a))
	}
	return nil
}

func (b *Builder) sub(x, y *Node) *Node {
	switch {
	case x == y:
		return b.Constant(0)
	case x.op == constant && y.op == constant:
	case x.is(0):
		return b.neg(y)
	case y.op == constant:
		return b.add(x, b.Constant(-y.value()))
	case y.op == mul && y.a.is(-1):
		return b.add(x, y.b)
	case x.is(1) && y.op == mul && y.a == y.b && y.a.calls("tanh"):
		s := b.Call("sech", y.a.a)
		return b.mul(s, s)
	case x.is(1):
		if z := b.lessOne(y); z != nil {
			return b.neg(z)
		}
	case b.opposite(x, y):
		return b.mul(b.Constant(2), b.Call("sinh", x.a))
	}
	return b.binary(sub, x, y)
}

func (b *Builder) neg(x *Node) *Node { return b.mul(b.Constant(-1), x) }

func (b *Builder) mul(x, y *Node) *Node {
	if y.op == constant || x.op != constant && y.id < x.id { // one order, constants first
		x, y = y, x
	}
	switch {
	case y.op == constant:
	case x.is(0):
		return x
	case x.is(1):
		return y
	case x.is(-1) && y.op == sub:
		return b.sub(y.b, y.a)
	case x.op == constant && y.op == mul && y.a.op == constant:
		if v := x.value() * y.a.value(); v != 0 && !math.IsInf(v, 0) {
			return b.mul(b.Constant(v), y.b)
		}
	}
	return b.binary(mul, x, y)
}

func (b *Builder) div(x, y *Node) *Node {
	switch {
	case y.is(0) || x.op == constant && y.op == constant:
	case x.is(0):
		return x
	case y.op == constant:
		if inverse := 1 / y.value(); math.Abs(inverse) >= 0x1p-1022 && !math.IsInf(inverse, 0) {
			return b.mul(b.Constant(inverse), x)
		}
	case y.op == mul && y.a.op == constant && y.a.value() != 0: // the factor is taken out
		return b.div(b.div(x, y.a), y.b)
	case x.op == mul && x.a.op == constant && !x.a.is(-1):
		return b.mul(x.a, b.div(x.b, y))
	case y.calls("cosh") && b.functions["tanh"] != nil:
		if x.calls("sinh") && x.a == y.a {
			return b.Call("tanh", y.a)
		}
		return b.mul(x, b.Call("sech", y.a))
	case y.op == add && y.b.is(1) && y.a.calls("exp") && b.functions["tanh"] != nil && x.calls("expm1") && x.a == y.a.a:
		return b.Call("tanh", b.mul(b.Constant(0.5), x.a)) // (e^u - 1)/(e^u + 1)
	case y.op == add && y.b.is(1) && y.a.calls("exp") && b.functions["tanh"] != nil && x == b.neg(b.Call("expm1", y.a.a)):
		return b.neg(b.Call("tanh", b.mul(b.Constant(0.5), y.a.a)))
	case y.op == add && y.b.is(1) && y.a.calls("exp"): // x/(1 + e^u)
		u := y.a.a
		if x == y.a {
			return b.Call("sigmoid", u)
		}
		return b.mul(x, b.Call("sigmoid", b.neg(u)))
	case y.op == add && y.b.is(1) && y.a.calls("abs") && y.a.a == x && b.functions["softsign"] != nil:
		return b.Call("softsign", x)
	}
	return b.binary(div, x, y)
}

func (b *Builder) pow(x, y *Node) *Node {
	if y.op == constant && x.op != constant {
		switch v := y.value(); {
		case v == 0.5:
			return b.Call("sqrt", x)
		case v == math.Trunc(v) && math.Abs(v) <= 16:
			p := b.repeated(x, int(math.Abs(v)))
			if v < 0 {
				return b.div(b.Constant(1), p)
			}
			return p
		}
	}
	return b.binary(power, x, y)
}

// repeated returns x^n by squaring.
func (b *Builder) repeated(x *Node, n int) *Node {
	switch {
	case n == 0:
		return b.Constant(1)
	case n == 1:
		return x
	case n%2 == 1:
		return b.mul(x, b.repeated(x, n-1))
	}
	h := b.repeated(x, n/2)
	return b.mul(h, h)
}

// max and min pass the gradient at a tie to the constant and to the other one: so the
// derivative of max(z, 0) at 0 is 0, and of min(z, 0) it is 1.
func (b *Builder) max(x, y *Node) *Node {
	if x.op == constant {
		x, y = y, x
	}
	if x == y {
		return x
	}
	if _, known := b.functions["relu"]; known && y.is(0) && x.op != constant {
		return b.Call("relu", x)
	}
	return b.binary(maximum, x, y)
}

func (b *Builder) min(x, y *Node) *Node {
	if x.op == constant {
		x, y = y, x
	}
	if x == y {
		return x
	}
	return b.binary(minimum, x, y)
}

// Call returns the function with this name of x, or a better one: log(1+x) is
// log1p(x), log1p(e^x) is softplus(x).
func (b *Builder) Call(name string, x *Node) *Node {
	f := b.functions[name]
	switch {
	case x.op == constant:
		if v := f.F(x.value()); !math.IsInf(v, 0) && !math.IsNaN(v) {
			return b.Constant(v)
		}
	case name == "log" && x.op == add && x.b.is(1):
		return b.Call("log1p", x.a)
	case name == "log" && x.calls("cosh") && b.functions["tanh"] != nil:
		return b.Call("log-cosh", x.a)
	case name == "log" && x.op == mul && x.a.op == constant && x.a.value() > 0 && x.b.calls("cosh"):
		return b.add(b.Call("log", x.b), b.Call("log", x.a))
	case name == "log1p" && x.calls("exp") && b.functions["softplus"] != nil:
		return b.Call("softplus", x.a)
	}
	return b.node(key{op: call, fn: f, a: x})
}

// fuse returns the expression with products x·sigmoid(u) as one kernel, which is
// softplus' gradient: it does not underflow where sigmoid(u) alone would. It comes
// after differentiation.
func (b *Builder) fuse(root *Node) *Node {
	softplus := b.functions["softplus"]
	made := map[*Node]*Node{nil: nil}
	for _, n := range order(root) {
		k := n.key
		k.a, k.b, k.c = made[n.a], made[n.b], made[n.c]
		switch {
		case n.op != mul || softplus == nil:
		case n.b.calls("sigmoid"):
			k = key{op: slope, fn: softplus, a: made[n.b.a], c: made[n.a]}
		case n.a.calls("sigmoid"):
			k = key{op: slope, fn: softplus, a: made[n.a.a], c: made[n.b]}
		}
		b.at = n.at
		made[n] = b.node(k)
	}
	b.at = 0
	return made[root]
}

// gate is a node that passes dy where a is above b, or where it is not.
func (b *Builder) gate(o op, x, y, dy *Node) *Node { return b.node(key{op: o, a: x, b: y, c: dy}) }

package expression

import (
	"fmt"
	"math"
	"strconv"
)

// Compiled is what formulas are computed from: f, and its gradients by z and by each
// parameter, with the kernels fused.
type Compiled struct {
	Value, Gradient *Node
	Partial         []*Node
}

// Compile differentiates f with respect to z and n parameters.
func (b *Builder) Compile(f *Node, n int) Compiled {
	z, params := b.Gradients(f, n)
	c := Compiled{Value: b.fuse(f), Gradient: b.fuse(z)}
	for _, p := range params {
		c.Partial = append(c.Partial, b.fuse(p))
	}
	return c
}

// Program computes an expression at one point in double precision.
type Program struct {
	root  *Node
	steps []step
}

type step struct {
	node    *Node
	a, b, c int // steps
}

// NewProgram makes the program of an expression.
func NewProgram(root *Node) *Program {
	p := &Program{root: root}
	at := map[*Node]int{}
	for _, n := range order(root) {
		at[n] = len(p.steps)
		p.steps = append(p.steps, step{n, at[n.a], at[n.b], at[n.c]})
	}
	return p
}

// At returns the value for z, dy and the parameters. It can be called side by side.
func (p *Program) At(z, dy float64, params []float64) float64 {
	var room [48]float64
	v := room[:]
	if len(p.steps) > len(room) {
		v = make([]float64, len(p.steps))
	}
	return p.run(v, z, dy, params)
}

func (p *Program) run(v []float64, z, dy float64, params []float64) float64 {
	for i, s := range p.steps {
		v[i] = s.apply(v[s.a], v[s.b], v[s.c], z, dy, params)
	}
	return v[len(p.steps)-1]
}

func (s step) apply(a, b, c, z, dy float64, params []float64) float64 {
	switch n := s.node; n.op {
	case constant:
		return n.value()
	case variable:
		return z
	case seed:
		return dy
	case parameter:
		return params[n.index]
	default:
		return apply(n.op, n.fn, a, b, c)
	}
}

func apply(o op, fn *Function, a, b, c float64) float64 {
	switch o {
	case add:
		return a + b
	case sub:
		return a - b
	case mul:
		return a * b
	case div:
		return a / b
	case power:
		return math.Pow(a, b)
	case maximum:
		return max(a, b)
	case minimum:
		return min(a, b)
	case call:
		return fn.F(a)
	case slope:
		return c * fn.D(a)
	case above:
		switch {
		case a > b:
			return c
		case a <= b:
			return 0
		}
		return math.NaN()
	case notAbove:
		switch {
		case a > b:
			return 0
		case a <= b:
			return c
		}
		return math.NaN()
	case powerLog:
		if a == 0 && b > 0 {
			return 0
		}
		return c * math.Pow(a, b) * math.Log(a)
	}
	panic(fmt.Sprintf("expression: no operation %d", o))
}

// Precision is what an element type can represent.
type Precision struct{ Unit, Least, Largest float64 } // unit roundoff, smallest and largest number

// Precisions of the element types.
var (
	Single = Precision{0x1p-24, math.SmallestNonzeroFloat32, math.MaxFloat32}
	Double = Precision{0x1p-53, math.SmallestNonzeroFloat64, math.MaxFloat64}
)

// Error returns a bound of the rounding error of the value if each operation is accurate
// to a few units: the error of each part is followed through the operations that use it.
// It is infinite if a part overflows.
func (p *Program) Error(z, dy float64, params []float64, of Precision) float64 {
	const units = 4 // of an operation
	v, e := make([]float64, len(p.steps)), make([]float64, len(p.steps))
	for i, s := range p.steps {
		v[i] = s.apply(v[s.a], v[s.b], v[s.c], z, dy, params)
		var worst float64
		for corner := range 8 {
			shifted := func(at, bit int) float64 {
				if corner&bit != 0 {
					return v[at] + e[at]
				}
				return v[at] - e[at]
			}
			if s.node.op < add {
				break // exact, but for its rounding
			}
			worst = max(worst, math.Abs(s.apply(shifted(s.a, 1), shifted(s.b, 2), shifted(s.c, 4), z, dy, params)-v[i]))
		}
		e[i] = worst + units*(of.Unit*math.Abs(v[i])+of.Least)
		if !(math.Abs(v[i]) <= of.Largest && e[i] <= of.Largest) {
			return math.Inf(1)
		}
	}
	return e[len(e)-1]
}

// Overflows reports whether the value is lost at z in this precision, as a part overflows,
// though the value itself is of moderate size or no number at all; and which part is the
// first: "exp at column 5".
func (p *Program) Overflows(z, dy float64, params []float64, of Precision) (part string, overflows bool) {
	exact := p.At(z, dy, params)
	v := make([]float64, len(p.steps))
	for i, s := range p.steps {
		v[i] = s.apply(v[s.a], v[s.b], v[s.c], z, dy, params)
		if math.Abs(v[i]) > of.Largest {
			v[i] = math.Copysign(math.Inf(1), v[i])
			if part == "" {
				part = s.node.describe()
			}
		}
	}
	got := v[len(v)-1]
	if part == "" || finite(got) {
		return "", false
	}
	moderate := finite(exact) && math.Abs(exact) < 1e-6*of.Largest
	return part, math.IsNaN(got) || moderate
}

// describe names a part of an expression.
func (n *Node) describe() string {
	what := map[op]string{add: "a sum", sub: "a difference", mul: "a product", div: "a quotient", power: "a power"}[n.op]
	switch {
	case n.op == call || n.op == slope:
		what = n.fn.Name
	case what == "":
		what = "a part"
	}
	if n.at > 0 {
		what += fmt.Sprintf(" at column %d", n.at)
	}
	return what
}

// Trouble says, for a point at which the value is not finite, which part of the
// expression is the reason: "division by zero". at is where it stands in the text, 0
// if it is part of a derivative.
func (p *Program) Trouble(z, dy float64, params []float64) (what string, at int, found bool) {
	v := make([]float64, len(p.steps))
	p.run(v, z, dy, params)
	for i, s := range p.steps {
		if finite(v[i]) {
			continue
		}
		a, b := v[s.a], v[s.b]
		what := "the value is not finite"
		switch n := s.node; {
		case n.op == div && b == 0:
			what = "division by zero"
		case n.op == power && a == 0:
			what = "zero to the power of " + number(b)
		case n.op == power && a < 0:
			what = "a power of a negative number"
		case n.op == call && (a == 0 || n.fn.Name == "log1p" && a == -1):
			what = n.fn.Name + "(" + number(a) + ") is infinite"
		case math.IsNaN(v[i]) && n.op == call:
			what = n.fn.Name + "(" + number(a) + ") is not defined"
		case math.IsInf(v[i], 0):
			what = "overflow"
		}
		return what, s.node.at, true
	}
	return "", 0, false
}

func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

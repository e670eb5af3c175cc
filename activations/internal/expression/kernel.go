package expression

import (
	"math"
	"slices"

	"github.com/gradflow/gradflow/internal/kernels"
)

// blockSize is the number of elements that go through an expression together: few
// enough for all intermediate results to stay in the first cache.
const blockSize = 512

// Kernel computes an expression for many z, in blocks, by vector kernels. What depends
// on no element, such as a product of a layer's parameters, is computed once a call,
// in double precision. A Kernel has memory of its own and is for one goroutine.
type Kernel[F kernels.Float] struct {
	scalars []step    // what depends on no element
	values  []float64 // of the scalars
	params  []float64
	columns []int // the parameters with an element for each column
	steps   []blockStep[F]
	reg     [][]F // see below
	own     [][]F // the registers' memory, where they have any
	out     []F
	sums    []float64
}

// The registers: the result, z, dy, then the parameters of columns, each repeated to
// fill a block, and what is computed on the way.
const (
	registerResult = iota
	registerZ
	registerDy
	registerColumns
)

// operand is a register or, if that is negative, a scalar.
type operand struct{ register, scalar int }

var absent = operand{-1, -1}

func (o operand) isScalar() bool { return o.scalar >= 0 && o.register < 0 }

type blockStep[F kernels.Float] struct {
	do      func(s *blockStep[F], dst, a, b, c []F)
	dst     int
	a, b, c operand
	// What do needs besides: scalar operands and the kernels of a function.
	x, y  F
	value func(dst, x []F)
	grad  func(dst, x, dy []F)
}

// NewKernel makes the kernel of an expression; perColumn tells for each parameter
// whether it has an element for each column of z, instead of one.
func NewKernel[F kernels.Float](root *Node, perColumn []bool) *Kernel[F] {
	k := &Kernel[F]{params: make([]float64, len(perColumn)), out: make([]F, blockSize)}
	c := &compiler[F]{Kernel: k, at: map[*Node]operand{}, last: map[*Node]int{}}
	for range registerColumns {
		c.register(false)
	}
	for j, is := range perColumn {
		if is {
			k.columns = append(k.columns, j)
			c.register(true)
		}
	}
	nodes := order(root)
	for i, n := range nodes {
		for _, part := range []*Node{n.a, n.b, n.c} {
			c.last[part] = i
		}
	}
	for i, n := range nodes {
		c.compile(i, n, n == root)
	}
	if o := c.at[root]; o.register != registerResult {
		c.move(registerResult, o)
	}
	k.values = make([]float64, len(k.scalars))
	return k
}

// compiler lays out the steps and the registers of a kernel.
type compiler[F kernels.Float] struct {
	*Kernel[F]
	at   map[*Node]operand
	last map[*Node]int // the node that uses a node last
	free []int
}

func (c *compiler[F]) register(memory bool) int {
	var m []F
	if memory {
		m = make([]F, blockSize)
	}
	c.reg, c.own = append(c.reg, m), append(c.own, m)
	return len(c.reg) - 1
}

func (c *compiler[F]) temporary() int {
	if n := len(c.free); n > 0 {
		r := c.free[n-1]
		c.free = c.free[:n-1]
		return r
	}
	return c.register(true)
}

// move sets a register to an operand.
func (c *compiler[F]) move(dst int, o operand) {
	c.steps = append(c.steps, blockStep[F]{dst: dst, a: o, b: absent, c: absent, do: func(s *blockStep[F], dst, a, _, _ []F) {
		if !s.a.isScalar() {
			copy(dst, a)
			return
		}
		for i := range dst {
			dst[i] = s.x
		}
	}})
}

func (c *compiler[F]) compile(i int, n *Node, isRoot bool) {
	switch n.op {
	case variable:
		c.at[n] = operand{register: registerZ}
		return
	case seed:
		c.at[n] = operand{register: registerDy}
		return
	case parameter:
		if j := slices.Index(c.columns, n.index); j >= 0 {
			c.at[n] = operand{register: registerColumns + j}
			return
		}
	}
	s := blockStep[F]{}
	isScalar := true
	for _, part := range []struct {
		node *Node
		to   *operand
	}{{n.a, &s.a}, {n.b, &s.b}, {n.c, &s.c}} {
		*part.to = absent
		if part.node != nil {
			*part.to = c.at[part.node]
			isScalar = isScalar && part.to.register < 0
		}
	}
	if isScalar {
		c.at[n] = operand{-1, len(c.scalars)}
		c.scalars = append(c.scalars, step{n, max(s.a.scalar, 0), max(s.b.scalar, 0), max(s.c.scalar, 0)})
		return
	}
	var spent []int // registers that the step is the last to read: it may write there
	for _, part := range []*Node{n.a, n.b, n.c} {
		if r := c.at[part].register; part != nil && c.last[part] == i && r >= registerColumns+len(c.columns) && !slices.Contains(spent, r) {
			spent = append(spent, r)
		}
	}
	if n.op >= call { // these take a scalar as b at most
		for _, o := range []*operand{&s.a, &s.b, &s.c} {
			if o.isScalar() && (o != &s.b || n.op == powerLog) {
				r := c.temporary()
				c.move(r, *o)
				*o = operand{register: r}
				spent = append(spent, r)
			}
		}
	}
	c.free = append(c.free, spent...)
	if s.dst = registerResult; !isRoot {
		s.dst = c.temporary()
	}
	c.at[n] = operand{register: s.dst}
	switch n.op {
	case call, slope:
		s.value, s.grad = functions[F](n.fn)
	}
	s.do = doing[F](n.op, s.a.isScalar(), s.b.isScalar())
	c.steps = append(c.steps, s)
}

// functions returns new kernels of a function.
func functions[F kernels.Float](f *Function) (value func(dst, x []F), grad func(dst, x, dy []F)) {
	k := f.New()
	switch any(F(0)).(type) {
	case float32:
		value, _ = any(k.F32).(func(dst, x []F))
		grad, _ = any(k.Grad32).(func(dst, x, dy []F))
	case float64:
		value, _ = any(k.F64).(func(dst, x []F))
		grad, _ = any(k.Grad64).(func(dst, x, dy []F))
	}
	return value, grad
}

// doing returns what a step of an operation does, where a or b may be scalar.
func doing[F kernels.Float](o op, a, b bool) func(s *blockStep[F], dst, a, b, c []F) {
	switch {
	case o == add && b:
		return func(s *blockStep[F], dst, a, _, _ []F) {
			for i, v := range a {
				dst[i] = v + s.y
			}
		}
	case o == add && a:
		return func(s *blockStep[F], dst, _, b, _ []F) {
			for i, v := range b {
				dst[i] = s.x + v
			}
		}
	case o == add:
		return func(_ *blockStep[F], dst, a, b, _ []F) { kernels.Add(dst, a, b) }
	case o == sub && b:
		return func(s *blockStep[F], dst, a, _, _ []F) {
			for i, v := range a {
				dst[i] = v - s.y
			}
		}
	case o == sub && a:
		return func(s *blockStep[F], dst, _, b, _ []F) {
			for i, v := range b {
				dst[i] = s.x - v
			}
		}
	case o == sub:
		return func(_ *blockStep[F], dst, a, b, _ []F) {
			b = b[:len(a)]
			for i, v := range a {
				dst[i] = v - b[i]
			}
		}
	case o == mul && b:
		return func(s *blockStep[F], dst, a, _, _ []F) { kernels.Scale(dst, a, s.y) }
	case o == mul && a:
		return func(s *blockStep[F], dst, _, b, _ []F) { kernels.Scale(dst, b, s.x) }
	case o == mul:
		return func(_ *blockStep[F], dst, a, b, _ []F) { kernels.Hadamard(dst, a, b) }
	case o == div && b:
		return func(s *blockStep[F], dst, a, _, _ []F) {
			for i, v := range a {
				dst[i] = v / s.y
			}
		}
	case o == div && a:
		return func(s *blockStep[F], dst, _, b, _ []F) {
			for i, v := range b {
				dst[i] = s.x / v
			}
		}
	case o == div:
		return func(_ *blockStep[F], dst, a, b, _ []F) {
			b = b[:len(a)]
			for i, v := range a {
				dst[i] = v / b[i]
			}
		}
	case o == maximum && b: // constants are second
		return func(s *blockStep[F], dst, a, _, _ []F) {
			if s.y == 0 {
				kernels.ReLU(dst, a)
				return
			}
			for i, v := range a {
				if v < s.y {
					v = s.y
				}
				dst[i] = v
			}
		}
	case o == minimum && b:
		return func(s *blockStep[F], dst, a, _, _ []F) {
			if s.y == 0 { // -max(-x, 0), without branches
				kernels.Scale(dst, a, -1)
				kernels.ReLU(dst, dst)
				kernels.Scale(dst, dst, -1)
				return
			}
			for i, v := range a {
				if v > s.y {
					v = s.y
				}
				dst[i] = v
			}
		}
	case o == call:
		return func(s *blockStep[F], dst, a, _, _ []F) { s.value(dst, a) }
	case o == slope:
		return func(s *blockStep[F], dst, a, _, c []F) { s.grad(dst, a, c) }
	case o == above && b:
		return func(s *blockStep[F], dst, a, _, c []F) {
			if s.y == 0 {
				kernels.ReLUGrad(dst, a, c)
				return
			}
			for i, v := range c {
				dst[i] = gate(a[i], s.y, v, 0)
			}
		}
	case o == notAbove && b:
		return func(s *blockStep[F], dst, a, _, c []F) {
			for i, v := range c {
				dst[i] = gate(a[i], s.y, 0, v)
			}
		}
	case o == above:
		return func(_ *blockStep[F], dst, a, b, c []F) {
			for i, v := range c {
				dst[i] = gate(a[i], b[i], v, 0)
			}
		}
	case o == notAbove:
		return func(_ *blockStep[F], dst, a, b, c []F) {
			for i, v := range c {
				dst[i] = gate(a[i], b[i], 0, v)
			}
		}
	}
	// The rest, one by one in double precision.
	return func(s *blockStep[F], dst, a, b, c []F) {
		for i := range dst {
			x, y, z := float64(s.x), float64(s.y), 0.
			if s.a.register >= 0 {
				x = float64(a[i])
			}
			if s.b.register >= 0 {
				y = float64(b[i])
			}
			if s.c.register >= 0 {
				z = float64(c[i])
			}
			dst[i] = F(apply(o, nil, x, y, z))
		}
	}
}

// gate returns yes where a > b, no where a <= b, and NaN where one of them is.
func gate[F kernels.Float](a, b, yes, no F) F {
	switch {
	case a > b:
		return yes
	case a <= b:
		return no
	}
	return a + b // NaN
}

// Run sets dst to the values for z and dy (nil if the expression has no seed), row by
// row of cols columns. Parameter j is params[j][0], or one for each column. dst may be
// z or dy.
func (k *Kernel[F]) Run(dst, z, dy []F, cols int, params [][]F) {
	k.each(len(z), cols, params, func(from, to int) {
		var g []F
		if dy != nil {
			g = dy[from:to]
		}
		k.block(dst[from:to], z[from:to], g)
	})
}

// Sum sets dst, which has one element or cols, to the sums of Run's values, of all or
// of each column. With twice, dy is not multiplied by ∂f/∂p but by its square.
func (k *Kernel[F]) Sum(dst, z, dy []F, cols int, params [][]F, twice bool) {
	if len(k.sums) < len(dst) {
		k.sums = make([]float64, len(dst))
	}
	sums := k.sums[:len(dst)]
	clear(sums)
	k.each(len(z), cols, params, func(from, to int) {
		out := k.out[:to-from]
		k.block(out, z[from:to], dy[from:to])
		if twice {
			k.block(out, z[from:to], out)
		}
		if len(sums) == 1 {
			sums[0] += sum(out)
			return
		}
		for len(out) > 0 {
			column := from % cols
			row := out[:min(len(out), cols-column)]
			for i, v := range row {
				sums[column+i] += float64(v)
			}
			out, from = out[len(row):], from+len(row)
		}
	})
	for j, s := range sums {
		dst[j] = F(s)
	}
}

// sum adds in four parts, which is faster and, in double precision, as good.
func sum[F kernels.Float](x []F) float64 {
	var a, b, c, d float64
	for ; len(x) >= 4; x = x[4:] {
		a += float64(x[0])
		b += float64(x[1])
		c += float64(x[2])
		d += float64(x[3])
	}
	for _, v := range x {
		a += float64(v)
	}
	return (a + b) + (c + d)
}

// each sets the scalars and calls f for each block, with the columns' parameters in
// their registers.
func (k *Kernel[F]) each(n, cols int, params [][]F, f func(from, to int)) {
	for j, p := range params {
		k.params[j] = float64(p[0])
	}
	for i, s := range k.scalars {
		k.values[i] = s.apply(k.values[s.a], k.values[s.b], k.values[s.c], math.NaN(), math.NaN(), k.params)
	}
	for i := range k.steps {
		s := &k.steps[i]
		if s.a.isScalar() {
			s.x = F(k.values[s.a.scalar])
		}
		if s.b.isScalar() {
			s.y = F(k.values[s.b.scalar])
		}
	}
	size := blockSize
	switch {
	case len(k.columns) == 0:
	case cols <= blockSize: // whole rows
		size = blockSize / cols * cols
		for i, j := range k.columns {
			own := k.own[registerColumns+i][:size]
			for at := 0; at < size; at += cols {
				copy(own[at:], params[j])
			}
			k.reg[registerColumns+i] = own
		}
	default: // parts of a row
		for row := 0; row < n; row += cols {
			for c := 0; c < cols; c += blockSize {
				end := min(c+blockSize, cols)
				for i, j := range k.columns {
					k.reg[registerColumns+i] = params[j][c:end]
				}
				f(row+c, row+end)
			}
		}
		return
	}
	for from := 0; from < n; from += size {
		f(from, min(from+size, n))
	}
}

func (k *Kernel[F]) block(dst, z, dy []F) {
	n := len(z)
	k.reg[registerResult], k.reg[registerZ], k.reg[registerDy] = dst, z, dy
	for i := range k.steps {
		s := &k.steps[i]
		var a, b, c []F
		if s.a.register >= 0 {
			a = k.reg[s.a.register][:n]
		}
		if s.b.register >= 0 {
			b = k.reg[s.b.register][:n]
		}
		if s.c.register >= 0 {
			c = k.reg[s.c.register][:n]
		}
		s.do(s, k.reg[s.dst][:n], a, b, c)
	}
}

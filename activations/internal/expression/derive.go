package expression

// Gradients returns dy·∂f/∂z and, for each of n parameters, dy·∂f/∂p. What f does not
// depend on has the constant 0.
func (b *Builder) Gradients(f *Node, n int) (z *Node, params []*Node) {
	b.at = 0
	zero := b.Constant(0)
	of := map[*Node]*Node{f: b.seed()} // dy times the derivative of f by each part
	nodes := order(f)
	give := func(to, share *Node) {
		if to.op == constant {
			return
		}
		if old := of[to]; old != nil {
			share = b.add(old, share)
		}
		of[to] = share
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		part := nodes[i]
		dy := of[part]
		if dy == nil {
			continue
		}
		x, y := part.a, part.b
		switch part.op {
		case add:
			give(x, dy)
			give(y, dy)
		case sub:
			give(x, dy)
			give(y, b.neg(dy))
		case mul:
			give(x, b.mul(dy, y))
			give(y, b.mul(dy, x))
		case div: // of x/y by y: -(x/y)/y, which overflows later than x/y²
			share := b.div(dy, y)
			give(x, share)
			give(y, b.neg(b.mul(share, part)))
		case power:
			give(x, b.mul(dy, b.mul(y, b.pow(x, b.sub(y, b.Constant(1))))))
			if y.op != constant {
				give(y, b.gate(powerLog, x, y, dy))
			}
		case maximum:
			give(x, b.gate(above, x, y, dy))
			give(y, b.gate(notAbove, x, y, dy))
		case minimum:
			give(x, b.gate(notAbove, x, y, dy))
			give(y, b.gate(above, x, y, dy))
		case call:
			if part.fn.derive != nil {
				give(x, part.fn.derive(b, x, dy))
			} else {
				give(x, b.node(key{op: slope, fn: part.fn, a: x, c: dy}))
			}
		}
	}
	get := func(n *Node) *Node {
		if d := of[n]; d != nil {
			return d
		}
		return zero
	}
	z = get(b.Variable())
	for i := range n {
		params = append(params, get(b.Parameter(i)))
	}
	return z, params
}

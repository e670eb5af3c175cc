package vm_test

import (
	"fmt"
	"testing"

	"github.com/gradflow/gradflow/ops"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// graphs build a net and return the nodes wanted of it.
var graphs = []struct {
	name  string
	build func(n *net) G.Nodes
}{
	{"mlp", func(n *net) G.Nodes {
		x, t := n.input("x", 5, 4), n.input("t", 5, 3)
		h := x
		for i, width := range []int{6, 6, 3} {
			w, b := n.input(fmt.Sprint("w", i), h.Shape()[1], width), n.input(fmt.Sprint("b", i), 1, width)
			h = must(G.Tanh(must(G.BroadcastAdd(must(G.Mul(h, w)), b, nil, []byte{0}))))
		}
		return n.gradients(must(G.Mean(must(G.Square(must(G.Sub(h, t)))))), x, t)
	}},
	{"batch of one", func(n *net) G.Nodes {
		x, w := n.input("x", 1, 4), n.input("w", 4, 3)
		b := n.input("b", 1, 3)
		return n.gradients(loss(must(G.Add(must(G.Mul(x, w)), b))))
	}},
	{"vector bias", func(n *net) G.Nodes {
		x, b := n.input("x", 5, 4), n.input("b", 4)
		return n.gradients(loss(must(G.BroadcastAdd(x, b, nil, []byte{0}))))
	}},
	{"sums", func(n *net) G.Nodes {
		x := n.input("x", 5, 4)
		a, b := must(G.Sum(x, 0)), must(G.Sum(x, 1))
		c := must(G.Sum(must(G.Tanh(x))))
		return append(n.gradients(must(G.Add(must(G.Add(loss(a), loss(b))), c))), a, b, c)
	}},
	{"means and maxima", func(n *net) G.Nodes {
		x := n.input("x", 5, 4)
		a, b, c := must(G.Mean(x, 0)), must(G.Mean(x)), must(G.Max(x, 1))
		return append(n.gradients(must(G.Add(loss(a), b))), a, b, c)
	}},
	{"sum to one element", func(n *net) G.Nodes {
		x := n.input("x", 1, 3)
		return G.Nodes{must(G.Sum(x, 1)), must(G.Sum(x, 0))}
	}},
	{"slices", func(n *net) G.Nodes {
		x := n.input("x", 5, 4)
		a, b, c := must(G.Slice(x, G.S(1, 3))), must(G.Slice(x, nil, G.S(1, 4))), must(G.Slice(x, G.S(2)))
		l := must(G.Add(must(G.Add(loss(a), loss(b))), loss(c)))
		return append(n.gradients(l), a, b, c)
	}},
	{"slice to a scalar", func(n *net) G.Nodes {
		x := n.input("x", 5)
		return G.Nodes{must(G.Slice(x, G.S(3)))}
	}},
	{"reshape", func(n *net) G.Nodes {
		x, w := n.input("x", 6, 4), n.input("w", 8, 2)
		y := must(G.Reshape(x, tensor.Shape{3, 8}))
		return append(n.gradients(loss(must(G.Mul(y, w)))), y)
	}},
	{"transpose", func(n *net) G.Nodes {
		x, w := n.input("x", 5, 4), n.input("w", 5, 3)
		xt := must(G.Transpose(x))
		return append(n.gradients(loss(must(G.Mul(xt, w)))), xt)
	}},
	{"transpose of three dimensions", func(n *net) G.Nodes {
		x := n.input("x", 2, 3, 4)
		return n.gradients(loss(must(G.Tanh(must(G.Transpose(x, 2, 0, 1))))))
	}},
	{"concat", func(n *net) G.Nodes {
		x, y := n.input("x", 2, 3), n.input("y", 2, 3)
		rows, columns := must(G.Concat(0, x, y)), must(G.Concat(1, x, y))
		return append(n.gradients(must(G.Add(loss(rows), loss(must(G.Tanh(columns)))))), rows, columns)
	}},
	{"scalars", func(n *net) G.Nodes {
		a, b := n.input("a"), n.input("b")
		return n.gradients(must(G.Add(must(G.Mul(must(G.Tanh(a)), b)), must(G.Exp(must(G.Neg(b)))))))
	}},
	{"learnable scalars", func(n *net) G.Nodes {
		x, a, b := n.input("x", 5, 4), n.input("a"), n.input("b")
		y := must(G.Add(must(G.Mul(a, must(G.Tanh(x)))), b))
		return append(n.gradients(loss(y)), y)
	}},
	{"softmax", func(n *net) G.Nodes {
		x, t := n.input("x", 5, 4), n.input("t", 5, 4)
		y := must(G.SoftMax(x))
		return append(n.gradients(must(G.Sum(must(G.HadamardProd(y, t)))), t), y)
	}},
	{"log-softmax", func(n *net) G.Nodes {
		return G.Nodes{must(G.SoftMax(n.input("x", 7))), must(G.LogSoftMax(n.input("y", 5, 4)))}
	}},
	{"element-wise", func(n *net) G.Nodes {
		x, y := n.input("x", 5, 4), n.input("y", 5, 4)
		positive := must(G.Add(must(G.Square(x)), G.NewConstant(one(n.dtype))))
		z := must(G.HadamardDiv(must(G.Sigmoid(y)), must(G.Sqrt(positive))))
		z = must(G.Sub(z, must(G.Log(positive))))
		z = must(G.Add(z, must(G.Cube(must(G.Softplus(y))))))
		return append(n.gradients(loss(z)), z, must(G.Gt(x, y, true)))
	}},
	{"vectors", func(n *net) G.Nodes {
		x, y, w := n.input("x", 4), n.input("y", 8), n.input("w", 8, 4)
		y = must(G.Add(must(G.Mul(w, x)), y))
		return append(n.gradients(loss(y)), must(G.Mul(y, y)), must(G.OuterProd(x, y)))
	}},
	{"three dimensions", func(n *net) G.Nodes {
		x, y := n.input("x", 2, 3, 4), n.input("y", 2, 4, 5)
		z := must(G.BatchedMatMul(x, y))
		return append(n.gradients(loss(z)), z)
	}},
	{"convolution", func(n *net) G.Nodes {
		x, w := n.input("x", 2, 1, 6, 6), n.input("w", 3, 1, 3, 3)
		y := must(G.Conv2d(x, w, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
		y = must(G.MaxPool2D(must(G.Rectify(y)), tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
		return n.gradients(loss(y))
	}},
	{"batch normalisation", func(n *net) G.Nodes {
		x, scale, bias := n.input("x", 6, 4), n.input("scale", 6, 4), n.input("bias", 6, 4)
		y, _, _, _, err := G.BatchNorm(x, scale, bias, 0.9, 1e-5)
		return n.gradients(loss(must(y, err)))
	}},
	{"shared parameters", func(n *net) G.Nodes {
		x, w, b := n.input("x", 5, 4), n.input("w", 4, 4), n.input("b", 1, 4)
		h := x
		for range 4 {
			h = must(G.Tanh(must(G.BroadcastAdd(must(G.Mul(h, w)), b, nil, []byte{0}))))
		}
		return n.gradients(loss(h))
	}},
	{"own operations", func(n *net) G.Nodes {
		x, t := n.input("x", 5, 4), n.input("t", 5, 4)
		return n.gradients(must(ops.CrossEntropy(n.layers(x, 3), t)), t)
	}},
	{"own operations, shared parameters", func(n *net) G.Nodes {
		x, w, b, t := n.input("x", 5, 4), n.input("w", 4, 4), n.input("b", 4), n.input("t", 5, 4)
		h := x
		for range 4 {
			h = must(ops.Pointwise(tanh, must(ops.Affine(must(ops.MatMul(h, w, false, true)), w, b))))
		}
		return n.gradients(must(ops.MeanSquaredError(h, t)))
	}},
	{"own and stock operations", func(n *net) G.Nodes {
		x, w, b, a := n.input("x", 5, 4), n.input("w", 4, 3), n.input("b", 3), n.input("a")
		y := must(ops.Affine(x, w, b))
		y = must(G.HadamardProd(must(G.Sigmoid(y)), must(ops.Pointwise(tanh, must(G.Mul(a, y))))))
		y = must(ops.MatMul(must(G.Transpose(y)), must(G.Concat(1, y, y)), false, false))
		return append(n.gradients(loss(y)), y)
	}},
	{"own operation on a scalar", func(n *net) G.Nodes {
		return n.gradients(must(G.Square(must(ops.Pointwise(tanh, n.input("a"))))))
	}},
}

func one(dtype tensor.Dtype) any {
	if dtype == tensor.Float32 {
		return float32(1)
	}
	return float64(1)
}

// TestTapeMachine compares runs, the later ones with other inputs, with those of
// Gorgonia's TapeMachine on a graph built in the same way: every bit is the same.
func TestTapeMachine(t *testing.T) {
	for _, c := range graphs {
		for _, dtype := range dtypes {
			t.Run(fmt.Sprintf("%s/%v", c.name, dtype), func(t *testing.T) {
				theirs, ours := newNet(dtype), newNet(dtype)
				// Node.Value is not to be trusted after a TapeMachine's run.
				read := make([]G.Value, len(c.build(newNet(dtype))))
				for i, n := range c.build(theirs) {
					G.Read(n, &read[i])
				}
				tape := G.NewTapeMachine(theirs.g)
				defer tape.Close()
				wanted := c.build(ours)
				m := compile(t, ours.g, wanted...)
				for r := range 4 { // the last with unchanged inputs
					theirs.change(r)
					ours.change(r)
					tape.Reset()
					if err := tape.RunAll(); err != nil {
						t.Fatal("TapeMachine:", err)
					}
					run(t, m)
					for i, n := range wanted {
						same(t, fmt.Sprintf("run %d, wanted node %d, %v", r, i, n), floats(n.Value()), floats(read[i]))
						if !n.Value().Shape().Eq(n.Shape()) {
							t.Errorf("value of shape %v for a node of shape %v", n.Value().Shape(), n.Shape())
						}
					}
				}
			})
		}
	}
}

// TestInputsUntouched has no graph change its inputs.
func TestInputsUntouched(t *testing.T) {
	for _, c := range graphs {
		t.Run(c.name, func(t *testing.T) {
			n := newNet(tensor.Float64)
			m := compile(t, n.g, c.build(n)...)
			var before [][]float64
			for _, in := range n.inputs {
				before = append(before, floats(in.Value()))
			}
			run(t, m)
			run(t, m)
			for i, in := range n.inputs {
				same(t, "input "+in.Name(), floats(in.Value()), before[i])
				if !in.Value().Shape().Eq(in.Shape()) {
					t.Errorf("input %s is now of shape %v", in.Name(), in.Value().Shape())
				}
			}
		})
	}
}

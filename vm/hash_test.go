package vm_test

import (
	"fmt"
	"hash/fnv"
	"testing"

	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// collide returns two names for inputs of a shape by which Gorgonia gives them one
// hash. Among 2^17 names two such pairs are to be expected.
func collide(t *testing.T, dtype tensor.Dtype, shape ...int) (a, b string) {
	t.Helper()
	kind := G.NewTensor(G.NewGraph(), dtype, len(shape), G.WithShape(shape...), G.WithName("x"))
	seen := map[uint32]string{}
	for i := range 1 << 20 {
		name := fmt.Sprint("x", i)
		h := fnv.New32a() // as gorgonia.Node.WriteHash does for an input
		fmt.Fprintf(h, "%v%v%s\x00", kind.Type(), kind.Shape(), name)
		if other, ok := seen[h.Sum32()]; ok {
			return other, name
		}
		seen[h.Sum32()] = name
	}
	t.Fatal("no collision among a million names")
	return "", ""
}

// TestHashCollision has two inputs with one hash.
func TestHashCollision(t *testing.T) {
	first, second := collide(t, tensor.Float64, 2, 3)
	build := func() (n *net, x, y *G.Node) {
		n = newNet(tensor.Float64)
		x, y = n.input(first, 2, 3), n.input(second, 2, 3)
		if x == y || x.Hashcode() != y.Hashcode() {
			t.Fatalf("inputs %q and %q have the hashes %08x and %08x: Gorgonia computes them in another way now", first, second, x.Hashcode(), y.Hashcode())
		}
		return n, x, y
	}
	t.Run("Gorgonia merges", func(t *testing.T) {
		_, x, y := build()
		if must(G.Tanh(x)) != must(G.Tanh(y)) {
			t.Fatal("Gorgonia no longer takes one node for the other: the checks can go")
		}
	})
	t.Run("Apply", func(t *testing.T) {
		_, x, y := build()
		op := must(G.Tanh(x)).Op()
		if n, err := vm.Apply(op, y); !errors.Is(err, vm.ErrHashCollision) {
			t.Errorf("node %v, error %v", n, err)
		} else {
			wantError(t, err, first, second, "rename an input")
		}
	})
	t.Run("Compile", func(t *testing.T) {
		n, x, y := build()
		sum := must(G.Add(must(G.Tanh(x)), must(G.Tanh(y)))) // 2 tanh x, in truth
		if _, err := vm.Compile(n.g, sum); !errors.Is(err, vm.ErrHashCollision) {
			t.Errorf("error %v", err)
		} else {
			wantError(t, err, first, second, "vm: ", "rename an input")
		}
		// One of them alone would compute tanh x for tanh y just the same.
		if _, err := vm.Compile(n.g, must(G.Tanh(y))); !errors.Is(err, vm.ErrHashCollision) {
			t.Errorf("error %v", err)
		}
		// What does not need them is not concerned.
		z := n.input("z", 2, 3)
		run(t, compile(t, n.g, must(G.Neg(z))))
	})
	t.Run("own operations", func(t *testing.T) {
		n, x, y := build()
		a, b := must(ops.Pointwise(tanh, x)), must(ops.Pointwise(tanh, y))
		w := n.input("w", 3, 3)
		c, d := must(ops.MatMul(x, w, false, false)), must(ops.MatMul(y, w, false, false))
		e := must(ops.MeanSquaredError(x, y))
		grads, err := G.Grad(e, x, y)
		if err != nil {
			t.Fatal(err)
		}
		if a == b || c == d {
			t.Fatal("merged")
		}
		run(t, compile(t, n.g, append(grads, a, b, c, d, e)...))

		// The same with other names.
		n = newNet(tensor.Float64)
		x, y = n.input("x", 2, 3), n.input("y", 2, 3)
		a2, b2 := must(ops.Pointwise(tanh, x)), must(ops.Pointwise(tanh, y))
		w = n.input("w", 3, 3)
		c2, d2 := must(ops.MatMul(x, w, false, false)), must(ops.MatMul(y, w, false, false))
		e2 := must(ops.MeanSquaredError(x, y))
		grads2, err := G.Grad(e2, x, y)
		if err != nil {
			t.Fatal(err)
		}
		run(t, compile(t, n.g, append(grads2, a2, b2, c2, d2, e2)...))
		for i, pair := range [][2]*G.Node{{a, a2}, {b, b2}, {c, c2}, {d, d2}, {e, e2}, {grads[0], grads2[0]}, {grads[1], grads2[1]}} {
			same(t, fmt.Sprint("result ", i), floats(pair[0].Value()), floats(pair[1].Value()))
		}
	})
}

// TestSalts has the salts of a graph differ, and follow from how it is built.
func TestSalts(t *testing.T) {
	salts := func(remove bool) (list []uint32) {
		n := newNet(tensor.Float64)
		h := n.input("x", 2, 2)
		var spare G.Nodes
		for i := range 50 {
			h = must(ops.Pointwise(tanh, h))
			list = append(list, h.Op().Hashcode())
			spare = append(spare, n.input(fmt.Sprint("spare", i), 2, 2))
			if remove && i%10 == 9 {
				n.g.RemoveNode(spare[i-3]) // so that there are no more nodes than there were
			}
		}
		return list
	}
	for _, remove := range []bool{false, true} {
		a, b := salts(remove), salts(remove)
		seen := map[uint32]bool{}
		for i := range a {
			if a[i] != b[i] || seen[a[i]] {
				t.Errorf("operation %d has the salt %d, in a graph built alike %d", i, a[i], b[i])
			}
			seen[a[i]] = true
		}
	}
}

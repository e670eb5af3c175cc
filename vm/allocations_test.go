//go:build !race

// The race detector makes pools forget at random what they hold.

package vm_test

import (
	"testing"

	"github.com/gradflow/gradflow/ops"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestAllocations has runs of own operations allocate nothing.
func TestAllocations(t *testing.T) {
	for _, dtype := range dtypes {
		n := newNet(dtype)
		x, target := n.input("x", 8, 6), n.input("t", 8, 6)
		wanted := n.gradients(must(ops.CrossEntropy(n.layers(x, 5), target)), x, target)
		m := compile(t, n.g, wanted...)
		observed := 0
		for _, k := range n.g.AllNodes() {
			m.Observe(k, func(G.Value) { observed++ })
		}
		for name, f := range map[string]func() error{"RunAll": m.RunAll, "RunObserved": m.RunObserved} {
			if a := testing.AllocsPerRun(10, func() {
				if err := f(); err != nil {
					t.Fatal(err)
				}
			}); a != 0 {
				t.Errorf("%v: %s allocates %v times", dtype, name, a)
			}
		}
		if observed == 0 {
			t.Error("nothing observed")
		}
	}
}

// TestLetAllocations has a run after another batch has been bound bind what reads it, and
// nothing else.
func TestLetAllocations(t *testing.T) {
	n := newNet(tensor.Float32)
	x, target := n.input("x", 32, 64), n.input("t", 32, 64)
	wanted := n.gradients(must(ops.MeanSquaredError(n.layers(x, 50), target)), x, target)
	m := compile(t, n.g, wanted...)
	batches := []G.Value{x.Value(), values(tensor.Float32, 2, 32, 64)}
	run(t, m)
	next := 0
	if a := testing.AllocsPerRun(10, func() {
		next = 1 - next
		if err := G.Let(x, batches[next]); err != nil {
			t.Fatal(err)
		}
		run(t, m)
	}); a > 20 {
		t.Errorf("%v allocations", a)
	}
}

// TestWholeGraphAllocations has runs of a whole graph, with gradients apart, allocate
// nothing either.
func TestWholeGraphAllocations(t *testing.T) {
	for _, dtype := range dtypes {
		n := newNet(dtype)
		x, target := n.input("x", 8, 6), n.input("t", 8, 6)
		n.gradients(must(ops.CrossEntropy(n.layers(x, 5), target)), x, target)
		var read G.Value
		G.Read(n.inputs[2].Deriv(), &read)
		m := compile(t, n.g)
		if err := m.Accumulate(n.inputs[2:]...); err != nil {
			t.Fatal(err)
		}
		// An input that each run puts in order.
		columns, err := values(dtype, 3, 8, 12).Slice(nil, G.S(3, 9))
		if err != nil {
			t.Fatal(err)
		}
		if err := G.Let(x, columns); err != nil {
			t.Fatal(err)
		}
		if a := testing.AllocsPerRun(10, func() { run(t, m) }); a != 0 {
			t.Errorf("%v: %v allocations", dtype, a)
		}
	}
}

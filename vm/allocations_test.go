//go:build !race

// The race detector makes pools forget at random what they hold.

package vm_test

import (
	"testing"

	"github.com/gradflow/gradflow/internal/ops"
	G "gorgonia.org/gorgonia"
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

package vm

import (
	"fmt"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestNumber has nodes found without a scan, by their right numbers.
func TestNumber(t *testing.T) {
	if byID == 0 {
		t.Fatal("Gorgonia's map of nodes is not where it was: building graphs is quadratic")
	}
	g := G.NewGraph()
	var nodes []*G.Node
	for i := range 5 {
		nodes = append(nodes, G.NewMatrix(g, tensor.Float64, G.WithShape(2, 2), G.WithName(fmt.Sprint("x", i))))
	}
	// A graph of its own of the same operation, to get it from.
	h := G.NewGraph()
	other, err := G.Tanh(G.NewMatrix(h, tensor.Float64, G.WithShape(2, 2), G.WithName("x")))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		number(g, nodes)
		next := len(g.AllNodes())
		places := places(g)
		if p, ok := places[int64(next)]; !ok || p != next {
			t.Fatalf("the next node, %d, is entered as %d, %v", next, p, ok)
		}
		for _, n := range nodes {
			if g.AllNodes()[places[n.ID()]] != n {
				t.Fatalf("%v is entered at %d", n, places[n.ID()])
			}
		}
		if g.Node(int64(next)) != (*G.Node)(nil) {
			t.Fatalf("node %d is found before it is made", next)
		}
		n, err := Apply(other.Op(), nodes[i])
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Apply(other.Op(), nodes[i]); err != nil || again != n {
			t.Fatalf("the same operation again is %v, %v", again, err)
		}
		nodes = append(nodes, n)
	}
	for _, n := range g.AllNodes() {
		if g.Node(n.ID()) != n {
			t.Errorf("number %d finds %v, not %v", n.ID(), g.Node(n.ID()), n)
		}
	}

	// Where nodes have been removed, numbers are no places.
	g.RemoveNode(nodes[0])
	size := len(places(g))
	number(g, nodes[5:])
	if now := len(places(g)); now != size {
		t.Errorf("%d entries became %d after a removal", size, now)
	}
}

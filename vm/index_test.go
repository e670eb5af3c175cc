package vm

import (
	"fmt"
	"reflect"
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

// TestOffsetOf finds the map by what it does, and nothing in its place.
func TestOffsetOf(t *testing.T) {
	if offsetOf("byID") == 0 {
		t.Error("byID is not taken for the map from numbers to places")
	}
	for _, other := range []string{"name", "all", "byHash", "to", "counter", "none"} {
		if at := offsetOf(other); at != 0 {
			t.Errorf("%s, at %d, is taken for the map from numbers to places", other, at)
		}
	}
	// A map of the right type behind a graph, which does not use it.
	defer func(f func() *G.ExprGraph) { newGraph = f }(newGraph)
	for name, m := range map[string]map[int64]int{"nil": nil, "empty": {}, "right by chance": {0: 0, 1: 1, 2: 2}} {
		newGraph = func() *G.ExprGraph {
			g := &struct {
				G.ExprGraph
				byID map[int64]int
			}{*G.NewGraph(), m}
			return &g.ExprGraph
		}
		offset := reflect.TypeFor[G.ExprGraph]().Size()
		if finds(offset) {
			t.Errorf("%s: a map that the graph does not use is taken for its own", name)
		}
	}
}

// TestWithoutNumber builds the same graph where Gorgonia's map is not known.
func TestWithoutNumber(t *testing.T) {
	build := func() *G.ExprGraph {
		g := G.NewGraph()
		x := G.NewMatrix(g, tensor.Float64, G.WithShape(2, 2), G.WithName("x"), G.WithInit(G.Ones()))
		h := G.NewGraph()
		tanh, err := G.Tanh(G.NewMatrix(h, tensor.Float64, G.WithShape(2, 2), G.WithName("x")))
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			if x, err = Apply(tanh.Op(), x); err != nil {
				t.Fatal(err)
			}
		}
		m, err := Compile(g)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		return g
	}
	with := build()
	defer func(at uintptr) { byID = at }(byID)
	byID = 0
	without := build()
	a, b := with.AllNodes(), without.AllNodes()
	if len(a) != len(b) {
		t.Fatalf("%d nodes with the map, %d without", len(a), len(b))
	}
	for i := range a {
		if a[i].ID() != b[i].ID() || a[i].Hashcode() != b[i].Hashcode() || !G.ValueEq(a[i].Value(), b[i].Value()) {
			t.Errorf("node %d is %v with the map, %v without", i, a[i], b[i])
		}
	}
}

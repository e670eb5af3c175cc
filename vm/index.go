package vm

import (
	"reflect"
	"unsafe"

	G "gorgonia.org/gorgonia"
)

// Gorgonia's graphs find a node by its number in a map, byID, but enter it there only after the
// first look-up, which scans all nodes. Each node is looked up as it is added, so building takes
// time quadratic in the number of nodes: seconds from 100 000 on. The map is not exported. If it
// is what it is in the version that go.mod pins, [number] enters nodes beforehand, and building
// takes linear time. If it is not, by its type or by what it does (see [finds]), building is
// slow, but correct. (Removing nodes from a graph spoils the numbers in the map, here as in
// Gorgonia: [Compile] refuses that.)
var byID = offsetOf("byID")

// offsetOf returns the offset in a graph of the field that maps numbers to nodes; 0, the offset
// of another field, if the field of that name does not.
func offsetOf(field string) uintptr {
	f, ok := reflect.TypeFor[G.ExprGraph]().FieldByName(field)
	if !ok || f.Type != reflect.TypeFor[map[int64]int]() || !finds(f.Offset) {
		return 0
	}
	return f.Offset
}

// newGraph makes the graph for the trial.
var newGraph = func() *G.ExprGraph { return G.NewGraph() }

// finds reports whether a graph finds nodes by the map at the given offset: it finds what is
// entered there, enters what it finds, and ignores an entry beyond the last node.
func finds(offset uintptr) (ok bool) {
	defer func() { // in a graph that is made differently
		if recover() != nil {
			ok = false
		}
	}()
	g := newGraph()
	var nodes []*G.Node
	for _, name := range []string{"a", "b", "c"} {
		nodes = append(nodes, G.NewScalar(g, G.Float64, G.WithName(name)))
	}
	m := placesAt(g, offset)
	if m == nil {
		return false
	}
	for i, n := range nodes {
		if g.Node(n.ID()) != n || m[n.ID()] != i { // looked up, and entered
			return false
		}
	}
	// What is entered is believed.
	first, last := nodes[0], nodes[2]
	m[first.ID()] = 2
	if g.Node(first.ID()) != last {
		return false
	}
	m[first.ID()] = 0
	m[3] = 3
	return g.Node(first.ID()) == first && g.Node(3) == (*G.Node)(nil)
}

// number enters the nodes, and the one that will be added next, into the graph's map. A
// node's number is its place among all nodes as long as none has been removed; no
// other is entered.
func number(g *G.ExprGraph, nodes []*G.Node) {
	if byID == 0 {
		return
	}
	places, all := places(g), g.AllNodes()
	for _, n := range nodes {
		if id := n.ID(); id < int64(len(all)) && all[id] == n {
			places[id] = int(id)
		}
	}
	// Gorgonia ignores an entry beyond the last node.
	if next := len(all); next > 0 && all[next-1].ID() == int64(next-1) {
		places[int64(next)] = next
	}
}

// places returns the graph's map from numbers to places.
func places(g *G.ExprGraph) map[int64]int { return placesAt(g, byID) }

func placesAt(g *G.ExprGraph, offset uintptr) map[int64]int {
	return *(*map[int64]int)(unsafe.Add(unsafe.Pointer(g), offset))
}

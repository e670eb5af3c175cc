package vm

import (
	"reflect"
	"unsafe"

	G "gorgonia.org/gorgonia"
)

// A graph of Gorgonia's finds a node by its number in a map, byID, but enters a node
// there only once it has been looked up, by a scan of all nodes. Each node is looked up
// as it is added, so that building takes time quadratic in the number of nodes: seconds
// from 100 000 on. The map is not exported. Where it is what it is in the version that
// go.mod pins, [number] enters nodes before that, and building takes linear time. Where it
// is not, by its type or by what it does (see [finds]), building is slow and nothing else.
// (Nodes removed from a graph spoil the numbers that it has looked up, here as in
// Gorgonia: [Compile] refuses that.)
var byID = offsetOf("byID")

// offsetOf returns the place in a graph of the map from numbers to nodes, a field of the
// given name; 0, which is the place of another field, if it is not that map.
func offsetOf(field string) uintptr {
	f, ok := reflect.TypeFor[G.ExprGraph]().FieldByName(field)
	if !ok || f.Type != reflect.TypeFor[map[int64]int]() || !finds(f.Offset) {
		return 0
	}
	return f.Offset
}

// newGraph makes the graph that is tried.
var newGraph = func() *G.ExprGraph { return G.NewGraph() }

// finds reports whether nodes are found under their numbers because these are in the map at
// the given place: a graph finds what is entered there, enters there what it finds, and
// takes an entry beyond the last node for none.
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
	// Gorgonia takes an entry beyond the last node for none.
	if next := len(all); next > 0 && all[next-1].ID() == int64(next-1) {
		places[int64(next)] = next
	}
}

// places returns the graph's map from numbers to places.
func places(g *G.ExprGraph) map[int64]int { return placesAt(g, byID) }

func placesAt(g *G.ExprGraph, offset uintptr) map[int64]int {
	return *(*map[int64]int)(unsafe.Add(unsafe.Pointer(g), offset))
}

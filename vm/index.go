package vm

import (
	"reflect"
	"unsafe"

	G "gorgonia.org/gorgonia"
)

// A graph of Gorgonia's finds a node by its number in a map, byID, but enters a node
// there only once it has been looked up, by a scan of all nodes. Each node is looked up
// as it is added, so that building takes time quadratic in the number of nodes: seconds
// from 100 000 on. The map is not exported; where it is what it is in the version that
// go.mod pins, [number] enters nodes before that, and building takes linear time.
// Where it is not, building is slow and nothing else. (Nodes removed from a graph spoil
// the numbers that it has looked up, here as in Gorgonia: [Compile] refuses that.)
var byID = func() (offset uintptr) {
	f, ok := reflect.TypeFor[G.ExprGraph]().FieldByName("byID")
	if !ok || f.Type != reflect.TypeFor[map[int64]int]() {
		return 0 // the place of another field
	}
	return f.Offset
}()

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
func places(g *G.ExprGraph) map[int64]int {
	return *(*map[int64]int)(unsafe.Add(unsafe.Pointer(g), byID))
}

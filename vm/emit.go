package vm

import (
	"reflect"
	"slices"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Compile prepares a machine that computes the wanted nodes and only what they need. They are
// bound to their values, here and by each run: if several machines compute one node, it is bound
// to the value of the last one compiled or run.
//
// Without nodes, it computes the whole graph and binds every node, as a TapeMachine does, and no
// two results share memory. Name the nodes that you read where memory counts.
//
// Statements made by gorgonia.Read may be among the nodes. Compile returns an error for a node
// of another graph, for statements of gorgonia.Set, for elements that are not float32, float64,
// int, int32, int64, uint8 or bool, and [ErrHashCollision]. The time it takes is linear in the
// number of nodes.
func Compile(g *G.ExprGraph, wanted ...*G.Node) (*Machine, error) {
	m, err := compile(g, nil, wanted, nil)
	return m, errors.Wrap(err, "vm")
}

// compile makes a machine, in the memory of another one if of is not nil.
func compile(g *G.ExprGraph, updates []Update, wanted []*G.Node, of *Machine) (*Machine, error) {
	s, err := newSchedule(g, updates, wanted)
	if err != nil {
		return nil, err
	}
	mem, err := place(s, of)
	if err != nil {
		return nil, err
	}
	m := emit(s, mem)
	return m, m.publish()
}

// emit makes the steps of a machine.
func emit(s *schedule, mem *memory) *Machine {
	m := &Machine{
		graph:  s.graph,
		stepOf: make(map[*G.Node]int, len(s.order)), apartOf: map[*G.Node]int{},
		training: true, unbound: true,
		made: mem.made, bytes: mem.bytes,
	}
	inputs := make(map[*G.Node]int)
	for i, n := range s.order {
		if n.Op() == nil {
			inputs[n] = len(m.inputs)
			m.inputs = append(m.inputs, input{node: n, shape: n.Shape(), dtype: n.Dtype(), changer: -1})
			continue
		}
		kids := s.kids[n]
		if constant(n) && len(kids) == 0 {
			continue
		}
		st := step{node: n, op: n.Op(), do: preallocDoer(n.Op()), out: mem.values[n], in: make([]G.Value, len(kids)), unbound: true}
		for k, c := range kids {
			if j, ok := inputs[c]; ok {
				m.inputs[j].readers = append(m.inputs[j].readers, reader{len(m.steps), k})
			} else {
				st.in[k] = mem.values[c]
			}
		}
		for _, u := range s.pending.due[i] {
			st.changes = append(st.changes, change{Update: u, derivative: mem.values[u.Of.Deriv()]})
			m.inputs[inputs[u.Of]].changer = len(m.steps)
		}
		if op, ok := st.op.(G.TrainModeOp); ok {
			m.modal = append(m.modal, op)
		}
		m.stepOf[n] = len(m.steps)
		m.steps = append(m.steps, st)
		m.own.add(st.out)
	}
	for _, n := range s.wanted {
		if v, ok := mem.values[n]; ok {
			m.wanted = append(m.wanted, binding{n, v})
		}
	}
	at := func(n *G.Node) source {
		if i, ok := inputs[n]; ok {
			return source{input: i}
		}
		return source{value: mem.values[n]}
	}
	for _, n := range s.reads {
		into, _ := destination(n) // checked by the schedule
		m.reads = append(m.reads, reading{into, at(s.kidOf(n))})
	}
	m.handOut(s, at)
	m.own.sort()
	return m
}

// kidOf returns the node that a statement reads.
func (s *schedule) kidOf(n *G.Node) *G.Node {
	kids, _ := children(n) // checked by the schedule
	return kids[0]
}

// preallocDoer returns op as a PreallocDoer if its UsePreallocDo is reliable. Those of most
// stock operations are not: the gradient of a slice adds to what the memory held, batch
// normalisation reads it, dropout panics.
func preallocDoer(op G.Op) G.UsePreallocDoer {
	t := reflect.TypeOf(op)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if strings.HasPrefix(t.PkgPath(), "gorgonia.org/gorgonia") && !slices.Contains(reliable, t.Name()) {
		return nil
	}
	do, _ := op.(G.UsePreallocDoer)
	return do
}

// reliable are the stock operations whose UsePreallocDo computes what Do computes,
// whatever the memory held: element-wise arithmetic, matrix products, broadcasting.
var reliable = []string{"elemBinOp", "linAlgBinOp", "repeatOp"}

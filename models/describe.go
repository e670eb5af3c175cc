package models

import (
	"fmt"
	"html"
	"io"
	"strings"
	"text/tabwriter"

	G "gorgonia.org/gorgonia"
)

// Description is what there is to say of a network before it runs.
type Description struct {
	Layers     []LayerDescription     `json:"layers"`
	Parameters []ParameterDescription `json:"parameters"`
	Count      int                    `json:"count"`      // elements of all parameters
	Operations []Operation            `json:"operations"` // from the input to the output
}

// LayerDescription is a layer as [Network.Layers] has it.
type LayerDescription struct {
	Name     string `json:"name"`
	Shape    []int  `json:"shape"` // of the pre-activation
	Function string `json:"function,omitempty"`
	Weight   string `json:"weight"` // its name: time steps share one
}

// ParameterDescription is a parameter.
type ParameterDescription struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

// Operation is a node of the graph, or several that are not drawn one by one.
type Operation struct {
	Label  string `json:"label"`
	Shape  []int  `json:"shape,omitempty"`
	Inputs []int  `json:"inputs,omitempty"` // the indices of its inputs, all before it
	Folded int    `json:"folded,omitempty"` // the number of nodes that it stands for, if not itself
}

// Describe returns the description of a network: of its pass forward, with all
// operations.
func (n *Network) Describe() Description {
	d := Description{Count: n.Parameters.Count()}
	for _, l := range n.Layers {
		d.Layers = append(d.Layers, LayerDescription{l.Name, l.PreActivation.Shape(), l.Function, l.Weight.Name()})
	}
	for _, name := range n.Parameters.Names() {
		d.Parameters = append(d.Parameters, ParameterDescription{name, n.Parameters.Tensor(name).Shape()})
	}
	type frame struct {
		node *G.Node
		in   G.Nodes
		next int
	}
	number := map[*G.Node]int{}
	seen := map[*G.Node]bool{n.Output: true}
	open := func(node *G.Node) frame {
		f := frame{node: node}
		if node.Op() != nil {
			for it := n.Graph.From(node.ID()); it.Next(); {
				f.in = append(f.in, it.Node().(*G.Node))
			}
		}
		return f
	}
	for stack := []frame{open(n.Output)}; len(stack) > 0; {
		top := &stack[len(stack)-1]
		if top.next < len(top.in) {
			in := top.in[top.next]
			top.next++
			if !seen[in] {
				seen[in] = true
				stack = append(stack, open(in))
			}
			continue
		}
		o := Operation{Label: top.node.Name(), Shape: top.node.Shape()}
		if top.node.Op() != nil {
			o.Label = fmt.Sprint(top.node.Op())
		}
		for _, in := range top.in {
			o.Inputs = append(o.Inputs, number[in])
		}
		number[top.node] = len(d.Operations)
		d.Operations = append(d.Operations, o)
		stack = stack[:len(stack)-1]
	}
	return d
}

// Fold returns the description with at most limit operations and layers: those in the
// middle are one, which stands for them. A limit below 3 folds nothing.
func (d Description) Fold(limit int) Description {
	if k := len(d.Layers); limit >= 3 && k > limit {
		first, last := limit/2, (limit-1)/2
		middle := LayerDescription{Name: fmt.Sprintf("… %d more", k-first-last)}
		d.Layers = append(append(append([]LayerDescription{}, d.Layers[:first]...), middle), d.Layers[k-last:]...)
	}
	k := len(d.Operations)
	if limit < 3 || k <= limit {
		return d
	}
	first, last := limit/2, (limit-1)/2
	place := func(i int) int {
		switch {
		case i < first:
			return i
		case i < k-last:
			return first
		}
		return i - (k - last) + first + 1
	}
	folded := make([]Operation, limit)
	known := map[[2]int]bool{}
	for i, o := range d.Operations {
		to := place(i)
		if f := &folded[to]; to == first {
			f.Folded++
			f.Label = fmt.Sprintf("… %d more", f.Folded)
		} else {
			*f = Operation{Label: o.Label, Shape: o.Shape}
		}
		for _, in := range o.Inputs {
			if from := place(in); from != to && !known[[2]int{from, to}] {
				known[[2]int{from, to}] = true
				folded[to].Inputs = append(folded[to].Inputs, from)
			}
		}
	}
	d.Operations = folded
	return d
}

// WriteText writes layers, parameters and operations as tables.
func (d Description) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LAYER\tSHAPE\tFUNCTION\tWEIGHT")
	for _, l := range d.Layers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", l.Name, sizes(l.Shape), l.Function, l.Weight)
	}
	fmt.Fprintln(t, "\nPARAMETER\tSHAPE\tELEMENTS")
	for _, p := range d.Parameters {
		elements := 1
		for _, n := range p.Shape {
			elements *= n
		}
		fmt.Fprintf(t, "%s\t%s\t%d\n", p.Name, sizes(p.Shape), elements)
	}
	fmt.Fprintf(t, "all\t\t%d\n", d.Count)
	fmt.Fprintln(t, "\nOPERATION\tSHAPE\tOF")
	for i, o := range d.Operations {
		fmt.Fprintf(t, "%d %s\t%s\t%s\n", i, o.Label, sizes(o.Shape), strings.Trim(fmt.Sprint(o.Inputs), "[]"))
	}
	return t.Flush()
}

// sizes writes a shape as 32x64.
func sizes(shape []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]()"), " ", "x")
}

func (o Operation) text() string { return strings.TrimSpace(o.Label + " " + sizes(o.Shape)) }

// WriteDOT writes the operations in Graphviz's language.
func (d Description) WriteDOT(w io.Writer) error {
	var b strings.Builder
	b.WriteString("digraph network {\n  node [shape=box, fontname=\"sans-serif\"];\n")
	for i, o := range d.Operations {
		fmt.Fprintf(&b, "  n%d [label=%q];\n", i, o.text())
	}
	for i, o := range d.Operations {
		for _, in := range o.Inputs {
			fmt.Fprintf(&b, "  n%d -> n%d;\n", in, i)
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteSVG draws the operations: each one below its inputs.
func (d Description) WriteSVG(w io.Writer) error {
	const wide, high, gapX, gapY, margin = 220, 28, 16, 28, 12
	rank := make([]int, len(d.Operations))
	column := make([]int, len(d.Operations))
	var used []int // columns of each rank
	for i, o := range d.Operations {
		for _, in := range o.Inputs {
			rank[i] = max(rank[i], rank[in]+1)
		}
	}
	// A leaf stands just above the first operation that reads it.
	for i := len(d.Operations) - 1; i >= 0; i-- {
		for _, in := range d.Operations[i].Inputs {
			if len(d.Operations[in].Inputs) == 0 {
				rank[in] = rank[i] - 1
			}
		}
	}
	for i, r := range rank {
		for len(used) <= r {
			used = append(used, 0)
		}
		if len(d.Operations[i].Inputs) > 0 {
			column[i] = used[r]
			used[r]++
		}
	}
	columns := 0
	for i, r := range rank {
		if len(d.Operations[i].Inputs) == 0 {
			column[i] = used[r]
			used[r]++
		}
		columns = max(columns, used[r])
	}
	x := func(i int) int { return margin + column[i]*(wide+gapX) }
	y := func(i int) int { return margin + rank[i]*(high+gapY) }
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
		2*margin+columns*(wide+gapX)-gapX, 2*margin+len(used)*(high+gapY)-gapY)
	b.WriteString("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n")
	for i, o := range d.Operations {
		for _, in := range o.Inputs {
			fmt.Fprintf(&b, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#888\"/>\n", x(in)+wide/2, y(in)+high, x(i)+wide/2, y(i))
		}
	}
	for i, o := range d.Operations {
		fill := "#e8f0fe"
		if len(o.Inputs) == 0 {
			fill = "#f3f3f3"
		}
		fmt.Fprintf(&b, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\" fill=\"%s\" stroke=\"#555\"/>\n", x(i), y(i), wide, high, fill)
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x(i)+wide/2, y(i)+high/2+4, html.EscapeString(o.text()))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

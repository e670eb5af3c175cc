package models_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/models"
	"gorgonia.org/tensor"
)

// TestDescribe checks of every model that the description is that of its graph, and that
// it can be written, folded or not.
func TestDescribe(t *testing.T) {
	each(t, func(t *testing.T, m models.Model, s models.Shape) {
		n := build(t, m, s, parameters(t, tensor.Float32, 1), false)
		d := n.Describe()
		machine, err := n.EvaluationMachine()
		if err != nil {
			t.Fatal(err)
		}
		computed, leaves := 0, map[string]bool{}
		for _, o := range d.Operations {
			if len(o.Inputs) > 0 {
				computed++
			} else {
				leaves[o.Label] = true
			}
		}
		if computed != machine.Steps() {
			t.Errorf("%d operations, the machine has %d", computed, machine.Steps())
		}
		if !leaves["input"] || len(leaves) != 1+len(n.Parameters.Names()) {
			t.Errorf("leaves %v", leaves)
		}
		if d.Count != n.Parameters.Count() || len(d.Layers) != len(n.Layers) || len(d.Parameters) != len(n.Learnables) {
			t.Errorf("%d elements, %d layers, %d parameters", d.Count, len(d.Layers), len(d.Parameters))
		}
		for _, limit := range []int{0, 3, 7, 1000} {
			f := d.Fold(limit)
			if limit > 0 && (len(f.Operations) > limit || len(f.Layers) > limit) {
				t.Errorf("folded to %d operations and %d layers, not %d", len(f.Operations), len(f.Layers), limit)
			}
			nodes := 0
			for _, o := range f.Operations {
				nodes += max(1, o.Folded)
			}
			if nodes != len(d.Operations) {
				t.Errorf("fold %d stands for %d operations of %d", limit, nodes, len(d.Operations))
			}
			var svg, dot, text strings.Builder
			for _, err := range []error{f.WriteSVG(&svg), f.WriteDOT(&dot), f.WriteText(&text)} {
				if err != nil {
					t.Error(err)
				}
			}
			x := xml.NewDecoder(strings.NewReader(svg.String()))
			boxes := 0
			for {
				token, err := x.Token()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if e, ok := token.(xml.StartElement); ok && e.Name.Local == "text" {
					boxes++
				}
			}
			if boxes != len(f.Operations) || strings.Count(dot.String(), "label=") != boxes {
				t.Errorf("%d operations drawn, %d to draw", boxes, len(f.Operations))
			}
		}
	})
}

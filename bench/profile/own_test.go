package profile_test

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
)

// TestOwnQuantity adds a quantity as a program does, and finds it in the profile, in the
// columns of the record, and among the report's heat maps.
func TestOwnQuantity(t *testing.T) {
	err := probe.Catalogue.Add(catalogue.Row("largest-gradient", "log10 of the largest |∂L/∂z|", func(struct{}) (probe.Measure, error) {
		return probe.Measure{Unit: "log10", Head: "largest", Map: true, Of: []probe.Source{probe.PreActivationGradients},
			Value: func(v *probe.Values) float64 {
				largest := 0.
				for i := range v.Len() {
					largest = max(largest, math.Abs(v.At(i)))
				}
				return math.Log10(largest)
			}}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	c := config("tanh", 3)
	p := measure(t, c, 0)
	for _, l := range p.Start {
		if own, norm := float64(l.Others["largest-gradient"]), float64(l.Gradient); !(own < norm && own > norm-3) {
			t.Errorf("%s: the largest gradient is 10^%g, their norm 10^%g", l.Name, own, norm)
		}
	}
	if list := profile.OwnQuantities(); len(list) != 1 || list[0].Head != "largest" {
		t.Errorf("columns of the profile: %v", list)
	}
	c.Steps, c.Evaluate, c.Probe = 3, 3, 8
	r, err := study.Execute(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Layers.Column("largest-gradient") < 0 {
		t.Errorf("columns of the record: %v", r.Layers.Columns)
	}
	var page bytes.Buffer
	if err := report.WriteHTML(&record.Results{Dir: t.TempDir(), Records: []*record.Record{r}}, &page); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), `"quantity":"largest-gradient","title":"log10 of the largest |∂L/∂z|","kind":"log10"`) {
		t.Error("the report has no heat map of it")
	}
}

package report_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
)

// TestTuning: what was chosen stands in the terminal and on the page, with the edges, the
// sensitivity, and what it took; a study without tuning has no such section.
func TestTuning(t *testing.T) {
	results := cases[0].results()
	var b bytes.Buffer
	if err := report.WriteHTML(results, &b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "What was chosen") {
		t.Error("nothing was tuned, and the page says what was chosen")
	}
	results.Tuning = &record.Tuning{Method: "optimizer.rate chosen in each facet from 3 settings", Complete: true, Cost: record.Cost{Runs: 12, Updates: 3456, Seconds: 78.9},
		Chosen: []record.Chosen{
			{Thing: "<sgd>", Facet: "depth 1", Settings: map[string]float64{"optimizer.rate": 0.25}, Tried: 3, Score: 0.8125, AtEdge: []string{"optimizer.rate"}, Sensitivity: map[string]record.Number{"optimizer.rate": 0.0625}},
			{Thing: "rmsprop", Facet: "depth 2", Settings: map[string]float64{"optimizer.rate": 0.001}, Tried: 3, Score: record.Number(math.NaN()), Sensitivity: map[string]record.Number{"optimizer.rate": record.Number(math.Inf(1))}},
			{Thing: "rprop", Facet: "depth 2", Lacks: []string{"optimizer.rate"}, Tried: 1},
		}}
	b.Reset()
	if err := report.WriteHTML(results, &b); err != nil {
		t.Fatal(err)
	}
	page, _ := readPage(t, "tuning", b.Bytes())
	b.Reset()
	if err := report.WriteTuning(&b, results.Tuning, report.TextOptions{Width: 80}); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(b.String(), "\n") {
		if len([]rune(line)) > 80 {
			t.Errorf("a line of more than 80 columns: %q", line)
		}
	}
	for _, want := range []string{"Tuning: optimizer.rate chosen in each facet from 3 settings.", "depth 1", "<sgd>", "0.25 at the edge", "0.8125", "0.062",
		"rmsprop", "0.001", "diverged", "diverges", "rprop", "–", "It took 12 runs of 3456 updates in 78.9 s of computing."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, b.String())
		}
	}
}

// Package results keeps the recorded results of the studies in bench/studies, and checks
// them.
package results

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
)

var (
	records = flag.String("records", "", "directory of a quickstart that was run, to compare with the recorded one")
	update  = flag.String("update", "", "name of a study to run, and to record anew")
)

// TestUpdate runs a study and writes what its report says as JSON.
func TestUpdate(t *testing.T) {
	if *update == "" {
		t.Skip("no -update NAME")
	}
	spec, err := study.Load(context.Background(), filepath.Join("..", "studies", *update+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := study.Run(context.Background(), spec, dir, study.Options{}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := rank(t, dir).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*update+".json", b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func rank(t *testing.T, dir string) *report.Ranking {
	t.Helper()
	r, err := study.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return report.Rank(r)
}

func recorded(t *testing.T, file string) *report.Ranking {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report.Ranking
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return &r
}

// TestRecorded checks that what is recorded is of the studies as they are.
func TestRecorded(t *testing.T) {
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no results: %v", err)
	}
	for _, file := range files {
		r := recorded(t, file)
		spec, err := study.Load(context.Background(), filepath.Join("..", "studies", r.Study+".yaml"))
		if err != nil {
			t.Error(err)
			continue
		}
		if n := len(spec.Configs); r.Runs != n || r.Planned != n {
			t.Errorf("%s: %d runs of %d, but the study has %d", file, r.Runs, r.Planned, n)
		}
	}
}

// TestQuickstart compares the conclusions of a quickstart with the recorded ones. Kernels
// differ in their last bits, and so do the runs after hundreds of steps, but less than the
// seeds do: a median must be within the recorded interval or have an interval that contains
// the recorded median. Of a comparison, the sign must be the recorded one; whether it is
// significant may differ where the recorded P is within a factor of 3 of 0.05. Among setups
// whose intervals overlap, the order is open.
func TestQuickstart(t *testing.T) {
	if *records == "" {
		t.Skip("no -records DIR")
	}
	want, got := recorded(t, "quickstart.json"), rank(t, *records)
	if len(got.Problems) != len(want.Problems) || got.Runs != want.Runs {
		t.Fatalf("%d problems and %d runs, want %d and %d", len(got.Problems), got.Runs, len(want.Problems), want.Runs)
	}
	for _, w := range want.Comparison.Things {
		for _, g := range got.Comparison.Things {
			near := w.P > 0.05/3 && w.P < 0.05*3
			opposite := g.Verdict == "better" && w.Verdict == "worse" || g.Verdict == "worse" && w.Verdict == "better"
			if g.Label == w.Label && (opposite || g.Verdict != w.Verdict && !near) {
				t.Errorf("%s is %q (P = %.3g), recorded is %q (P = %.3g)", g.Label, g.Verdict, g.P, w.Verdict, w.P)
			}
		}
	}
	for i, w := range want.Problems {
		g := got.Problems[i]
		if g.Label != w.Label || len(g.Setups) != len(w.Setups) {
			t.Fatalf("%s with %d setups, want %s with %d", g.Label, len(g.Setups), w.Label, len(w.Setups))
		}
		setups := map[string]report.Setup{}
		for _, s := range w.Setups {
			setups[s.Label] = s
		}
		best, first := w.Setups[0], setups[g.Setups[0].Label]
		if first.Label != best.Label && !overlap(first.Score, best.Score) {
			t.Errorf("%s: %s ends best, recorded is %s", w.Label, g.Setups[0].Label, best.Label)
		}
		for _, s := range g.Setups {
			r, ok := setups[s.Label]
			if !ok {
				t.Errorf("%s: %s is not recorded", w.Label, s.Label)
				continue
			}
			if !within(s.Score.Median, r.Score) && !within(r.Score.Median, s.Score) {
				t.Errorf("%s: %s ends with %v, recorded is %v", w.Label, s.Label, s.Score, r.Score)
			}
		}
	}
}

func within(x report.Number, e report.Estimate) bool { return x >= e.Lo && x <= e.Hi }

func overlap(a, b report.Estimate) bool { return a.Lo <= b.Hi && b.Lo <= a.Hi }

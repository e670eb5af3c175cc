package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/draw"
)

var (
	records = flag.String("records", "", "directory of a study that was run: a quickstart to compare with the recorded one, or what -update records")
	update  = flag.String("update", "", "name of a study to run, and to record anew")
)

// TestUpdate runs a study and writes what its report says as JSON.
func TestUpdate(t *testing.T) {
	if *update == "" || *update == "answers" {
		t.Skip("no -update NAME")
	}
	spec, err := study.Load(context.Background(), filepath.Join("..", "studies", *update+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := *records
	if dir == "" {
		dir = t.TempDir()
		if _, err := study.Run(context.Background(), spec, dir, study.Options{}); err != nil {
			t.Fatal(err)
		}
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
	r, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecorded checks that what is recorded is of the studies as they are.
func TestRecorded(t *testing.T) {
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no results: %v", err)
	}
	for _, file := range files {
		if file == answersFile {
			continue
		}
		r := recorded(t, file)
		if testing.Short() && r.Runs > 500 { // whose networks take seconds to check
			continue
		}
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
	if *records == "" || *update != "" {
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

// TestFindings: FINDINGS.md and README.md's picture are made of the records as they are; a
// record that is changed makes another page.
func TestFindings(t *testing.T) {
	list, err := load(".")
	if err != nil {
		t.Fatal(err)
	}
	answers, err := readAnswers(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	page, err := findings(list, answers)
	if err != nil {
		t.Fatal(err)
	}
	f, err := quickstart(list)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := draw.Encode(f, "svg")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"FINDINGS.md": page, "quickstart.svg": picture} {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the records say: go run ./bench/results", name)
		}
	}
	i := slices.IndexFunc(chapters, func(c chapter) bool { return c.study == "rbf" })
	var was, is bytes.Buffer
	if err := writeChapter(&was, list[i], chapters[i]); err != nil {
		t.Fatal(err)
	}
	list[i].Comparison.Things[0].Cells[0].Score.Median += 0.001
	if err := writeChapter(&is, list[i], chapters[i]); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, was.Bytes()) || bytes.Equal(was.Bytes(), is.Bytes()) {
		t.Error("another median makes the same page")
	}
}

// TestReadme: the quickstart's answer in README.md is the recorded one, and a digit that is
// another is seen.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	r := recorded(t, "quickstart.json")
	readme := string(text)
	c, err := r.Comparison.Within(func(compare.Facet) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.WriteText(&b, compare.TextOptions{Width: 80}); err != nil {
		t.Fatal(err)
	}
	said := strings.Split(b.String(), "\n")
	counts := []string{fmt.Sprintf("%d runs", r.Runs), fmt.Sprintf("each of %s remedies", numbers[len(c.Things)-1])}
	from, to, faults := readmeFaults(readme, said, counts)
	for _, f := range faults {
		t.Error(f)
	}
	for i := from; i < to; i++ {
		if c := readme[i]; c >= '0' && c <= '9' {
			planted := readme[:i] + string('0'+(c-'0'+1)%10) + readme[i+1:]
			if _, _, faults := readmeFaults(planted, said, counts); len(faults) == 0 {
				t.Errorf("another digit is not seen in %q", planted[max(0, i-20):min(len(planted), i+20)])
			}
		}
	}
}

// readmeFaults returns the lines of the answer in README.md that the recorded one does not have,
// and the bytes from which and to which it goes.
func readmeFaults(readme string, said, counts []string) (from, to int, faults []string) {
	from = strings.Index(readme, "    "+said[0])
	to = from + strings.Index(readme[max(0, from):], "c at chance.")
	if from < 0 || to < from {
		return 0, 0, []string{"README.md does not begin the quickstart's answer with: " + said[0]}
	}
	shown := 0
	for line := range strings.SplitSeq(strings.TrimSuffix(readme[from:to], "\n"), "\n") {
		line = strings.TrimPrefix(line, "    ")
		if line == "" || line == "…" {
			continue
		}
		at := slices.IndexFunc(said, func(s string) bool { return strings.HasPrefix(s, line) })
		if at < 0 || said[at] != line && line != strings.TrimSuffix(said[at], "c at chance.") {
			faults = append(faults, "README.md has, but the recorded quickstart has not: "+line)
		}
		shown++
	}
	if shown < 10 {
		faults = append(faults, fmt.Sprintf("README.md shows only %d lines of the answer", shown))
	}
	for _, words := range counts {
		if !strings.Contains(strings.Join(strings.Fields(readme), " "), words) {
			faults = append(faults, "README.md does not say "+words)
		}
	}
	return from, to, faults
}

var numbers = []string{10: "ten", 11: "eleven", 12: "twelve", 13: "thirteen", 14: "fourteen"}

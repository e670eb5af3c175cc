package study_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/probe"
)

// TestSchema1 reads records of the first schema, which have neither a number nor checksums.
func TestSchema1(t *testing.T) {
	dir := copyDirectory(t, "testdata/schema1")
	r := open(t, dir)
	if len(r.Records) != 3 || len(r.Others)+len(r.Damaged) > 0 {
		t.Fatalf("%d records, warnings %q", len(r.Records), r.Warnings)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "older version") {
		t.Errorf("warnings %q", r.Warnings)
	}
	learning, diverged := r.Records[0], r.Records[2]
	if learning.Config.FlushToZero || learning.Summary.Schema != 1 || !learning.Summary.FlushedSteps.IsNaN() {
		t.Errorf("%+v, %+v: it did not flush, and counted nothing", learning.Config, learning.Summary)
	}
	if len(learning.Learned) != 4 || learning.Timing.Seconds <= 0 {
		t.Errorf("learned %v, timing %v", learning.Learned, learning.Timing)
	}
	if m := learning.Layers.Quantity(probe.WeightNorm); len(m) == 0 || len(m[0]) != 2 || !(m[0][0] > -2 && m[0][0] < 2) {
		t.Errorf("norms of the weights: %v", m)
	}
	if diverged.Summary.Status != "diverged" {
		t.Errorf("the third: %+v", diverged.Summary)
	}
	ours := map[string]bool{}
	for _, old := range r.Records {
		ours[old.Hash] = true
	}

	// Run now, all runs are made again, the old ones stay, and are left out.
	if o := run(t, parse(t, readFile(t, filepath.Join(dir, "study.yaml"))), dir, 1); o.Finished != 3 || o.Recorded != 0 {
		t.Errorf("run again: %+v", o)
	}
	r = open(t, dir)
	if len(r.Records) != 3 || len(r.Others) != 3 {
		t.Fatalf("%d records, %d others", len(r.Records), len(r.Others))
	}
	for i, c := range r.Records {
		if want := i != 1; c.Config.FlushToZero != want || c.Summary.Schema != 2 { // the second is of float64
			t.Errorf("run %d: flushes: %v, schema %d", i, c.Config.FlushToZero, c.Summary.Schema)
		}
	}
	for _, o := range r.Others {
		if !ours[o.Run] || !strings.Contains(o.Why, "older version") {
			t.Errorf("left out: %+v", o)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSchema1Damage damages records that have no checksums: what is cut or does not agree with
// another file is found.
func TestSchema1Damage(t *testing.T) {
	r := open(t, "testdata/schema1")
	victim := r.Records[0].Hash
	replaced := func(old, new string) func(string, string) (bool, error) {
		return func(path, _ string) (bool, error) {
			return edit(path, func(b []byte) []byte { return []byte(strings.Replace(string(b), old, new, 1)) })
		}
	}
	for _, c := range []struct {
		file, kind string
		damage     func(path, other string) (bool, error)
	}{
		{"config.json", "cut", damages["cut"]},
		{"config.json", "edited", replaced(`"width": 4`, `"width": 5`)},
		{"config.json", "of another run", damages["of another run"]},
		{"config.json", "a schema", replaced("{", `{"schema": 2,`)},
		{"metrics.jsonl", "cut", damages["cut"]},
		{"metrics.jsonl", "last byte cut", damages["last byte cut"]},
		{"metrics.jsonl", "last line cut", damages["last line cut"]},
		{"metrics.jsonl", "emptied", damages["emptied"]},
		{"metrics.jsonl", "removed", damages["removed"]},
		{"metrics.jsonl", "of another run", damages["of another run"]},
		{"metrics.jsonl", "last line twice", damages["last line twice"]},
		{"metrics.jsonl", "NaN", damages["NaN"]},
		{"metrics.jsonl", "a step", replaced(`"step":5`, `"step":6`)},
		{"layers.npy", "cut", damages["cut"]},
		{"layers.npy", "appended", damages["appended"]},
		{"layers.npy", "emptied", damages["emptied"]},
		{"layers.npy", "removed", damages["removed"]},
		{"layers.npy", "claims of 4 GB", damages["claims of 4 GB"]},
		{"layers.npy", "zeros", damages["zeros"]},
		{"layers.npy", "a hole of 1 TB", damages["a hole of 1 TB"]},
		{"learned.jsonl", "cut", damages["cut"]},
		{"learned.jsonl", "last line cut", damages["last line cut"]},
		{"summary.json", "cut", damages["cut"]},
		{"summary.json", "steps", replaced(`"steps": 12`, `"steps": 1200000000000`)},
		{"summary.json", "best", replaced(`"best": 0.`, `"best": 0.9`)},
		{"summary.json", "status", replaced(`"done"`, `"dune"`)},
		{"summary.json", "a schema", replaced("{", `{"schema": 2,`)},
		{"summary.json", "a schema to come", replaced("{", `{"schema": 999,`)},
		{"timing.json", "emptied", damages["emptied"]},
		{"timing.json", "a directory", damages["a directory"]},
	} {
		dir := copyDirectory(t, "testdata/schema1")
		at := func(run string) string { return filepath.Join(dir, "runs", run, c.file) }
		if changed, err := c.damage(at(victim), at(r.Records[1].Hash)); !changed || err != nil {
			t.Fatalf("%s, %s: %v, %v", c.file, c.kind, changed, err)
		}
		d := open(t, dir)
		if len(d.Damaged) != 1 || len(d.Records) != 2 || d.Damaged[0].Run != victim {
			t.Errorf("%s, %s: %d damaged, %d records", c.file, c.kind, len(d.Damaged), len(d.Records))
		} else if !strings.Contains(d.Damaged[0].Error(), c.file) || strings.Contains(d.Damaged[0].Error(), "\n") {
			t.Errorf("%s, %s: told as %q", c.file, c.kind, d.Damaged[0])
		}
	}
}

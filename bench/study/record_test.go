package study_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
)

// learning is a study whose runs have every kind of file.
const learning = `
name: learning
task: digits
budget: {steps: 12, batch: 16, evaluate: 4}
seeds: 3
grid:
  depth: 2
  width: 8
  activation: {name: scaled, of: tanh, a: 1.5, learn: layer}
  initializer: glorot-normal
  optimizer: [sgd, adam]
`

func copyDirectory(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// rankingOf returns a study's report as JSON, without what tells of damage.
func rankingOf(t *testing.T, r *record.Results) string {
	t.Helper()
	ranking := report.Rank(r)
	ranking.Warnings, ranking.Damaged, ranking.Others = nil, 0, 0
	var b strings.Builder
	if err := ranking.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func open(t *testing.T, dir string) *record.Results {
	t.Helper()
	r, err := study.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// damages are ways to damage a file. They return false where they leave it as it was.
var damages = map[string]func(path, other string) (bool, error){
	"cut": func(path, _ string) (bool, error) {
		return edit(path, func(b []byte) []byte { return b[:len(b)*2/3] })
	},
	"last byte cut": func(path, _ string) (bool, error) {
		return edit(path, func(b []byte) []byte { return b[:len(b)-1] })
	},
	"last line cut": func(path, _ string) (bool, error) {
		return edit(path, func(b []byte) []byte { return b[:strings.LastIndexByte(strings.TrimSuffix(string(b), "\n"), '\n')+1] })
	},
	"emptied": func(path, _ string) (bool, error) {
		return edit(path, func(b []byte) []byte { return nil })
	},
	"appended": func(path, _ string) (bool, error) {
		return edit(path, func(b []byte) []byte { return append(b, ' ') })
	},
	"last line twice": func(path, _ string) (bool, error) {
		return edit(path, func(b []byte) []byte {
			return append(b, b[strings.LastIndexByte(strings.TrimSuffix(string(b), "\n"), '\n')+1:]...)
		})
	},
	"a digit changed": func(path, _ string) (bool, error) {
		return edit(path, func(b []byte) []byte {
			for i := len(b) / 2; i < len(b); i++ {
				if b[i] >= '1' && b[i] <= '8' {
					b[i]++
					return b
				}
			}
			b[len(b)/2] ^= 1
			return b
		})
	},
	"NaN": func(path, _ string) (bool, error) {
		return edit(path, func(b []byte) []byte {
			return []byte(strings.Replace(string(b), "null", "NaN", 1))
		})
	},
	"zeros": func(path, _ string) (bool, error) {
		return edit(path, func(b []byte) []byte { return make([]byte, len(b)) })
	},
	"removed":        func(path, _ string) (bool, error) { return true, os.Remove(path) },
	"of another run": func(path, other string) (bool, error) { return true, copyFile(other, path) },
	"a directory": func(path, _ string) (bool, error) {
		return true, replace(path, func() error { return os.Mkdir(path, 0o777) })
	},
	"a link to itself": func(path, _ string) (bool, error) {
		return true, replace(path, func() error { return os.Symlink(path, path) })
	},
	"a link to nowhere": func(path, _ string) (bool, error) {
		return true, replace(path, func() error { return os.Symlink("/nowhere/at/all", path) })
	},
	"nested": func(path, _ string) (bool, error) {
		return true, os.WriteFile(path, []byte(strings.Repeat("[", 100_000)), 0o666)
	},
	"claims of 4 GB": func(path, _ string) (bool, error) { return true, os.WriteFile(path, huge(), 0o666) },
	"a hole of 1 TB": func(path, _ string) (bool, error) { return true, os.Truncate(path, 1<<40) },
	"another field in it": func(path, _ string) (bool, error) {
		return edit(path, func(b []byte) []byte { return []byte(strings.Replace(string(b), "{", `{"more": 1,`, 1)) })
	},
}

func edit(path string, f func([]byte) []byte) (bool, error) {
	before, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	after := f(slices.Clone(before))
	return !slices.Equal(before, after), os.WriteFile(path, after, 0o666)
}

func replace(path string, f func() error) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return f()
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o666)
}

// huge is a NumPy file of 100 bytes that claims 4 GB.
func huge() []byte {
	header := "{'descr': '<f8', 'fortran_order': False, 'shape': (38347922, 14), }"
	text := fmt.Appendf(nil, "\x93NUMPY\x01\x00%c\x00%-80s\n", 81, header)
	return append(text, 0, 0, 0, 0, 0, 0, 0, 0)
}

// TestDamage damages each file of a run in each way: the damage is named with the file, the
// run is left out of the report, as if it had never been made, and running the study makes it
// again, the same.
func TestDamage(t *testing.T) {
	s := parse(t, learning)
	whole := t.TempDir()
	run(t, s, whole, 2)
	before := files(t, whole)
	victim, other := s.Configs[1].Hash(), s.Configs[4].Hash()
	lacking := copyDirectory(t, whole)
	if err := os.RemoveAll(filepath.Join(lacking, "runs", victim)); err != nil {
		t.Fatal(err)
	}
	want := rankingOf(t, open(t, lacking))
	names := []string{"config.json", "metrics.jsonl", "layers.npy", "learned.jsonl", "summary.json", "timing.json"}
	dir := copyDirectory(t, whole)
	n := 0
	for _, name := range names {
		for _, kind := range slices.Sorted(maps.Keys(damages)) {
			path := filepath.Join(dir, "runs", victim, name)
			changed, err := damages[kind](path, filepath.Join(whole, "runs", other, name))
			if err != nil {
				t.Fatalf("%s, %s: %v", name, kind, err)
			}
			if changed {
				n++
			}
			r := open(t, dir)
			switch {
			case !changed:
				if len(r.Damaged) > 0 {
					t.Errorf("%s, %s: unchanged, but %v", name, kind, r.Damaged[0])
				}
				continue
			case len(r.Damaged) != 1 || len(r.Records) != len(s.Configs)-1:
				t.Errorf("%s, %s: %d damaged runs, %d records", name, kind, len(r.Damaged), len(r.Records))
			case !strings.HasPrefix(r.Damaged[0].Error(), "runs/"+victim+"/"+name+": ") || strings.Contains(r.Damaged[0].Error(), "\n"):
				t.Errorf("%s, %s: told as %q", name, kind, r.Damaged[0])
			}
			warnings := strings.Join(r.Warnings, "\n")
			if !strings.Contains(warnings, "1 damaged run is left out") || len(r.Damaged) > 0 && !strings.Contains(warnings, r.Damaged[0].Error()) {
				t.Errorf("%s, %s: warnings %q", name, kind, r.Warnings)
			}
			if got := rankingOf(t, r); got != want {
				t.Errorf("%s, %s: the report is not that of the other runs", name, kind)
			}
			if o := run(t, s, dir, 1); o.Damaged != 1 || o.Finished != 1 || o.Recorded != len(s.Configs)-1 {
				t.Errorf("%s, %s: run again: %+v", name, kind, o)
			}
			if !maps.Equal(files(t, dir), before) {
				t.Errorf("%s, %s: made again, the records are not the same", name, kind)
			}
		}
	}
	if n < 11*len(names) {
		t.Errorf("%d cases", n)
	}
}

// TestDamagedDirectories damages whole directories of runs, and the study's file.
func TestDamagedDirectories(t *testing.T) {
	s := parse(t, learning)
	whole := t.TempDir()
	run(t, s, whole, 2)
	a, b := s.Configs[0].Hash(), s.Configs[1].Hash()
	for name, c := range map[string]struct {
		damage  func(runs string) error
		damaged int
		say     string
	}{
		"swapped": {func(runs string) error {
			x, y, z := filepath.Join(runs, a), filepath.Join(runs, b), filepath.Join(runs, "z")
			if err := os.Rename(x, z); err != nil {
				return err
			}
			if err := os.Rename(y, x); err != nil {
				return err
			}
			return os.Rename(z, y)
		}, 2, "is of the run"},
		"a file": {func(runs string) error {
			if err := os.RemoveAll(filepath.Join(runs, a)); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(runs, a), nil, 0o666)
		}, 1, "is not a directory"},
		"a link to itself": {func(runs string) error {
			if err := os.RemoveAll(filepath.Join(runs, a)); err != nil {
				return err
			}
			return os.Symlink(a, filepath.Join(runs, a))
		}, 1, "too many levels of symbolic links"},
		"emptied": {func(runs string) error {
			if err := os.RemoveAll(filepath.Join(runs, a)); err != nil {
				return err
			}
			return os.Mkdir(filepath.Join(runs, a), 0o777)
		}, 1, "summary.json: is missing"},
		"notes": {func(runs string) error { // harmless
			return os.WriteFile(filepath.Join(runs, a, "notes.txt"), []byte("a good one"), 0o666)
		}, 0, ""},
	} {
		dir := copyDirectory(t, whole)
		if err := c.damage(filepath.Join(dir, "runs")); err != nil {
			t.Fatal(err)
		}
		r := open(t, dir)
		if len(r.Damaged) != c.damaged || len(r.Records) != len(s.Configs)-c.damaged || !strings.Contains(strings.Join(r.Warnings, "\n"), c.say) {
			t.Errorf("%s: %d damaged, warnings %q", name, len(r.Damaged), r.Warnings)
		}
		if o := run(t, s, dir, 1); o.Finished != c.damaged || o.Damaged != c.damaged {
			t.Errorf("%s: run again: %+v", name, o)
		}
		if r := open(t, dir); len(r.Damaged)+len(r.Others)+len(r.Warnings) > 0 {
			t.Errorf("%s: after that: %q", name, r.Warnings)
		}
	}
}

// TestDamagedStudyFile reports all runs there are, and says so.
func TestDamagedStudyFile(t *testing.T) {
	s := parse(t, learning)
	whole := t.TempDir()
	run(t, s, whole, 2)
	for name, damage := range map[string]func(path string) error{
		"missing":     os.Remove,
		"emptied":     func(path string) error { return os.Truncate(path, 0) },
		"cut":         func(path string) error { return os.Truncate(path, 60) },
		"a directory": func(path string) error { return replace(path, func() error { return os.Mkdir(path, 0o777) }) },
		"a link":      func(path string) error { return replace(path, func() error { return os.Symlink(path, path) }) },
		"a part that this program lacks": func(path string) error {
			_, err := edit(path, func(b []byte) []byte { return []byte(strings.Replace(string(b), "sgd", "mine", 1)) })
			return err
		},
	} {
		dir := copyDirectory(t, whole)
		if err := damage(filepath.Join(dir, "study.yaml")); err != nil {
			t.Fatal(err)
		}
		r := open(t, dir)
		if r.Spec != nil || len(r.Records) != len(s.Configs) || len(r.Warnings) != 1 ||
			!strings.Contains(r.Warnings[0], "study.yaml") || !strings.Contains(r.Warnings[0], "of all runs in the directory") {
			t.Errorf("%s: %d records, warnings %q", name, len(r.Records), r.Warnings)
		}
	}
}

// TestChangedStudy changes a study and runs it again into its directory: the report is of the
// study as its file says. Undoing the change brings the first report back.
func TestChangedStudy(t *testing.T) {
	text := `
name: edit
task: digits
budget: {steps: 20, batch: 16}
seeds: 4
grid: {depth: 1, width: 8, activation: tanh, initializer: glorot-normal, optimizer: [{name: sgd, rate: 0.1}, adam]}
`
	first, second := parse(t, text), parse(t, strings.Replace(text, "0.1", "0.3", 1))
	dir, alone := t.TempDir(), t.TempDir()
	run(t, first, dir, 2)
	before := rankingOf(t, open(t, dir))
	if o := run(t, second, dir, 2); o.Recorded != 4 || o.Finished != 4 {
		t.Errorf("the changed study: %+v", o)
	}
	run(t, second, alone, 2)
	r := open(t, dir)
	if len(r.Records) != 8 || len(r.Others) != 4 || len(r.Warnings) != 1 {
		t.Errorf("%d records, %d others, warnings %q", len(r.Records), len(r.Others), r.Warnings)
	}
	for _, o := range r.Others {
		if o.Why != "optimizer sgd(rate=0.1) is not in the study" && !strings.HasPrefix(o.Why, "optimizer sgd(") || o.Record == nil {
			t.Errorf("why: %q", o.Why)
		}
	}
	if len(r.Warnings) > 0 && !strings.HasPrefix(r.Warnings[0], "4 runs in the directory are left out, as the study's file does not have them: optimizer sgd(") {
		t.Errorf("warning %q", r.Warnings[0])
	}
	if rankingOf(t, r) != rankingOf(t, open(t, alone)) {
		t.Error("the report of the changed study is not that of the study alone")
	}
	var counts struct{ Runs, Planned, Others int }
	var b strings.Builder
	if err := report.Rank(r).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b.String()), &counts); err != nil || counts.Runs != 8 || counts.Planned != 8 || counts.Others != 4 {
		t.Errorf("JSON: %+v, %v", counts, err)
	}
	if o := run(t, first, dir, 2); o.Finished != 0 {
		t.Errorf("undone: %+v", o)
	}
	if rankingOf(t, open(t, dir)) != before {
		t.Error("the first report is another now")
	}
}

// TestAnotherStudy refuses to mix two studies in one directory.
func TestAnotherStudy(t *testing.T) {
	dir := t.TempDir()
	run(t, parse(t, small), dir, 2)
	before := files(t, dir)
	other := parse(t, strings.Replace(learning, "name: learning", "name: other", 1))
	_, err := study.Run(context.Background(), other, dir, study.Options{})
	if want := dir + ` holds the study "small", not "other": give another directory with --out`; !errors.Is(err, study.ErrAnotherStudy) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if r := open(t, dir); r.Spec.Name != "small" || !maps.Equal(before, files(t, dir)) {
		t.Error("the directory has changed")
	}
}

// TestLostDirectory takes the directory away while the study runs: it stops with the reason.
func TestLostDirectory(t *testing.T) {
	s := parse(t, small)
	dir := filepath.Join(t.TempDir(), "out")
	p := &losing{dir: dir}
	o, err := study.Run(context.Background(), s, dir, study.Options{Workers: 1, Progress: p})
	if err == nil || !strings.Contains(err.Error(), "no such file or directory") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
	if o.Failed != 1 || o.Finished != 1 || p.finished != 2 {
		t.Errorf("it ran on: %+v, %d runs told of", o, p.finished)
	}
}

type losing struct {
	dir      string
	finished int
}

func (l *losing) Begin(study.Total) {}
func (l *losing) Updated(int)       {}
func (l *losing) Finished(study.Config, *record.Record, error) {
	if l.finished++; l.finished == 1 {
		os.RemoveAll(l.dir)
	}
}

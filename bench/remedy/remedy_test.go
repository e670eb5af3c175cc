package remedy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/remedy"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
)

func complete[T any](t testing.TB, c *catalogue.Catalogue[T], text string) catalogue.Choice {
	t.Helper()
	choice, err := c.Read(text)
	if err == nil {
		choice, err = c.Complete(choice)
	}
	if err != nil {
		t.Fatal(err)
	}
	return choice
}

func network(t testing.TB, model, activation string, depth int) record.Config {
	t.Helper()
	return record.Config{
		Task: complete(t, tasks.Catalogue, "digits"), Model: complete(t, models.Catalogue, model), Activation: complete(t, activations.Catalogue, activation),
		Initializer: complete(t, initializers.Catalogue, "glorot-normal"), Normalization: complete(t, normalization.Catalogue, "none"),
		Optimizer: complete(t, optimizers.Catalogue, "adam"), DType: "float32", Depth: depth, Width: 8, Batch: 32,
	}
}

func find(t testing.TB, q remedy.Question, dir string) *remedy.Answer {
	t.Helper()
	a, err := remedy.Find(context.Background(), q, dir, remedy.Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestFind answers a small question in a budget of runs: twice the same, a second start in
// one directory does nothing, and what is screened out has no P.
func TestFind(t *testing.T) {
	if testing.Short() {
		t.Skip("trains some eighty networks")
	}
	q := remedy.Question{Config: network(t, "mlp", "sigmoid", 6), Runs: 75, Seeds: 6}
	dir := t.TempDir()
	a := find(t, q, dir)
	if a.Activation != "sigmoid" || a.Depth != 6 || a.Task != "digits" || a.Baseline.Name != "plain" || a.Baseline.Verdict != "baseline" || a.Seeds != 6 || a.Answer == "" {
		t.Errorf("%+v", a)
	}
	finalists, kinds := 0, map[string]int{}
	for i, f := range a.Remedies {
		if f.Final {
			finalists++
			kinds[f.Kind]++
			if f.Verdict == "" || f.P.IsNaN() || f.Runs != 6 || f.Test.Median.IsNaN() || f.DecadesFirst.IsNaN() {
				t.Errorf("finalist %+v", f)
			}
			if i > 0 && f.Test.Median > a.Remedies[i-1].Test.Median {
				t.Errorf("%s is behind a worse one", f.Name)
			}
		} else if f.Verdict != "screened out" || !f.P.IsNaN() || !f.Test.Median.IsNaN() {
			t.Errorf("screened out: %+v", f)
		}
		if len(f.Change) == 0 || f.Tuned == "" {
			t.Errorf("%s changes %v, tuned %q", f.Name, f.Change, f.Tuned)
		}
	}
	for kind, n := range kinds {
		if n > 2 {
			t.Errorf("%d finalists are of the kind %s", n, kind)
		}
	}
	if finalists < 2 || finalists > 6 || len(a.LeftOut) == 0 {
		t.Errorf("%d finalists, left out %v", finalists, a.LeftOut)
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"activation"`, `"depth"`, `"task"`, `"answer"`, `"baseline"`, `"remedies"`, `"name"`, `"config"`, `"test"`, `"steps_to_target"`, `"p":null`,
		`"verdict"`, `"decades_first"`, `"decades_during"`, `"decorrelation_log10"`, `"tuned"`, `"runs"`} {
		if !strings.Contains(string(text), key) {
			t.Errorf("the JSON has no %s", key)
		}
	}
	var shown bytes.Buffer
	if err := a.WriteText(&shown, remedy.TextOptions{Width: 80}); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(shown.String(), "\n") {
		if len([]rune(line)) > 80 {
			t.Errorf("a line of %d columns: %s", len([]rune(line)), line)
		}
	}
	// Again: nothing is left to do, and the answer is the same.
	before, err := os.Stat(filepath.Join(dir, "3-finalists", "runs"))
	if err != nil {
		t.Fatal(err)
	}
	same := func(b *remedy.Answer) {
		t.Helper()
		b.Directory = a.Directory
		other, err := json.Marshal(b)
		if err != nil || !bytes.Equal(text, other) {
			t.Errorf("%v: another answer:\n%s\n%s", err, text, other)
		}
	}
	same(find(t, q, dir))
	if after, err := os.Stat(filepath.Join(dir, "3-finalists", "runs")); err != nil || after.ModTime() != before.ModTime() {
		t.Error("the second start ran something")
	}
	same(find(t, q, t.TempDir()))
	// The study that it names is one, with the finalists' runs.
	spec, err := study.Parse(context.Background(), "remedy.yaml", []byte(a.Study))
	if err != nil || len(spec.Configs) != 6*(finalists+1) {
		t.Errorf("the study file: %v", err)
	}
	// The study's own report, which leaves nothing out, says of each what the answer does.
	results, err := study.Open(context.Background(), a.Directory)
	if err != nil {
		t.Fatal(err)
	}
	c, err := compare.Study(results)
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]string{}
	for _, thing := range c.Things {
		verdicts[thing.Label] = thing.Verdict
	}
	if len(verdicts) != finalists+1 || c.Baseline != "plain" || len(c.Warnings) > 0 {
		t.Errorf("the report compares %v with %s: %q", verdicts, c.Baseline, c.Warnings)
	}
	for _, f := range a.Remedies[:finalists] {
		if verdicts[f.Name] != f.Verdict {
			t.Errorf("%s is %q in the report, %q in the answer", f.Name, verdicts[f.Name], f.Verdict)
		}
	}
}

func TestRefused(t *testing.T) {
	q := remedy.Question{Config: network(t, "mlp", "sigmoid", 6), Runs: 20}
	_, err := remedy.Find(context.Background(), q, t.TempDir(), remedy.Options{})
	if err == nil || !strings.Contains(err.Error(), "too small: it takes") {
		t.Errorf("20 runs: %v", err)
	}
	q.Runs = -1
	if _, err := remedy.Find(context.Background(), q, t.TempDir(), remedy.Options{}); err == nil {
		t.Error("-1 runs")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	q.Runs = 75
	if _, err := remedy.Find(ctx, q, t.TempDir(), remedy.Options{}); err == nil {
		t.Error("a question that is withdrawn is answered")
	}
}

// TestCatalogue: each remedy is a change of a plain network, of an RBF one, or of both; and
// changes axes that there are.
func TestCatalogue(t *testing.T) {
	for _, e := range remedy.Catalogue.Entries() {
		r, err := remedy.Catalogue.Make(catalogue.Choice{Name: e.Name})
		if err != nil {
			t.Fatal(err)
		}
		applies := 0
		for _, c := range []record.Config{network(t, "mlp", "tanh", 4), network(t, "rbf", "tanh", 4)} {
			for k := range r.Change(c) {
				applies++
				if _, ok := study.AxisOf(k); !ok {
					t.Errorf("%s changes %q", e.Name, k)
				}
			}
		}
		if applies == 0 || r.Kind == "" || e.Doc == "" {
			t.Errorf("%s applies to nothing", e.Name)
		}
	}
	residual := network(t, "residual", "tanh", 4)
	for _, name := range []string{"residual", "highway"} {
		if r, err := remedy.Catalogue.Make(catalogue.Choice{Name: name}); err != nil || r.Change(residual) != nil {
			t.Errorf("%s is a remedy for a residual network (%v)", name, err)
		}
	}
}

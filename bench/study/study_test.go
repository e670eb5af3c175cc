package study_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models/train"
	"github.com/pkg/errors"
)

const small = `
name: small
task: digits
budget: {steps: 12, batch: 16, evaluate: 4}
seeds: [1, 7]
grid:
  depth: [1, 3]
  width: 8
  activation: tanh
  initializer: glorot-normal
  optimizer:
    - {name: sgd, rate: [0.1, 0.5]}
    - smorms3
`

func parse(t *testing.T, text string) *study.Spec {
	t.Helper()
	s, err := study.Parse(context.Background(), "test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExpansion(t *testing.T) {
	s := parse(t, small)
	if len(s.Configs) != 2*3*2 {
		t.Fatalf("%d runs, want 2 depths x 3 optimizers x 2 seeds", len(s.Configs))
	}
	hashes := map[string]bool{}
	for _, c := range s.Configs {
		hashes[c.Hash()] = true
	}
	if len(hashes) != len(s.Configs) {
		t.Errorf("%d different hashes of %d runs", len(hashes), len(s.Configs))
	}
	first := s.Configs[0]
	if first.Depth != 1 || first.Optimizer.String() == "" || first.Seed != 1 || first.DType != "float32" || first.Probe != 1 {
		t.Errorf("first run: %+v", first)
	}
	// Spelling a default out changes nothing.
	spelled := parse(t, strings.Replace(small, "- smorms3", "- {name: smorms3, rate: 0.001}", 1))
	for i := range s.Configs {
		if s.Configs[i].Hash() != spelled.Configs[i].Hash() {
			t.Errorf("run %d: a default spelled out changes the hash", i)
		}
	}
}

func TestCases(t *testing.T) {
	s := parse(t, `
name: cases
task: digits
budget: {steps: 10, batch: 8}
seeds: 1
grid: {width: 8, initializer: glorot-normal, optimizer: sgd}
cases:
  - {depth: 2, activation: [tanh, softplus]}
  - {depth: 5, activation: sigmoid, optimizer: [adam, rmsprop]}
  - {depth: 2, activation: tanh}
`)
	var got []string
	for _, c := range s.Configs {
		got = append(got, strings.Join([]string{c.Activation.Name, c.Optimizer.Name}, "/"))
	}
	want := "tanh/sgd softplus/sgd sigmoid/adam sigmoid/rmsprop"
	if strings.Join(got, " ") != want {
		t.Errorf("runs %v, want %s: each once", got, want)
	}
}

// TestMistakes checks that each mistake gives one line with its place and a remedy.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown activation", "activation: tanh", "activation: tahn", `test.yaml:9:15: unknown activation "tahn"; did you mean tanh`},
		{"misspelt key", "width: 8", "widht: 8", `test.yaml:8:3: unknown key "widht" in the grid; did you mean width?`},
		{"misspelt top key", "seeds: [1, 7]", "seed: [1, 7]", `test.yaml:5:1: unknown key "seed" in a study; did you mean seeds?`},
		{"misspelt setting", "rate: [0.1, 0.5]", "rat: 0.1", `test.yaml:12:19: optimizer sgd: rat: `},
		{"negative depth", "depth: [1, 3]", "depth: [1, -1]", "test.yaml:7:14: depth must be at least 0, not -1"},
		{"fractional depth", "depth: [1, 3]", "depth: 1.5", "test.yaml:7:10: depth must be a whole number, not 1.5"},
		{"negative rate", "rate: [0.1, 0.5]", "rate: -0.1", "test.yaml:12:19: optimizer sgd: rate: "},
		{"empty axis", "depth: [1, 3]", "depth: []", "test.yaml:7:10: depth is empty"},
		{"no axis", "  width: 8\n", "", "test.yaml:7:3: no width is given"},
		{"no grid", "grid:\n  depth: [1, 3]\n  width: 8\n  activation: tanh\n  initializer: glorot-normal\n  optimizer:\n    - {name: sgd, rate: [0.1, 0.5]}\n    - smorms3\n", "grid: {}\n", "test.yaml:6:7: no activation is given"},
		{"unknown task", "task: digits", "task: digit", `test.yaml:3:7: unknown task "digit"; did you mean digits`},
		{"no budget", "budget: {steps: 12, batch: 16, evaluate: 4}\n", "", "test.yaml:2:1: the study has no budget"},
		{"zero steps", "steps: 12", "steps: 0", "test.yaml:4:17: steps must be at least 1, not 0"},
		{"seed twice", "[1, 7]", "[1, 1]", "test.yaml:5:12: seed 1 is listed twice"},
		{"unknown model", "width: 8", "width: 8\n  model: rbff", `test.yaml:9:10: unknown model "rbff"; did you mean rbf?`},
		{"model that does not fit", "width: 8", "width: 8\n  model: [mlp, rbf]", "test.yaml:9:16: an RBF layer is exp("},
		{"normalization that does not fit", "width: 8", "width: 8\n  normalization: [none, distance-scale]", "test.yaml:9:25: models: distance-scale normalises the squared distances of RBF layers"},
		{"batch of 1", "batch: 16, evaluate: 4}", "batch: 1, evaluate: 4}\ncases: [{normalization: batch-norm}]", "test.yaml:5:25: models: batch-norm: layer01 can't be normalised over a batch of 1"},
		{"width of 1", "width: 8", "width: 1\n  normalization: layer-norm", "test.yaml:9:18: models: layer-norm: layer01 has one unit"},
		{"bad placement", "width: 8", "width: 8\n  normalization: {name: rms-norm, placement: beside}", "test.yaml:9:35: normalization rms-norm: placement: "},
		{"bad name", "name: small", "name: ../small", `test.yaml:2:7: name "../small"`},
		{"syntax", "grid:", "grid: [", "test.yaml:"},
		{"duplicate key", "name: small", "name: small\nname: other", "test.yaml:3:1: "},
	} {
		text := strings.Replace(small, c.old, c.new, 1)
		if text == small {
			t.Fatalf("%s: %q is not in the study", c.name, c.old)
		}
		_, err := study.Parse(context.Background(), "test.yaml", []byte(text))
		switch {
		case err == nil:
			t.Errorf("%s: no error", c.name)
		case !strings.HasPrefix(err.Error(), c.want):
			t.Errorf("%s: %q, want %q…", c.name, err, c.want)
		case strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: more than one line: %q", c.name, err)
		}
	}
	for _, text := range []string{"", "42", "- a", "name: x\nbudget: 3", "\x00", "a: &a [*a]"} {
		if _, err := study.Parse(context.Background(), "test.yaml", []byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// TestModelsAndNormalizations runs one of each kind: what starts from data says so, the
// defaults are spelt out, and float64 works like float32.
func TestModelsAndNormalizations(t *testing.T) {
	s := parse(t, `
name: models
task: digits
budget: {steps: 6, batch: 16}
seeds: 1
grid: {depth: 2, width: 8, initializer: glorot-normal, optimizer: sgd, dtype: [float32, float64]}
cases:
  - {activation: tanh, normalization: [none, {name: batch-norm, placement: [before, after]}, layer-norm, weight-norm]}
  - {activation: tanh, model: mlp}
  - {activation: identity, model: deep-linear, normalization: rms-norm}
  - {activation: gaussian, model: {name: rbf, kappa: [0.5, 1]}, normalization: [none, distance-standardize]}
`)
	if len(s.Configs) != 2*(5+1+4) {
		t.Fatalf("%d runs", len(s.Configs))
	}
	for _, c := range s.Configs {
		if c.Model.Name == "" || c.Normalization.Name == "" {
			t.Errorf("a default is left out: %+v", c)
		}
		r, err := study.Execute(context.Background(), c, nil)
		if err != nil {
			t.Errorf("%v, %v: %v", c.Model, c.Normalization, err)
			continue
		}
		starts := 0
		if c.Model.Name == "rbf" {
			starts = 3 // centers and the width of the first layer, the width of the second
		}
		if r.Summary.Status != train.Done || len(r.Summary.Start) != starts {
			t.Errorf("%v, %v: %s, %d starts, want %d", c.Model, c.Normalization, r.Summary.Status, len(r.Summary.Start), starts)
		}
		if c.Model.Name == "rbf" {
			for i, share := range r.Layers.Quantity(probe.Saturated)[0] {
				if i < 2 && !(share < 0.5) {
					t.Errorf("%v, %v: %g of layer %d is saturated at the start", c.Model, c.Normalization, share, i+1)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add("name: x\ncases: [{depth: 1}]")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 2000 {
			study.Parse(context.Background(), "fuzz.yaml", []byte(text)) // must not panic
		}
	})
}

func run(t *testing.T, s *study.Spec, dir string, workers int) study.Outcome {
	t.Helper()
	o, err := study.Run(context.Background(), s, dir, study.Options{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// files returns the contents of all files of the runs but the timings.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "runs", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, path := range list {
		if filepath.Base(path) == "timing.json" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		contents[name] = string(text)
	}
	return contents
}

func TestWorkersDoNotMatter(t *testing.T) {
	s := parse(t, small)
	one, three := t.TempDir(), t.TempDir()
	run(t, s, one, 1)
	run(t, s, three, 3)
	a, b := files(t, one), files(t, three)
	if len(a) != len(s.Configs)*4 || len(b) != len(a) {
		t.Fatalf("%d and %d files of %d runs", len(a), len(b), len(s.Configs))
	}
	for name, text := range a {
		if b[name] != text {
			t.Errorf("%s differs between one worker and three", name)
		}
	}
}

// TestSplitDoesNotMatter has a single run divide its products over three workers.
func TestSplitDoesNotMatter(t *testing.T) {
	s := parse(t, `
name: wide
task: digits
budget: {steps: 6, batch: 128, evaluate: 6}
seeds: [1]
grid: {depth: 2, width: 256, activation: tanh, initializer: glorot-normal, optimizer: smorms3}
`)
	one, three := t.TempDir(), t.TempDir()
	run(t, s, one, 1)
	run(t, s, three, 3)
	b := files(t, three)
	for name, text := range files(t, one) {
		if b[name] != text {
			t.Errorf("%s differs between one worker and three", name)
		}
	}
}

func TestProbesDoNotMatter(t *testing.T) {
	with, without := parse(t, small), parse(t, "probe: 0\n"+small)
	for i := range with.Configs {
		a, err := study.Execute(context.Background(), with.Configs[i], nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := study.Execute(context.Background(), without.Configs[i], nil)
		if err != nil {
			t.Fatal(err)
		}
		for k := range a.Metrics {
			if k > 0 && a.Metrics[k] != b.Metrics[k] {
				t.Errorf("run %d: %+v with probes, %+v without", i, a.Metrics[k], b.Metrics[k])
			}
		}
		if b.Layers != nil || a.Layers == nil {
			t.Errorf("run %d: layers %v with probes, %v without", i, a.Layers, b.Layers)
		}
	}
}

func TestResume(t *testing.T) {
	s := parse(t, small)
	dir := t.TempDir()
	if o := run(t, s, dir, 2); o.Finished != len(s.Configs) || o.Recorded != 0 {
		t.Fatalf("first run: %+v", o)
	}
	before := files(t, dir)
	if o := run(t, s, dir, 2); o.Finished != 0 || o.Recorded != len(s.Configs) {
		t.Errorf("second run: %+v, want nothing to be done", o)
	}
	// A lost run, a damaged one, and one that was being written when the power went.
	hash := func(i int) string { return filepath.Join(dir, "runs", s.Configs[i].Hash()) }
	if err := os.RemoveAll(hash(0)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(hash(1), "summary.json"), []byte(`{"status": "do`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(hash(2), filepath.Join(dir, "runs", ".unfinished-"+s.Configs[2].Hash())); err != nil {
		t.Fatal(err)
	}
	if o := run(t, s, dir, 2); o.Finished != 3 || o.Recorded != len(s.Configs)-3 {
		t.Errorf("after damage: %+v, want three runs done", o)
	}
	after := files(t, dir)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s differs after going on", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, were %d", len(after), len(before))
	}
}

// TestInterrupt ends a study in the middle of a run and goes on.
func TestInterrupt(t *testing.T) {
	s := parse(t, small)
	whole, dir := t.TempDir(), t.TempDir()
	run(t, s, whole, 1)
	ctx, cancel := context.WithCancel(context.Background())
	p := &cancelling{after: 5, cancel: cancel}
	o, err := study.Run(ctx, s, dir, study.Options{Workers: 1, Progress: p})
	if err != nil {
		t.Fatal(err)
	}
	if !o.Interrupted || o.Finished == 0 || o.Finished == len(s.Configs) {
		t.Fatalf("interrupted: %+v", o)
	}
	if o := run(t, s, dir, 1); o.Recorded == 0 || o.Recorded+o.Finished != len(s.Configs) {
		t.Errorf("going on: %+v", o)
	}
	a, b := files(t, whole), files(t, dir)
	for name, text := range a {
		if b[name] != text {
			t.Errorf("%s differs in the interrupted study", name)
		}
	}
}

type cancelling struct {
	after  int
	cancel func()
}

func (c *cancelling) Begin(study.Total) {}
func (c *cancelling) Updated(int) {
	if c.after--; c.after == 0 {
		c.cancel()
	}
}
func (c *cancelling) Finished(study.Config, *record.Record, error) {}

func TestLock(t *testing.T) {
	s := parse(t, small)
	dir := t.TempDir()
	var second error
	p := &starting{f: func() { _, second = study.Run(context.Background(), s, dir, study.Options{}) }}
	if _, err := study.Run(context.Background(), s, dir, study.Options{Progress: p}); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(second, record.ErrLocked) {
		t.Errorf("a second writer gets %v, want ErrLocked", second)
	}
}

type starting struct{ f func() }

func (s *starting) Begin(study.Total)                          { s.f() }
func (*starting) Updated(int)                                  {}
func (*starting) Finished(study.Config, *record.Record, error) {}

func TestRecord(t *testing.T) {
	c := parse(t, small).Configs[2*3*2-1]
	r, err := study.Execute(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := r.Summary
	if s.Status != train.Done || s.Steps != 12 || len(r.Metrics) != 4 || r.Metrics[3].Step != 12 {
		t.Errorf("summary %+v, metrics %+v", s, r.Metrics)
	}
	if !r.Metrics[0].TrainLoss.IsNaN() || !(r.Metrics[1].TrainLoss > 0) {
		t.Errorf("training loss %v and then %v, want none and then a positive one", r.Metrics[0].TrainLoss, r.Metrics[1].TrainLoss)
	}
	if want := (64*8 + 8) + 2*(8*8+8) + 8*10 + 10; s.Parameters != want {
		t.Errorf("%d parameters, want %d", s.Parameters, want)
	}
	m := r.Layers.Quantity(probe.PreActivationGradient)
	if len(m) != len(r.Layers.Steps()) || len(m[0]) != 4 || len(s.LayerNames) != 4 {
		t.Errorf("gradients of %d steps and %d layers, names %v", len(m), len(m[0]), s.LayerNames)
	}
	if d := m[0][3] - m[0][0]; math.Abs(d-float64(s.DecadesFirst)) > 1e-12 {
		t.Errorf("decades %g, want %g", s.DecadesFirst, d)
	}
}

// TestFlushToZero lets the gradient of a deep narrow network fall through the range
// of float32. Flushed, more of it is exactly 0, and nothing is denormal.
func TestFlushToZero(t *testing.T) {
	if !kernels.SupportsFlushToZero() {
		t.Skip("these kernels can't flush to zero")
	}
	s := parse(t, `
name: flush
task: digits
budget: {steps: 3, batch: 8}
seeds: 1
grid:
  depth: 60
  width: 8
  activation: sigmoid
  initializer: {name: lecun-normal, gain: 0.9}
  optimizer: sgd
  flush-to-zero: [false, true]
`)
	var zeros, denormals [2]float64
	var steps [2]float64
	for i, c := range s.Configs {
		if c.FlushToZero != (i == 1) {
			t.Fatalf("run %d: flush-to-zero is %v", i, c.FlushToZero)
		}
		r, err := study.Execute(context.Background(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, share := range r.Layers.Quantity(probe.ZeroGradient)[0] {
			zeros[i] += share
		}
		for _, share := range r.Layers.Quantity(probe.DenormalGradient)[0] {
			denormals[i] += share
		}
		steps[i] = float64(r.Summary.DenormalSteps)
	}
	if !(zeros[1] > zeros[0]) || !(denormals[0] > 0) || denormals[1] != 0 {
		t.Errorf("layers' worth of zeros %v, of denormals %v: want more zeros and no denormals when flushed", zeros, denormals)
	}
	if steps[0] != 3 || steps[1] != 3 {
		t.Errorf("denormals met in %v updates, want all 3 of each", steps)
	}
}

// TestLearned lets each layer learn the a of a·tanh(z), and reads it back.
func TestLearned(t *testing.T) {
	s := parse(t, strings.Replace(small, "activation: tanh", "activation: {name: scaled, of: tanh, a: 1.5, learn: layer}", 1))
	dir := t.TempDir()
	run(t, s, dir, 2)
	r, err := study.Open(context.Background(), dir)
	if err != nil || len(r.Warnings) > 0 {
		t.Fatal(err, r.Warnings)
	}
	for _, record := range r.Records {
		if want := len(record.Metrics) * record.Config.Depth; len(record.Learned) != want {
			t.Fatalf("%d lines, want one for each layer at each evaluation, %d", len(record.Learned), want)
		}
		first, last := record.Learned[0], record.Learned[len(record.Learned)-1]
		if first.Layer != "layer01" || first.Parameter != "a" || first.Mean != 1.5 || first.Min != 1.5 {
			t.Errorf("at the start: %+v", first)
		}
		if last.Step != 12 || last.Mean == 1.5 || math.Abs(float64(last.Mean)-1.5) > 1 {
			t.Errorf("at the end: %+v", last)
		}
	}
}

func TestDiverged(t *testing.T) {
	s := parse(t, strings.Replace(small, "rate: [0.1, 0.5]", "rate: 1e30", 1))
	r, err := study.Execute(context.Background(), s.Configs[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Summary.Status != train.Diverged || r.Summary.Steps > 3 || r.Summary.Reason == "" {
		t.Errorf("at a rate of 1e30: %+v", r.Summary)
	}
}

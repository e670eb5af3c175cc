package bench_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/gorgonia"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

const tiny = `
name: tiny
task: digits
target: 0.3
budget: {steps: 40, batch: 32, evaluate: 10}
seeds: 2
probe: 1
grid: {depth: 1, width: 16, activation: tanh, initializer: glorot-normal, optimizer: sgd(rate=0.3)}
`

// TestMetrics: what a benchmark reports is the mean of its runs, whose seeds follow each
// other.
func TestMetrics(t *testing.T) {
	r := testing.Benchmark(func(b *testing.B) { bench.Study(b, tiny) })
	if r.N == 0 {
		t.Fatal("the benchmark failed")
	}
	s, err := study.Parse(context.Background(), "tiny.yaml", []byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	var accuracy, steps float64
	for i := range r.N {
		c := s.Configs[0]
		c.Seed = uint64(i + 1)
		record, err := study.Execute(context.Background(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		accuracy += float64(record.Summary.Final.ValidationAccuracy)
		steps += float64(record.Summary.StepsToTarget)
	}
	for unit, want := range map[string]float64{"val-acc": accuracy / float64(r.N), "reached": 1, "diverged": 0, "steps-to-target": steps / float64(r.N)} {
		if got, ok := r.Extra[unit]; !ok || got != want {
			t.Errorf("%s is %v (%v), want %v over %d runs", unit, got, ok, want, r.N)
		}
	}
	if _, ok := r.Extra["grad-decades"]; !ok {
		t.Error("no decades of the gradient")
	}
}

// TestMissedTarget: where runs miss the target, their share is told, and no steps to it.
func TestMissedTarget(t *testing.T) {
	r := testing.Benchmark(func(b *testing.B) { bench.Study(b, strings.Replace(tiny, "target: 0.3", "target: 1.1", 1)) })
	if reached, ok := r.Extra["reached"]; !ok || reached != 0 {
		t.Errorf("a share of %v (%v) reached it, want 0", reached, ok)
	}
	if steps, ok := r.Extra["steps-to-target"]; ok {
		t.Errorf("steps to a target that was not reached: %v", steps)
	}
}

// TestNames: sub-benchmarks have the axes that differ in their names, as the benchmark
// format wants them.
func TestNames(t *testing.T) {
	mine := study.NewPart("mine-2", func() (gorgonia.Solver, error) { return optimizers.NewSGD(optimizers.SGDConfig{Rate: 0.1}) })
	s, err := study.New(context.Background(), study.Settings{Name: "names", Task: "digits", Steps: 1, Batch: 8, Seeds: 3, Probe: new(0),
		Grid: study.Grid{"depth": []int{1, 2}, "width": 4, "activation": []string{"tanh", "z/(1 + abs(z))"}, "initializer": "glorot-normal",
			"optimizer": []any{"sgd(rate=0.001)", "sgd(rate=0.1)", mine}}})
	if err != nil {
		t.Fatal(err)
	}
	got := bench.Names(s)
	want := []string{"activation=tanh/depth=1/optimizer=sgd(rate=0.001)", "activation=tanh/depth=1/optimizer=sgd(rate=0.1)", "activation=tanh/depth=1/optimizer=(mine-2)"}
	if len(got) != 12 || !slices.Equal(got[:3], want) {
		t.Errorf("names %q, want %q and so on", got, want)
	}
	for _, name := range got {
		if strings.Count(name, "/") != 2 || strings.Contains(name, " ") {
			t.Errorf("%q has not three parts", name)
		}
	}
}

// TestTuned: a benchmark of a study that tunes runs with what it chooses, under names
// without it, and tells the score of the test part.
func TestTuned(t *testing.T) {
	text := strings.NewReplacer("sgd(rate=0.3)}", "[sgd, adam]}\ntune: {optimizer.rate: [1e-9, 0.1], seeds: 1}", "steps: 40", "steps: 20").Replace(tiny)
	s, err := study.Parse(context.Background(), "tiny.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if names := bench.Names(s); !slices.Equal(names, []string{"optimizer=sgd", "optimizer=adam"}) {
		t.Errorf("names %q", names)
	}
	tuning, err := s.Choose(context.Background())
	if err != nil || len(tuning.Chosen) != 2 || tuning.Chosen[0].Settings["optimizer.rate"] != 0.1 {
		t.Fatalf("%v, %+v", err, tuning)
	}
	r := testing.Benchmark(func(b *testing.B) { bench.Study(b, strings.Replace(text, "[sgd, adam]", "sgd", 1)) })
	if got := r.Extra["test-acc"]; !(got > 0.4) {
		t.Errorf("a test accuracy of %v: nothing is learned with the other rate, but with the one chosen", got)
	}
}

package study_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/keep"
	"github.com/gradflow/gradflow/models/train"
)

const kept = `
name: kept
task: digits
budget: {steps: 6, batch: 16, evaluate: 3}
seeds: 1
probe: 0
grid:
  activation: tanh
  depth: 3
  width: 8
  initializer: glorot-normal
  optimizer: adam
`

// TestKeep reads an axis of keeps: none is what a study has that does not say, to the hash, and
// the others change the run.
func TestKeep(t *testing.T) {
	without := parse(t, kept)
	s := parse(t, kept+"  keep: [none, {name: critical-projection, strength: [0.5, 1]}, critical-penalty, homeostasis]\n")
	if len(s.Configs) != 5 {
		t.Fatalf("%d configurations", len(s.Configs))
	}
	if s.Configs[0].Hash() != without.Configs[0].Hash() {
		t.Error("a study without the key has other runs than one with none")
	}
	axis, ok := study.AxisOf("keep")
	if !ok {
		t.Fatal("no axis")
	}
	var losses []float64
	for i, want := range []string{"none", "critical-projection", "critical-projection", "critical-penalty", "homeostasis"} {
		if got := axis.Named(s.Configs[i]); got != want {
			t.Errorf("configuration %d is labelled %q, want %q", i, got, want)
		}
		r, err := s.Execute(context.Background(), s.Configs[i], nil)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, float64(r.Summary.Final.ValidationLoss))
	}
	for i := range losses {
		for j := range i {
			if losses[i] == losses[j] {
				t.Errorf("configurations %d and %d end with the same loss, %g", j, i, losses[i])
			}
		}
	}
}

// TestKeepMistakes has a study refused before it runs.
func TestKeepMistakes(t *testing.T) {
	for text, want := range map[string]string{
		kept + "  keep: critical\n": "did you mean",
		strings.Replace(kept, "depth: 3", "depth: 1", 1) + "  keep: critical-penalty\n":                       "no hidden layer",
		kept + "  normalization: batch-norm\n  keep: homeostasis\n":                                           "normalisation",
		strings.Replace(kept, "optimizer: adam", "optimizer: schedule-free-sgd", 1) + "  keep: homeostasis\n": "averages",
	} {
		_, err := study.Parse(context.Background(), "kept.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "kept.yaml:1") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q at the line of keep", err, want)
		}
	}
}

// counting is a program's own keep: it counts its calls.
type counting struct{ calls *int }

func (c counting) Model(m models.Model) models.Model { return m }
func (c counting) Attach(l *train.Loop) error {
	l.Hooks = append(l.Hooks, train.Hook{After: func(*train.State) error { *c.calls++; return nil }})
	return nil
}

// TestOwnKeep adds a row to the catalogue, as a program does.
func TestOwnKeep(t *testing.T) {
	calls := 0
	if err := keep.Catalogue.Add(catalogue.Row("counting", "counts its calls", func(struct{}) (keep.Keep, error) { return counting{&calls}, nil })); err != nil {
		t.Fatal(err)
	}
	s := parse(t, kept+"  keep: counting\n")
	if _, err := s.Execute(context.Background(), s.Configs[0], nil); err != nil {
		t.Fatal(err)
	}
	if calls != 6 {
		t.Errorf("%d calls in 6 steps", calls)
	}
}

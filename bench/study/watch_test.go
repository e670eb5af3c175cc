package study

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
)

func watched(t *testing.T) *Spec {
	t.Helper()
	s, err := New(context.Background(), Settings{
		Name: "watched", Task: "digits", Steps: 12, Batch: 16, Evaluate: 4, Seeds: 2,
		Grid: Grid{"depth": 3, "width": 8, "activation": "tanh", "initializer": "glorot-normal", "optimizer": "sgd(rate=0.1)"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWatch: a run that is watched is the same, and the watch is told all that it records.
func TestWatch(t *testing.T) {
	c := watched(t).Configs[0]
	want, err := Execute(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	var updates int
	var metrics []record.Metric
	var samples []*probe.Sample
	var layers []string
	got, err := ExecuteWatched(context.Background(), c, Watch{
		Updated: func(n int) { updates += n },
		Scored:  func(m record.Metric) { metrics = append(metrics, m) },
		Probed:  func(names []string, s *probe.Sample) { layers, samples = names, append(samples, s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Layers.Rows, got.Metrics) != fmt.Sprint(want.Layers.Rows, want.Metrics) {
		t.Error("the watched run differs from one that is not watched")
	}
	if updates != 12 || len(metrics) != len(got.Metrics) || metrics[3].ValidationLoss != got.Metrics[3].ValidationLoss {
		t.Errorf("told of %d updates and %d evaluations, want 12 and %d", updates, len(metrics), len(got.Metrics))
	}
	steps := got.Layers.Steps()
	if len(samples) != len(steps) || len(layers) != 4 || samples[len(samples)-1].Step != 11 {
		t.Errorf("told of %d samples of layers %q, want %d", len(samples), layers, len(steps))
	}
}

// TestLive: what is told of a study in progress counts each run once.
func TestLive(t *testing.T) {
	s := watched(t)
	l := &live{running: map[string]*record.LiveRun{}}
	l.begin(Total{Runs: 5, Recorded: 1, Updates: 60, RecordedUpdates: 12})
	counted := 0
	first := l.run(s.Configs[0], func(n int) { counted += n })
	l.run(s.Configs[1], func(int) {})
	first.Scored(record.Metric{Step: 0})
	first.Updated(4)
	for step := range 1000 {
		first.Scored(record.Metric{Step: step + 4})
	}
	now := l.now()
	if counted != 4 || now.Done != 4 || len(now.Running) != 2 || now.Running[0].Run != s.Configs[0].Hash() {
		t.Errorf("with two runs in progress: %+v", now)
	}
	points := now.Running[0].Metrics
	if len(points) > livePoints+1 || points[len(points)-1].Step != 1003 {
		t.Errorf("%d points are told, the last of step %d", len(points), points[len(points)-1].Step)
	}
	l.ended(s.Configs[0], true, true, nil)
	l.ended(s.Configs[1], false, false, errors.New("no space"))
	now = l.now()
	if now.Finished != 1 || now.Diverged != 1 || now.Failed != 1 || len(now.Running) != 0 || now.Errors[0] != "no space" {
		t.Errorf("after both: %+v", now)
	}
}

// TestRunEndsLive: nothing is left that says that a study runs.
func TestRunEndsLive(t *testing.T) {
	dir := t.TempDir()
	if _, err := Run(context.Background(), watched(t), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if l, err := record.ReadLive(dir); l != nil || err != nil {
		t.Errorf("after the study: %+v, %v", l, err)
	}
}

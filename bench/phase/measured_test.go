package phase_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/bench/phase"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/models/train"
)

func question() phase.Question {
	c := study.Defaults()
	c.Task, c.Activation = catalogue.Choice{Name: "digits"}, catalogue.Choice{Name: "tanh"}
	c.Optimizer = catalogue.Choice{Name: "sgd", Settings: map[string]any{"rate": 0.1}}
	c.Width, c.Batch = 16, 16
	return phase.Question{Config: c, Variances: []float64{1.7, 0.05}, Bias: 0.05, Depths: []int{12, 1, 4}, Steps: 60, Seeds: 2, Activation: "tanh"}
}

func field(t *testing.T) *meanfield.Field {
	t.Helper()
	f, err := meanfield.New(activations.Tanh())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestMeasured trains a small grid: near criticality deeper networks train than far below it,
// where theory has the signal fade in a few layers.
func TestMeasured(t *testing.T) {
	q, dir := question(), t.TempDir()
	spec, err := q.Study(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(spec.Configs) != 12 {
		t.Fatalf("%d networks, want 12", len(spec.Configs))
	}
	if _, err := study.Run(t.Context(), spec, dir, study.Options{}); err != nil {
		t.Fatal(err)
	}
	results, err := study.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := phase.Measure(q, field(t), results)
	if err != nil {
		t.Fatal(err)
	}
	if m.Trained != 12 || m.Networks != 12 || len(m.Columns) != 2 || m.Columns[0].Variance != 0.05 {
		t.Fatalf("%+v", m)
	}
	vanishing, critical := m.Columns[0], m.Columns[1]
	if vanishing.Trainable >= critical.Trainable || critical.Trainable < 4 {
		t.Errorf("trains to %d far below criticality and to %d near it: %+v", vanishing.Trainable, critical.Trainable, m.Columns)
	}
	for _, c := range m.Columns {
		if c.Lo > c.Trainable || c.Hi < c.Trainable {
			t.Errorf("%g: %d is not from %d to %d", c.Variance, c.Trainable, c.Lo, c.Hi)
		}
	}
	if xi := float64(vanishing.SixXi); math.Abs(xi+6/math.Log(0.05*(1-0.1))) > 0.1 { // χ₁ ≈ σw² E[f'²]
		t.Errorf("6ξ is %g", xi)
	}
	for _, width := range []int{80, 60} {
		for _, line := range m.Text(width, false) {
			if texttab.Width(line) > width {
				t.Errorf("%d columns: %q", width, line)
			}
		}
	}
	if text, err := json.Marshal(m); err != nil || !strings.Contains(string(text), `"six_xi":`) {
		t.Errorf("%s, %v", text, err)
	}
	path := filepath.Join(t.TempDir(), "x.svg")
	if err := draw.Write(path, phase.Trainable{Measured: m}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	for _, want := range []string{"6ξ", "hidden layers", "trains to here", "test accuracy"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the picture has no %q (%v)", want, err)
		}
	}
}

// TestMeasuredJudgement checks thresholds, ranges and what is left out, on planted results.
func TestMeasuredJudgement(t *testing.T) {
	q := question()
	spec, err := q.Study(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// By variance, depth and seed: median depths 1 and 12, of one seed 4.
	planted := map[float64]map[int][2]float64{
		0.05: {1: {0.9, 0.8}, 4: {0.6, 0.1}, 12: {0.1, 0.1}},
		1.7:  {1: {0.9, 0.9}, 4: {0.9, 0.9}, 12: {0.8, math.NaN()}},
	}
	results := &record.Results{Dir: "x", Spec: &record.Plan{Configs: spec.Configs}}
	for _, c := range spec.Configs {
		v := c.Initializer.Settings["weight-variance"].(float64)
		score := planted[v][c.Depth][c.Seed-1]
		s := record.Summary{Status: train.Done, TestAccuracy: record.Number(score), Chance: 0.1}
		if math.IsNaN(score) {
			s.Status = train.Diverged
		}
		results.Records = append(results.Records, &record.Record{Config: c, Summary: s})
	}
	m, err := phase.Measure(q, field(t), results)
	if err != nil {
		t.Fatal(err)
	}
	if m.Best != 0.9 || m.Threshold != 0.5 {
		t.Errorf("best %g, threshold %g, want 0.9 and 0.5", m.Best, m.Threshold)
	}
	if c := m.Columns[0]; c.Trainable != 1 || c.Lo != 1 || c.Hi != 4 || c.Open {
		t.Errorf("%+v, want 1 from 1 to 4", c)
	}
	if c := m.Columns[1]; c.Trainable != 4 || c.Lo != 4 || c.Hi != 12 || c.Open || c.Cells[2].Diverged != 1 {
		t.Errorf("%+v, want 4 from 4 to 12", c)
	}
	results.Records = results.Records[:5] // as if time had been up
	if m, err = phase.Measure(q, field(t), results); err != nil || m.Trained != 5 || m.Networks != 12 {
		t.Errorf("%+v, %v", m, err)
	}
	results.Records = nil
	if _, err = phase.Measure(q, field(t), results); err == nil {
		t.Error("nothing is trained, and there is no error")
	}
}

// TestFading checks the depth at which the signal fades by rates far from and near
// criticality: the difference of correlations falls by χ₁ a layer.
func TestFading(t *testing.T) {
	f := field(t)
	v := meanfield.Variances{Weight: 1, Bias: 0.05} // χ₁ = 0.759
	theory, err := f.Theory(v)
	if err != nil {
		t.Fatal(err)
	}
	depth, ok := phase.Fading(f, v, 400)
	if want := math.Log(1000) * theory.XiCorrelation; !ok || math.Abs(float64(depth)-want) > 3 {
		t.Errorf("a thousandth after %d layers, %v, want about %.1f", depth, ok, want)
	}
	critical, err := f.Critical(0.05)
	if err != nil {
		t.Fatal(err)
	}
	if depth, ok := phase.Fading(f, critical.Variances, 100); ok {
		t.Errorf("at criticality a thousandth is left after %d layers", depth)
	}
}

func TestQuestionMistakes(t *testing.T) {
	for _, change := range []func(*phase.Question){
		func(q *phase.Question) { q.Depths = []int{3} },
		func(q *phase.Question) { q.Depths = []int{3, 3} },
		func(q *phase.Question) { q.Variances = nil },
		func(q *phase.Question) { q.Variances = []float64{-1} },
		func(q *phase.Question) { q.Variances = []float64{math.NaN()} },
		func(q *phase.Question) { q.Bias = -1 },
	} {
		q := question()
		change(&q)
		if _, err := q.Study(t.Context()); err == nil {
			t.Errorf("%+v: no error", q)
		}
	}
}

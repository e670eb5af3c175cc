package record

import (
	"math"

	"github.com/gradflow/gradflow/models/train"
)

// agree checks that the files of a record without checksums are complete and agree with
// each other. Numbers that were edited in two files at once pass.
func (s *source) agree(r *Record) {
	c, sum := r.Config, &r.Summary
	switch sum.Status {
	case train.Done:
		if sum.Steps != c.Steps {
			s.fail(summaryFile, "is of %d steps, want %d", sum.Steps, c.Steps)
		}
	case train.Diverged:
		if sum.Steps < 0 || sum.Steps > c.Steps {
			s.fail(summaryFile, "is of %d steps, want %d at most", sum.Steps, c.Steps)
		}
	default:
		s.fail(summaryFile, "the status is %q, neither done nor diverged", sum.Status)
	}
	if s.damage != nil {
		return
	}
	s.agreeMetrics(r)
	s.agreeLearned(r)
	if r.Layers == nil && c.Probe > 0 && sum.Status == train.Done {
		s.fail(layersFile, "is missing")
	}
	if r.Layers != nil {
		s.agreeLayers(r)
	}
}

func (s *source) agreeMetrics(r *Record) {
	sum := &r.Summary
	if len(r.Metrics) == 0 {
		s.fail(metricsFile, "has no lines")
		return
	}
	higher := false
	for i, m := range r.Metrics {
		last := sum.Status == train.Done && i == len(r.Metrics)-1
		if want := i * r.Config.Evaluate; m.Step != want && !(last && m.Step == sum.Steps) {
			s.fail(metricsFile, "line %d is of step %d, want %d", i+1, m.Step, want)
		}
		higher = higher || !m.ValidationAccuracy.IsNaN()
	}
	final := r.Metrics[len(r.Metrics)-1]
	if sum.Status == train.Done && final.Step != sum.Steps || final.Step > sum.Steps || !same(final, sum.Final) {
		s.fail(metricsFile, "does not end with the evaluation that %s has as the final one: it was cut or changed", summaryFile)
	}
	best, reached := Number(math.NaN()), Number(math.NaN())
	for _, m := range r.Metrics {
		score, better := m.ValidationLoss, func(a, b Number) bool { return a < b }
		if higher {
			score, better = m.ValidationAccuracy, func(a, b Number) bool { return a > b }
		}
		if best.IsNaN() || better(score, best) {
			best = score
		}
		if reached.IsNaN() && (score == sum.Target || better(score, sum.Target)) {
			reached = Number(m.Step)
		}
	}
	if !equal(best, sum.Best) || !equal(reached, sum.StepsToTarget) {
		s.fail(metricsFile, "does not agree with the best score and the steps to the target in %s", summaryFile)
	}
}

func same(a, b Metric) bool {
	return a.Step == b.Step && equal(a.TrainLoss, b.TrainLoss) && equal(a.ValidationLoss, b.ValidationLoss) &&
		equal(a.ValidationAccuracy, b.ValidationAccuracy)
}

// equal takes what is not known to be equal.
func equal(a, b Number) bool { return a == b || a.IsNaN() && b.IsNaN() }

// agreeLearned checks that each evaluation has the same number of lines.
func (s *source) agreeLearned(r *Record) {
	if len(r.Learned) == 0 {
		return
	}
	each := len(r.Learned) / len(r.Metrics)
	if each*len(r.Metrics) != len(r.Learned) {
		s.fail(learnedFile, "has %d lines for %d evaluations", len(r.Learned), len(r.Metrics))
		return
	}
	for i, l := range r.Learned {
		if want := r.Metrics[i/each].Step; l.Step != want {
			s.fail(learnedFile, "line %d is of step %d, want %d", i+1, l.Step, want)
		}
	}
}

// agreeLayers checks that each probed step has each layer once.
func (s *source) agreeLayers(r *Record) {
	t, layers := r.Layers, len(r.Summary.LayerNames)
	step, layer := t.Column(StepColumn), t.Column(LayerColumn)
	if layers == 0 || len(t.Rows)%layers != 0 {
		s.fail(layersFile, "has %d rows, not some for each of %d layers", len(t.Rows), layers)
		return
	}
	last := -1.0
	for i, row := range t.Rows {
		if i%layers == 0 && !(row[step] > last) || i%layers > 0 && row[step] != last || row[layer] != float64(i%layers) {
			s.fail(layersFile, "row %d is of step %g and layer %g: rows are missing or changed", i+1, row[step], row[layer])
			return
		}
		last = row[step]
	}
	if last >= float64(r.Config.Steps) || r.Summary.Status == train.Done && last != float64(r.Config.Steps-1) {
		s.fail(layersFile, "ends with step %g of %d", last, r.Config.Steps)
	}
}

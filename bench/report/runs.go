package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/bib"
)

// runTable is the table of all runs, which the page's script sorts and filters.
type runTable struct {
	Heads []runHead `json:"heads"`
	Rows  [][]any   `json:"rows"` // a text or a number for each head; null where it is not known
	// Configs has what each run has of its own, of the axes that differ in the study; Shared is
	// what all have.
	Configs []string `json:"configs"`
	Shared  string   `json:"shared"`
}

type runHead struct {
	Name    string `json:"name"`
	Help    string `json:"help"`
	Numbers bool   `json:"numbers"`
}

func newRunTable(r *Ranking) *runTable {
	t := &runTable{Rows: [][]any{}, Configs: []string{}, Heads: []runHead{
		{"facet", "task and network", false}, {"", "what is compared", false}, {"seed", "of the first weights and of the order of examples", true},
		{"status", "done, or diverged", false}, {"steps", "updates done", true}, {"validation", "last score of the validation part", true},
		{"test", "score of the test part, evaluated once", true}, {"steps to target", "first evaluation that reached the target", true},
		{"decades lost", "powers of ten by which the gradient falls from the output layer to layer 1, at the start", true},
		{"seconds", "of one core", true},
	}}
	number := func(n Number) any {
		if !isFinite(n) {
			return nil
		}
		return Number(rounded(float64(n), 5))
	}
	var configs []record.Config
	for i := range r.Problems {
		p := &r.Problems[i]
		t.Heads[1].Name = p.what
		for k, runs := range p.records {
			for _, run := range runs {
				s := &run.Summary
				validation, test := s.Final.ValidationAccuracy, s.TestAccuracy
				if p.Score != "accuracy" {
					validation, test = s.Final.ValidationLoss, s.TestLoss
				}
				t.Rows = append(t.Rows, []any{p.Label, p.Setups[k].Label, run.Config.Seed, string(s.Status), s.Steps, number(validation), number(test),
					number(s.StepsToTarget), number(s.DecadesFirst), number(Number(run.Timing.Seconds))})
				configs = append(configs, run.Config)
			}
		}
	}
	var own []study.Axis
	var shared []string
	for _, a := range study.Axes {
		switch {
		case len(configs) == 0:
		case differs(a, configs):
			own = append(own, a)
		default:
			shared = append(shared, fmt.Sprintf("%s: %v", a.Key, a.Value(configs[0])))
		}
	}
	t.Shared = strings.Join(shared, "\n")
	for _, c := range configs {
		var parts []string
		for _, a := range own {
			parts = append(parts, fmt.Sprintf("%s: %v", a.Key, a.Value(c)))
		}
		t.Configs = append(t.Configs, strings.Join(parts, "\n"))
	}
	return t
}

// again is how to run a study anew.
type again struct {
	Source   string // the study's file; "" if the directory has none
	Commands string
	Citation string
}

func newAgain(results *record.Results, r *Ranking) again {
	a := again{Commands: "gradflow run study.yaml\ngradflow report gradflow-out/" + r.Study}
	if text, err := os.ReadFile(filepath.Join(results.Dir, "study.yaml")); err == nil && len(text) <= study.MaxFileBytes {
		a.Source = string(text)
	}
	version := "0.1.0-dev"
	for _, e := range r.Environments {
		if e.Gradflow != "" {
			version = e.Gradflow
		}
	}
	a.Citation = bib.Software(version)
	return a
}

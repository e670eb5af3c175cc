package compare_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/study"
)

// TestTuned: a tuned study is compared by what its things are without the settings chosen,
// even where those make other facets of their own, and says what was chosen on what.
func TestTuned(t *testing.T) {
	s, err := study.Parse(context.Background(), "tuned.yaml", []byte(`
name: tuned
task: digits
budget: {steps: 4, batch: 16}
seeds: 2
probe: 0
tune: {optimizer.rate: [0.01, 0.1], batch: [16, 8], seeds: 1}
grid: {depth: [1, 2], width: 8, activation: tanh, initializer: glorot-normal, optimizer: [sgd, adam]}
`))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := study.Run(t.Context(), s, dir, study.Options{}); err != nil {
		t.Fatal(err)
	}
	results, err := study.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := compare.Study(results)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Things) != 2 || len(c.Facets) != 2 || c.Seeds != 2 || c.Part != "test" {
		t.Fatalf("%d things in %d facets, %d seeds: want 2 optimizers at 2 depths", len(c.Things), len(c.Facets), c.Seeds)
	}
	for _, thing := range c.Things {
		if thing.Tried != 4 || thing.Runs != 4 || strings.Contains(thing.Label, "rate") {
			t.Errorf("%s: %d settings tried, %d runs: want 4 of each", thing.Label, thing.Tried, thing.Runs)
		}
		for f, cell := range thing.Cells {
			for _, r := range cell.Records() {
				if plain, _ := results.Tuning.Plain(r.Config); plain.Depth != c.Facets[f].Config.Depth || r.Config.Seed > 2 {
					t.Errorf("%s at %s has a run of depth %d and seed %d", thing.Label, c.Facets[f].Label, plain.Depth, r.Config.Seed)
				}
			}
		}
	}
	if !strings.Contains(c.Chosen, "batch and optimizer.rate") && !strings.Contains(c.Chosen, "optimizer.rate and batch") || !strings.Contains(c.Chosen, "on the validation part") {
		t.Errorf("chosen: %q", c.Chosen)
	}
	for _, w := range c.Warnings {
		if strings.Contains(w, "unequal") {
			t.Errorf("%s: the budgets are equal", w)
		}
	}
}

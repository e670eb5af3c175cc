package study_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/models/train"
)

const tuned = `
name: tuned
task: digits
budget: {steps: 9, batch: 16, evaluate: 9}
seeds: 2
probe: 0
tune:
  optimizer.rate: {log-uniform: [1e-3, 0.1], tries: 3}
  seeds: 2
grid:
  depth: [1, 2]
  width: 8
  activation: tanh
  initializer: glorot-normal
  optimizer: [sgd, rmsprop]
`

// TestTunedStudy: a tuned study is run with the settings that its own records choose, by
// other seeds; what is lost of it is made again bit for bit, whatever the workers.
func TestTunedStudy(t *testing.T) {
	s := parse(t, tuned)
	dir := t.TempDir()
	first := run(t, s, dir, 2)
	r := open(t, dir)
	if r.Tuning == nil || !r.Tuning.Complete || len(r.Records) != 8 || len(r.Others) > 0 {
		t.Fatalf("%+v, %d records, others %v", r.Tuning, len(r.Records), r.Others)
	}
	if n := len(r.Tuned) + len(r.Records); first.Finished != n || first.Runs != n || len(r.Tuned) < 4*3*2 || r.Tuning.Cost.Runs != len(r.Tuned) {
		t.Errorf("%+v, with %d tuning runs: want 24 or more and 8 others", first, len(r.Tuned))
	}
	for _, c := range r.Tuned {
		if c.Config.Seed < 1000001 || c.Config.Seed > 1000002 {
			t.Errorf("a setting is chosen by seed %d", c.Config.Seed)
		}
	}
	for i, c := range r.Records {
		plain, tried := r.Tuning.Plain(c.Config)
		if !reflect.DeepEqual(plain, s.Configs[i]) || tried < 3 {
			t.Errorf("run %d was %+v, of %d, before its rate was chosen, want %+v", i, plain, tried, s.Configs[i])
		}
		if want := bestRate(r.Tuned, plain); rateOf(c.Config) != want {
			t.Errorf("%v at depth %d has not the best rate, %g", c.Config.Optimizer, c.Config.Depth, want)
		}
	}
	// Within a facet the budgets are equal.
	for _, c := range r.Tuning.Chosen {
		for _, d := range r.Tuning.Chosen {
			if c.Facet == d.Facet && c.Tried != d.Tried {
				t.Errorf("%+v and %+v: budgets differ", c, d)
			}
		}
	}

	before := files(t, dir)
	if again := run(t, s, dir, 1); again.Finished != 0 || again.Recorded != first.Runs || again.Runs != first.Runs {
		t.Errorf("run again: %+v", again)
	}
	runs, err := os.ReadDir(filepath.Join(dir, "runs"))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range runs {
		if i%2 == 0 {
			if err := os.RemoveAll(filepath.Join(dir, "runs", e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A choice that is written down is not believed.
	if err := os.WriteFile(filepath.Join(dir, "tuned.json"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	if half, err := study.Open(context.Background(), dir); err == nil && half.Tuning.Complete {
		t.Error("half a tuning is said to be complete")
	}
	run(t, s, dir, 1)
	if after := files(t, dir); !reflect.DeepEqual(after, before) {
		t.Errorf("%d files, made again %d, or they differ", len(before), len(after))
	}
	text, err := os.ReadFile(filepath.Join(dir, "tuned.json"))
	var written record.Tuning
	if err == nil {
		err = json.Unmarshal(text, &written)
	}
	if err != nil || len(written.Chosen) != 4 || written.Chosen[0].Settings["optimizer.rate"] == 0 || !strings.Contains(written.Method, "on the validation part by 2 seeds of their own") {
		t.Errorf("%v: tuned.json is %s", err, text)
	}
}

// bestRate is the rate with the best mean accuracy on the validation part, by the lower
// loss if there are several, of the runs that chose for a plain configuration.
func bestRate(tuned []*record.Record, plain study.Config) float64 {
	type sums struct{ accuracy, loss float64 }
	by := map[float64]*sums{}
	for _, r := range tuned {
		if r.Config.Depth != plain.Depth || r.Config.Optimizer.Name != plain.Optimizer.Name {
			continue
		}
		rate := rateOf(r.Config)
		if by[rate] == nil {
			by[rate] = &sums{}
		}
		by[rate].accuracy += float64(r.Summary.Final.ValidationAccuracy)
		by[rate].loss += float64(r.Summary.Final.ValidationLoss)
	}
	best := math.NaN()
	for rate, s := range by {
		if b := by[best]; b == nil || s.accuracy > b.accuracy || s.accuracy == b.accuracy && s.loss < b.loss {
			best = rate
		}
	}
	return best
}

// judge makes records of runs from a cost of each.
func judge(cost func(study.Config) float64) func(study.Config) *record.Record {
	return func(c study.Config) *record.Record {
		r := &record.Record{Hash: c.Hash(), Config: c}
		r.Summary.Status, r.Summary.Steps = train.Done, c.Steps
		x := record.Number(cost(c))
		if x.IsNaN() {
			r.Summary.Status = train.Diverged
		}
		r.Summary.Final.ValidationLoss, r.Summary.Final.ValidationAccuracy = x, -x
		r.Timing.Seconds = 1
		return r
	}
}

func rateOf(c study.Config) float64 {
	rate, err := strconv.ParseFloat(fmt.Sprint(c.Optimizer.Settings["rate"]), 64)
	if err != nil {
		panic(err)
	}
	return rate
}

// tuning is a study with some other tune.
func tuning(t *testing.T, tune string, replace ...string) *study.Spec {
	t.Helper()
	text := strings.NewReplacer(append([]string{"\n  optimizer.rate: {log-uniform: [1e-3, 0.1], tries: 3}\n  seeds: 2", "\n  " + tune}, replace...)...).Replace(tuned)
	return parse(t, text)
}

// TestEdges: a range whose edge wins is extended, the others get as many settings between
// those that they had, and an edge that still wins is told.
func TestEdges(t *testing.T) {
	s := tuning(t, "optimizer.rate: {log-uniform: [1e-3, 0.1], tries: 3}")
	optima := map[string]float64{"sgd": 1, "rmsprop": 0.01}
	got := s.Resolve(judge(func(c study.Config) float64 { return math.Abs(math.Log10(rateOf(c) / optima[c.Optimizer.Name])) }))
	if !got.Complete || len(got.Final) != 8 || len(got.Warnings) > 0 {
		t.Fatalf("%+v", got)
	}
	for _, c := range got.Chosen {
		// 1 is found beyond 0.1, and 10 is tried as well, to see that it is no better.
		if c.Tried != 5 || c.Extended != 2 || c.Settings["optimizer.rate"] != optima[c.Thing] || math.Abs(float64(c.Sensitivity["optimizer.rate"])-math.Log10(3)) > 1e-3 {
			t.Errorf("%+v, want a rate of %g of 5, and a sensitivity of %.3f", c, optima[c.Thing], math.Log10(3))
		}
	}
	if got.Cost.Runs != 4*5*2 || got.Cost.Updates != 4*5*2*9 || got.Cost.Seconds != 4*5*2 || got.Planned != 4*5*2+8 {
		t.Errorf("cost %+v, planned %d", got.Cost, got.Planned)
	}
	far := s.Resolve(judge(func(c study.Config) float64 { return -rateOf(c) }))
	if len(far.Warnings) != 2 || !strings.Contains(far.Warnings[0], "the best optimizer.rate of sgd is at the edge of the range that was tried, 0.001 to 10: give a wider one (depth 1; depth 2)") {
		t.Errorf("%q", far.Warnings)
	}
	for _, c := range slices.Concat(got.Chosen, far.Chosen) {
		at := c.Settings["optimizer.rate"] == 10
		if at != (len(c.AtEdge) == 1) {
			t.Errorf("%+v: at the edge? %v", c, at)
		}
	}
	list := tuning(t, "optimizer.rate: [0.1, 0.001, 0.01]")
	if w := list.Resolve(judge(func(c study.Config) float64 { return -rateOf(c) })).Warnings; len(w) != 2 || !strings.Contains(w[0], "0.001 to 0.1") {
		t.Errorf("%q", w)
	}
	// An end of what is possible is no edge: momentum is from 0 to below 1.
	zero := tuning(t, "optimizer.momentum: {uniform: [0, 0.9], tries: 4}")
	if w := zero.Resolve(judge(func(c study.Config) float64 {
		m, _ := c.Optimizer.Settings["momentum"].(float64)
		return m
	})); len(w.Warnings) != 0 {
		t.Errorf("%q", w.Warnings)
	}
}

// TestNothingToChoose: what makes no difference, and what diverges.
func TestNothingToChoose(t *testing.T) {
	s := tuning(t, "optimizer.rate: {log-uniform: [1e-3, 0.1], tries: 3}")
	for cost, want := range map[float64]string{1: "all have one score", math.NaN(): "all runs diverged"} {
		got := s.Resolve(judge(func(study.Config) float64 { return cost }))
		if len(got.Warnings) != 2 || !strings.Contains(got.Warnings[0], want) || got.Cost.Runs != 24 {
			t.Errorf("%q, %+v", got.Warnings, got.Cost)
		}
	}
	half := s.Resolve(judge(func(c study.Config) float64 {
		if rateOf(c) > 0.05 {
			return math.NaN()
		}
		return math.Abs(math.Log10(rateOf(c) / 0.01))
	}))
	if x := half.Chosen[0].Sensitivity["optimizer.rate"]; !math.IsInf(float64(x), 1) || half.Chosen[0].Settings["optimizer.rate"] != 0.01 {
		t.Errorf("%+v: a third of a decade on it diverges", half.Chosen[0])
	}
}

// TestHalving: rungs, and what they cost.
func TestHalving(t *testing.T) {
	s := tuning(t, "optimizer.rate: {log-uniform: [1e-4, 1], tries: 9}\n  halving: true")
	steps := map[int]int{}
	got := s.Resolve(judge(func(c study.Config) float64 { return math.Abs(math.Log10(rateOf(c) / 0.01)) }))
	for _, c := range got.Runs {
		steps[c.Steps]++
	}
	if fmt.Sprint(steps) != "map[1:72 3:24 9:8]" || got.Chosen[0].Settings["optimizer.rate"] != 0.01 || got.Chosen[0].Tried != 9 {
		t.Errorf("%v, %+v", steps, got.Chosen)
	}
	// What is to come is known before it begins.
	if begin := s.Resolve(func(study.Config) *record.Record { return nil }); begin.Planned != got.Planned || begin.PlannedUpdates != got.PlannedUpdates || begin.Complete || len(begin.Runs) != 72 || len(begin.Final) != 0 {
		t.Errorf("%d runs and %d updates are planned, %d and %d were done", begin.Planned, begin.PlannedUpdates, got.Planned, got.PlannedUpdates)
	}
}

// TestPerStudy: one rate for all depths, which is best in none.
func TestPerStudy(t *testing.T) {
	s := tuning(t, "optimizer.rate: [0.001, 0.01, 0.1]\n  per: study")
	got := s.Resolve(judge(func(c study.Config) float64 {
		return map[string]float64{"1 0.001": 0, "1 0.01": 1, "1 0.1": 9, "2 0.001": 3, "2 0.01": 1, "2 0.1": 0}[fmt.Sprint(c.Depth, rateOf(c))]
	}))
	if len(got.Chosen) != 2 || got.Chosen[0].Facet != "" || got.Chosen[0].Settings["optimizer.rate"] != 0.01 || len(got.Final) != 8 {
		t.Errorf("%+v", got.Chosen)
	}
}

// TestTunedVariants: each variant has settings of its own, from as many as the others in its
// facet, and is compared by its name; one that lacks a setting is named; none may set it.
func TestTunedVariants(t *testing.T) {
	const variants = "variants:\n  plain:\n  normalized: {normalization: batch-norm}\n  residual: {model: highway}\nbaseline: plain\ntune:"
	replace := []string{"tune:", variants, "  optimizer: [sgd, rmsprop]", "  optimizer: sgd"}
	optimum := func(c study.Config) float64 {
		switch {
		case c.Model.Name == "highway":
			return 0.1
		case c.Normalization.Name == "batch-norm":
			return 0.03
		}
		return 0.01 / float64(c.Depth)
	}
	judged := judge(func(c study.Config) float64 { return math.Abs(math.Log10(rateOf(c) / optimum(c))) })
	s := tuning(t, "optimizer.rate: {log-uniform: [1e-3, 1], tries: 7}", replace...)
	got := s.Resolve(judged)
	if !got.Complete || len(got.Final) != 3*2*2 || len(got.Chosen) != 3*2 || len(got.Warnings) > 0 {
		t.Fatalf("%+v", got)
	}
	tried := map[string]int{}
	for _, c := range got.Chosen {
		if n, seen := tried[c.Facet]; seen && n != c.Tried {
			t.Errorf("%s at %s has %d settings, another %d", c.Thing, c.Facet, c.Tried, n)
		}
		tried[c.Facet] = c.Tried
	}
	if len(tried) != 2 {
		t.Errorf("facets %v", tried)
	}
	for i, c := range got.Final {
		plain, n := got.Plain(c)
		if !reflect.DeepEqual(plain, s.Configs[i]) || n < 7 || s.Comparison.Variant[plain.Setup().Hash()] == "" {
			t.Errorf("run %d was %+v, of %d", i, plain, n)
		}
		if off := math.Abs(math.Log10(rateOf(c) / optimum(c))); off > 0.26 { // half a step of the range
			t.Errorf("%s at depth %d has the rate %g, best is %g", s.Comparison.Variant[plain.Setup().Hash()], c.Depth, rateOf(c), optimum(c))
		}
	}
	for _, c := range got.Runs {
		if c.Seed < 1000001 {
			t.Errorf("a setting is chosen by seed %d", c.Seed)
		}
	}

	whole := tuning(t, "optimizer.rate: {log-uniform: [1e-3, 1], tries: 7}\n  per: study", replace...).Resolve(judged)
	if len(whole.Chosen) != 3 || len(whole.Final) != 3*2*2 {
		t.Errorf("one for all facets: %+v", whole.Chosen)
	}

	some := tuning(t, "normalization.eps: [1e-5, 1e-4, 1e-3]", replace...)
	got = some.Resolve(judge(func(c study.Config) float64 { return float64(c.Depth) }))
	lack := 0
	for _, c := range got.Chosen {
		if slices.Equal(c.Lacks, []string{"normalization.eps"}) && c.Tried == 1 && c.Thing != "normalized" {
			lack++
		}
	}
	if lack != 4 || !slices.ContainsFunc(got.Warnings, func(w string) bool {
		return strings.Contains(w, "plain has no normalization.eps, which is tuned for others")
	}) {
		t.Errorf("%+v", got)
	}

	twice := strings.Replace(strings.NewReplacer(replace...).Replace(tuned), "{model: highway}", "{optimizer: {name: sgd, rate: 1}}", 1)
	if _, err := study.Parse(context.Background(), "test.yaml", []byte(twice)); err == nil || !strings.Contains(err.Error(), "optimizer.rate is tuned: leave it out here") {
		t.Errorf("a variant that sets what is tuned: %v", err)
	}
}

// TestSeveralSettings: what a thing lacks is left out, and said; a budget below all
// combinations is a Latin hypercube.
func TestSeveralSettings(t *testing.T) {
	s := tuning(t, "optimizer.rate: {log-uniform: [1e-3, 1], tries: 4}\n  optimizer.momentum: [0, 0.5, 0.9, 0.95]\n  budget: 4",
		"[sgd, rmsprop]", "[sgd, lars, irprop-minus]", "[1, 2]", "1")
	got := s.Resolve(judge(rateOf))
	seen := map[string][]any{}
	for _, c := range got.Runs {
		if c.Seed == 1000001 && c.Optimizer.Name == "sgd" {
			seen["rate"] = append(seen["rate"], c.Optimizer.Settings["rate"])
			seen["momentum"] = append(seen["momentum"], c.Optimizer.Settings["momentum"])
		}
	}
	for k, v := range seen {
		for i, a := range v[:4] {
			if slices.Contains(v[:i], a) {
				t.Errorf("%s: %v are no Latin hypercube", k, v)
			}
		}
	}
	for _, c := range got.Chosen {
		if c.Thing == "irprop-minus" && !slices.Equal(c.Lacks, []string{"optimizer.momentum"}) {
			t.Errorf("%+v", c)
		}
	}
	if !slices.ContainsFunc(got.Warnings, func(w string) bool {
		return strings.Contains(w, "irprop-minus has no optimizer.momentum, which is tuned for others")
	}) {
		t.Errorf("%q", got.Warnings)
	}
}

// TestTuneMistakes: each has its place and its remedy.
func TestTuneMistakes(t *testing.T) {
	for _, c := range []struct{ tune, old, new, want string }{
		{"optimizer.rat: [1, 2]", "", "", `no optimizer of the study has a setting "rat"`},
		{"optimiser.rate: [1, 2]", "", "", "did you mean optimizer?"},
		{"optimizer: [1, 2]", "", "", "name one of its settings, as in optimizer.rate"},
		{"optimizer.rate: [1]", "", "", "give 2 to"},
		{"optimizer.rate: [1, 1]", "", "", "listed twice"},
		{"optimizer.rate: [1, a]", "", "", "must be a number"},
		{"optimizer.rate: [1, -1]", "", "", "must be above 0"},
		{"optimizer.rate: {log-uniform: [0, 1], tries: 3}", "", "", "of positive numbers"},
		{"optimizer.rate: {log-uniform: [1, 0.1], tries: 3}", "", "", "LEAST, MOST"},
		{"optimizer.rate: {log-uniform: [0.1, 1]}", "", "", "neither tries nor the budget"},
		{"optimizer.rate: {log-uniform: [0.1, 1], tries: 3, uniform: [0, 1]}", "", "", "two ranges"},
		{"task.seed: [1, 2]", "", "", "can't be tuned"},
		{"depth.of: [1, 2]", "", "", "has no settings"},
		{"steps: [5, 9]\n  halving: true", "", "", "can't be tuned beside it"},
		{"batch: [8, 100000]", "", "", "the number of training examples"},
		{"depth: [1, 3]", "", "", "depth is tuned: leave it out here"},
		{"optimizer.rate: [0.1, 1]", "sgd,", "{name: sgd, rate: 0.1},", "optimizer.rate is tuned: leave it out here"},
		{"optimizer.rate: [0.1, 1]", "sgd,", "sgd(rate=0.1),", "optimizer.rate is tuned: leave it out here"},
		{"optimizer.rate: [0.1, 1]\n  seeds: [5, 2]", "", "", "seed 2 is one of the study's seeds"},
		{"optimizer.rate: [0.1, 1]\n  per: thing", "", "", "per must be facet or study"},
		{"optimizer.rate: [0.1, 1]\n  halving: 2", "", "", "halving must be true or false"},
		{"optimizer.rate: [0.1, 1]\n  budget: 1", "", "", "budget must be at least 2"},
		{"seeds: 1", "", "", "tune names no setting"},
	} {
		text := strings.Replace(tuned, "optimizer.rate: {log-uniform: [1e-3, 0.1], tries: 3}\n  seeds: 2", c.tune, 1)
		if c.old != "" {
			text = strings.Replace(text, c.old, c.new, 1)
		}
		_, err := study.Parse(context.Background(), "test.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "test.yaml:") || strings.HasPrefix(err.Error(), "test.yaml:1:") {
			t.Errorf("%s: %v, want a line and %q", c.tune, err, c.want)
		}
	}
}

// TestTuneInGo: Settings say what a file says.
func TestTuneInGo(t *testing.T) {
	want := parse(t, tuned)
	made, err := study.New(context.Background(), study.Settings{Name: "tuned", Task: "digits", Steps: 9, Batch: 16, Evaluate: 9, Seeds: 2, Probe: new(0),
		Tune: map[string]any{"optimizer.rate": map[string]any{"log-uniform": []float64{1e-3, 0.1}, "tries": 3}, "seeds": 2},
		Grid: study.Grid{"depth": []int{1, 2}, "width": 8, "activation": "tanh", "initializer": "glorot-normal", "optimizer": []string{"sgd", "rmsprop"}}})
	if err != nil {
		t.Fatal(err)
	}
	find := judge(rateOf)
	for _, s := range []*study.Spec{made, parse(t, string(made.Source))} {
		if got := s.Resolve(find); !reflect.DeepEqual(got.Final, want.Resolve(find).Final) {
			t.Errorf("other runs:\n%s", s.Source)
		}
	}
}

// TestFoldsBySeed: the seed of a run chooses the fold that judges; without a validation part
// a record says so; and neither can be tuned on.
func TestFoldsBySeed(t *testing.T) {
	const text = `
name: folds
task: {name: digits, folds: 3, validation: 0}
budget: {steps: 3, batch: 16}
seeds: 3
probe: 0
grid: {depth: 1, width: 8, activation: tanh, initializer: glorot-normal, optimizer: sgd}
`
	s := parse(t, text)
	dir := t.TempDir()
	run(t, s, dir, 2)
	judged := map[string]bool{}
	for _, r := range open(t, dir).Records {
		a, err := s.Assemble(r.Config)
		if err != nil {
			t.Fatal(err)
		}
		judged[fmt.Sprint(a.Task.Test().X64()[:64])] = true
		if r.Summary.Judged != 599 || r.Summary.TestAccuracy.IsNaN() {
			t.Errorf("judged on %d rows, want a third of 1797: %v", r.Summary.Judged, r.Summary.TestAccuracy)
		}
		if !slices.ContainsFunc(r.Summary.Warnings, func(w string) bool { return strings.Contains(w, "no validation part") }) {
			t.Errorf("warnings %q", r.Summary.Warnings)
		}
	}
	if len(judged) != 3 {
		t.Errorf("3 seeds judge on %d parts", len(judged))
	}
	for _, task := range []string{"digits(folds=3)", "digits(validation=0)"} {
		tuned := strings.Replace(text, "{name: digits, folds: 3, validation: 0}", task+"\ntune: {optimizer.rate: [0.1, 1]}", 1)
		if _, err := study.Parse(context.Background(), "test.yaml", []byte(tuned)); err == nil || !strings.HasPrefix(err.Error(), "test.yaml:4:") {
			t.Errorf("%s: %v, want the line of tune", task, err)
		}
	}
}

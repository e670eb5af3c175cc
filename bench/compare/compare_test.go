package compare_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/models/train"
)

var update = flag.Bool("update", false, "write the golden files anew")

// run makes a record with a test accuracy.
func run(seed uint64, accuracy float64, change ...func(*record.Record)) *record.Record {
	nan := record.Number(math.NaN())
	r := &record.Record{Config: record.Config{
		Task: catalogue.Choice{Name: "digits"}, Model: catalogue.Choice{Name: "mlp"}, Depth: 10, Width: 64,
		Activation: catalogue.Choice{Name: "sigmoid"}, Initializer: catalogue.Choice{Name: "glorot-normal"},
		Normalization: catalogue.Choice{Name: "none"}, Optimizer: catalogue.Choice{Name: "adam"}, DType: "float32", Batch: 64, Steps: 400, Target: 0.9, Seed: seed,
	}}
	r.Summary = record.Summary{Status: train.Done, TestAccuracy: record.Number(accuracy), TestLoss: 1,
		Final: record.Metric{Step: 400, ValidationAccuracy: record.Number(accuracy), ValidationLoss: 1}, StepsToTarget: nan, Chance: 0.1, Judged: 360}
	if accuracy >= 0.9 {
		r.Summary.StepsToTarget = record.Number(math.Round(400 * (1 - accuracy)))
	}
	for _, f := range change {
		f(r)
	}
	return r
}

func model(name string) func(*record.Record) {
	return func(r *record.Record) { r.Config.Model = catalogue.Choice{Name: name} }
}

func depth(n int) func(*record.Record) { return func(r *record.Record) { r.Config.Depth = n } }

func broke(r *record.Record) {
	nan := record.Number(math.NaN())
	r.Summary.Status, r.Summary.TestAccuracy, r.Summary.TestLoss, r.Summary.StepsToTarget = train.Diverged, nan, nan, nan
}

// remedies are plain, residual and highway networks at three depths: plain is at chance
// from 50 on, residual better everywhere, highway better but at 100.
func remedies(seeds int) (list []*record.Record) {
	r := rand.New(rand.NewPCG(1, 1))
	center := map[string][]float64{"mlp": {0.8, 0.1, 0.1}, "residual": {0.95, 0.94, 0.9}, "highway": {0.93, 0.9, 0.1}}
	for _, m := range []string{"mlp", "residual", "highway"} {
		for i, d := range []int{10, 50, 100} {
			for seed := range seeds {
				a := center[m][i]
				if a > 0.1 {
					a += 0.01 * r.NormFloat64()
				}
				list = append(list, run(uint64(seed+1), math.Round(1000*a)/1000, model(m), depth(d)))
			}
		}
	}
	return list
}

func compared(t *testing.T, records []*record.Record, o compare.Options) *compare.Comparison {
	t.Helper()
	c, err := compare.Runs(records, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func thing(t *testing.T, c *compare.Comparison, label string) compare.Thing {
	t.Helper()
	i := slices.IndexFunc(c.Things, func(x compare.Thing) bool { return x.Label == label })
	if i < 0 {
		t.Fatalf("there is no %s in %+v", label, c.Things)
	}
	return c.Things[i]
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what it was; if it is right now, run go test -update. Got:\n%s", file, got)
	}
}

func TestRemedies(t *testing.T) {
	c := compared(t, remedies(10), compare.Options{})
	if !slices.Equal(c.By, []string{"depth"}) { // the first axis that varies
		t.Errorf("compared by %v", c.By)
	}
	c = compared(t, remedies(10), compare.Options{By: []string{"model"}, Baseline: "mlp"})
	if c.Part != "test" || c.Score != "accuracy" || c.Seeds != 10 || c.Pairs != 30 || len(c.Facets) != 3 {
		t.Errorf("%+v", c)
	}
	if c.Things[0].Label != "residual" || thing(t, c, "residual").Verdict != "better" || thing(t, c, "highway").Verdict != "better" || thing(t, c, "mlp").Verdict != "" {
		t.Errorf("%s: %+v", c.Answer, c.Things)
	}
	highway := thing(t, c, "highway")
	if highway.Cells[0].Verdict != "better" || highway.Cells[1].Verdict != "better" || highway.Cells[2].Verdict == "better" || !highway.Cells[2].AtChance {
		t.Errorf("highway by facet: %+v", highway.Cells)
	}
	if thing(t, c, "mlp").Cells[0].AtChance || !thing(t, c, "mlp").Cells[1].AtChance {
		t.Error("0.8 is at chance, or 0.1 is not")
	}
	for _, format := range compare.Formats {
		var b bytes.Buffer
		if err := c.Write(&b, format, compare.TextOptions{Width: 80}); err != nil {
			t.Fatal(err)
		}
		if format == "json" {
			var back map[string]any
			if err := json.Unmarshal(b.Bytes(), &back); err != nil || back["answer"] != c.Answer {
				t.Errorf("JSON: %v", err)
			}
			continue
		}
		golden(t, "remedies."+format, b.Bytes())
	}
	if err := c.Write(&bytes.Buffer{}, "xml", compare.TextOptions{}); err == nil {
		t.Error("an unknown format is written")
	}
	if s := c.Shares; s == nil || !(s.Compared > 0.3 && s.Axes["depth"] > 0.1) || math.Abs(float64(s.Compared+s.Axes["depth"]+s.Interactions+s.Seeds)-1) > 1e-9 {
		t.Errorf("shares %+v", s)
	}
}

// What cannot be shown is not said.
func TestHonest(t *testing.T) {
	two := compared(t, remedies(2)[:4], compare.Options{By: []string{"depth"}})
	if !strings.Contains(two.Answer, "no difference can be shown") || len(two.Warnings) == 0 {
		t.Errorf("two seeds: %s, %v", two.Answer, two.Warnings)
	}
	for _, x := range two.Things {
		if x.Verdict == "better" || x.Verdict == "worse" {
			t.Errorf("two seeds: %+v", x)
		}
	}
	var chance, ties []*record.Record
	for _, m := range []string{"mlp", "residual", "highway"} {
		for seed := range uint64(10) {
			chance = append(chance, run(seed, 0.09+0.001*float64(seed), model(m)))
			ties = append(ties, run(seed, 0.9, model(m)))
		}
	}
	c := compared(t, chance, compare.Options{By: []string{"model"}})
	if c.Answer != "Everything sits at chance, 0.095: nothing was learned, and nothing can be told apart." {
		t.Error(c.Answer)
	}
	if c := compared(t, ties, compare.Options{By: []string{"model"}}); !strings.HasPrefix(c.Answer, "No difference from mlp is shown") || thing(t, c, "highway").P != 1 {
		t.Error(c.Answer)
	}
	one := compared(t, ties[:10], compare.Options{})
	if one.Answer != "Only all was run: nothing to compare it with." {
		t.Error(one.Answer)
	}
	// What guesses is not better than what guesses, however clear the difference is.
	var little []*record.Record
	for seed := range uint64(10) {
		little = append(little, run(seed, 0.05, model("mlp")), run(seed, 0.08+0.001*float64(seed), model("residual")), run(seed, 0.7, model("highway")))
	}
	if c := compared(t, little, compare.Options{By: []string{"model"}}); !strings.HasSuffix(c.Answer, " residual and mlp sit at chance.") || thing(t, c, "residual").Verdict != "at chance" {
		t.Error(c.Answer)
	}
}

// Ten settings of one method against one of another.
func TestUnequalTuning(t *testing.T) {
	rate := func(name string, v float64) func(*record.Record) {
		return func(r *record.Record) {
			r.Config.Optimizer = catalogue.Choice{Name: name, Settings: map[string]any{"rate": v}}
		}
	}
	var list []*record.Record
	for seed := range uint64(10) {
		for k := range 10 {
			list = append(list, run(seed, 0.5+0.01*float64(seed), rate("sgd", 0.1*float64(k+1))))
		}
		list = append(list, run(seed, 0.6+0.01*float64(seed), rate("adam", 0.001)))
	}
	c := compared(t, list, compare.Options{})
	text := strings.Join(c.Warnings, "\n")
	if !slices.Equal(c.By, []string{"optimizer"}) || !strings.Contains(text, "unequal tuning: sgd has 10 settings, adam has 1 setting") {
		t.Errorf("compared by %v: %v", c.By, c.Warnings)
	}
	c = compared(t, append(list[9:11:11], list[20:22]...), compare.Options{Tried: map[string]int{"sgd": 10, "adam": 1}})
	if text := strings.Join(c.Warnings, "\n"); !strings.Contains(text, "unequal tuning: sgd was chosen from 10 settings, adam from 1") {
		t.Errorf("%v", text)
	}
}

// Divergence counts as the worst score, misses as infinitely many steps.
func TestDiverged(t *testing.T) {
	var list []*record.Record
	for seed := range uint64(10) {
		list = append(list, run(seed, 0.95+0.001*float64(seed)))
		r := run(seed, 0.96, model("residual"))
		if seed < 8 {
			broke(r)
		}
		list = append(list, r)
	}
	c := compared(t, list, compare.Options{By: []string{"model"}})
	residual := thing(t, c, "residual")
	if residual.Diverged != 8 || residual.Verdict != "worse" || residual.Cells[0].Score.Median != 0 || residual.Cells[0].Reached != 2 || residual.StepsVerdict != "slower" {
		t.Errorf("%+v", residual)
	}
	if c.Part != "test" {
		t.Errorf("judged on %s", c.Part)
	}
	list[0].Summary.TestAccuracy = record.Number(math.NaN())
	if c := compared(t, list, compare.Options{By: []string{"model"}}); c.Part != "validation" {
		t.Errorf("judged on %s, though a run has no test score", c.Part)
	}
}

func TestOptions(t *testing.T) {
	list := remedies(6)
	where := func(c record.Config) bool { return c.Depth < 100 }
	if c := compared(t, list, compare.Options{By: []string{"model"}, Where: where}); len(c.Facets) != 2 {
		t.Errorf("%d facets", len(c.Facets))
	}
	// Variants: named, of two axes, one run of none.
	name := func(c record.Config) (string, bool) {
		switch {
		case c.Model.Name == "mlp" && c.Depth == 10:
			return "shallow", true
		case c.Model.Name == "residual" && c.Depth == 100:
			return "deep residual", true
		}
		return "", false
	}
	c := compared(t, list, compare.Options{By: []string{"model", "depth"}, Name: name, Baseline: "shallow"})
	if len(c.Things) != 2 || len(c.Facets) != 1 || thing(t, c, "deep residual").Runs != 6 {
		t.Errorf("%+v", c)
	}
	for _, o := range []compare.Options{
		{By: []string{"colour"}}, {By: []string{"model"}, Baseline: "lstm"}, {Where: func(record.Config) bool { return false }},
		{By: []string{"model"}, Nuisance: []string{"depth"}}, {Name: func(record.Config) (string, bool) { return "", false }},
	} {
		if c, err := compare.Runs(list, o); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, %v", o, c, err)
		}
	}
}

// Losses are better if lower.
func TestLoss(t *testing.T) {
	var list []*record.Record
	nan := record.Number(math.NaN())
	for seed := range uint64(10) {
		for i, m := range []string{"mlp", "residual"} {
			r := run(seed, 0.1, model(m))
			r.Summary.TestAccuracy, r.Summary.Final.ValidationAccuracy = nan, nan
			r.Summary.TestLoss = record.Number(0.5 - 0.3*float64(i) + 0.001*float64(seed))
			r.Summary.Chance, r.Summary.Judged = 0.5, 1000
			list = append(list, r)
		}
	}
	c := compared(t, list, compare.Options{By: []string{"model"}})
	residual := thing(t, c, "residual")
	if c.Score != "loss" || residual.Verdict != "better" || c.Things[0].Label != "residual" || residual.Cells[0].Won != 10 || residual.Cells[0].AtChance || !thing(t, c, "mlp").Cells[0].AtChance {
		t.Errorf("%s: %+v", c.Answer, residual)
	}
}

// TestNothingToFind makes studies of scores without differences: at most 7% have a verdict.
func TestNothingToFind(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	studies, found := 100, 0
	for range studies {
		var list []*record.Record
		for _, m := range []string{"mlp", "residual", "highway", "lstm", "gru"} {
			for d := range 40 {
				for seed := range uint64(5) {
					list = append(list, run(seed, 0.5+0.05*r.NormFloat64(), model(m), depth(d+1)))
				}
			}
		}
		c := compared(t, list, compare.Options{By: []string{"model"}})
		for _, x := range c.Things {
			if x.Verdict == "better" || x.Verdict == "worse" || x.Verdict == "by facet" {
				found++
				break
			}
		}
	}
	if found > 12 { // 5% of 100, and 3 standard deviations
		t.Errorf("%d of %d studies have verdicts", found, studies)
	}
}

// Runs of one thing alone, such as longer ones of one optimizer, are set aside.
func TestAlone(t *testing.T) {
	list := remedies(6)
	for seed := range uint64(6) {
		list = append(list, run(seed+1, 0.9, func(r *record.Record) { r.Config.Steps, r.Config.Evaluate = 4000, 200 }))
	}
	c := compared(t, list, compare.Options{By: []string{"model"}})
	if len(c.Facets) != 3 || c.Facets[0].Label != "depth 10" || !slices.Contains(c.Warnings, "6 runs are left out of the comparison, where only one of the things compared was run") {
		t.Errorf("%+v, %v", c.Facets, c.Warnings)
	}
}

// What is planned and not yet recorded changes no label.
func TestPlanned(t *testing.T) {
	rate := func(v float64) func(*record.Record) {
		return func(r *record.Record) {
			r.Config.Optimizer = catalogue.Choice{Name: "sgd", Settings: map[string]any{"rate": v}}
		}
	}
	var list []*record.Record
	var planned []record.Config
	for seed := range uint64(6) {
		for _, v := range []float64{0.1, 0.2} {
			list = append(list, run(seed, 0.5, rate(v)))
			planned = append(planned, list[len(list)-1].Config)
		}
	}
	c := compared(t, []*record.Record{list[0], list[2]}, compare.Options{Planned: planned, Baseline: "sgd(rate=0.1)"})
	if c.Baseline != "sgd(rate=0.1)" || c.By[0] != "optimizer" {
		t.Errorf("%+v", c)
	}
}

// Remedies by activations and depths are one table of 80 columns and one sentence.
func TestManyFacets(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var list []*record.Record
	for _, f := range []string{"sigmoid", "tanh", "gaussian-rbf", "softplus"} {
		for _, d := range []int{10, 50, 100} {
			for i, m := range []string{"mlp", "residual", "highway"} {
				for seed := range uint64(5) {
					a := []float64{0.5, 0.9, 0.8}[i] + 0.02*r.NormFloat64()
					if d == 100 && i != 1 {
						a = 0.1
					}
					list = append(list, run(seed+1, math.Round(1000*a)/1000, model(m), depth(d), func(r *record.Record) { r.Config.Activation = catalogue.Choice{Name: f} }))
				}
			}
		}
	}
	c := compared(t, list, compare.Options{By: []string{"model"}})
	for _, width := range []int{40, 80, 160} {
		var b bytes.Buffer
		if err := c.WriteText(&b, compare.TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := texttab.Width(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("a line of %d columns in a terminal of %d: %s", n, width, line)
			}
		}
		if width == 80 {
			golden(t, "many-facets.txt", b.Bytes())
			if strings.Count(b.String(), "\n") > 32 {
				t.Errorf("%d lines", strings.Count(b.String(), "\n"))
			}
		}
	}
}

// Two runs at chance are a tie: a facet that nobody learns takes nothing from what is shown
// in others, and adds nothing.
func TestChanceIsTie(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	var list []*record.Record
	for seed := range uint64(5) {
		for d := 1; d <= 4; d++ {
			plain, other := 0.1+0.01*r.Float64(), 0.9+0.01*r.Float64()
			if d == 4 { // a little worse, at chance
				plain, other = 0.11, 0.1
			}
			list = append(list, run(seed, plain, depth(d)), run(seed, other, depth(d), model("residual")))
		}
	}
	c := compared(t, list, compare.Options{By: []string{"model"}})
	residual := thing(t, c, "residual")
	if want := math.Exp2(-14); math.Abs(float64(residual.P)-want) > 1e-12 || residual.Verdict != "better" || residual.Cells[3].Lost != 0 {
		t.Errorf("P %g, want %g: %+v", residual.P, want, residual.Cells[3])
	}
}

// TestCrossing: gains in one facet and losses in another do not cancel, and are said to be
// shown in the facets alone; without them, or with too few seeds for single facets, nothing is.
func TestCrossing(t *testing.T) {
	crossing := func(seeds int, effect float64) *compare.Comparison {
		r := rand.New(rand.NewPCG(5, 6))
		var list []*record.Record
		for seed := range seeds {
			for i, d := range []int{10, 50} {
				list = append(list, run(uint64(seed+1), 0.6+0.01*r.NormFloat64(), model("mlp"), depth(d)),
					run(uint64(seed+1), 0.6+0.01*r.NormFloat64()+effect*float64(1-2*i), model("highway"), depth(d)))
			}
		}
		return compared(t, list, compare.Options{By: []string{"model"}, Baseline: "mlp"})
	}
	c := crossing(10, 0.1)
	x := thing(t, c, "highway")
	if x.Verdict != "by facet" || x.Cells[0].Verdict != "better" || x.Cells[1].Verdict != "worse" || !(x.CrossingP < 0.001) || !(x.P > 0.05) {
		t.Errorf("what crosses is %q in all, %q and %q, P = %v and %v", x.Verdict, x.Cells[0].Verdict, x.Cells[1].Verdict, x.P, x.CrossingP)
	}
	if !strings.Contains(c.Answer, "highway better at depth 10, worse at depth 50") || strings.Contains(c.Answer, "no difference is shown for") {
		t.Errorf("the answer is %q", c.Answer)
	}
	if got := x.VerdictText("mlp"); got != "by facet, P < 0.001" {
		t.Errorf("the verdict is %q", got)
	}
	for _, c := range []*compare.Comparison{crossing(10, 0), crossing(5, 0.1)} {
		x := thing(t, c, "highway")
		if x.Verdict != "not shown" || x.Cells[0].Verdict != "" || strings.Contains(c.Answer, "By facet") {
			t.Errorf("%d seeds: %q, %q: %s", c.Seeds, x.Verdict, x.Cells[0].Verdict, c.Answer)
		}
	}
}

// TestWithin: a part of a comparison is that of its runs alone, from its records or as it is
// read from JSON, diverged runs included; and all of one is itself.
func TestWithin(t *testing.T) {
	records := remedies(6)
	broke(records[len(records)-20])
	whole := compared(t, records, compare.Options{By: []string{"model"}, Baseline: "mlp"})
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	var read compare.Comparison
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	shallow := func(f compare.Facet) bool { return f.Config.Depth < 100 }
	var some []*record.Record
	for _, r := range records {
		if r.Config.Depth < 100 {
			some = append(some, r)
		}
	}
	same := func(name string, from *compare.Comparison, keep func(compare.Facet) bool, want *compare.Comparison) {
		t.Helper()
		got, err := from.Within(keep)
		if err != nil {
			t.Fatal(err)
		}
		if got.Answer != want.Answer || !slices.Equal(got.Interactions, want.Interactions) || len(got.Facets) != len(want.Facets) {
			t.Errorf("%s: %s %q, want %s %q", name, got.Answer, got.Interactions, want.Answer, want.Interactions)
		}
		for _, w := range want.Things {
			g := thing(t, got, w.Label)
			if g.Verdict != w.Verdict || fmt.Sprint(g.P, g.MeanRank, g.Runs, g.Diverged) != fmt.Sprint(w.P, w.MeanRank, w.Runs, w.Diverged) {
				t.Errorf("%s: %s is %s, P %v, rank %v, want %s, P %v, rank %v", name, w.Label, g.Verdict, g.P, g.MeanRank, w.Verdict, w.P, w.MeanRank)
			}
		}
	}
	all := func(compare.Facet) bool { return true }
	part := compared(t, some, compare.Options{By: []string{"model"}, Baseline: "mlp"})
	if part.Answer == whole.Answer {
		t.Fatal("the part says the same as the whole")
	}
	same("all of it", whole, all, whole)
	same("all of what was read", &read, all, whole)
	same("a part", whole, shallow, part)
	same("a part of what was read", &read, shallow, part)
	if _, err := whole.Within(func(compare.Facet) bool { return false }); err == nil {
		t.Error("nothing is compared")
	}
}

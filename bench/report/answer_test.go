package report_test

import (
	"bytes"
	"html"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
)

// made is a run with an accuracy on validation and test.
func made(seed uint64, accuracy float64, change func(*record.Config)) *record.Record {
	nan := record.Number(math.NaN())
	c := record.Config{Task: catalogue.Choice{Name: "digits"}, Model: catalogue.Choice{Name: "mlp"}, Depth: 10, Width: 64, Activation: catalogue.Choice{Name: "sigmoid"},
		Initializer: catalogue.Choice{Name: "glorot-normal"}, Normalization: catalogue.Choice{Name: "none"}, Optimizer: catalogue.Choice{Name: "sgd"},
		DType: "float32", Batch: 64, Steps: 400, Evaluate: 20, Target: 0.9, Seed: seed}
	change(&c)
	r := &record.Record{Hash: c.Hash(), Config: c, Summary: record.Summary{Status: train.Done, Steps: 400, TestAccuracy: record.Number(accuracy), TestLoss: 1,
		StepsToTarget: nan, DecadesFirst: nan, DecadesLast: nan, Target: 0.9, Chance: 0.1, Judged: 360,
		Final: record.Metric{Step: 400, ValidationAccuracy: record.Number(accuracy), ValidationLoss: 1}}}
	if accuracy >= 0.9 {
		r.Summary.StepsToTarget = 200
	}
	return r
}

// shown returns a study's report as text of 80 columns, as the page's text, and as JSON.
func shown(t *testing.T, records []*record.Record, c record.Comparison) map[string]string {
	t.Helper()
	results := &record.Results{Dir: "nowhere", Records: records, Spec: &record.Plan{Name: "made-up", Comparison: c}}
	for _, r := range records {
		results.Spec.Configs = append(results.Spec.Configs, r.Config)
	}
	var text, page, j bytes.Buffer
	ranking := report.Rank(results)
	if err := ranking.WriteText(&text, report.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteHTML(results, &page); err != nil {
		t.Fatal(err)
	}
	if err := ranking.WriteJSON(&j); err != nil {
		t.Fatal(err)
	}
	body := page.String()
	body = body[strings.Index(body, "<main>"):strings.Index(body, `<section id="reading"`)]
	body = html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " "))
	return map[string]string{"text": strings.Join(strings.Fields(text.String()), " "), "page": strings.Join(strings.Fields(body), " "), "JSON": j.String(), "screen": text.String()}
}

// Remedies by saturating activations by depth are one table and one tested sentence, first,
// and the problems are not printed one by one.
func TestAnswerFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	var list []*record.Record
	for _, f := range []string{"sigmoid", "tanh", "gaussian-rbf", "softplus"} {
		for _, depth := range []int{10, 50, 100} {
			for i, m := range []string{"mlp", "residual", "highway"} {
				for seed := range uint64(5) {
					accuracy := []float64{0.5, 0.9, 0.8}[i] + 0.02*random.NormFloat64()
					list = append(list, made(seed+1, accuracy, func(c *record.Config) {
						c.Model.Name, c.Activation.Name, c.Depth = m, f, depth
					}))
				}
			}
		}
	}
	got := shown(t, list, record.Comparison{By: []string{"model"}})
	const sentence = "residual and highway end better than mlp (pooled signed-rank test of the test scores, 5 seeds in each of 12 facets, Holm over 2 comparisons: P < 0.001)."
	lines := strings.Split(got["screen"], "\n")
	if first := strings.Join(strings.Fields(strings.Join(lines[:24], " ")), " "); !strings.Contains(first, sentence) || !strings.Contains(first, "all together better better baseline") {
		t.Errorf("the first screen is\n%s", strings.Join(lines[:24], "\n"))
	}
	if len(lines) > 90 || !strings.Contains(got["text"], "… and 8 more problems: all are in the report, and here with --details.") {
		t.Errorf("%d lines", len(lines))
	}
	if at := strings.Index(got["page"], sentence); at < 0 || at > 20 {
		t.Errorf("the page begins\n%.500s", got["page"])
	}
	for _, line := range lines {
		if len([]rune(line)) > 80 {
			t.Errorf("a line of %d columns: %s", len([]rune(line)), line)
		}
	}
}

// What the seeds and scores do not carry is not said, in no form of the report.
func TestNothingFalse(t *testing.T) {
	optimizer := func(name string, rate float64) func(*record.Config) {
		return func(c *record.Config) {
			c.Optimizer = catalogue.Choice{Name: name, Settings: map[string]any{"rate": rate}}
		}
	}
	var two, ties, chance, unequal, seven []*record.Record
	for seed := range uint64(10) {
		noise := 0.001 * float64(seed*7%10)
		if seed < 2 {
			two = append(two, made(seed, 0.5+noise, optimizer("sgd", 0.1)), made(seed, 0.95+noise, optimizer("adam", 0.1)))
		}
		ties = append(ties, made(seed, 0.9, optimizer("sgd", 0.1)), made(seed, 0.9, optimizer("adam", 0.1)))
		chance = append(chance, made(seed, 0.09+noise, optimizer("sgd", 0.1)), made(seed, 0.1+noise, optimizer("adam", 0.1)))
		for k := range 10 {
			unequal = append(unequal, made(seed, 0.6+0.01*float64(k)+noise, optimizer("adam", float64(k+1)/10)))
		}
		unequal = append(unequal, made(seed, 0.65+noise, optimizer("sgd", 0.1)))
		if seed < 7 { // P = 0.15
			seven = append(seven, made(seed, 0.7, optimizer("sgd", 0.1)), made(seed, 0.7+0.01*[]float64{1, 2, 3, 4, 5, -6, -2.5}[seed], optimizer("adam", 0.1)))
		}
	}
	for _, c := range []struct {
		name       string
		records    []*record.Record
		want, none []string
	}{
		{"two seeds", two, []string{"With 2 seeds and 1 comparison no difference can be shown", "which is not a finding"}, nil},
		{"ties", ties, []string{"No difference from sgd is shown"}, nil},
		{"chance", chance, []string{"Everything sits at chance", "nothing was learned"}, nil},
		{"seven", seven, []string{"No difference from sgd is shown"}, nil},
		{"unequal", unequal, []string{"unequal tuning: adam has 10 settings, sgd has 1 setting; choosing the best of many"}, []string{"ends best"}},
	} {
		got := shown(t, c.records, record.Comparison{Baseline: ""})
		for _, form := range []string{"text", "page", "JSON"} {
			for _, want := range c.want {
				if !strings.Contains(got[form], want) {
					t.Errorf("%s, %s lacks %q:\n%.900s", c.name, form, want, got[form])
				}
			}
			none := append([]string{"not enough", "ends best", "end best", "no difference from", "are equal", "is equal"}, c.none...)
			if c.name != "unequal" {
				none = append(none, "better than", "worse than sgd", `"verdict": "better"`, `"verdict": "worse"`, "+ better", "− worse")
			}
			for _, none := range none {
				if strings.Contains(strings.ReplaceAll(got[form], "; + better, - worse than sgd in that facet alone (tested if a test of all facets shows a difference)", ""), none) {
					t.Errorf("%s, %s says %q", c.name, form, none)
				}
			}
		}
	}
}

package report_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/catalogue"
)

// Each panel of the answer's picture says what becomes of the signal, by the medians over
// seeds at the first probe and in training, backward and forward.
func TestSignal(t *testing.T) {
	inf := math.Inf(-1)
	type at struct{ gradient, forward [2]float64 } // in layer 1 and in the last hidden one, at the start and later
	cases := []struct {
		name    string
		at      at
		verdict string
		numbers string
	}{
		{"glorot-normal", at{[2]float64{-12, -12}, [2]float64{-8, -8}}, "✕ dead both ways", "gradient 1e-12 → 1e-12 examples 1e-8 → 1e-8"},
		{"he-normal", at{[2]float64{-1, -1}, [2]float64{-1, -1}}, "✓ alive", "gradient 0.1 → 0.1 examples 0.1 → 0.1"},
		{"lecun-normal", at{[2]float64{-1, -1}, [2]float64{-8, -8}}, "✕ dead forward", "examples 1e-8 → 1e-8"},
		{"orthogonal", at{[2]float64{inf, inf}, [2]float64{-1, -1}}, "✕ dead backward", "gradient 0 → 0"},
		{"critical", at{[2]float64{-4, 0}, [2]float64{-1, -1}}, "✓ dead backward at the start only", "gradient 1e-4 → 1 "},
		{"lsuv", at{[2]float64{0, 0}, [2]float64{-1, -5}}, "✕ dies forward", "examples 0.1 → 1e-5"},
		{"zero", at{[2]float64{5, 5}, [2]float64{0, 0}}, "✕ explodes backward", "gradient 1e5 → 1e5"},
	}
	var records []*record.Record
	var names []string
	for i, c := range cases {
		names = append(names, c.name)
		for seed := range uint64(6) {
			r := made(seed, 0.5+0.01*float64(i), func(r *record.Config) { r.Initializer = catalogue.Choice{Name: c.name} })
			r.Layers = &record.LayerTable{}
			for k := range 5 {
				late := min(k, 1)
				for layer := range 3 {
					row := make([]float64, len(record.LayerColumns))
					share := 1 - float64(layer)/2
					row[r.Layers.Column(record.StepColumn)], row[r.Layers.Column(record.LayerColumn)] = float64(k), float64(layer)
					// 1e-2 at the output, which the picture divides by.
					if g := c.at.gradient[late]; layer < 2 {
						row[r.Layers.Column(probe.PreActivationGradient.String())] = -2 + share*g
					} else {
						row[r.Layers.Column(probe.PreActivationGradient.String())] = -2
					}
					row[r.Layers.Column(probe.Decorrelation.String())] = []float64{0, c.at.forward[late], -9}[layer]
					r.Layers.Rows = append(r.Layers.Rows, row)
				}
			}
			records = append(records, r)
		}
	}
	got := shown(t, records, record.Comparison{Baseline: "glorot-normal"})["page"]
	_, picture, ok := strings.Cut(got, "Where the signal dies")
	if !ok {
		t.Fatalf("no picture of the signal in\n%s", got)
	}
	picture, _, _ = strings.Cut(picture, "What was observed")
	for _, c := range cases {
		_, panel, ok := strings.Cut(picture, c.name+" ")
		if !ok {
			t.Errorf("%s has no panel", c.name)
			continue
		}
		for _, other := range names {
			panel, _, _ = strings.Cut(panel, " "+other+" ")
		}
		if !strings.HasPrefix(strings.TrimSpace(panel), c.verdict+" ") || !strings.Contains(panel+" ", c.numbers) {
			t.Errorf("%s: %q, want %q and %q", c.name, panel, c.verdict, c.numbers)
		}
	}
	if n := fmt.Sprint(strings.Count(got, "Where the signal dies")); n != "1" {
		t.Errorf("%s pictures", n)
	}
	for _, r := range records { // nothing was probed: no picture
		r.Layers = nil
	}
	if got := shown(t, records, record.Comparison{Baseline: "glorot-normal"})["page"]; strings.Contains(got, "Where the signal dies") {
		t.Error("a picture of nothing")
	}
}

// Where other things than optimizers are compared, the page names them, and tells of each
// its settings that differ from the baseline's, once if they are the same on all problems.
func TestSettingsOfThings(t *testing.T) {
	var results record.Results
	for _, activation := range []string{"sigmoid", "tanh"} {
		for _, start := range []string{"glorot-normal", "he-normal"} {
			for seed := range uint64(6) {
				results.Records = append(results.Records, made(seed, 0.5, func(c *record.Config) {
					c.Activation, c.Initializer = catalogue.Choice{Name: activation}, catalogue.Choice{Name: start}
				}))
			}
		}
	}
	results.Spec = &record.Plan{Name: "starts", Comparison: record.Comparison{By: []string{"initializer"}, Baseline: "glorot-normal"}}
	for _, r := range results.Records {
		results.Spec.Configs = append(results.Spec.Configs, r.Config)
	}
	var page bytes.Buffer
	if err := report.WriteHTML(&results, &page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<th>initializer</th><th>each seed</th>", "What is compared: each initializer",
		"<dt>he-normal</dt><dd>initializer he-normal</dd>",
		"<dt>glorot-normal</dt><dd>initializer glorot-normal</dd>",
	} {
		if n := strings.Count(page.String(), want); n == 0 {
			_, got, _ := strings.Cut(page.String(), "What is compared")
			t.Errorf("no %q, but %.400s", want, got)
		}
	}
}

package remedy

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/texttab"
)

// TextOptions are those of WriteText.
type TextOptions struct {
	Width  int  // columns of the terminal; 0: 80
	Colour bool // with ANSI escapes
}

// WriteText writes the answer and the ranked table.
func (a *Answer) WriteText(w io.Writer, o TextOptions) error {
	width := texttab.Or(o.Width)
	var b strings.Builder
	put := func(lines []string) {
		for _, l := range lines {
			b.WriteString(l + "\n")
		}
	}
	put(texttab.Prose("", fmt.Sprintf("%s, %d layers deep, on %s: what keeps its signal alive?", a.Activation, a.Depth, a.Task), width))
	b.WriteString("\n")
	put(texttab.Prose("", a.Answer, width))
	b.WriteString("\n")
	score := "test score"
	if c := a.Comparison; c != nil {
		score = c.Part + " " + c.Score
	}
	t := texttab.Table{Columns: []texttab.Column{
		{Head: "remedy", Least: 18}, {Head: score, Right: true}, {Head: "interval", Keep: 4}, {Head: "steps to target", Right: true, Keep: 3},
		{Head: "gradient lost, decades", Right: true}, {Head: "during", Right: true, Keep: 5}, {Head: "1-c", Right: true, Keep: 1}, {Head: "rate", Right: true, Keep: 6}, {Head: "against plain"},
	}}
	out := 0
	var screened []string
	for _, f := range append([]Finding{}, a.finalists()...) {
		t.Rows = append(t.Rows, f.row(a))
	}
	for _, f := range a.Remedies {
		if !f.Final {
			out++
			screened = append(screened, fmt.Sprintf("%s %s", f.Name, shortScore(f.Screened)))
		}
	}
	put(t.Lines(width, o.Colour))
	b.WriteString("\n")
	put(texttab.Prose("", fmt.Sprintf("Medians over %s of %d steps. Gradient lost: powers of ten from the output layer to layer 1, at the start and over training. 1-c: how unlike examples still are in the last hidden layer at the start.", texttab.Count(a.Seeds, "seed"), a.Steps), width))
	if out > 0 {
		put(texttab.Prose("", "Screened out after one short run on the validation set, which is not a finding: "+strings.Join(screened, ", ")+".", width))
	}
	for _, l := range byReason(a.LeftOut) {
		put(texttab.Prose("Left out: ", l, width))
	}
	for _, l := range a.Warnings {
		put(texttab.Prose("warning: ", l, width))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// byReason joins what is left out for one reason.
func byReason(leftOut []string) (lines []string) {
	names := map[string]string{}
	var reasons []string
	for _, l := range leftOut {
		name, reason, _ := strings.Cut(l, ": ")
		if names[reason] == "" {
			reasons = append(reasons, reason)
			names[reason] = name
		} else {
			names[reason] += ", " + name
		}
	}
	for _, r := range reasons {
		lines = append(lines, names[r]+": "+r)
	}
	return lines
}

// finalists are those that were judged, the plain network in its place among them.
func (a *Answer) finalists() (list []Finding) {
	placed := false
	higher := a.Comparison == nil || a.Comparison.Higher()
	for _, f := range a.Remedies {
		if !f.Final {
			continue
		}
		if !placed && (f.Test.Median < a.Baseline.Test.Median) == higher && f.Test.Median != a.Baseline.Test.Median {
			list, placed = append(list, a.Baseline), true
		}
		list = append(list, f)
	}
	if !placed {
		list = append(list, a.Baseline)
	}
	return list
}

func (f Finding) row(a *Answer) []texttab.Cell {
	verdict, code := f.Verdict, ""
	switch f.Verdict {
	case "better":
		code = "32"
	case "worse":
		code = "31"
	}
	if !f.P.IsNaN() {
		p := fmt.Sprintf("%.2g", float64(f.P))
		if f.P < 0.001 {
			verdict += ", P < 0.001"
		} else {
			verdict += ", P = " + p
		}
	}
	steps := "not"
	if s := float64(f.StepsToTarget); !math.IsNaN(s) && !math.IsInf(s, 0) {
		steps = fmt.Sprintf("%.0f", s)
	}
	rate := strings.TrimSuffix(f.Tuned[strings.LastIndex(f.Tuned, "=")+1:], ")")
	if !strings.Contains(f.Tuned, "rate=") {
		rate = ""
	}
	interval := ""
	if f.Test.Confidence > 0 {
		interval = shortScore(f.Test.Lo) + " to " + shortScore(f.Test.Hi)
	}
	return []texttab.Cell{
		texttab.Text(f.Name), texttab.Painted(code, shortScore(f.Test.Median)), texttab.Text(interval), texttab.Text(fmt.Sprintf("%s (%d/%d)", steps, f.Reached, f.Runs)),
		texttab.Text(decimal(f.DecadesFirst)), texttab.Text(decimal(f.DecadesDuring)), texttab.Text(power(f.DecorrelationLog10)), texttab.Text(rate), texttab.Painted(code, verdict),
	}
}

func shortScore(x record.Number) string {
	switch {
	case x.IsNaN():
		return "–"
	case math.IsInf(float64(x), 0):
		return "diverged"
	case x < 0:
		return fmt.Sprintf("%#.3g", -float64(x))
	}
	return fmt.Sprintf("%.3f", float64(x))
}

func decimal(x record.Number) string {
	switch {
	case x.IsNaN():
		return "–"
	case math.IsInf(float64(x), 0):
		return "all"
	}
	if s := fmt.Sprintf("%.1f", float64(x)); s != "-0.0" {
		return s
	}
	return "0.0"
}

func power(x record.Number) string {
	if x.IsNaN() || math.IsInf(float64(x), 0) {
		return "–"
	}
	if x > -2 {
		return fmt.Sprintf("%.2f", math.Pow(10, float64(x)))
	}
	return fmt.Sprintf("1e%.0f", float64(x))
}

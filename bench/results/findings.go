package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
)

// chapter is a recorded study that the findings tell of.
type chapter struct {
	study, title string
	split        string // the axis whose values are tested apart; "": none
}

var chapters = []chapter{
	{"remedies", "Five nonlinearities, to depth 100", "activation"},
	{"newer-remedies", "What came after 2016", "activation"},
	{"learned-scale", "A factor a > 1, with and without a regulariser", "activation"},
	{"quickstart", "Sigmoids and Gaussians, 20 layers deep", ""},
	{"paths", "Other paths for the error", "activation"},
	{"working-point", "A norm for Gaussians", ""},
	{"rbf", "Layers of radial basis functions", ""},
	{"rbf-deep", "Deep layers of radial basis functions", ""},
	{"fixed-point", "101 layers of 16 and 4 units", ""},
}

// findings writes the page. Every number is of the records, or of a test of their scores.
func findings(list []*report.Ranking, answers []answer) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`# Findings

What keeps the signal of a saturating nonlinearity alive, as recorded here. This page is
made of the records by ` + "`go run ./bench/results`" + `; a test checks that its numbers are theirs.

Scores are medians over seeds of the test part. A difference is that of pairs with one seed
from the baseline (Hodges-Lehmann), over the columns of a table in which both were run; a
table is tested by itself: P has Holm's correction within it, and "not shown" is no finding
that nothing differs. A score in brackets is at chance.

Signal is what less than a thousandth of arrives, of the gradient at layer 1 (backward) or of
the differences between examples at the last hidden layer (forward), over training. It is
observed, not tested. The numbers beside it are powers of ten: by how many the gradient
falls to layer 1 (∞: none arrives), at the start → in training, and log10(1 - c), how unlike
examples still are, at the start → in training.
`)
	for i, r := range list {
		fmt.Fprintf(&b, "\n## %s\n\n", chapters[i].title)
		if err := writeChapter(&b, r, chapters[i]); err != nil {
			return nil, errors.Wrap(err, r.Study)
		}
	}
	writeAnswers(&b, answers)
	b.WriteString("\n## Made with\n\n")
	var seen []string
	for _, r := range list {
		for _, e := range r.Environments {
			line := fmt.Sprintf("%s, kernels %s, %s", e.CPU, e.Kernel, e.Go)
			if !slices.Contains(seen, line) {
				seen = append(seen, line)
			}
		}
	}
	for _, line := range seen {
		b.WriteString("- " + line + "\n")
	}
	return b.Bytes(), nil
}

func writeChapter(b *bytes.Buffer, r *report.Ranking, c chapter) error {
	paragraph(b, fmt.Sprintf("%s %s, `bench/studies/%s.yaml`.", strings.TrimSpace(r.About), texttab.Count(r.Runs, "run"), r.Study))
	tables, err := tablesOf(r, c.split)
	if err != nil {
		return err
	}
	if len(tables) > 1 {
		overview(b, tables)
	}
	for _, t := range tables {
		if t.label != "" {
			fmt.Fprintf(b, "\n### %s\n\n", t.label)
		} else {
			b.WriteString("\n")
		}
		paragraph(b, t.Answer)
		b.WriteString("\n")
		t.write(b)
	}
	if lines := surprises(tables); len(lines) > 0 {
		b.WriteString("\nAgainst what the signal at the start promises:\n\n")
		for _, line := range lines {
			for i, l := range texttab.Prose("", line, 88) {
				b.WriteString(map[bool]string{true: "- ", false: "  "}[i == 0] + l + "\n")
			}
		}
	}
	if n := edges(r); n > 0 {
		b.WriteString("\n")
		paragraph(b, fmt.Sprintf("Rates were chosen from a few, alike for all; that of %d of the %d things compared is, in some facet, at an edge of what was tried, and one beyond it may do better.", n, len(r.Comparison.Things)))
	}
	return nil
}

// edges is how many things have a chosen setting at the edge of its range, as the study warns.
func edges(r *report.Ranking) int {
	of := map[string]bool{}
	for _, w := range r.Warnings {
		_, rest, found := strings.Cut(w, "the best optimizer.rate of ")
		if name, _, at := strings.Cut(rest, " is at the edge of the range"); found && at {
			of[name] = true
		}
	}
	return len(of)
}

func paragraph(b *bytes.Buffer, text string) {
	for _, line := range texttab.Prose("", text, 90) {
		b.WriteString(line + "\n")
	}
}

// table is a study's comparison, or the part of it with one value of an axis.
type table struct {
	*compare.Comparison
	label   string
	columns []string
	signals []map[string]*report.Setup // by column and thing
}

// tablesOf returns a study's tables: one, or one for each value of the axis split.
func tablesOf(r *report.Ranking, split string) ([]*table, error) {
	var values []string
	for _, f := range r.Comparison.Facets {
		if v := f.Values[split]; !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	var tables []*table
	for _, v := range values {
		c, err := r.Comparison.Within(func(f compare.Facet) bool { return f.Values[split] == v })
		if err != nil {
			return nil, err
		}
		t := &table{Comparison: c, label: v}
		for f, facet := range r.Comparison.Facets {
			if facet.Values[split] != v {
				continue
			}
			t.columns = append(t.columns, columnOf(facet, split))
			of := map[string]*report.Setup{}
			if len(r.Problems) == len(r.Comparison.Facets) { // they are the facets
				for i := range r.Problems[f].Setups {
					of[r.Problems[f].Setups[i].Label] = &r.Problems[f].Setups[i]
				}
			}
			t.signals = append(t.signals, of)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// columnOf names a facet by the axes other than split.
func columnOf(f compare.Facet, split string) string {
	parts := strings.Split(f.Label, ", ")
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == f.Values[split] })
	if label := strings.Join(parts, ", "); label != "" {
		return label
	}
	return "score"
}

// common is the last of the columns in which most things were run.
func (t *table) common() int {
	best, at := 0, 0
	for f := range t.columns {
		n := 0
		for _, w := range t.Things {
			if w.Cells[f].Runs > 0 {
				n++
			}
		}
		if n >= best {
			best, at = n, f
		}
	}
	return at
}

// effect is the paired difference from the baseline over all columns.
func (t *table) effect(w *compare.Thing) stats.Effect {
	var x, y []float64
	base := t.BaselineThing()
	for f := range w.Cells {
		a, b := &w.Cells[f], &base.Cells[f]
		for i, seed := range a.Seeds {
			if k := slices.Index(b.Seeds, seed); k >= 0 {
				x, y = append(x, t.score(a.Scores[i])), append(y, t.score(b.Scores[k]))
			}
		}
	}
	return stats.Paired(x, y)
}

// score is a number of the records, where null is the loss of a diverged run.
func (t *table) score(x record.Number) float64 {
	if x.IsNaN() && !t.Higher() {
		return math.Inf(1)
	}
	return float64(x)
}

// overview writes the things against the tables, by the column that most have.
func overview(b *bytes.Buffer, tables []*table) {
	at := tables[0].common()
	fmt.Fprintf(b, "\nAt a glance, %s; + better, − worse than %s over all columns of the tables below:\n\n|", tables[0].columns[at], tables[0].Baseline)
	names := []string{}
	cells := map[string][]string{}
	for i, t := range tables {
		b.WriteString(" | " + t.label)
		for k := range t.Things {
			w := &t.Things[k]
			if cells[w.Label] == nil {
				names, cells[w.Label] = append(names, w.Label), slices.Repeat([]string{"–"}, len(tables))
			}
			if at < len(w.Cells) {
				cells[w.Label][i] = t.scoreText(&w.Cells[at]) + map[string]string{"better": " +", "worse": " −"}[w.Verdict]
			}
		}
	}
	b.WriteString(" |\n|---|" + strings.Repeat("---|", len(tables)) + "\n")
	for _, name := range names {
		b.WriteString("| " + name + " | " + strings.Join(cells[name], " | ") + " |\n")
	}
}

// write writes the table as Markdown.
func (t *table) write(b *bytes.Buffer) {
	at := t.common()
	b.WriteString("| | " + strings.Join(t.columns, " | ") + " | difference | against " + t.Baseline + " | signal")
	if len(t.columns) > 1 {
		b.WriteString(", " + t.columns[at])
	}
	b.WriteString(" |\n|---|" + strings.Repeat("---|", len(t.columns)+3) + "\n")
	for k := range t.Things {
		w := &t.Things[k]
		b.WriteString("| " + w.Label + " |")
		for f := range w.Cells {
			b.WriteString(" " + t.scoreText(&w.Cells[f]) + " |")
		}
		difference, verdict := "", "baseline"
		if w.Label != t.Baseline {
			difference, verdict = t.effectText(t.effect(w)), w.VerdictText(t.Baseline)
		}
		if w.Verdict == "better" || w.Verdict == "worse" {
			verdict = "**" + w.Verdict + "**" + strings.TrimPrefix(verdict, w.Verdict)
		}
		fmt.Fprintf(b, " %s | %s | %s |\n", difference, verdict, signalText(t.signals[at][w.Label]))
	}
}

func (t *table) scoreText(k *compare.Cell) string {
	switch {
	case k.Runs == 0:
		return "–"
	case k.Diverged == k.Runs:
		return "diverged"
	}
	s := t.number(float64(k.Score.Median))
	if k.AtChance {
		s = "(" + s + ")"
	}
	if k.Diverged > 0 {
		s += fmt.Sprintf(", %d of %d diverged", k.Diverged, k.Runs)
	}
	return s
}

func (t *table) number(x float64) string {
	if t.Higher() {
		return fmt.Sprintf("%.3f", x)
	}
	return fmt.Sprintf("%.3g", x)
}

func (t *table) effectText(e stats.Effect) string {
	sign := func(x float64) string {
		return strings.Replace(strings.Replace(t.signed(x), "-", "−", 1), "Inf", "∞", 1)
	}
	if e.Interval.Confidence == 0 {
		return sign(e.Shift)
	}
	return sign(e.Shift) + " [" + sign(e.Interval.Lo) + ", " + sign(e.Interval.Hi) + "]"
}

func (t *table) signed(x float64) string {
	if t.Higher() {
		return fmt.Sprintf("%+.3f", x)
	}
	return fmt.Sprintf("%+.2g", x)
}

// signalText has the words of the records and their numbers.
func signalText(s *report.Setup) string {
	if s == nil || s.Signal == "" {
		return "–"
	}
	tenth := func(x report.Number) string {
		if x.IsNaN() { // not finite: nothing arrives
			return "∞"
		}
		return strings.Replace(strings.Replace(fmt.Sprintf("%.1f", float64(x)), "-0.0", "0.0", 1), "-", "−", 1)
	}
	return fmt.Sprintf("%s; %s → %s; %s → %s", s.Signal, tenth(s.DecadesFirst), tenth(s.DecadesTraining), tenth(s.DecorrelationFirst), tenth(s.DecorrelationTraining))
}

// surprises are what the signal would not have told: things whose signal was alive at the
// start and that stayed at chance all the same, and things whose signal was dead at the start
// that trained. That something trained is that its median is not at chance.
func surprises(tables []*table) (lines []string) {
	const faded = 3 // decades: less than a thousandth
	for _, t := range tables {
		var alive, dead []string
		for k := range t.Things {
			w := &t.Things[k]
			for f := range w.Cells {
				cell, at := &w.Cells[f], t.signals[f][w.Label]
				if cell.Runs == 0 || at == nil || at.Signal == "" {
					continue
				}
				where := w.Label
				if len(t.columns) > 1 {
					where += " (" + t.columns[f] + ")"
				}
				// What is not finite is dead, and compares as such.
				lives := at.DecadesFirst < faded && at.DecadesFirst > -faded && at.DecorrelationFirst > -faded
				switch {
				case lives && cell.AtChance:
					alive = append(alive, where)
				case !lives && cell.Reached == cell.Runs:
					dead = append(dead, where)
				}
			}
		}
		of := ""
		if t.label != "" {
			of = t.label + ": "
		}
		if len(alive) > 0 {
			lines = append(lines, of+"alive both ways at the start, at chance at the end: "+texttab.List(alive)+".")
		}
		if len(dead) > 0 {
			lines = append(lines, of+"dead or exploding at the start, at the target at the end in every run: "+texttab.List(dead)+".")
		}
	}
	return lines
}

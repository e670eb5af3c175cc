package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/internal/texttab"
)

// TextOptions are those of WriteText.
type TextOptions struct {
	Width  int  // columns of the terminal; 0: 80
	Colour bool // with ANSI escapes
	// Details tells of all problems; without, a study of more than a few has the first ones.
	Details bool
}

// fewProblems is how many problems text tells of unless it is asked for all.
const fewProblems = 4

// column is one of a table. What doesn't fit the width goes by the order of keep: the
// highest first; 0 stays.
type column struct {
	head  string
	keep  int
	right bool
	cell  func(Setup) string
}

// WriteText writes the comparison, and the findings and a table for each problem. Columns that don't fit the
// width are left out, those first that matter least.
func (r *Ranking) WriteText(w io.Writer, o TextOptions) error {
	o.Width = texttab.Or(o.Width)
	t := &textWriter{TextOptions: o}
	t.heading(r.Study, ": "+r.size())
	if r.About != "" {
		t.prose("", r.About)
	}
	answered := r.Comparison != nil && len(r.Comparison.Things) > 1
	if answered {
		t.line("")
		if err := r.Comparison.WriteText(t, compare.TextOptions{Width: o.Width, Colour: o.Colour}); err != nil {
			return err
		}
	}
	told := len(r.Problems)
	if !o.Details && told > fewProblems {
		told = fewProblems
	}
	for i := range told {
		p := &r.Problems[i]
		t.line("")
		t.heading(p.Label, "")
		for _, l := range p.Findings.Lines() {
			t.prose("  ", l)
		}
		t.line("")
		t.table(p)
	}
	if more := len(r.Problems) - told; more > 0 {
		t.line("")
		t.prose("", fmt.Sprintf("… and %s: all are in the report, and here with --details.", texttab.Count(more, "more problem")))
	}
	warnings := r.ownWarnings()
	if len(warnings) > 0 {
		t.line("")
		for _, l := range warnings {
			t.prose("warning: ", l)
		}
	}
	_, err := w.Write(t.Bytes())
	return err
}

// ownWarnings are those that the comparison does not have, where it is shown.
func (r *Ranking) ownWarnings() (list []string) {
	for _, w := range r.Warnings {
		if newAnswer(r.Comparison) == nil || !slices.Contains(r.Comparison.Warnings, w) {
			list = append(list, w)
		}
	}
	return list
}

// size tells how large the study is.
func (r *Ranking) size() string {
	s := fmt.Sprintf("%s, %s", texttab.Count(len(r.Problems), "facet"), texttab.Count(r.Runs, "run"))
	if r.Diverged > 0 {
		s += fmt.Sprintf(", %d diverged", r.Diverged)
	}
	if r.Damaged > 0 {
		s += fmt.Sprintf(", %d damaged and left out", r.Damaged)
	}
	if r.Others > 0 {
		s += fmt.Sprintf(", %d not of the study and left out", r.Others)
	}
	return s
}

func (p *Problem) columns() []column {
	columns := []column{
		{"#", 0, true, func(s Setup) string { return fmt.Sprint(s.Rank) }},
		{p.what, 0, false, func(s Setup) string { return s.Label }},
		{p.Score, 0, true, func(s Setup) string { return p.score(s.Score.Median) }},
		{"interval", 5, false, func(s Setup) string { return p.scoreInterval(s.Score) }},
		{"at the end", 2, true, func(s Setup) string { return p.score(s.Last.Median) }},
		{"steps to " + number(p.Config.Target), 0, true, Setup.stepsMedian},
		{"interval", 7, false, Setup.stepsInterval},
		{"reached", 6, true, func(s Setup) string { return fmt.Sprintf("%d/%d", s.Reached, s.Runs) }},
		{"speed", 3, false, Setup.speed},
		{"diverged", 0, true, func(s Setup) string { return fmt.Sprintf("%d/%d", s.Diverged, s.Runs) }},
		{"decades", 4, true, func(s Setup) string { return decimals(s.DecadesFirst) + " → " + decimals(s.DecadesLast) }},
		{"layer 1 moved", 8, true, func(s Setup) string { return decimals(s.Movement) }},
		{"against " + p.Baseline, 1, false, func(s Setup) string {
			words, value := p.verdict(s)
			return strings.TrimSuffix(words+", "+value, ", ")
		}},
	}
	if p.differentBudgets() {
		columns[2].head = fmt.Sprintf("%s after %d", p.Score, p.Budget)
	} else {
		columns = slices.Delete(columns, 4, 5)
	}
	if !slices.ContainsFunc(p.Setups, func(s Setup) bool { return s.Diverged > 0 }) { // the room is for names
		columns = slices.DeleteFunc(columns, func(c column) bool { return c.head == "diverged" })
	}
	return columns
}

type textWriter struct {
	TextOptions
	bytes.Buffer
}

func (t *textWriter) line(s string) { t.WriteString(strings.TrimRight(s, " ") + "\n") }

// heading writes a name in bold, and what follows it.
func (t *textWriter) heading(name, rest string) {
	lines := texttab.Wrap(name+rest, t.Width)
	if n := texttab.Clean(name); t.Colour && strings.HasPrefix(lines[0], n) {
		lines[0] = texttab.Paint("1", n) + lines[0][len(n):]
	}
	for _, l := range lines {
		t.line(l)
	}
}

// prose writes text in lines of the width, with the first word's column as margin.
func (t *textWriter) prose(prefix, text string) {
	lines := texttab.Prose(prefix, text, t.Width)
	if lead := strings.TrimSpace(prefix); t.Colour && lead != "" { // a bullet or a word
		lines[0] = strings.Replace(lines[0], lead, texttab.Paint("33", lead), 1)
	}
	for _, l := range lines {
		t.line(l)
	}
}

func (t *textWriter) table(p *Problem) {
	table := texttab.Table{Indent: 2}
	columns := p.columns()
	for _, c := range columns {
		column := texttab.Column{Head: c.head, Right: c.right, Keep: c.keep}
		if c.head == p.what {
			column.Least = 16
		}
		table.Columns = append(table.Columns, column)
	}
	for _, s := range p.Setups {
		var row []texttab.Cell
		for _, c := range columns {
			row = append(row, texttab.Painted(colour(c, s), c.cell(s)))
		}
		table.Rows = append(table.Rows, row)
	}
	for _, l := range table.Lines(t.Width, t.Colour) {
		t.line(l)
	}
}

// colour is the ANSI code of a cell.
func colour(c column, s Setup) string {
	switch {
	case c.head == "diverged" && s.Diverged > 0, strings.HasPrefix(c.head, "against ") && s.Verdict == "worse":
		return "31"
	case strings.HasPrefix(c.head, "against ") && s.Verdict == "better":
		return "32"
	}
	return ""
}

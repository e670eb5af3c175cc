package compare

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/internal/texttab"
)

// Formats are those of Write.
var Formats = []string{"text", "markdown", "csv", "json"}

// TextOptions are those of WriteText.
type TextOptions struct {
	Width  int  // columns of the terminal; 0: 80
	Colour bool // with ANSI escapes
}

// Write writes the comparison in a format: "text", "markdown", "csv" with full precision, or
// "json".
func (c *Comparison) Write(w io.Writer, format string, o TextOptions) error {
	switch format {
	case "text":
		return c.WriteText(w, o)
	case "markdown":
		return c.WriteMarkdown(w)
	case "csv":
		return c.WriteCSV(w)
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(c)
	}
	return fmt.Errorf("format %q: want %s", format, strings.Join(Formats, ", "))
}

// WriteText writes the answer, the table of things and facets, and what limits it.
func (c *Comparison) WriteText(w io.Writer, o TextOptions) error {
	width := texttab.Or(o.Width)
	var b strings.Builder
	put := func(lines []string) {
		for _, l := range lines {
			b.WriteString(l + "\n")
		}
	}
	put(texttab.Prose("", c.Answer, width))
	b.WriteString("\n")
	for i, t := range c.tables(width) {
		if i > 0 {
			b.WriteString("\n")
		}
		put(t.Lines(width, o.Colour))
	}
	b.WriteString("\n")
	put(texttab.Prose("", c.Caption(), width))
	if s := c.StepsSentence(); s != "" {
		put(texttab.Prose("", s, width))
	}
	for _, l := range c.Interactions {
		put(texttab.Prose("  ", l, width))
	}
	if s := c.SharesText(); s != "" {
		put(texttab.Prose("", s, width))
	}
	for _, l := range c.Warnings {
		put(texttab.Prose("warning: ", l, width))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// marks of cells.
const (
	markBetter = "+"
	markWorse  = "-"
	markChance = "c"
)

// tables are the table of things and facets, laid out for a width: a row for each thing, or,
// where this many facets do not fit, a row for each facet, in as many tables as the things need.
func (c *Comparison) tables(width int) []texttab.Table {
	if t := c.table(); len(c.Facets) == 1 || t.Fits(width) {
		return []texttab.Table{t}
	}
	var tables []texttab.Table
	for from := 0; from < len(c.Things); {
		to := from + 1
		for to < len(c.Things) && c.byFacet(c.Things[from:to+1]).Fits(width) {
			to++
		}
		tables = append(tables, c.byFacet(c.Things[from:to]))
		from = to
	}
	return tables
}

// byFacet has a row for each facet and a column for each of some things.
func (c *Comparison) byFacet(things []Thing) texttab.Table {
	t := texttab.Table{Columns: []texttab.Column{{Head: strings.Join(c.axes, ", "), Least: 14}}}
	pooled, values := []texttab.Cell{texttab.Text("all together")}, []texttab.Cell{texttab.Text("")}
	for i := range things {
		t.Columns = append(t.Columns, texttab.Column{Head: things[i].Label, Right: true})
		verdict := things[i].verdictCell(c.Baseline)
		words, p, _ := strings.Cut(verdict.String(), ", ") // on two lines, or the column is wide
		pooled, values = append(pooled, texttab.Painted(verdict[0].Code, words)), append(values, texttab.Text(p))
	}
	for f := range c.Facets {
		row := []texttab.Cell{texttab.Text(c.Facets[f].Label)}
		for i := range things {
			row = append(row, c.cellText(&things[i].Cells[f]))
		}
		t.Rows = append(t.Rows, row)
	}
	t.Rows = append(t.Rows, pooled, values)
	return t
}

// table has a row for each thing and a column for each facet.
func (c *Comparison) table() texttab.Table {
	t := texttab.Table{Columns: []texttab.Column{{Head: c.What, Least: 14}}}
	single := len(c.Facets) == 1
	for _, f := range c.Facets {
		head := f.Label
		if single {
			head = c.Part + " " + c.Score
		}
		t.Columns = append(t.Columns, texttab.Column{Head: head, Right: true})
	}
	if single {
		t.Columns = append(t.Columns, texttab.Column{Head: "interval", Keep: 3}, texttab.Column{Head: "steps to target", Right: true, Keep: 2},
			texttab.Column{Head: "diverged", Right: true, Keep: 4}, texttab.Column{Head: "difference", Right: true, Keep: 1})
	}
	t.Columns = append(t.Columns, texttab.Column{Head: "against " + c.Baseline})
	for _, thing := range c.Things {
		row := []texttab.Cell{texttab.Text(thing.Label)}
		for _, cell := range thing.Cells {
			row = append(row, c.cellText(&cell))
		}
		if single {
			cell := &thing.Cells[0]
			row = append(row, texttab.Text(c.IntervalText(cell.Score)), texttab.Text(cell.StepsText()), texttab.Text(divergedText(cell)), texttab.Text(c.effectText(cell)))
		}
		t.Rows = append(t.Rows, append(row, thing.verdictCell(c.Baseline)))
	}
	return t
}

// cellText is the median with its marks.
func (c *Comparison) cellText(cell *Cell) texttab.Cell {
	if cell.Runs == 0 {
		return texttab.Text("–")
	}
	text, code := c.ScoreText(cell.Score.Median), ""
	marks := ""
	switch {
	case cell.Verdict == "better":
		marks, code = markBetter, "32"
	case cell.Verdict == "worse":
		marks, code = markWorse, "31"
	}
	if cell.AtChance {
		marks += markChance
		code = "2"
	}
	if len(c.Facets) > 1 && cell.Diverged > 0 {
		marks += fmt.Sprintf("!%d", cell.Diverged)
	}
	if marks != "" {
		text += " " + marks
	}
	return texttab.Painted(code, text)
}

func (t *Thing) verdictCell(baseline string) texttab.Cell {
	code := map[string]string{"better": "32", "worse": "31"}[t.Verdict]
	return texttab.Painted(code, t.VerdictText(baseline))
}

// VerdictText says what the tests of all facets against the baseline gave, and the P.
func (t *Thing) VerdictText(baseline string) string {
	switch {
	case t.Label == baseline:
		return "baseline"
	case t.Verdict == "":
		return "not tested"
	case t.P.IsNaN():
		return t.Verdict
	}
	p := t.P
	if t.Verdict == "by facet" {
		p = t.CrossingP
	}
	return fmt.Sprintf("%s, P %s", t.Verdict, pText(float64(p)))
}

func pText(p float64) string {
	if p < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("= %.2g", p)
}

// ScoreText writes a score: an accuracy with 3 decimals, a loss with 3 digits.
func (c *Comparison) ScoreText(x Number) string {
	switch {
	case x.IsNaN():
		return "?"
	case math.IsInf(float64(x), 0):
		return "∞"
	case c.Higher():
		return fmt.Sprintf("%.3f", float64(x))
	}
	return fmt.Sprintf("%#.3g", float64(x))
}

// IntervalText writes the interval of a score; "" if there is none.
func (c *Comparison) IntervalText(e Estimate) string {
	if e.Confidence == 0 || e.Confidence.IsNaN() {
		return ""
	}
	return fmt.Sprintf("%s to %s", c.ScoreText(e.Lo), c.ScoreText(e.Hi))
}

func (c *Comparison) effectText(cell *Cell) string {
	if cell.Effect.Median.IsNaN() || math.IsInf(float64(cell.Effect.Median), 0) {
		return ""
	}
	if cell.Effect.Median == 0 {
		return "0"
	}
	return fmt.Sprintf("%+.3g", float64(cell.Effect.Median))
}

// StepsText is the median of the steps to the target and the share that reached it, so that
// a median of survivors can't be mistaken.
func (cell *Cell) StepsText() string {
	if cell.Runs == 0 {
		return ""
	}
	steps := "not"
	if m := float64(cell.Steps.Median); !math.IsInf(m, 0) && !math.IsNaN(m) {
		steps = strconv.FormatFloat(m, 'f', -1, 64)
	}
	return fmt.Sprintf("%s (%d/%d)", steps, cell.Reached, cell.Runs)
}

func divergedText(cell *Cell) string {
	if cell.Diverged == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", cell.Diverged, cell.Runs)
}

// Caption says what the numbers are.
func (c *Comparison) Caption() string {
	s := fmt.Sprintf("Median %s %s over %s", c.Part, c.Score, texttab.Count(c.Seeds, "seed"))
	if len(c.Facets) > 1 {
		s += "; " + markBetter + " better, " + markWorse + " worse than " + c.Baseline + " in that facet alone (tested if a test of all facets shows a difference)"
	}
	chance, broke := false, false
	for _, t := range c.Things {
		for _, cell := range t.Cells {
			chance = chance || cell.AtChance
			broke = broke || cell.Diverged > 0
		}
	}
	if chance {
		s += "; " + markChance + " at chance"
	}
	if broke && len(c.Facets) > 1 {
		s += "; !n diverged"
	}
	if c.Chosen != "" {
		s += fmt.Sprintf(". Settings: %s; judged on the %s part", c.Chosen, c.Part)
	}
	return s + "."
}

// SharesText says by what the scores differ.
func (c *Comparison) SharesText() string {
	if c.Shares == nil || len(c.axes) == 0 {
		return ""
	}
	what := c.What
	parts := []string{fmt.Sprintf("%s %.0f%%", what, 100*float64(c.Shares.Compared))}
	for _, a := range c.axes {
		parts = append(parts, fmt.Sprintf("%s %.0f%%", a, 100*float64(c.Shares.Axes[a])))
	}
	parts = append(parts, fmt.Sprintf("their interactions %.0f%%", 100*float64(c.Shares.Interactions)), fmt.Sprintf("seeds %.0f%%", 100*float64(c.Shares.Seeds)))
	return "Share of the scores' variance: " + strings.Join(parts, ", ") + "."
}

// WriteMarkdown writes the answer and the table as Markdown.
func (c *Comparison) WriteMarkdown(w io.Writer) error {
	clean := func(s string) string {
		return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(texttab.Clean(s))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n|", clean(c.Answer))
	t := c.table()
	for _, col := range t.Columns {
		fmt.Fprintf(&b, " %s |", clean(col.Head))
	}
	b.WriteString("\n|")
	for _, col := range t.Columns {
		if col.Right {
			b.WriteString("---:|")
		} else {
			b.WriteString("---|")
		}
	}
	for _, row := range t.Rows {
		b.WriteString("\n|")
		for _, cell := range row {
			fmt.Fprintf(&b, " %s |", clean(cell.String()))
		}
	}
	fmt.Fprintf(&b, "\n\n%s\n", clean(c.Caption()))
	if s := c.StepsSentence(); s != "" {
		fmt.Fprintf(&b, "\n%s\n\n", clean(s))
	}
	for _, l := range c.Interactions {
		fmt.Fprintf(&b, "- %s\n", clean(l))
	}
	if s := c.SharesText(); s != "" {
		fmt.Fprintf(&b, "\n%s\n", clean(s))
	}
	for _, l := range c.Warnings {
		fmt.Fprintf(&b, "\n> warning: %s\n", clean(l))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteCSV writes a row for each cell, with full precision.
func (c *Comparison) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	head := []string{"thing"}
	head = append(head, c.axes...)
	head = append(head, "part", "score", "runs", "diverged", "reached", "median", "lo", "hi", "confidence",
		"steps_median", "steps_lo", "steps_hi", "effect", "effect_lo", "effect_hi", "won", "lost", "facet_p", "facet_verdict", "at_chance", "pooled_p", "pooled_verdict")
	if err := out.Write(head); err != nil {
		return err
	}
	f := func(x Number) string { return strconv.FormatFloat(float64(x), 'g', -1, 64) }
	for _, t := range c.Things {
		for i, cell := range t.Cells {
			row := []string{t.Label}
			for _, a := range c.axes {
				row = append(row, c.Facets[i].Values[a])
			}
			row = append(row, c.Part, c.Score, strconv.Itoa(cell.Runs), strconv.Itoa(cell.Diverged), strconv.Itoa(cell.Reached),
				f(cell.Score.Median), f(cell.Score.Lo), f(cell.Score.Hi), f(cell.Score.Confidence),
				f(cell.Steps.Median), f(cell.Steps.Lo), f(cell.Steps.Hi), f(cell.Effect.Median), f(cell.Effect.Lo), f(cell.Effect.Hi),
				strconv.Itoa(cell.Won), strconv.Itoa(cell.Lost), f(cell.P), cell.Verdict, strconv.FormatBool(cell.AtChance), f(t.P), t.Verdict)
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

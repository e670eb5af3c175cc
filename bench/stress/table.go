package stress

import (
	"cmp"
	"fmt"
	"image/color"
	"io"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/internal/texttab"
)

// style is how a verdict looks: in a table without colours, in a terminal's 256
// colours, and in a picture. The colours can be told apart by the colour-blind.
var styles = [...]struct {
	letter   string
	terminal int
	colour   color.Color
}{
	NoReference: {" ", 0, draw.Faint},
	Diverged:    {"x", 160, draw.Crimson},
	Slow:        {".", 214, draw.Orange},
	Unstable:    {"!", 176, draw.Pink},
	Variable:    {"~", 227, draw.Yellow},
	Good:        {"+", 36, draw.Green},
	Excellent:   {"#", 33, draw.Blue},
}

// best to worst, as bars are drawn.
var byMerit = []Verdict{Excellent, Good, Variable, Unstable, Slow, Diverged}

var meanings = map[Verdict]string{
	Excellent: "more than twice as far as the best rate of plain gradient descent",
	Good:      "more than a tenth as far",
	Variable:  "as good, but more than a quarter of the runs are not",
	Unstable:  "as good, but some runs diverge",
	Slow:      "less than a tenth as far",
	Diverged:  "more than half of the runs diverge",
}

// TextOptions say how a table is printed.
type TextOptions struct {
	Width  int // columns; 0 means 80
	Colour bool
}

// column is a group with the tests that have a reference, by the best rate of plain
// gradient descent.
type column struct {
	group string
	tests []int
}

func (r *Results) columns() []column {
	var list []column
	for _, g := range Groups {
		c := column{group: g}
		for i, t := range r.Tests {
			if t.Group == g && t.Fall < 0 {
				c.tests = append(c.tests, i)
			}
		}
		slices.SortStableFunc(c.tests, func(a, b int) int { return cmp.Compare(r.Tests[a].Rate, r.Tests[b].Rate) })
		if len(c.tests) > 0 {
			list = append(list, c)
		}
	}
	return list
}

// Count returns how many of an optimizer's tests of a group came to each verdict; all
// groups' if group is "".
func (r *Results) Count(o Optimizer, group string) map[Verdict]int {
	counts := map[Verdict]int{}
	for i, v := range o.Verdicts {
		if group == "" || r.Tests[i].Group == group {
			counts[v]++
		}
	}
	return counts
}

// Passed is the share of an optimizer's tests that are good or excellent, of those
// with a reference.
func (r *Results) Passed(o Optimizer) float64 {
	c := r.Count(o, "")
	return float64(c[Good]+c[Excellent]) / float64(max(1, len(o.Verdicts)-c[NoReference]))
}

// ranked are the optimizers by the share they passed, those that were not run last.
func (r *Results) ranked() []Optimizer {
	list := slices.Clone(r.Optimizers)
	slices.SortStableFunc(list, func(a, b Optimizer) int {
		return cmp.Or(cmp.Compare(r.Passed(b), r.Passed(a)), cmp.Compare(len(a.Missing), len(b.Missing)))
	})
	return list
}

// WriteText prints the table of optimizers by tests. Each test has a cell if the width
// allows it; otherwise each group of tests has a bar, whose parts are the shares of the
// verdicts.
func (r *Results) WriteText(w io.Writer, o TextOptions) error {
	o.Width = texttab.Or(o.Width)
	columns := r.columns()
	label := 0
	for _, e := range r.Optimizers {
		label = max(label, texttab.Width(e.Label))
	}
	label = min(label, max(12, o.Width/3))
	widths, cells := r.widths(columns, o.Width-label-len("  100%"))
	table := texttab.Table{Gap: 1, Columns: []texttab.Column{{Head: "", Least: 8}, {Head: " good", Right: true}}}
	for i := range columns {
		table.Columns = append(table.Columns, texttab.Column{Head: key(i)})
	}
	var missing texttab.Table // those that were not run have a table of their own
	missing.Columns = []texttab.Column{{Head: "not applicable", Least: 8}, {Head: "needs", Wrap: true}}
	for _, e := range r.ranked() {
		if e.Missing != "" {
			missing.Rows = append(missing.Rows, []texttab.Cell{texttab.Text(e.Label), texttab.Text(e.Missing)})
			continue
		}
		row := []texttab.Cell{texttab.Text(e.Label), texttab.Text(fmt.Sprintf("%.0f%%", 100*r.Passed(e)))}
		for i, c := range columns {
			verdicts := r.bar(e, c, widths[i])
			if cells {
				verdicts = verdicts[:0]
				for _, t := range c.tests {
					verdicts = append(verdicts, e.Verdicts[t])
				}
			}
			row = append(row, painted(verdicts, o.Colour))
		}
		table.Rows = append(table.Rows, row)
	}
	groups := texttab.Table{NoHead: true, Columns: []texttab.Column{{}, {Wrap: true}}}
	for i, c := range columns {
		groups.Rows = append(groups.Rows, []texttab.Cell{texttab.Text(key(i)), texttab.Text(fmt.Sprintf("%s (%d)", c.group, len(c.tests)))})
	}
	legend := texttab.Table{NoHead: true, Columns: []texttab.Column{{}, {}, {Wrap: true}}}
	for _, v := range byMerit {
		legend.Rows = append(legend.Rows, []texttab.Cell{painted([]Verdict{v, v}, o.Colour), texttab.Text(v.String()), texttab.Text(meanings[v])})
	}
	var lines []string
	for _, t := range []texttab.Table{table, missing, groups, legend} {
		if len(t.Rows) == 0 {
			continue
		}
		if len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, t.Lines(o.Width, o.Colour)...)
	}
	if none := r.noReference(); none > 0 {
		lines = append(lines, "")
		lines = append(lines, texttab.Wrap(fmt.Sprintf("Tests left out, as plain gradient descent gets below the start at no rate: %d", none), o.Width)...)
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

func (r *Results) noReference() (n int) {
	for _, t := range r.Tests {
		if !(t.Fall < 0) {
			n++
		}
	}
	return n
}

// key names a column.
func key(i int) string { return string(rune('a' + i)) }

// widths returns the width of each column, and whether each test has a cell.
func (r *Results) widths(columns []column, room int) (widths []int, cells bool) {
	tests := 0
	for _, c := range columns {
		widths = append(widths, len(c.tests))
		tests += len(c.tests)
	}
	if tests+len(columns) <= room {
		return widths, true
	}
	for i := range widths {
		widths[i] = min(10, max(1, room/len(columns)-1))
	}
	return widths, false
}

// bar divides n cells in proportion to the verdicts.
func (r *Results) bar(e Optimizer, c column, n int) []Verdict {
	counts := map[Verdict]int{}
	for _, t := range c.tests {
		counts[e.Verdicts[t]]++
	}
	given := map[Verdict]int{}
	for range n {
		// Sainte-Laguë: the next cell goes to the largest count/(2·cells + 1).
		best := byMerit[0]
		for _, v := range byMerit[1:] {
			if counts[v]*(2*given[best]+1) > counts[best]*(2*given[v]+1) {
				best = v
			}
		}
		given[best]++
	}
	var list []Verdict
	for _, v := range byMerit {
		for range given[v] {
			list = append(list, v)
		}
	}
	return list
}

// painted has a cell for each verdict: a block of its colour, or its letter.
func painted(verdicts []Verdict, colour bool) (cell texttab.Cell) {
	for i, v := range verdicts {
		text := styles[v].letter
		if colour {
			text = "█"
		}
		if i > 0 && verdicts[i-1] == v {
			cell[len(cell)-1].Text += text
			continue
		}
		cell = append(cell, texttab.Span{Text: text, Code: fmt.Sprintf("38;5;%d", styles[v].terminal)})
	}
	return cell
}

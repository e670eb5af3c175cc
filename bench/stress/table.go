package stress

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// style is how a verdict looks: in a table without colours, in a terminal's 256
// colours, and in a picture. The colours can be told apart by the colour-blind.
var styles = [...]struct {
	letter   string
	terminal int
	colour   string
}{
	NoReference: {" ", 0, "#e5e5e5"},
	Diverged:    {"x", 160, "#b2182b"},
	Slow:        {".", 214, "#e69f00"},
	Unstable:    {"!", 176, "#cc79a7"},
	Variable:    {"~", 227, "#f0e442"},
	Good:        {"+", 36, "#009e73"},
	Excellent:   {"#", 33, "#0072b2"},
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
	Width  int // columns; 0 means 100
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
	if o.Width == 0 {
		o.Width = 100
	}
	columns := r.columns()
	label := 0
	for _, e := range r.Optimizers {
		label = max(label, utf8.RuneCountInString(e.Label))
	}
	label = min(label, o.Width/3)
	room := o.Width - label - len("  100%")
	var b strings.Builder
	widths, cells := r.widths(columns, room)
	fmt.Fprintf(&b, "%*s %5s", -label, "", "good")
	for i := range columns {
		fmt.Fprintf(&b, " %*s", -widths[i], key(i))
	}
	b.WriteByte('\n')
	for _, e := range r.ranked() {
		fmt.Fprintf(&b, "%s ", fit(e.Label, label))
		if e.Missing != "" {
			fmt.Fprintf(&b, "not applicable: needs %s\n", e.Missing)
			continue
		}
		fmt.Fprintf(&b, "%4.0f%%", 100*r.Passed(e))
		for i, c := range columns {
			verdicts := r.bar(e, c, widths[i])
			if cells {
				verdicts = verdicts[:0]
				for _, t := range c.tests {
					verdicts = append(verdicts, e.Verdicts[t])
				}
			}
			b.WriteByte(' ')
			paint(&b, verdicts, o.Colour)
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for i, c := range columns {
		fmt.Fprintf(&b, "%s  %s (%d)\n", key(i), c.group, len(c.tests))
	}
	b.WriteByte('\n')
	for _, v := range byMerit {
		paint(&b, []Verdict{v, v}, o.Colour)
		fmt.Fprintf(&b, "  %-9s  %s\n", v, meanings[v])
	}
	if none := r.noReference(); none > 0 {
		fmt.Fprintf(&b, "\nTests left out, as plain gradient descent gets below the start at no rate: %d\n", none)
	}
	_, err := io.WriteString(w, b.String())
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
		widths[i] = min(10, max(2, room/len(columns)-1))
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

// paint writes a cell for each verdict.
func paint(b *strings.Builder, verdicts []Verdict, colour bool) {
	for i, v := range verdicts {
		if !colour {
			b.WriteString(styles[v].letter)
			continue
		}
		if i == 0 || verdicts[i-1] != v {
			fmt.Fprintf(b, "\x1b[38;5;%dm", styles[v].terminal)
		}
		b.WriteString("█")
	}
	if colour {
		b.WriteString("\x1b[0m")
	}
}

// fit pads or shortens a label.
func fit(s string, width int) string {
	if n := utf8.RuneCountInString(s); n <= width {
		return s + strings.Repeat(" ", width-n)
	}
	return string([]rune(s)[:width-1]) + "…"
}

package report

import (
	"bytes"
	"fmt"
	"github.com/gradflow/gradflow/internal/texttab"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// TextOptions are those of WriteText.
type TextOptions struct {
	Width  int  // columns of the terminal; 0: 100
	Colour bool // with ANSI escapes
}

// column is one of a table. What doesn't fit the width goes by the order of keep: the
// highest first; 0 stays.
type column struct {
	head  string
	keep  int
	right bool
	cell  func(Setup) string
}

// WriteText writes the findings and a table for each problem. Columns that don't fit the
// width are left out, those first that matter least.
func (r *Ranking) WriteText(w io.Writer, o TextOptions) error {
	if o.Width <= 0 {
		o.Width = 100
	}
	t := &textWriter{TextOptions: o}
	t.line(t.paint("1", r.Study) + ": " + r.size())
	if r.About != "" {
		t.prose("", r.About)
	}
	for i := range r.Problems {
		p := &r.Problems[i]
		t.line("")
		t.line(t.paint("1", p.Label))
		for _, l := range p.Findings.Lines() {
			t.prose("  ", l)
		}
		t.line("")
		t.table(p)
	}
	if len(r.Warnings) > 0 {
		t.line("")
		for _, l := range r.Warnings {
			t.prose("warning: ", l)
		}
	}
	_, err := w.Write(t.Bytes())
	return err
}

// size tells how large the study is.
func (r *Ranking) size() string {
	s := fmt.Sprintf("%s, %s", texttab.Count(len(r.Problems), "problem"), texttab.Count(r.Runs, "run"))
	if r.Diverged > 0 {
		s += fmt.Sprintf(", %d diverged", r.Diverged)
	}
	return s
}

func (p *Problem) columns() []column {
	columns := []column{
		{"#", 0, true, func(s Setup) string { return fmt.Sprint(s.Rank) }},
		{"optimizer", 0, false, func(s Setup) string { return s.Label }},
		{p.Score, 0, true, func(s Setup) string { return p.score(s.Score.Median) }},
		{"interval", 5, false, func(s Setup) string { return p.scoreInterval(s.Score) }},
		{"at the end", 2, true, func(s Setup) string { return p.score(s.Last.Median) }},
		{"steps to " + number(p.Config.Target), 0, true, Setup.stepsMedian},
		{"interval", 7, false, Setup.stepsInterval},
		{"reached", 6, true, func(s Setup) string { return fmt.Sprintf("%d/%d", s.Reached, s.Runs) }},
		{"speed", 1, false, Setup.speed},
		{"diverged", 0, true, func(s Setup) string { return fmt.Sprintf("%d/%d", s.Diverged, s.Runs) }},
		{"decades", 4, true, func(s Setup) string { return decimals(s.DecadesFirst) + " → " + decimals(s.DecadesLast) }},
		{"layer 1 moved", 8, true, func(s Setup) string { return decimals(s.Movement) }},
		{"against " + p.Baseline, 3, false, func(s Setup) string {
			if len(p.Setups) == 1 {
				return ""
			}
			words, value := p.verdict(s)
			return strings.TrimSuffix(words+", "+value, ", ")
		}},
	}
	if p.differentBudgets() {
		columns[2].head = fmt.Sprintf("%s after %d", p.Score, p.Budget)
	} else {
		columns = slices.Delete(columns, 4, 5)
	}
	return columns
}

const gap = 2 // between columns

type textWriter struct {
	TextOptions
	bytes.Buffer
}

func (t *textWriter) paint(code, s string) string {
	if !t.Colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *textWriter) line(s string) { t.WriteString(strings.TrimRight(s, " ") + "\n") }

// prose writes text in lines of the width, with the first word's column as margin.
func (t *textWriter) prose(prefix, text string) {
	margin := strings.Repeat(" ", utf8.RuneCountInString(prefix))
	if prefix != margin { // a bullet or a word
		prefix = t.paint("33", prefix)
	}
	line, used := prefix, len(margin)
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if i > 0 && used+1+n > max(t.Width, 40) {
			t.line(line)
			line, used = margin, len(margin)
		} else if i > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	t.line(line)
}

func (t *textWriter) table(p *Problem) {
	columns := slices.DeleteFunc(p.columns(), func(c column) bool {
		return !slices.ContainsFunc(p.Setups, func(s Setup) bool { return c.cell(s) != "" })
	})
	cells := make([][]string, len(columns)) // of each column, the head first
	widths := make([]int, len(columns))
	total := 2 - gap
	for i, c := range columns {
		cells[i] = []string{c.head}
		for _, s := range p.Setups {
			cells[i] = append(cells[i], c.cell(s))
		}
		for _, text := range cells[i] {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
		total += widths[i] + gap
	}
	for total > t.Width {
		drop := 0
		for i, c := range columns {
			if c.keep > columns[drop].keep {
				drop = i
			}
		}
		if columns[drop].keep == 0 {
			break
		}
		total -= widths[drop] + gap
		columns, cells, widths = slices.Delete(columns, drop, drop+1), slices.Delete(cells, drop, drop+1), slices.Delete(widths, drop, drop+1)
	}
	for row := range len(p.Setups) + 1 {
		line := "  "
		for i, c := range columns {
			if i > 0 {
				line += strings.Repeat(" ", gap)
			}
			text := cells[i][row]
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if row == 0 {
				text = t.paint("2", text)
			} else {
				text = t.paint(colour(c, p.Setups[row-1]), text)
			}
			if c.right {
				line += space + text
			} else {
				line += text + space
			}
		}
		t.line(line)
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
	return "0"
}

package report

import (
	"fmt"
	"strings"

	"github.com/gradflow/gradflow/bench/compare"
)

// answer is the page's comparison: one table of things and facets.
type answer struct {
	*compare.Comparison
	Corner string
	Heads  []string
	Rows   []answerRow
	Notes  []string
	// OneLine tells that a cell's parts stand beside each other, for there is room.
	OneLine bool
}

type answerRow struct {
	Head  string
	Cells []answerCell
}

type answerCell struct {
	Value, Mark, Under string
	Class              string // "good", "bad" or "soft"
}

// manyFacets is how many facets make columns; more make rows.
const manyFacets = 6

// newAnswer returns nil if there is nothing to compare.
func newAnswer(c *compare.Comparison) *answer {
	if c == nil || len(c.Things) < 2 {
		return nil
	}
	a := &answer{Comparison: c, Corner: c.What, OneLine: len(c.Facets) <= 3}
	for _, f := range c.Facets {
		head := f.Label
		if head == "" {
			head = c.Part + " " + c.Score
		}
		a.Heads = append(a.Heads, head)
	}
	a.Heads = append(a.Heads, "against "+c.Baseline)
	for i := range c.Things {
		t := &c.Things[i]
		row := answerRow{Head: t.Label}
		for f := range t.Cells {
			row.Cells = append(row.Cells, answerOf(c, &t.Cells[f]))
		}
		words, p, _ := strings.Cut(t.VerdictText(c.Baseline), ", ")
		a.Rows = append(a.Rows, answerRow{row.Head, append(row.Cells, answerCell{Value: words, Under: p, Class: classOf(t.Verdict)})})
	}
	if len(c.Facets) > manyFacets {
		a.turn()
	}
	for _, note := range []string{c.Caption(), c.StepsSentence(), c.SharesText()} {
		if note != "" {
			a.Notes = append(a.Notes, note)
		}
	}
	return a
}

// unbroken is text that no line breaks.
func unbroken(text string) string { return strings.ReplaceAll(text, " ", "\u00a0") }

// turn makes columns of the rows.
func (a *answer) turn() {
	var heads []string
	rows := make([]answerRow, len(a.Heads))
	for i, head := range a.Heads {
		rows[i].Head = head
	}
	for _, r := range a.Rows {
		heads = append(heads, r.Head)
		for i, cell := range r.Cells {
			rows[i].Cells = append(rows[i].Cells, cell)
		}
	}
	a.Corner, a.Heads, a.Rows = "facet", heads, rows
}

func classOf(verdict string) string {
	return map[string]string{"better": "good", "worse": "bad"}[verdict]
}

// answerOf writes a cell: no mark is a colour alone.
func answerOf(c *compare.Comparison, cell *compare.Cell) answerCell {
	if cell.Runs == 0 {
		return answerCell{Value: "–"}
	}
	a := answerCell{Value: c.ScoreText(cell.Score.Median), Class: classOf(cell.Verdict)}
	var marks, under []string
	switch cell.Verdict {
	case "better":
		marks = append(marks, unbroken("+ better"))
	case "worse":
		marks = append(marks, unbroken("− worse"))
	}
	if cell.AtChance {
		marks, a.Class = append(marks, unbroken("at chance")), "soft"
	}
	if cell.Diverged > 0 {
		marks = append(marks, fmt.Sprintf("%d of %d diverged", cell.Diverged, cell.Runs))
	}
	if interval := c.IntervalText(cell.Score); interval != "" {
		under = append(under, unbroken(interval))
	}
	if cell.Reached > 0 {
		under = append(under, unbroken("steps: ")+cell.StepsText())
	}
	a.Mark, a.Under = strings.Join(marks, ", "), strings.Join(under, "; ")
	return a
}

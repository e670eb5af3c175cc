package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/texttab"
)

// tuned is what a study chose, as a table: of each of the things that it compares the settings,
// how much worse they are a factor of 3 off, and what that took.
type tuned struct {
	Method, Cost string
	Labels       int // columns that name a choice; the others are numbers
	Heads        []string
	Rows         [][]string
}

// atEdge marks a setting that is the last tried on its side, and better than all others.
const atEdge = " at the edge"

func newTuned(t *record.Tuning) *tuned {
	if t == nil {
		return nil
	}
	var keys []string
	facets := false
	for _, c := range t.Chosen {
		facets = facets || c.Facet != ""
		for k := range c.Settings {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	slices.Sort(keys)
	d := &tuned{Method: "Tuning: " + t.Method + ".", Heads: []string{"of"},
		Cost: fmt.Sprintf("It took %s of %s in %.3g s of computing.", texttab.Count(t.Cost.Runs, "run"), texttab.Count(t.Cost.Updates, "update"), t.Cost.Seconds)}
	if facets {
		d.Heads = []string{"in", "of"}
	}
	d.Labels = len(d.Heads)
	d.Heads = append(append(d.Heads, keys...), "tried", "validation score")
	for _, k := range keys {
		head := "worse at ×3"
		if len(keys) > 1 {
			head = k + " ×3"
		}
		d.Heads = append(d.Heads, head)
	}
	for _, c := range t.Chosen {
		var row []string
		if facets {
			row = append(row, c.Facet)
		}
		row = append(row, c.Thing)
		for _, k := range keys {
			text := "–"
			if v, has := c.Settings[k]; has {
				text = fmt.Sprintf("%g", v)
			}
			if slices.Contains(c.AtEdge, k) {
				text += atEdge
			}
			row = append(row, text)
		}
		score := "diverged"
		switch {
		case c.Tried == 1:
			score = "–"
		case isFinite(c.Score):
			score = fmt.Sprintf("%.4g", float64(c.Score))
		}
		row = append(row, fmt.Sprint(c.Tried), score)
		for _, k := range keys {
			text := ""
			if v, known := c.Sensitivity[k]; known {
				if text = "diverges"; isFinite(v) {
					text = fmt.Sprintf("%.2g", float64(v))
				}
			}
			row = append(row, text)
		}
		d.Rows = append(d.Rows, row)
	}
	return d
}

// WriteTuning prints what a study chose for each of the things that it compares, how much
// worse they are a factor of 3 off, and what that took. Warnings are not among it.
func WriteTuning(w io.Writer, t *record.Tuning, o TextOptions) error {
	o.Width = texttab.Or(o.Width)
	d := newTuned(t)
	var b strings.Builder
	for _, line := range texttab.Wrap(d.Method, o.Width) {
		b.WriteString(line + "\n")
	}
	var table texttab.Table
	for i, head := range d.Heads {
		column := texttab.Column{Head: head, Right: true}
		if i < d.Labels {
			column = texttab.Column{Head: head, Least: 12}
		} else if strings.HasSuffix(head, "×3") {
			column.Keep = 1
		}
		table.Columns = append(table.Columns, column)
	}
	for _, r := range d.Rows {
		var row []texttab.Cell
		for _, text := range r {
			row = append(row, texttab.Text(text))
		}
		table.Rows = append(table.Rows, row)
	}
	for _, line := range table.Lines(o.Width, o.Colour) {
		b.WriteString(line + "\n")
	}
	b.WriteString(d.Cost + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func isFinite(n Number) bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

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

// WriteTuning prints what a study chose for each of the things that it compares, how much
// worse they are a factor of 3 off, and what that took. Warnings are not among it.
func WriteTuning(w io.Writer, t *record.Tuning, o TextOptions) error {
	o.Width = texttab.Or(o.Width)
	var b strings.Builder
	for _, line := range texttab.Wrap("Tuning: "+t.Method+".", o.Width) {
		b.WriteString(line + "\n")
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
	table := texttab.Table{}
	if facets {
		table.Columns = append(table.Columns, texttab.Column{Head: "in", Least: 12})
	}
	table.Columns = append(table.Columns, texttab.Column{Head: "of", Least: 12})
	for _, k := range keys {
		table.Columns = append(table.Columns, texttab.Column{Head: k, Right: true})
	}
	table.Columns = append(table.Columns, texttab.Column{Head: "tried", Right: true}, texttab.Column{Head: "validation score", Right: true})
	for _, k := range keys {
		head := "worse at ×3"
		if len(keys) > 1 {
			head = k + " ×3"
		}
		table.Columns = append(table.Columns, texttab.Column{Head: head, Right: true, Keep: 1})
	}
	for _, c := range t.Chosen {
		var row []texttab.Cell
		if facets {
			row = append(row, texttab.Text(c.Facet))
		}
		row = append(row, texttab.Text(c.Thing))
		for _, k := range keys {
			text := "–"
			if v, has := c.Settings[k]; has {
				text = fmt.Sprintf("%g", v)
			}
			row = append(row, texttab.Text(text))
		}
		score := "diverged"
		switch {
		case c.Tried == 1:
			score = "–"
		case isFinite(c.Score):
			score = fmt.Sprintf("%.4g", float64(c.Score))
		}
		row = append(row, texttab.Text(fmt.Sprint(c.Tried)), texttab.Text(score))
		for _, k := range keys {
			text := ""
			if v, known := c.Sensitivity[k]; known {
				if text = "diverges"; isFinite(v) {
					text = fmt.Sprintf("%.2g", float64(v))
				}
			}
			row = append(row, texttab.Text(text))
		}
		table.Rows = append(table.Rows, row)
	}
	for _, line := range table.Lines(o.Width, o.Colour) {
		b.WriteString(line + "\n")
	}
	fmt.Fprintf(&b, "It took %s of %s in %.3g s of computing.\n", texttab.Count(t.Cost.Runs, "run"), texttab.Count(t.Cost.Updates, "update"), t.Cost.Seconds)
	_, err := io.WriteString(w, b.String())
	return err
}

func isFinite(n Number) bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

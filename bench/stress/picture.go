package stress

import (
	"fmt"
	"html"
	"io"
	"strings"
	"unicode/utf8"
)

// Sizes of the picture, in its pixels.
const (
	leastCell  = 0.55 // width of a test
	largeCell  = 12.
	tableWidth = 900. // that tests should fill
	rowHeight  = 18.
	gap        = 7.
	fontSize   = 11.
	letterSize = 6.1 // width of a letter, about
	headHeight = 96.
	lineHeight = 17. // of the legend
)

// WriteSVG draws the table of optimizers by tests: a narrow cell for each test, group by
// group, in a group by the best rate of plain gradient descent.
func (r *Results) WriteSVG(w io.Writer) error {
	columns, rows := r.columns(), r.ranked()
	left := 0.
	for _, e := range rows {
		left = max(left, letterSize*float64(utf8.RuneCountInString(e.Label)))
	}
	left += 58
	tests := 0
	for _, c := range columns {
		tests += len(c.tests)
	}
	cell := min(largeCell, max(leastCell, tableWidth/float64(max(1, tests))))
	starts := make([]float64, len(columns))
	x := left
	for i, c := range columns {
		starts[i] = x
		x += cell*float64(len(c.tests)) + gap
	}
	height := headHeight + rowHeight*float64(len(rows)) + lineHeight*float64(len(byMerit)+1)
	width := max(x+90, 600) // the last column's head is slanted
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="sans-serif" font-size="%g">`+"\n", width, height, width, height, fontSize)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	for i, c := range columns {
		middle := starts[i] + cell*float64(len(c.tests))/2
		fmt.Fprintf(&b, `<text transform="translate(%.1f %.1f) rotate(-35)">%s (%d)</text>`+"\n", middle, headHeight-8, html.EscapeString(c.group), len(c.tests))
	}
	for k, e := range rows {
		y := headHeight + rowHeight*float64(k)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", left-46, y+rowHeight-5.5, html.EscapeString(e.Label))
		if e.Missing != "" {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="#777">not applicable: needs %s</text>`+"\n", left, y+rowHeight-5.5, html.EscapeString(e.Missing))
			continue
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end" fill="#555">%.0f%%</text>`+"\n", left-8, y+rowHeight-5.5, 100*r.Passed(e))
		for i, c := range columns {
			fmt.Fprintf(&b, `<g><title>%s</title>`, html.EscapeString(r.tell(e, c)))
			for from := 0; from < len(c.tests); {
				v, n := e.Verdicts[c.tests[from]], 1
				for from+n < len(c.tests) && e.Verdicts[c.tests[from+n]] == v {
					n++
				}
				fmt.Fprintf(&b, `<rect x="%.2f" y="%.1f" width="%.2f" height="%.1f" fill="%s"/>`,
					starts[i]+cell*float64(from), y+1, cell*float64(n), rowHeight-2, styles[v].colour)
				from += n
			}
			b.WriteString("</g>\n")
		}
	}
	for i, v := range byMerit {
		y := headHeight + rowHeight*float64(len(rows)) + lineHeight*(float64(i)+1)
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="12" height="12" fill="%s"/><text x="%.1f" y="%.1f">%s: %s</text>`+"\n",
			left, y-10, styles[v].colour, left+17, y, v, html.EscapeString(meanings[v]))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// tell lists the verdicts of a group.
func (r *Results) tell(e Optimizer, c column) string {
	counts := r.Count(e, c.group)
	var parts []string
	for _, v := range byMerit {
		if counts[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[v], v))
		}
	}
	return fmt.Sprintf("%s, %s: %s", e.Label, c.group, strings.Join(parts, ", "))
}

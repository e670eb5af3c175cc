package stress

import (
	"fmt"
	"image/color"
	"math"

	"github.com/gradflow/gradflow/internal/draw"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Sizes of the picture, in points.
const (
	leastCell  = 0.4 // width of a test
	largeCell  = 9
	tableWidth = 640 // that tests should fill
	rowHeight  = 13
	groupGap   = 5
	lineHeight = 13 // of the legend
	margin     = 8
)

// Figure is the table of optimizers by tests as a picture: a narrow cell for each test,
// group by group, in a group by the best rate of plain gradient descent.
type Figure struct{ *Results }

// layout is where things stand, from the left and the top.
type layout struct {
	columns []column
	rows    []Optimizer
	left    vg.Length // of the first cell
	cell    vg.Length
	starts  []vg.Length // of the columns
	head    vg.Length   // height of the slanted heads
	width   vg.Length
	height  vg.Length
}

// slant is the angle of the heads.
const slant = 0.6

func (g Figure) layout() layout {
	l := layout{columns: g.columns(), rows: g.ranked()}
	text := draw.Text(8)
	for _, e := range l.rows {
		l.left = max(l.left, text.Width(e.Label))
	}
	l.left += margin + 38
	tests, legend := 0, vg.Length(0)
	for _, c := range l.columns {
		tests += len(c.tests)
		l.head = max(l.head, vg.Length(math.Sin(slant))*text.Width(head(c)))
	}
	l.head += 2*margin + 5
	for _, v := range byMerit {
		legend = max(legend, text.Width(told(v)))
	}
	l.cell = min(largeCell, max(leastCell, tableWidth/vg.Length(max(1, tests))))
	x := l.left
	for i, c := range l.columns {
		if i > 0 {
			x += groupGap
		}
		l.starts = append(l.starts, x)
		x += l.cell * vg.Length(len(c.tests))
	}
	l.width = max(x+64, l.left+18+legend+margin) // the last column's head is slanted
	for _, e := range l.rows {
		if e.Missing != "" {
			l.width = max(l.width, l.left+text.Width(notRun(e))+margin)
		}
	}
	l.height = l.head + rowHeight*vg.Length(len(l.rows)) + lineHeight*vg.Length(len(byMerit)) + 3*margin
	return l
}

func told(v Verdict) string     { return fmt.Sprintf("%s: %s", v, meanings[v]) }
func head(c column) string      { return fmt.Sprintf("%s (%d)", c.group, len(c.tests)) }
func notRun(e Optimizer) string { return "not applicable: needs " + e.Missing }

// Size implements draw.Figure.
func (g Figure) Size() (width, height vg.Length) {
	l := g.layout()
	return l.width, l.height
}

// Draw implements draw.Figure.
func (g Figure) Draw(c vgdraw.Canvas) error {
	l := g.layout()
	at := func(x, y vg.Length) vg.Point { return vg.Point{X: c.Min.X + x, Y: c.Max.Y - y} }
	box := func(with color.Color, x, y, width, height vg.Length) {
		c.FillPolygon(with, []vg.Point{at(x, y), at(x+width, y), at(x+width, y+height), at(x, y+height)})
	}
	text, right, slanted := draw.Text(8), draw.Text(8), draw.Text(8)
	right.XAlign = vgdraw.XRight
	slanted.Rotation = slant
	pale := text
	pale.Color = draw.Graphite
	for i, column := range l.columns {
		middle := l.starts[i] + l.cell*vg.Length(len(column.tests))/2
		c.FillText(slanted, at(middle, l.head-5), head(column))
	}
	for k, e := range l.rows {
		y := l.head + rowHeight*vg.Length(k)
		base := y + rowHeight - 4
		c.FillText(right, at(l.left-34, base), e.Label)
		if e.Missing != "" {
			c.FillText(pale, at(l.left, base), notRun(e))
			continue
		}
		c.FillText(right, at(l.left-6, base), fmt.Sprintf("%.0f%%", 100*g.Passed(e)))
		for i, column := range l.columns {
			for from := 0; from < len(column.tests); {
				v, n := e.Verdicts[column.tests[from]], 1
				for from+n < len(column.tests) && e.Verdicts[column.tests[from+n]] == v {
					n++
				}
				box(styles[v].colour, l.starts[i]+l.cell*vg.Length(from), y+1, l.cell*vg.Length(n), rowHeight-2)
				from += n
			}
		}
	}
	for i, v := range byMerit {
		y := l.head + rowHeight*vg.Length(len(l.rows)) + margin + lineHeight*vg.Length(i)
		box(styles[v].colour, l.left, y+1, 10, 10)
		c.FillText(text, at(l.left+15, y+9), told(v))
	}
	return nil
}

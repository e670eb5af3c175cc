package main

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"github.com/gradflow/gradflow/internal/draw"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// picture is a table as a picture: a panel for each column, with the median score of each
// thing, its interval, and what becomes of the signal.
type picture struct{ *table }

// Sizes, in points.
const (
	pictureRow    = 16
	picturePanel  = 300
	pictureScale  = 150 // of a score from 0 to 1
	pictureHead   = 44
	pictureFoot   = 44
	pictureMargin = 10
)

func (p picture) left() (width vg.Length) {
	text := draw.Text(9)
	for _, w := range p.Things {
		width = max(width, text.Width(w.Label))
	}
	return width + 2*pictureMargin
}

// Size implements draw.Figure.
func (p picture) Size() (width, height vg.Length) {
	return p.left() + picturePanel*vg.Length(len(p.columns)), pictureHead + pictureFoot + pictureRow*vg.Length(len(p.Things))
}

// Draw implements draw.Figure.
func (p picture) Draw(c vgdraw.Canvas) error {
	at := func(x, y vg.Length) vg.Point { return vg.Point{X: c.Min.X + x, Y: c.Max.Y - y} }
	box := func(with color.Color, x, y, width, height vg.Length) {
		c.FillPolygon(with, []vg.Point{at(x, y), at(x+width, y), at(x+width, y+height), at(x, y+height)})
	}
	text, right, title, pale := draw.Text(9), draw.Text(9), draw.Text(11), draw.Text(9)
	right.XAlign, pale.Color = vgdraw.XRight, draw.Graphite
	left := p.left()
	bottom := pictureHead + pictureRow*vg.Length(len(p.Things))
	for f, column := range p.columns {
		from := left + picturePanel*vg.Length(f)
		c.FillText(title, at(from, pictureHead-24), column)
		box(draw.Faint, from, pictureHead-4, pictureScale, bottom-pictureHead+4)
		if chance := float64(p.Facets[f].Chance); !math.IsNaN(chance) {
			box(draw.Grey, from+pictureScale*vg.Length(chance), pictureHead-4, 1, bottom-pictureHead+4)
			c.FillText(pale, at(from+pictureScale*vg.Length(chance)-3, bottom+11), "chance")
		}
		pale.XAlign = vgdraw.XRight
		c.FillText(pale, at(from+pictureScale, bottom+11), "1")
		pale.XAlign = vgdraw.XLeft
		for k := range p.Things {
			w := &p.Things[k]
			cell, y := &w.Cells[f], pictureHead+pictureRow*vg.Length(k)
			ink, mark := color.Color(draw.Graphite), ""
			switch cell.Verdict {
			case "better":
				ink, mark = draw.Blue, " +"
			case "worse":
				ink, mark = draw.Crimson, " −"
			}
			x := func(v float64) vg.Length { return from + pictureScale*vg.Length(v) }
			lo, hi := float64(cell.Score.Lo), float64(cell.Score.Hi)
			box(ink, from, y+3, pictureScale*vg.Length(cell.Score.Median), pictureRow-9)
			if hi > lo {
				box(color.Black, x(lo), y+6, x(hi)-x(lo), 1)
			}
			words := fmt.Sprintf("%.3f%s", float64(cell.Score.Median), mark)
			c.FillText(text, at(from+pictureScale+6, y+11), words)
			if s := p.signals[f][w.Label]; s != nil && s.Signal != "" {
				short := strings.Replace(s.Signal, " at the start only", " at first", 1)
				c.FillText(pale, at(from+pictureScale+52, y+11), short)
			}
			if f == 0 {
				c.FillText(right, at(left-8, y+11), w.Label)
			}
		}
	}
	c.FillText(pale, at(pictureMargin, bottom+34), fmt.Sprintf("Median test accuracy over %d seeds with its interval; + better, − worse than %s in that panel alone; beside it, what becomes of the signal in training.", p.Seeds, p.Baseline))
	return nil
}

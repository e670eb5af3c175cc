package phase

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Trainable is the picture of what was measured: the median test accuracy over the variance of
// the weights and the depth, with theory's lines over it and the trainable depths as points
// with the range of the seeds.
type Trainable struct{ *Measured }

// Size implements draw.Figure.
func (Trainable) Size() (width, height vg.Length) { return Diagram{}.Size() }

// Draw implements draw.Figure.
func (g Trainable) Draw(c vgdraw.Canvas) error {
	m := g.Measured
	p := newFrame(fmt.Sprintf("%s, biases of variance %.4g", m.Activation, m.Bias))
	p.X.Label.Text, p.Y.Label.Text = "variance of weights times fan-in, σw²", "hidden layers"
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, depthTicks(m.Depths)
	variances, depths := make([]float64, len(m.Columns)), make([]float64, len(m.Depths))
	for i, col := range m.Columns {
		variances[i] = col.Variance
	}
	for i, d := range m.Depths {
		depths[i] = math.Log(float64(d))
	}
	x, y := edges(variances), edges(depths)
	x[0] = max(x[0], 0)
	for i := range y {
		y[i] = math.Exp(y[i])
	}
	colours := moreland.ExtendedBlackBody()
	lo, hi := m.Chance, float64(m.Best)
	if !(hi > lo) {
		hi = lo + 1
	}
	colours.SetMin(lo)
	colours.SetMax(hi)
	for i, col := range m.Columns {
		for k, cell := range col.Cells {
			if cell.Median.IsNaN() {
				continue
			}
			shade, err := colours.At(min(max(float64(cell.Median), lo), hi))
			if err != nil {
				return errors.Wrap(err, "phase diagram")
			}
			box, err := plotter.NewPolygon(plotter.XYs{{X: x[i], Y: y[k]}, {X: x[i+1], Y: y[k]}, {X: x[i+1], Y: y[k+1]}, {X: x[i], Y: y[k+1]}})
			if err != nil {
				return errors.Wrap(err, "phase diagram")
			}
			box.Color, box.LineStyle = shade, vgdraw.LineStyle{Color: shade, Width: vg.Points(0.2)}
			p.Add(withoutMargin{box})
		}
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x[0], x[len(x)-1], y[0], y[len(y)-1]
	p.X.Padding, p.Y.Padding = 0, 0
	var l legend
	if err := m.lines(p, &l); err != nil {
		return err
	}
	if err := m.points(p, &l); err != nil {
		return err
	}
	return l.compose(c, p, "test accuracy", colours)
}

// edges are those of cells around ascending values: half way between them.
func edges(values []float64) []float64 {
	n := len(values)
	if n == 1 {
		return []float64{values[0] * 0.9, values[0] * 1.1}
	}
	e := make([]float64, n+1)
	for i := 1; i < n; i++ {
		e[i] = (values[i-1] + values[i]) / 2
	}
	e[0], e[n] = values[0]-(e[1]-values[0]), values[n-1]+(values[n-1]-e[n-1])
	return e
}

// depthTicks mark the depths.
type depthTicks []int

// Ticks implements plot.Ticker.
func (t depthTicks) Ticks(lo, hi float64) (list []plot.Tick) {
	for _, d := range t {
		if v := float64(d); v >= lo && v <= hi {
			list = append(list, plot.Tick{Value: v, Label: strconv.Itoa(d)})
		}
	}
	return list
}

// lines adds 6ξ and where theory's signal has faded.
func (m *Measured) lines(p *plot.Plot, l *legend) error {
	const points = 80
	six := func(v meanfield.Variances) float64 {
		t, err := m.field.Theory(v)
		if err != nil {
			return math.NaN()
		}
		return t.TrainableDepth()
	}
	fading := func(v meanfield.Variances) float64 {
		if d, ok := Fading(m.field, v, int(p.Y.Max)+1); ok {
			return float64(max(d, 1))
		}
		return math.Inf(1)
	}
	for _, line := range []struct {
		name   string
		depth  func(meanfield.Variances) float64
		ink    color.Color
		dashes []vg.Length
	}{{"6ξ", six, draw.Green, nil}, {"signal a thousandth", fading, draw.Sky, []vg.Length{vg.Points(4), vg.Points(3)}}} {
		var pieces []plotter.XYs
		var piece plotter.XYs
		end := func() {
			if len(piece) > 1 {
				pieces = append(pieces, piece)
			}
			piece = nil
		}
		for i := range points + 1 {
			x := p.X.Min + (p.X.Max-p.X.Min)*float64(i)/points
			d := line.depth(meanfield.Variances{Weight: x, Bias: m.Bias})
			if !(d >= p.Y.Min && d <= p.Y.Max) {
				// The line continues to the frame.
				if n := len(piece); d > p.Y.Max && n > 0 && piece[n-1].Y < p.Y.Max {
					piece = append(piece, plotter.XY{X: x, Y: p.Y.Max})
				}
				if len(piece) == 1 {
					piece = nil
				}
				end()
				if d > p.Y.Max {
					piece = plotter.XYs{{X: x, Y: p.Y.Max}}
				}
				continue
			}
			piece = append(piece, plotter.XY{X: x, Y: d})
		}
		end()
		for i, xy := range pieces {
			stroke, err := plotter.NewLine(xy)
			if err != nil {
				return errors.Wrap(err, "phase diagram")
			}
			stroke.Color, stroke.Width, stroke.Dashes = line.ink, vg.Points(2), line.dashes
			p.Add(stroke)
			if i == 0 {
				l.explain(line.name, stroke)
			}
		}
	}
	return nil
}

// points adds the trainable depths, with bars from the least to the most of the seeds.
func (m *Measured) points(p *plot.Plot, l *legend) error {
	var found plotter.XYs
	for _, c := range m.Columns {
		if c.Trainable == 0 {
			continue
		}
		found = append(found, plotter.XY{X: c.Variance, Y: float64(c.Trainable)})
		if lo := max(float64(c.Lo), p.Y.Min); float64(c.Hi) > lo {
			bar, err := plotter.NewLine(plotter.XYs{{X: c.Variance, Y: lo}, {X: c.Variance, Y: float64(c.Hi)}})
			if err != nil {
				return errors.Wrap(err, "phase diagram")
			}
			bar.Color, bar.Width = color.White, vg.Points(1.2)
			p.Add(bar)
		}
	}
	if len(found) == 0 {
		return nil
	}
	s, err := plotter.NewScatter(found)
	if err != nil {
		return errors.Wrap(err, "phase diagram")
	}
	s.GlyphStyle = vgdraw.GlyphStyle{Color: draw.Graphite, Radius: vg.Points(3.2), Shape: vgdraw.CircleGlyph{}}
	p.Add(s)
	l.explain("trains to here", s)
	return nil
}

// Text writes what was measured as lines of at most this many columns: the accuracies in
// percent, depth over variance, and below them the trainable depths beside theory's.
func (m *Measured) Text(width int, colour bool) []string {
	said := fmt.Sprintf("Test accuracy in percent after training, over the variance of the weights (%d of %d networks", m.Trained, m.Networks)
	lines := texttab.Wrap(said+"):", width)
	t := texttab.Table{Indent: 2, Columns: []texttab.Column{{Head: "depth", Right: true}}}
	for _, c := range m.Columns {
		t.Columns = append(t.Columns, texttab.Column{Head: fmt.Sprintf("%.3g", c.Variance), Right: true})
	}
	for k := len(m.Depths) - 1; k >= 0; k-- {
		row := []texttab.Cell{texttab.Text(strconv.Itoa(m.Depths[k]))}
		for _, c := range m.Columns {
			row = append(row, m.cell(c.Cells[k]))
		}
		t.Rows = append(t.Rows, row)
	}
	lines = append(append(lines, ""), t.Lines(width, colour)...)
	beside := texttab.Table{Indent: 2, Columns: []texttab.Column{
		{Head: "weight variance", Right: true}, {Head: "trains to depth", Right: true}, {Head: "seeds from to", Right: true},
		{Head: "6ξ", Right: true}, {Head: "signal a thousandth", Right: true}}}
	for _, c := range m.Columns {
		trains := strconv.Itoa(c.Trainable)
		switch {
		case c.Open:
			trains = "≥ " + trains
		case c.Trainable == 0:
			trains = "none"
		}
		fading := "deeper"
		if !c.Fading.IsNaN() {
			fading = fmt.Sprintf("%.0f", float64(c.Fading))
		}
		beside.Rows = append(beside.Rows, []texttab.Cell{texttab.Text(fmt.Sprintf("%.4g", c.Variance)), texttab.Text(trains),
			texttab.Text(fmt.Sprintf("%d–%d", c.Lo, c.Hi)), texttab.Text(sixXi(float64(c.SixXi))), texttab.Text(fading)})
	}
	lines = append(append(lines, ""), beside.Lines(width, colour)...)
	note := fmt.Sprintf("A depth counts as trained if its median is above %.0f%%, half way from chance (%.0f%%) to the best (%.0f%%). "+
		"These are observations of few networks, not a test of the theory.", 100*float64(m.Threshold), 100*m.Chance, 100*float64(m.Best))
	if m.Threshold.IsNaN() {
		note = fmt.Sprintf("No network is better than chance (%.0f%%): train for more steps, or with another rate.", 100*m.Chance)
	}
	return append(append(lines, ""), texttab.Wrap(note, width)...)
}

func sixXi(d float64) string {
	switch {
	case math.IsNaN(d):
		return "none"
	case math.IsInf(d, 0) || d > 1e6:
		return "infinite"
	}
	return fmt.Sprintf("%.0f", d)
}

// cell is an accuracy in percent, the lighter the better.
func (m *Measured) cell(c Cell) texttab.Cell {
	if c.Median.IsNaN() {
		return texttab.Text("·")
	}
	share := (float64(c.Median) - m.Chance) / max(float64(m.Best)-m.Chance, 1e-9)
	return texttab.Painted(heat[int(math.Round(min(max(share, 0), 1)*float64(len(heat)-1)))], fmt.Sprintf("%.0f", 100*float64(c.Median)))
}

// heat are backgrounds of a terminal from dark to light, with ink that is read on them.
var heat = []string{"48;5;233;38;5;252", "48;5;52;38;5;252", "48;5;88;38;5;252", "48;5;124;38;5;255", "48;5;166;38;5;16", "48;5;208;38;5;16", "48;5;220;38;5;16", "48;5;230;38;5;16"}

// compose draws a diagram with a bar of its colours beside it and the legend below.
func (l legend) compose(c vgdraw.Canvas, p *plot.Plot, unit string, colours palette.ColorMap) error {
	bar := draw.NewPlot(unit)
	bar.Title.Padding = vg.Points(6)
	bar.HideX()
	bar.Y.Padding = 0
	bar.Add(&plotter.ColorBar{ColorMap: colours, Vertical: true, Colors: 255})

	const margin, legendHeight = 10, 24
	barWidth := max(50, bar.Title.TextStyle.Width(unit))
	left := vgdraw.Crop(c, margin, -barWidth-2*margin, margin+legendHeight, -margin)
	right := vgdraw.Crop(c, c.Max.X-c.Min.X-barWidth-margin, -margin, margin+legendHeight, -margin)
	// The bar is as high as the diagram within its axes.
	inner, within := p.DataCanvas(left), bar.DataCanvas(right)
	right.Min.Y += inner.Min.Y - within.Min.Y
	right.Max.Y += inner.Max.Y - within.Max.Y
	p.Draw(left)
	bar.Draw(right)
	at := inner.Min.X
	for _, e := range l {
		e.Draw(vgdraw.Crop(c, at-c.Min.X, 0, margin, 0))
		at += e.ThumbnailWidth + e.TextStyle.Rectangle(e.text).Size().X + 18
	}
	return nil
}

// newFrame is the plot of a diagram.
func newFrame(title string) *plot.Plot {
	p := draw.NewPlot(title)
	p.Title.TextStyle.Font.Size = 12
	p.Title.Padding = vg.Points(6)
	p.X.Label.Padding, p.Y.Label.Padding = vg.Points(4), vg.Points(4)
	for _, style := range []*vgdraw.TextStyle{&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Size = 10
	}
	return p
}

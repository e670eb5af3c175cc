package sweep

import (
	"image/color"
	"math"

	"github.com/gradflow/gradflow/internal/draw"
	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Figure is the picture of a problem. Over the rate (on a logarithmic scale) it has a line
// through each optimizer's medians with their intervals as a band, a cross where runs
// diverged, and a level line for an optimizer without a rate.
type Figure struct{ *Problem }

// Size implements draw.Figure.
func (g Figure) Size() (width, height vg.Length) {
	text, legend := draw.Text(9), vg.Length(0)
	for i := range g.Curves {
		legend = max(legend, text.Width(g.Curves[i].name()))
	}
	return vg.Points(440) + legend, max(vg.Points(320), vg.Points(60+14*float64(len(g.Curves))))
}

// Draw implements draw.Figure. It is an error if no optimizer has a rate.
func (g Figure) Draw(canvas vgdraw.Canvas) error {
	p := g.Problem
	f := draw.NewPlot("")
	f.X.Label.Text, f.Y.Label.Text = "learning rate", "validation "+p.Score
	f.X.Scale, f.X.Tick.Marker = plot.LogScale{}, draw.Powers{}
	if !p.higher() {
		f.Y.Scale, f.Y.Tick.Marker = plot.LogScale{}, draw.Powers{}
	}
	rates := p.Rates()
	if len(rates) == 0 {
		return errors.Errorf("sweep: %s: no optimizer has a rate", p.Label)
	}
	low, high := p.extent()
	f.X.Min, f.X.Max, f.Y.Min, f.Y.Max = rates[0]/1.3, rates[len(rates)-1]*1.3, low, high
	for i := range p.Curves {
		if err := p.curveOf(f, i, rates); err != nil {
			return errors.Wrapf(err, "sweep: draw %s", p.Curves[i].Optimizer)
		}
	}
	// The legend stands to the right of the plot.
	legend := f.Legend
	f.Legend = plot.NewLegend()
	legend.Top, legend.Left = true, true
	legend.XOffs, legend.YOffs, legend.Padding = 0, vg.Points(-24), vg.Points(2)
	side := legend.Rectangle(canvas).Size().X + vg.Points(20)
	title := draw.Text(10)
	title.YAlign = vgdraw.YTop
	canvas.FillText(title, vg.Point{X: canvas.Min.X + vg.Points(8), Y: canvas.Max.Y - vg.Points(6)}, p.Label)
	f.Draw(vgdraw.Crop(canvas, vg.Points(4), -side, vg.Points(4), vg.Points(-22)))
	legend.Draw(vgdraw.Crop(canvas, canvas.Size().X-side+vg.Points(8), 0, 0, 0))
	return nil
}

// name is what the legend calls a curve.
func (c *Curve) name() string {
	if !c.HasRate() {
		return c.Optimizer + " (no rate)"
	}
	return c.Optimizer
}

// extent is that of the vertical axis.
func (p *Problem) extent() (low, high float64) {
	if p.higher() {
		return 0, 1.02
	}
	low, high = math.Inf(1), 0
	for _, c := range p.Curves {
		for _, q := range c.Points {
			for _, v := range []Number{q.Lo, q.Median, q.Hi} {
				if f := float64(v); f > 0 && !math.IsInf(f, 0) {
					low, high = min(low, f), max(high, f)
				}
			}
		}
	}
	if !(low < high) {
		return 0.1, 10
	}
	return low / 1.2, high * 1.2
}

func (p *Problem) curveOf(f *plot.Plot, i int, rates []float64) error {
	c := &p.Curves[i]
	points := c.Points
	if !c.HasRate() { // level, from the lowest to the highest rate
		left, right := points[0], points[0]
		left.Rate, right.Rate = Number(f.X.Min), Number(f.X.Max)
		points = []Point{left, right}
	}
	var middle, crosses plotter.XYs
	var lower, upper plotter.XYs
	inside := func(v Number) float64 { return min(max(float64(v), f.Y.Min), f.Y.Max) }
	for _, q := range points {
		y := inside(q.Median)
		if q.Diverged > 0 && c.HasRate() {
			crosses = append(crosses, plotter.XY{X: float64(q.Rate), Y: y})
		}
		if p.lost(q) {
			continue
		}
		middle = append(middle, plotter.XY{X: float64(q.Rate), Y: y})
		lower = append(lower, plotter.XY{X: float64(q.Rate), Y: inside(q.Lo)})
		upper = append(upper, plotter.XY{X: float64(q.Rate), Y: inside(q.Hi)})
	}
	ink, dashes := draw.Series(i)
	name := c.name()
	if len(middle) > 1 {
		for k := len(lower) - 1; k >= 0; k-- {
			upper = append(upper, lower[k])
		}
		band, err := plotter.NewPolygon(upper)
		if err != nil {
			return err
		}
		band.LineStyle.Width = 0
		band.Color = color.NRGBA{ink.R, ink.G, ink.B, 38}
		f.Add(band)
	}
	if len(middle) > 0 {
		line, err := plotter.NewLine(middle)
		if err != nil {
			return err
		}
		line.Color, line.Width, line.Dashes = ink, vg.Points(1.6), dashes
		f.Add(line)
		f.Legend.Add(name, line)
		if c.HasRate() {
			dots, err := plotter.NewScatter(middle)
			if err != nil {
				return err
			}
			dots.GlyphStyle = vgdraw.GlyphStyle{Color: ink, Radius: vg.Points(2), Shape: vgdraw.CircleGlyph{}}
			f.Add(dots)
		}
	}
	if len(crosses) > 0 {
		marks, err := plotter.NewScatter(crosses)
		if err != nil {
			return err
		}
		marks.GlyphStyle = vgdraw.GlyphStyle{Color: ink, Radius: vg.Points(4), Shape: vgdraw.CrossGlyph{}}
		f.Add(marks)
		if len(middle) == 0 {
			f.Legend.Add(name, marks)
		}
	}
	return nil
}

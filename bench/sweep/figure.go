package sweep

import (
	"bytes"
	"image/color"
	"math"
	"strings"

	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// palette has colours that the colour-blind can tell apart (Okabe and Ito); a curve past
// the last one gets a first one again, with other dashes.
var palette = []color.RGBA{
	{0, 114, 178, 255}, {230, 159, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
	{213, 94, 0, 255}, {86, 180, 233, 255}, {90, 90, 90, 255},
}

var dashes = [][]vg.Length{nil, {vg.Points(6), vg.Points(3)}, {vg.Points(2), vg.Points(2)}, {vg.Points(8), vg.Points(2), vg.Points(2), vg.Points(2)}}

// Figure draws a problem in a format: the extension of a file that vg draws, svg, png or
// pdf. Over the rate (on a logarithmic scale) it has a line through each optimizer's
// medians with their intervals as a band, a cross where runs diverged, and a level line
// for an optimizer without a rate.
func (p *Problem) Figure(format string) ([]byte, error) {
	f := plot.New()
	f.Title.Text = p.Label
	f.X.Label.Text, f.Y.Label.Text = "learning rate", "validation "+p.Score
	f.X.Scale, f.X.Tick.Marker = plot.LogScale{}, powers{}
	if !p.higher() {
		f.Y.Scale, f.Y.Tick.Marker = plot.LogScale{}, powers{}
	}
	rates := p.Rates()
	if len(rates) == 0 {
		return nil, errors.Errorf("sweep: %s: no optimizer has a rate", p.Label)
	}
	low, high := p.extent()
	f.X.Min, f.X.Max, f.Y.Min, f.Y.Max = rates[0]/1.3, rates[len(rates)-1]*1.3, low, high
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{235}, color.Gray{235}
	f.Add(grid)
	for i := range p.Curves {
		if err := p.draw(f, i, rates); err != nil {
			return nil, errors.Wrapf(err, "sweep: draw %s", p.Curves[i].Optimizer)
		}
	}
	return render(f, format, len(p.Curves))
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

func (p *Problem) draw(f *plot.Plot, i int, rates []float64) error {
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
	ink := palette[i%len(palette)]
	name := c.Optimizer
	if !c.HasRate() {
		name += " (no rate)"
	}
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
		line.Color, line.Width, line.Dashes = ink, vg.Points(1.6), dashes[i/len(palette)%len(dashes)]
		f.Add(line)
		f.Legend.Add(name, line)
		if c.HasRate() {
			dots, err := plotter.NewScatter(middle)
			if err != nil {
				return err
			}
			dots.GlyphStyle = draw.GlyphStyle{Color: ink, Radius: vg.Points(2), Shape: draw.CircleGlyph{}}
			f.Add(dots)
		}
	}
	if len(crosses) > 0 {
		marks, err := plotter.NewScatter(crosses)
		if err != nil {
			return err
		}
		marks.GlyphStyle = draw.GlyphStyle{Color: ink, Radius: vg.Points(4), Shape: draw.CrossGlyph{}}
		f.Add(marks)
		if len(middle) == 0 {
			f.Legend.Add(name, marks)
		}
	}
	return nil
}

// render draws the plot with its legend to the right of it.
func render(f *plot.Plot, format string, curves int) ([]byte, error) {
	legend := f.Legend
	f.Legend = plot.NewLegend()
	width, height := vg.Points(620), max(vg.Points(320), vg.Points(60+14*float64(curves)))
	canvas, err := draw.NewFormattedCanvas(width, height, strings.TrimPrefix(format, "."))
	if err != nil {
		return nil, errors.Wrap(err, "sweep")
	}
	c := draw.New(canvas)
	legend.Top, legend.Left = true, true
	legend.XOffs, legend.YOffs, legend.Padding = 0, vg.Points(-24), vg.Points(2)
	side := legend.Rectangle(c).Size().X + vg.Points(20)
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	f.Draw(draw.Crop(c, vg.Points(4), -side, vg.Points(4), vg.Points(-4)))
	legend.Draw(draw.Crop(c, c.Size().X-side+vg.Points(8), 0, 0, 0))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, errors.Wrap(err, "sweep")
	}
	return b.Bytes(), nil
}

// powers are the ticks of a logarithmic axis: powers of ten with numbers, what is between
// them without.
type powers struct{}

func (powers) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for k := math.Floor(math.Log10(low)); k <= math.Ceil(math.Log10(high)); k++ {
		for m := 1.; m < 10; m++ {
			v := m * math.Pow(10, k)
			if v < low*(1-1e-9) || v > high*(1+1e-9) {
				continue
			}
			t := plot.Tick{Value: v}
			if m == 1 {
				t.Label = short(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

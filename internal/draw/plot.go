package draw

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// NewPlot returns a plot as all figures have it: in a sans-serif font, with a faint grid.
func NewPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = vg.Points(5)
	p.X.Label.Padding, p.Y.Label.Padding = vg.Points(3), vg.Points(3)
	p.Legend.Padding = vg.Points(1)
	p.Legend.ThumbnailWidth = vg.Points(16)
	for _, style := range []*draw.TextStyle{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant = "Sans"
		style.Font.Size = 9
	}
	p.Title.TextStyle.Font.Size = 10
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = Faint, Faint
	p.Add(grid)
	return p
}

// Text returns the style of a text of a size in points, in the font of all figures.
func Text(size vg.Length) draw.TextStyle {
	s := plot.New().Title.TextStyle
	s.Font.Variant, s.Font.Size = "Sans", size
	s.XAlign, s.YAlign = draw.XLeft, draw.YBottom
	return s
}

// Integers marks whole numbers above 0, such as those of layers.
type Integers struct{}

// Ticks implements plot.Ticker.
func (Integers) Ticks(lo, hi float64) []plot.Tick {
	step := 1.
	for scale := 1.; (hi-lo)/step > 8; scale *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if step = m * scale; (hi-lo)/step <= 8 {
				break
			}
		}
	}
	var ticks []plot.Tick
	for x := math.Ceil(lo/step) * step; x <= hi; x += step {
		if x > 0 {
			ticks = append(ticks, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'f', -1, 64)})
		}
	}
	return ticks
}

// Powers marks the powers of ten of a logarithmic axis with numbers, and what is between
// them without.
type Powers struct{}

// Ticks implements plot.Ticker.
func (Powers) Ticks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	from, to := math.Floor(math.Log10(lo)), math.Ceil(math.Log10(hi))
	every := max(1, math.Ceil((to-from)/10)) // numbers of many decades would overlap
	for k := from; k <= to; k++ {
		for m := 1.; m < 10; m++ {
			v := m * math.Pow(10, k)
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) || m > 1 && every > 1 {
				continue
			}
			t := plot.Tick{Value: v}
			if m == 1 && math.Mod(k, every) == 0 {
				t.Label = strings.NewReplacer("e-0", "e-", "e+0", "e").Replace(strconv.FormatFloat(v, 'g', -1, 64))
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

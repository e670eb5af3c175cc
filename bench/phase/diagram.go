package phase

import (
	"fmt"
	"image/color"
	"math"

	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Diagram shows log10 χ₁ over the variances of weights and biases: blue where
// gradients vanish, red where they explode, grey where the pre-activations grow
// without end; with the critical line, and a point.
type Diagram struct {
	Activation string // its name
	Field      *meanfield.Field
	Point      meanfield.Variances
	// MaxWeight and MaxBias are the ends of the axes; 0: such that the point and the
	// critical line are seen.
	MaxWeight, MaxBias float64

	legend legend
}

const (
	cells     = 240 // on each axis
	strongest = 0.5 // |log10 χ₁| of the strongest colours: beyond, each layer changes the squared gradient by more than √10
)

// Size implements draw.Figure.
func (Diagram) Size() (width, height vg.Length) { return 6.4 * vg.Inch, 4.8 * vg.Inch }

// Draw implements draw.Figure.
func (d Diagram) Draw(c vgdraw.Canvas) error {
	if d.Field == nil {
		return errors.New("phase diagram: no mean field theory is given")
	}
	d.axes()
	p := newFrame(d.Activation)
	p.X.Label.Text = "variance of weights times fan-in, σw²"
	p.Y.Label.Text = "variance of biases, σb²"
	colours, err := d.heat(p)
	if err != nil {
		return err
	}
	if err := d.line(p); err != nil {
		return err
	}
	if err := d.point(p); err != nil {
		return err
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, d.MaxWeight, 0, d.MaxBias
	p.X.Padding, p.Y.Padding = 0, 0
	return d.legend.compose(c, p, "log10 χ₁", colours)
}

// entry is one of the legend, which is a row below the diagram.
type entry struct {
	plot.Legend
	text string
}

// legend is the row.
type legend []entry

func (l *legend) explain(text string, thumb plot.Thumbnailer) {
	e := entry{plot.NewLegend(), text}
	e.Left = true
	e.TextStyle = draw.Text(10)
	e.Add(text, thumb)
	*l = append(*l, e)
}

// shade is a legend's sample of a colour.
type shade struct{ color.Color }

func (s shade) Thumbnail(c *vgdraw.Canvas) {
	draw.Fill(c, s.Color)
}

// withoutMargin is a plotter that reaches to the axes.
type withoutMargin struct{ plot.Plotter }

// axes sets the ends of the axes that are not given.
func (d *Diagram) axes() {
	if d.MaxBias <= 0 {
		d.MaxBias = max(0.25, 2*d.Point.Bias)
	}
	if d.MaxWeight <= 0 {
		d.MaxWeight = max(3, 1.6*d.Point.Weight)
		for _, bias := range []float64{0, d.MaxBias / 2, d.MaxBias} {
			if p, err := d.Field.Critical(bias); err == nil {
				d.MaxWeight = max(d.MaxWeight, 1.25*p.Weight)
			}
		}
	}
}

// heat adds log10 χ₁ and returns its colours.
func (d *Diagram) heat(p *plot.Plot) (palette.ColorMap, error) {
	weights, biases := make([]float64, cells), make([]float64, cells)
	for i := range cells {
		// The middles of the cells.
		weights[i] = (float64(i) + 0.5) / cells * d.MaxWeight
		biases[i] = (float64(i) + 0.5) / cells * d.MaxBias
	}
	g := grid{weights, biases, d.Field.Diagram(weights, biases)}
	diverges := false
	for _, row := range g.z {
		for j, chi := range row {
			row[j] = math.Log10(chi)
			diverges = diverges || math.IsNaN(chi)
		}
	}
	colours := moreland.SmoothBlueRed()
	colours.SetMin(-strongest)
	colours.SetMax(strongest)
	h := plotter.NewHeatMap(g, colours.Palette(255))
	h.Min, h.Max = -strongest, strongest
	shades := h.Palette.Colors()
	h.Underflow, h.Overflow = shades[0], shades[len(shades)-1]
	h.NaN = draw.Grey
	h.Rasterized = true
	p.Add(withoutMargin{h})
	if diverges {
		d.legend.explain("q grows without end", shade{draw.Grey})
	}
	return colours, nil
}

// grid is a heat map's data.
type grid struct {
	x, y []float64
	z    [][]float64
}

func (g grid) Dims() (columns, rows int) { return len(g.x), len(g.y) }
func (g grid) Z(column, row int) float64 { return g.z[row][column] }
func (g grid) X(column int) float64      { return g.x[column] }
func (g grid) Y(row int) float64         { return g.y[row] }

// line adds the critical line.
func (d *Diagram) line(p *plot.Plot) error {
	const points = 60
	var line plotter.XYs
	for i := range points + 1 {
		t := float64(i) / points
		bias := t * t * t * t * d.MaxBias // the line bends most near 0
		if c, err := d.Field.Critical(bias); err == nil && c.Weight <= d.MaxWeight {
			line = append(line, plotter.XY{X: c.Weight, Y: bias})
		}
	}
	if len(line) == 0 {
		return nil
	}
	if len(line) == 1 {
		return d.mark(p, line[0], vgdraw.PyramidGlyph{}, fmt.Sprintf("critical without biases, σw² = %.4g", line[0].X))
	}
	l, err := plotter.NewLine(line)
	if err != nil {
		return errors.Wrap(err, "phase diagram")
	}
	l.Width = vg.Points(1.5)
	p.Add(l)
	d.legend.explain("critical, χ₁ = 1", l)
	return nil
}

// point adds the point.
func (d *Diagram) point(p *plot.Plot) error {
	if d.Point == (meanfield.Variances{}) {
		return nil
	}
	return d.mark(p, plotter.XY{X: d.Point.Weight, Y: d.Point.Bias}, vgdraw.CircleGlyph{}, fmt.Sprintf("σw² = %.4g, σb² = %.4g", d.Point.Weight, d.Point.Bias))
}

func (d *Diagram) mark(p *plot.Plot, at plotter.XY, shape vgdraw.GlyphDrawer, legend string) error {
	s, err := plotter.NewScatter(plotter.XYs{at})
	if err != nil {
		return errors.Wrap(err, "phase diagram")
	}
	s.GlyphStyle = vgdraw.GlyphStyle{Color: color.Black, Radius: vg.Points(4), Shape: shape}
	p.Add(s)
	d.legend.explain(legend, s)
	return nil
}

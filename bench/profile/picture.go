package profile

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Colours that colour-blind readers can tell apart (M. Okabe, K. Ito, 2008).
var (
	blue   = color.RGBA{0, 114, 178, 255}
	orange = color.RGBA{230, 159, 0, 255}
	green  = color.RGBA{0, 158, 115, 255}
)

// Draw writes a picture of the profile to a file, whose ending says the form, .png or
// .svg: the gradient, the factor from layer to layer, the pre-activations and the
// saturated share, each against the layer.
func (p *Profile) Draw(file string) error {
	form := strings.ToLower(filepath.Ext(file))
	if form != ".png" && form != ".svg" {
		return errors.Errorf("%s: a picture is a .png or a .svg file", file)
	}
	panels, err := p.panels()
	if err != nil {
		return err
	}
	const width, height = 24 * vg.Centimeter, 15 * vg.Centimeter
	var canvas vg.CanvasWriterTo
	if form == ".svg" {
		canvas = vgsvg.New(width, height)
	} else {
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(144))}
	}
	whole := draw.New(canvas)
	whole.FillText(draw.TextStyle{Color: color.Black, Font: font.Font{Typeface: plot.DefaultFont.Typeface, Variant: "Sans", Size: 11}, Handler: plot.DefaultTextHandler},
		vg.Point{X: 0.5 * vg.Centimeter, Y: height - 0.7*vg.Centimeter}, p.title())
	below := draw.Crop(whole, 0, 0, 0, -1.1*vg.Centimeter)
	tiles := draw.Tiles{Rows: 2, Cols: 2, PadX: 8 * vg.Millimeter, PadY: 6 * vg.Millimeter,
		PadLeft: 3 * vg.Millimeter, PadRight: 5 * vg.Millimeter, PadBottom: 3 * vg.Millimeter}
	for i, c := range plot.Align(panels, tiles, below) {
		for k := range c {
			panels[i][k].Draw(c[k])
		}
	}
	return atomicfile.WriteFrom(file, func(w io.Writer) error {
		_, err := canvas.WriteTo(w)
		return err
	})
}

func (p *Profile) title() string {
	c := p.Config
	s := fmt.Sprintf("%s, %d x %d, %s", c.Activation.Name, c.Depth, c.Width, c.Initializer.Name)
	if c.Model.Name != "mlp" {
		s = c.Model.Name + " " + s
	}
	if c.Normalization.Name != "none" {
		s += ", " + c.Normalization.Name
	}
	return s + ", " + c.Task.Name
}

func (p *Profile) panels() ([][]*plot.Plot, error) {
	const start = "start"
	trained := fmt.Sprintf("after %d steps", p.Steps)
	gradient := newPanel("log10 of the gradient of the pre-activations")
	chi := newPanel("factor of the squared gradient, layer by layer (log10)")
	deviation := newPanel("deviation of the pre-activations")
	saturated := newPanel("share of saturated units")
	logChi := func(get func(Layer) record.Number) func(Layer) record.Number {
		return func(l Layer) record.Number { return record.Number(math.Log10(float64(get(l)))) }
	}
	lines := []struct {
		panel  *plot.Plot
		name   string
		layers []Layer
		get    func(Layer) record.Number
		colour color.Color
		dashed bool
	}{
		{gradient, start, p.Start, func(l Layer) record.Number { return l.Gradient }, blue, false},
		{gradient, trained, p.Trained, func(l Layer) record.Number { return l.Gradient }, orange, false},
		{chi, start, p.Start, logChi(func(l Layer) record.Number { return l.Chi }), blue, false},
		{chi, "theory", p.Start, logChi(func(l Layer) record.Number { return l.PredictedChi }), green, true},
		{chi, trained, p.Trained, logChi(func(l Layer) record.Number { return l.Chi }), orange, false},
		{deviation, start, p.Start, func(l Layer) record.Number { return l.PreActivationStd }, blue, false},
		{deviation, "theory", p.Start, func(l Layer) record.Number { return l.PredictedPreActivation }, green, true},
		{deviation, trained, p.Trained, func(l Layer) record.Number { return l.PreActivationStd }, orange, false},
		{saturated, start, p.Start, func(l Layer) record.Number { return l.Saturated }, blue, false},
		{saturated, trained, p.Trained, func(l Layer) record.Number { return l.Saturated }, orange, false},
	}
	for _, l := range lines {
		var xy plotter.XYs
		for i, layer := range l.layers {
			if y := float64(l.get(layer)); !math.IsNaN(y) && !math.IsInf(y, 0) {
				xy = append(xy, plotter.XY{X: float64(i + 1), Y: y})
			}
		}
		if len(xy) == 0 {
			continue
		}
		line, err := plotter.NewLine(xy)
		if err != nil {
			return nil, errors.Wrap(err, "picture")
		}
		line.Color, line.Width = l.colour, vg.Points(1.6)
		if l.dashed {
			line.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		l.panel.Add(line)
		l.panel.Legend.Add(l.name, line)
	}
	saturated.Y.Min, saturated.Y.Max = 0, 1
	gradient.Legend.Left = true // it mostly rises to the right
	for _, p := range []*plot.Plot{gradient, chi, deviation} {
		p.Y.Max += 0.25 * max(p.Y.Max-p.Y.Min, 1e-6) // room for the legend
	}
	return [][]*plot.Plot{{gradient, chi}, {deviation, saturated}}, nil
}

func newPanel(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = vg.Points(4)
	p.X.Label.Text = "layer"
	p.X.Tick.Marker = layerTicks{}
	p.Legend.Top = true
	p.Legend.Padding = vg.Points(1)
	p.Legend.ThumbnailWidth = vg.Points(16)
	for _, style := range []*draw.TextStyle{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant = "Sans"
		style.Font.Size = 9
	}
	p.Add(plotter.NewGrid())
	return p
}

// layerTicks marks round numbers of layers.
type layerTicks struct{}

func (layerTicks) Ticks(lo, hi float64) []plot.Tick {
	step := 1.
	for _, s := range []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000} {
		if step = s; (hi-lo)/s <= 8 {
			break
		}
	}
	var ticks []plot.Tick
	for x := math.Ceil(lo/step) * step; x <= hi; x += step {
		if x > 0 {
			ticks = append(ticks, plot.Tick{Value: x, Label: fmt.Sprint(x)})
		}
	}
	return ticks
}

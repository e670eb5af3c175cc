package profile

import (
	"fmt"
	"image/color"
	"math"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Figure is the picture of a profile: the gradient, the factor from layer to layer, the
// distance of examples, the pre-activations, the saturated share, and the Jacobian if it was
// measured or else the distance of the examples' gradients, each against the layer.
type Figure struct{ *Profile }

// Size implements draw.Figure.
func (Figure) Size() (width, height vg.Length) { return 34 * vg.Centimeter, 15 * vg.Centimeter }

// Draw implements draw.Figure.
func (g Figure) Draw(c vgdraw.Canvas) error {
	panels, err := g.panels()
	if err != nil {
		return err
	}
	title := draw.Text(11)
	title.YAlign = vgdraw.YTop
	c.FillText(title, vg.Point{X: c.Min.X + vg.Points(10), Y: c.Max.Y - vg.Points(9)}, g.title())
	tiles := vgdraw.Tiles{Rows: 2, Cols: 3, PadX: 8 * vg.Millimeter, PadY: 6 * vg.Millimeter,
		PadLeft: 3 * vg.Millimeter, PadRight: 5 * vg.Millimeter, PadBottom: 3 * vg.Millimeter}
	for i, row := range plot.Align(panels, tiles, vgdraw.Crop(c, 0, 0, 0, -1.1*vg.Centimeter)) {
		for k := range row {
			panels[i][k].Draw(row[k])
		}
	}
	return nil
}

func (p *Profile) title() string {
	c := p.Config
	s := fmt.Sprintf("%s, %d x %s, %s", label(c.Activation), c.Depth, c.Units(), c.Initializer.Name)
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
	trained := "after " + texttab.Count(p.Steps, "step")
	gradient := newPanel("log10 of the gradient of the pre-activations")
	chi := newPanel("factor of the squared gradient, layer by layer (log10)")
	deviation := newPanel("deviation of the pre-activations")
	saturated := newPanel("share of saturated units")
	apart := newPanel("log10(1-c), the distance of examples")
	last := newPanel("log10(1-c) of the examples' gradients")
	if p.Jacobian != nil {
		last = newPanel("log10 of the Jacobian's singular values, to the last layer")
	}
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
		{gradient, start, p.Start, func(l Layer) record.Number { return l.Gradient }, draw.Blue, false},
		{gradient, trained, p.Trained, func(l Layer) record.Number { return l.Gradient }, draw.Orange, false},
		{chi, start, p.Start, logChi(func(l Layer) record.Number { return l.Chi }), draw.Blue, false},
		{chi, "theory", p.Start, logChi(func(l Layer) record.Number { return l.PredictedChi }), draw.Green, true},
		{chi, trained, p.Trained, logChi(func(l Layer) record.Number { return l.Chi }), draw.Orange, false},
		{apart, start, p.Start, func(l Layer) record.Number { return l.Decorrelation }, draw.Blue, false},
		{apart, "theory", p.Start, func(l Layer) record.Number { return l.PredictedDecorrelation }, draw.Green, true},
		{apart, trained, p.Trained, func(l Layer) record.Number { return l.Decorrelation }, draw.Orange, false},
		{deviation, start, p.Start, func(l Layer) record.Number { return l.PreActivationStd }, draw.Blue, false},
		{deviation, "theory", p.Start, func(l Layer) record.Number { return l.PredictedPreActivation }, draw.Green, true},
		{deviation, trained, p.Trained, func(l Layer) record.Number { return l.PreActivationStd }, draw.Orange, false},
		{saturated, start, p.Start, func(l Layer) record.Number { return l.Saturated }, draw.Blue, false},
		{saturated, trained, p.Trained, func(l Layer) record.Number { return l.Saturated }, draw.Orange, false},
	}
	if j := p.Jacobian; j == nil {
		for i, layers := range [][]Layer{p.Start, p.Trained} {
			lines = append(lines, lines[0])
			l := &lines[len(lines)-1]
			l.panel, l.layers, l.get = last, layers, func(l Layer) record.Number { return l.GradientDecorrelation }
			if i > 0 {
				l.name, l.colour = trained, draw.Orange
			}
		}
	} else {
		for i, name := range []string{"largest", "median", "smallest"} {
			lines = append(lines, lines[0])
			l := &lines[len(lines)-1]
			l.panel, l.name, l.colour, l.layers = last, name, []color.Color{draw.Orange, draw.Blue, draw.Green}[i], nil
			for _, s := range j.Layers {
				l.layers = append(l.layers, Layer{Gradient: []record.Number{s.Max, s.Median, s.Min}[i]})
			}
		}
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
		line.Color, line.Width = l.colour, vg.Points(1.3)
		if l.name == start { // seen below a line that is drawn over it
			line.Width = vg.Points(2.6)
		}
		if l.dashed {
			line.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		l.panel.Add(line)
		l.panel.Legend.Add(l.name, line)
	}
	saturated.Y.Min, saturated.Y.Max = 0, 1
	apart.Y.Min = min(apart.Y.Min, apart.Y.Max-1) // a decade at least
	gradient.Legend.Left = true                   // it mostly rises to the right
	for _, p := range []*plot.Plot{gradient, chi, deviation, apart, last} {
		p.Y.Max += 0.4 * max(p.Y.Max-p.Y.Min, 1e-6) // room for the legend
	}
	return [][]*plot.Plot{{gradient, chi, apart}, {deviation, saturated, last}}, nil
}

func newPanel(title string) *plot.Plot {
	p := draw.NewPlot(title)
	p.X.Label.Text = "layer"
	p.X.Tick.Marker = draw.Integers{}
	p.Legend.Top = true
	return p
}

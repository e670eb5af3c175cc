package profile

import (
	"fmt"
	"math"
	"slices"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Scaling is how the change in a step grows with the size of a network: the exponents of
// change ~ width^w·depth^d, by least squares of the logarithms. NaN where only one width, or
// depth, was measured, or a change is 0.
type Scaling struct {
	Width record.Number `json:"width_exponent"`
	Depth record.Number `json:"depth_exponent"`
}

// places are what a coordinate check looks at.
var places = []struct {
	name string
	of   func(Coordinate) record.Number
}{
	{"first layer", func(c Coordinate) record.Number { return c.First }},
	{"last layer", func(c Coordinate) record.Number { return c.Last }},
	{"output", func(c Coordinate) record.Number { return c.Output }},
}

// Scalings returns those of the first layer, the last and the output.
func Scalings(list []Coordinate) (s [3]Scaling) {
	for i, p := range places {
		s[i] = scaling(list, p.of)
	}
	return s
}

func scaling(list []Coordinate, of func(Coordinate) record.Number) Scaling {
	nan := record.Number(math.NaN())
	s := Scaling{nan, nan}
	var rows [][3]float64
	for _, c := range list {
		if v := float64(of(c)); v > 0 && !math.IsInf(v, 1) {
			rows = append(rows, [3]float64{math.Log(float64(c.Width)), math.Log(float64(c.Depth)), math.Log(v)})
		}
	}
	var varied []int // the columns that vary
	for k := range 2 {
		if slices.ContainsFunc(rows, func(r [3]float64) bool { return r[k] != rows[0][k] }) {
			varied = append(varied, k)
		}
	}
	if len(varied) == 0 || len(rows) <= len(varied) {
		return s
	}
	x, y := mat.NewDense(len(rows), 1+len(varied), nil), mat.NewVecDense(len(rows), nil)
	for i, r := range rows {
		x.Set(i, 0, 1)
		for j, k := range varied {
			x.Set(i, 1+j, r[k])
		}
		y.SetVec(i, r[2])
	}
	var b mat.VecDense
	if b.SolveVec(x, y) != nil {
		return s // the sizes vary together: no exponent is known
	}
	for j, k := range varied {
		*[]*record.Number{&s.Width, &s.Depth}[k] = record.Number(b.AtVec(1 + j))
	}
	return s
}

// ScalingFigure draws a coordinate check: the change in a step against width, a line for each
// depth, or against depth if there is one width.
type ScalingFigure struct {
	List  []Coordinate
	Title string
}

// Size implements draw.Figure.
func (ScalingFigure) Size() (width, height vg.Length) {
	return 26 * vg.Centimeter, 9.5 * vg.Centimeter
}

// Draw implements draw.Figure.
func (g ScalingFigure) Draw(c vgdraw.Canvas) error {
	title := draw.Text(11)
	title.YAlign = vgdraw.YTop
	c.FillText(title, vg.Point{X: c.Min.X + vg.Points(10), Y: c.Max.Y - vg.Points(9)}, g.Title)
	if len(g.List) == 0 {
		return errors.New("no coordinate check: there is nothing to draw")
	}
	size, other, x, each := "width", "depth", func(c Coordinate) int { return c.Width }, func(c Coordinate) int { return c.Depth }
	if !slices.ContainsFunc(g.List, func(c Coordinate) bool { return c.Width != g.List[0].Width }) {
		size, other, x, each = other, size, each, x
	}
	var lines []int
	smallest, largest := math.MaxInt, 0
	for _, c := range g.List {
		smallest, largest = min(smallest, x(c)), max(largest, x(c))
		if !slices.Contains(lines, each(c)) {
			lines = append(lines, each(c))
		}
	}
	row := make([]*plot.Plot, len(places))
	lowest, highest := math.Inf(1), 0.
	for i, place := range places {
		p := draw.NewPlot("change of z in a step: " + place.name)
		p.X.Label.Text = size
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.Y.Tick.Marker = draw.Powers{}
		p.Legend.Top, p.Legend.Left = true, true
		var ticks []plot.Tick
		for _, c := range g.List {
			if !slices.ContainsFunc(ticks, func(t plot.Tick) bool { return t.Value == float64(x(c)) }) {
				ticks = append(ticks, plot.Tick{Value: float64(x(c)), Label: fmt.Sprint(x(c))})
			}
		}
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
		for k, of := range lines {
			var xy plotter.XYs
			for _, c := range g.List {
				if v := float64(place.of(c)); each(c) == of && v > 0 && !math.IsInf(v, 1) {
					xy = append(xy, plotter.XY{X: float64(x(c)), Y: v})
					lowest, highest = min(lowest, v), max(highest, v)
				}
			}
			if len(xy) == 0 {
				continue
			}
			line, points, err := plotter.NewLinePoints(xy)
			if err != nil {
				return errors.Wrap(err, "picture")
			}
			line.Color, line.Dashes = draw.Series(k)
			line.Width = vg.Points(1.4)
			points.Shape, points.Radius = vgdraw.CircleGlyph{}, vg.Points(2)
			points.Color = line.Color
			p.Add(line, points)
			if len(lines) > 1 {
				p.Legend.Add(fmt.Sprintf("%s %d", other, of), line)
			}
		}
		row[i] = p
	}
	if highest == 0 {
		return errors.New("no network of the coordinate check trained: there is nothing to draw")
	}
	for _, p := range row { // one scale for all, with room for the legend
		p.Y.Min, p.Y.Max = lowest/1.5, highest*math.Pow(1.35, float64(len(lines)+1))
		p.X.Min, p.X.Max = float64(smallest)/1.1, float64(largest)*1.1
	}
	tiles := vgdraw.Tiles{Rows: 1, Cols: len(row), PadX: 8 * vg.Millimeter, PadLeft: 3 * vg.Millimeter, PadRight: 5 * vg.Millimeter, PadBottom: 3 * vg.Millimeter}
	panels := [][]*plot.Plot{row}
	for i, at := range plot.Align(panels, tiles, vgdraw.Crop(c, 0, 0, 0, -1.1*vg.Centimeter)) {
		for k := range at {
			panels[i][k].Draw(at[k])
		}
	}
	return nil
}

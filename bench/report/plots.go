package report

import (
	"bytes"
	"encoding/csv"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// FigureKind is a figure that a study can be drawn as, with its data.
type FigureKind struct {
	Name, Doc string
	make      func(*compare.Comparison) (*Figure, error)
}

// FigureKinds are all, in the order in which the page has them.
var FigureKinds = []FigureKind{
	{"scores", "the score of each thing in each facet, with its interval", scoresFigure},
	{"signal", "how much of the signal is left in each layer, backward and forward", signalFigure},
	{"curves", "the validation score by step, median and band over seeds", curvesFigure},
	{"layers", "layers by steps: the gradient, of the median run of each thing", layersFigure},
	{"depth", "the score by depth, where the study has several", depthFigure},
	{"performance", "performance profile: the share of facets that a thing solves in τ times the steps of the fastest", performanceFigure},
	{"ranks", "mean ranks and critical difference (Friedman, Nemenyi)", ranksFigure},
}

// FigureNames are the names of the kinds.
func FigureNames() (names []string) {
	for _, k := range FigureKinds {
		names = append(names, k.Name)
	}
	return names
}

// NewFigure makes a figure of a kind, or says why a study has none.
func NewFigure(c *compare.Comparison, kind string) (*Figure, error) {
	i := slices.IndexFunc(FigureKinds, func(k FigureKind) bool { return k.Name == kind })
	switch {
	case i < 0:
		return nil, errors.Errorf("no figure %q: there are %s", kind, strings.Join(FigureNames(), ", "))
	case c == nil:
		return nil, errors.Errorf("figure %s: the study compares nothing", kind)
	}
	f, err := FigureKinds[i].make(c)
	return f, errors.Wrapf(err, "figure %s", kind)
}

// Figure is a picture with publication defaults: as wide as the text of a page of two columns,
// or as one column if it has one panel, in a sans-serif font of 8 to 9 points, with colours that
// colour-blind readers can tell apart and dashes that tell lines apart in grey.
type Figure struct {
	// Columns and Rows are its data: all that it shows, as numbers.
	Columns []string
	Rows    [][]string

	panels  []*plot.Plot
	legend  []legendEntry
	across  int // panels in a row
	height  vg.Length
	caption string
}

type legendEntry struct {
	label string
	line  *plotter.Line
}

// Sizes.
const (
	oneColumn   = 8.8 * vg.Centimeter
	twoColumns  = 18 * vg.Centimeter
	legendRow   = 13
	panelHeight = 5.6 * vg.Centimeter
)

// columns is how many panels stand side by side.
func (f *Figure) columns() int {
	across := f.across
	if across == 0 {
		across = 3
	}
	return min(across, len(f.panels))
}

func (f *Figure) rows() int { return (len(f.panels) + f.columns() - 1) / f.columns() }

func (f *Figure) width() vg.Length {
	if f.columns() == 1 {
		return oneColumn
	}
	return twoColumns
}

// Size implements draw.Figure.
func (f *Figure) Size() (width, height vg.Length) {
	h := f.height
	if h == 0 {
		h = panelHeight
	}
	return f.width(), h*vg.Length(f.rows()) + f.foot()
}

// foot is the height of the legend and the caption, below the panels.
func (f *Figure) foot() vg.Length {
	return legendRow*vg.Length(len(f.legendRows())+len(f.captionLines())) + 6
}

// legendRows breaks the legend into rows.
func (f *Figure) legendRows() (rows [][]legendEntry) {
	style := draw.Text(8)
	used := vg.Length(math.Inf(1))
	for _, e := range f.legend {
		w := style.Width(e.label) + 34
		if used+w > f.width()-12 {
			rows, used = append(rows, nil), 0
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], e)
		used += w
	}
	return rows
}

func (f *Figure) captionLines() (lines []string) {
	style, line := draw.Text(8), ""
	for word := range strings.FieldsSeq(f.caption) {
		if next := strings.TrimSpace(line + " " + word); line != "" && style.Width(next) > f.width()-12 {
			lines, line = append(lines, line), word
		} else {
			line = next
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// Draw implements draw.Figure.
func (f *Figure) Draw(c vgdraw.Canvas) error {
	foot := f.foot()
	cols := f.columns()
	var grid [][]*plot.Plot
	for at := range slices.Chunk(f.panels, cols) {
		grid = append(grid, append(slices.Clone(at), make([]*plot.Plot, cols-len(at))...))
	}
	tiles := vgdraw.Tiles{Rows: len(grid), Cols: cols, PadX: 4 * vg.Millimeter, PadY: 3 * vg.Millimeter,
		PadTop: 1 * vg.Millimeter, PadLeft: 1 * vg.Millimeter, PadRight: 3 * vg.Millimeter, PadBottom: 1 * vg.Millimeter}
	for i, row := range plot.Align(grid, tiles, vgdraw.Crop(c, 0, 0, foot, 0)) {
		for k, at := range row {
			if grid[i][k] != nil {
				grid[i][k].Draw(at)
			}
		}
	}
	style := draw.Text(8)
	y := c.Min.Y + foot - legendRow
	for _, row := range f.legendRows() {
		x := c.Min.X + 8
		for _, e := range row {
			c.StrokeLine2(e.line.LineStyle, x, y+3, x+18, y+3)
			c.FillText(style, vg.Point{X: x + 22, Y: y}, e.label)
			x += style.Width(e.label) + 34
		}
		y -= legendRow
	}
	style.Color = draw.Graphite
	for _, line := range f.captionLines() {
		c.FillText(style, vg.Point{X: c.Min.X + 8, Y: y}, line)
		y -= legendRow
	}
	return nil
}

// CSV returns the data.
func (f *Figure) CSV() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(append([][]string{f.Columns}, f.Rows...)); err != nil {
		return nil, errors.Wrap(err, "the figure's data")
	}
	return b.Bytes(), nil
}

// WriteFigure draws a figure into a file whose name ends in .svg, .pdf or .png, and writes its
// data beside it, into a file of the same name that ends in .csv, which it returns.
func WriteFigure(f *Figure, path string) (data string, err error) {
	text, err := f.CSV()
	if err != nil {
		return "", err
	}
	if err := draw.Write(path, f); err != nil {
		return "", err
	}
	data = strings.TrimSuffix(path, filepath.Ext(path)) + ".csv"
	return data, atomicfile.Write(data, text)
}

// number is a value at full precision; "" of none.
func full(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// panelOf makes the plot of a panel in the figures' fonts.
func panelOf(title, x, y string) *plot.Plot {
	p := draw.NewPlot(title)
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.Title.TextStyle.Font.Size = 9
	for _, s := range []*vgdraw.TextStyle{&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		s.Font.Size = 8
	}
	return p
}

// chosen are the things that a figure of lines shows: as many as there are colours, the best and
// the baseline.
func chosen(c *compare.Comparison) (list []int) {
	base := slices.IndexFunc(c.Things, func(t compare.Thing) bool { return t.Label == c.Baseline })
	for i := range c.Things {
		if len(list) == colours {
			break
		}
		if len(list) == colours-1 && base >= i && base >= 0 {
			list = append(list, base)
			break
		}
		list = append(list, i)
	}
	return list
}

// lineOf is line i of a figure.
func lineOf(xy plotter.XYs, i int) (*plotter.Line, error) {
	line, err := plotter.NewLine(xy)
	if err != nil {
		return nil, errors.Wrap(err, "draw")
	}
	line.Color, _ = draw.Series(i)
	line.Dashes = greyDashes[i%len(greyDashes)]
	line.Width = vg.Points(1.4)
	return line, nil
}

// greyDashes tell lines apart that have one grey.
var greyDashes = [][]vg.Length{
	nil, {vg.Points(6), vg.Points(2)}, {vg.Points(2), vg.Points(2)}, {vg.Points(8), vg.Points(2), vg.Points(2), vg.Points(2)},
	{vg.Points(4), vg.Points(1)}, {vg.Points(1), vg.Points(2)}, {vg.Points(10), vg.Points(3)},
}

// legendFor adds an entry for each thing shown.
func (f *Figure) legendFor(labels []string) error {
	for i, label := range labels {
		line, err := lineOf(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 0}}, i)
		if err != nil {
			return err
		}
		f.legend = append(f.legend, legendEntry{label, line})
	}
	return nil
}

func labelsOf(c *compare.Comparison, things []int) (labels []string) {
	for _, t := range things {
		labels = append(labels, c.Things[t].Label)
	}
	return labels
}

// notShown says which things a figure of lines leaves out.
func notShown(c *compare.Comparison, things []int) string {
	if n := len(c.Things) - len(things); n > 0 {
		return strconv.Itoa(n) + " of " + strconv.Itoa(len(c.Things)) + " are left out; the data has all."
	}
	return ""
}

package report

import (
	"fmt"
	"image/color"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// scoresFigure has a row for each thing, best at the top.
func scoresFigure(c *compare.Comparison) (*Figure, error) {
	f := &Figure{Columns: []string{"facet", "thing", "runs", "diverged", "median", "lo", "hi", "p", "verdict"}, across: 2,
		height:  vg.Length(len(c.Things))*12 + 2.2*vg.Centimeter,
		caption: fmt.Sprintf("Medians of the %s %s over seeds, with their intervals.", c.Part, c.Score)}
	var names []string
	for i := range c.Things {
		names = append(names, c.Things[len(c.Things)-1-i].Label)
	}
	for k, facet := range c.Facets {
		p := panelOf(facet.Label, c.Part+" "+c.Score, "")
		var medians plotter.XYs
		lo, hi := math.Inf(1), math.Inf(-1)
		for i, t := range c.Things {
			cell := t.Cells[k]
			s := cell.Score
			f.Rows = append(f.Rows, []string{facet.Label, t.Label, strconv.Itoa(cell.Runs), strconv.Itoa(cell.Diverged), full(float64(s.Median)), full(float64(s.Lo)), full(float64(s.Hi)), full(float64(cell.P)), cell.Verdict})
			y := float64(len(c.Things) - 1 - i)
			if !isFinite(s.Median) {
				continue
			}
			medians = append(medians, plotter.XY{X: float64(s.Median), Y: y})
			lo, hi = min(lo, float64(s.Median)), max(hi, float64(s.Median))
			if isFinite(s.Lo) && isFinite(s.Hi) {
				bar, err := plotter.NewLine(plotter.XYs{{X: float64(s.Lo), Y: y}, {X: float64(s.Hi), Y: y}})
				if err != nil {
					return nil, errors.Wrap(err, "draw")
				}
				bar.Width, bar.Color = vg.Points(1), draw.Graphite
				p.Add(bar)
				lo, hi = min(lo, float64(s.Lo)), max(hi, float64(s.Hi))
			}
		}
		if len(medians) > 0 {
			points, err := plotter.NewScatter(medians)
			if err != nil {
				return nil, errors.Wrap(err, "draw")
			}
			points.Shape, points.Color, points.Radius = vgdraw.CircleGlyph{}, draw.Blue, vg.Points(2.6)
			p.Add(points)
		}
		p.NominalY(names...)
		p.Y.Min, p.Y.Max = -.6, float64(len(names))-.4
		if c.Score == "accuracy" {
			lo, hi = 0, 1
		}
		if lo < hi {
			p.X.Min, p.X.Max = lo-.04*(hi-lo), hi+.04*(hi-lo)
		}
		f.panels = append(f.panels, p)
	}
	return f, nil
}

// signalFigure has a panel for each thing in each facet, all on one scale.
func signalFigure(c *compare.Comparison) (*Figure, error) {
	f := &Figure{Columns: []string{"facet", "thing", "layer", "gradient_start", "gradient_training", "forward_start", "forward_training"}, across: 4, height: 4.4 * vg.Centimeter,
		caption: "log10 of what is left of the signal: the gradient ‖∂L/∂z‖ over that of the output layer, and 1 − c of two examples. Start, and median over training. Below −3, the line, less than a thousandth is left."}
	lo, hi := -4., .5
	var panels []*plot.Plot
	for k, facet := range c.Facets {
		for _, t := range c.Things {
			s := signalOf(t.Cells[k].Records())
			if s == nil {
				continue
			}
			p := panelOf(joined(facet.Label, t.Label), "layer", "")
			p.Title.TextStyle.Font.Size = 8
			n := max(len(s.gradient), len(s.forward))
			for l := range n {
				at := func(x []float64) string {
					if l < len(x) {
						return full(x[l])
					}
					return ""
				}
				f.Rows = append(f.Rows, []string{facet.Label, t.Label, strconv.Itoa(l + 1), at(s.gradient), at(s.gradientTraining), at(s.forward), at(s.forwardTraining)})
			}
			for i, values := range [][]float64{s.gradient, s.forward, s.gradientTraining, s.forwardTraining} {
				line, err := signalLine(values, i)
				if err != nil {
					return nil, err
				}
				if line != nil {
					p.Add(line)
					for _, xy := range line.XYs {
						lo, hi = min(lo, xy.Y), max(hi, xy.Y)
					}
				}
			}
			dead, err := plotter.NewLine(plotter.XYs{{X: 1, Y: -fading}, {X: float64(max(n, 2)), Y: -fading}})
			if err != nil {
				return nil, errors.Wrap(err, "draw")
			}
			dead.Color, dead.Width = draw.Grey, vg.Points(.7)
			p.Add(dead)
			p.X.Tick.Marker = draw.Integers{}
			panels = append(panels, p)
		}
	}
	if len(panels) == 0 {
		return nil, errors.New("nothing was measured of the layers: give the study `probe: 4`")
	}
	lo, hi = max(lo, -25), min(hi, 8)
	for _, p := range panels {
		p.Y.Min, p.Y.Max = lo, hi
	}
	f.panels = panels
	for i, label := range []string{"gradient, start", "examples, start", "gradient, training", "examples, training"} {
		line, err := signalLine([]float64{0, 0}, i)
		if err != nil {
			return nil, err
		}
		f.legend = append(f.legend, legendEntry{label, line})
	}
	return f, nil
}

// signalLine is one of the four curves of a signal; nil if it has no point.
func signalLine(values []float64, i int) (*plotter.Line, error) {
	var xy plotter.XYs
	for l, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			xy = append(xy, plotter.XY{X: float64(l + 1), Y: v})
		}
	}
	if len(xy) == 0 {
		return nil, nil
	}
	line, err := plotter.NewLine(xy)
	if err != nil {
		return nil, errors.Wrap(err, "draw")
	}
	line.Color = []color.Color{draw.Blue, draw.Red}[i%2]
	line.Width = []vg.Length{vg.Points(1.8), vg.Points(1.8), vg.Points(.8), vg.Points(.8)}[i]
	if i%2 == 1 {
		line.Dashes = []vg.Length{vg.Points(5), vg.Points(2)}
	}
	return line, nil
}

// joined is the title of a panel of one thing in one facet.
func joined(facet, thing string) string {
	if facet == "" {
		return thing
	}
	return facet + "\n" + thing
}

// curvesFigure has a panel for each facet. A diverged run counts as the worst from then on.
func curvesFigure(c *compare.Comparison) (*Figure, error) {
	f := &Figure{Columns: []string{"facet", "thing", "step", "median", "lo", "hi"}, across: 2}
	show := chosen(c)
	for k, facet := range c.Facets {
		p := panelOf(facet.Label, "step", "validation "+c.Score)
		for t := range c.Things {
			runs := c.Things[t].Cells[k].Records()
			steps, curve := bandOf(runs, c.Score == "accuracy")
			for j, step := range steps {
				f.Rows = append(f.Rows, []string{facet.Label, c.Things[t].Label, strconv.Itoa(step), full(float64(curve.Median[j])), full(float64(curve.Lo[j])), full(float64(curve.Hi[j]))})
			}
			i := slices.Index(show, t)
			if i < 0 {
				continue
			}
			var upper, lower, middle plotter.XYs
			for j, step := range steps {
				if isFinite(curve.Median[j]) {
					middle = append(middle, plotter.XY{X: float64(step), Y: float64(curve.Median[j])})
				}
				if isFinite(curve.Lo[j]) && isFinite(curve.Hi[j]) {
					upper = append(upper, plotter.XY{X: float64(step), Y: float64(curve.Hi[j])})
					lower = append(lower, plotter.XY{X: float64(step), Y: float64(curve.Lo[j])})
				}
			}
			if len(middle) == 0 {
				continue
			}
			slices.Reverse(lower)
			line, err := lineOf(middle, i)
			if err != nil {
				return nil, err
			}
			if outline := append(upper, lower...); len(outline) > 2 {
				band, err := plotter.NewPolygon(outline)
				if err != nil {
					return nil, errors.Wrap(err, "draw")
				}
				ink, _ := draw.Series(i)
				band.Color = color.NRGBA{ink.R, ink.G, ink.B, 36}
				band.LineStyle.Width = 0
				p.Add(band)
			}
			p.Add(line)
		}
		if c.Score == "accuracy" {
			p.Y.Min, p.Y.Max = 0, 1
		}
		f.panels = append(f.panels, p)
	}
	f.caption = "Median over seeds, and from the lower to the upper quartile, or with fewer than 4 seeds all. " + notShown(c, show)
	return f, f.legendFor(labelsOf(c, show))
}

// bandOf is the curve of a cell's validation scores.
func bandOf(runs []*record.Record, accuracy bool) ([]int, band) {
	f := figures{Quartiles: len(runs) >= 4}
	seen := map[int]bool{}
	for _, r := range runs {
		for _, m := range r.Metrics {
			if !seen[m.Step] {
				seen[m.Step] = true
				f.Steps = append(f.Steps, m.Step)
			}
		}
	}
	slices.Sort(f.Steps)
	if accuracy {
		return f.Steps, f.band(runs, 0, func(m record.Metric) Number { return m.ValidationAccuracy })
	}
	return f.Steps, f.band(runs, math.Inf(1), func(m record.Metric) Number { return m.ValidationLoss })
}

// layersFigure has the map of the gradient of the run with the median score of each thing.
func layersFigure(c *compare.Comparison) (*Figure, error) {
	f := &Figure{Columns: []string{"facet", "thing", "seed", "step", "layer", "log10_gradient"}, across: 4, height: 4.2 * vg.Centimeter}
	lo, hi := math.Inf(1), math.Inf(-1)
	var maps []*plotter.HeatMap
	for k, facet := range c.Facets {
		for _, t := range c.Things {
			r := medianRun(t.Cells[k].Records(), c.Score == "accuracy")
			if r == nil || r.Layers == nil || len(r.Layers.Rows) == 0 {
				continue
			}
			steps, rows := r.Layers.Steps(), measured(r, probe.PreActivationGradient)
			if len(rows) == 0 {
				continue
			}
			for j, row := range rows {
				for l, v := range row {
					f.Rows = append(f.Rows, []string{facet.Label, t.Label, strconv.FormatUint(r.Config.Seed, 10), strconv.Itoa(steps[j]), strconv.Itoa(l + 1), full(v)})
					if !math.IsNaN(v) && !math.IsInf(v, 0) {
						lo, hi = min(lo, v), max(hi, v)
					}
				}
			}
			m := plotter.NewHeatMap(layerGrid{steps, rows}, palette.Palette(nil))
			p := panelOf(joined(facet.Label, t.Label), "probe", "layer")
			p.Title.TextStyle.Font.Size = 8
			p.X.Tick.Marker = stepTicks(steps)
			p.X.Label.Text = "step"
			p.Add(m)
			maps = append(maps, m)
			f.panels = append(f.panels, p)
		}
	}
	if len(maps) == 0 {
		return nil, errors.New("nothing was measured of the layers: give the study `probe: 4`")
	}
	if !(lo < hi) {
		lo, hi = lo-1, lo+1
	}
	lo = max(lo, hi-20)
	colours := moreland.Kindlmann()
	colours.SetMin(0)
	colours.SetMax(1)
	for _, m := range maps {
		m.Palette, m.Min, m.Max, m.Rasterized = colours.Palette(255), lo, hi, true // without seams
		m.Underflow, m.NaN = color.Black, draw.Grey
	}
	f.caption = fmt.Sprintf("log10 of the gradient ‖∂L/∂z‖ by layer and step, of the run with the median score; dark %.0f or less, light %.0f.", lo, hi)
	return f, nil
}

// layerGrid is a heat map's data: a column for each probe.
type layerGrid struct {
	steps []int
	rows  [][]float64
}

func (g layerGrid) Dims() (columns, rows int) { return len(g.rows), len(g.rows[0]) }
func (g layerGrid) Z(c, r int) float64 {
	if v := g.rows[c][r]; !math.IsInf(v, -1) {
		return v
	}
	return -1e300
}
func (g layerGrid) X(c int) float64 { return float64(c) }
func (g layerGrid) Y(r int) float64 { return float64(r + 1) }

// stepTicks marks a few columns with their steps.
func stepTicks(steps []int) plot.ConstantTicks {
	var ticks []plot.Tick
	every := max(1, (len(steps)+3)/4)
	for i := 0; i < len(steps); i += every {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: strconv.Itoa(steps[i])})
	}
	return ticks
}

// medianRun is the one whose last validation score is the median; nil if there is none.
func medianRun(runs []*record.Record, higher bool) *record.Record {
	sorted := slices.Clone(runs)
	score := func(r *record.Record) float64 {
		if higher {
			return float64(r.Summary.Final.ValidationAccuracy)
		}
		return float64(r.Summary.Final.ValidationLoss)
	}
	slices.SortStableFunc(sorted, func(a, b *record.Record) int {
		switch x, y := score(a), score(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	if len(sorted) == 0 {
		return nil
	}
	return sorted[len(sorted)/2]
}

// depthFigure has a panel for each facet without its depth.
func depthFigure(c *compare.Comparison) (*Figure, error) {
	f := &Figure{Columns: []string{"facet", "thing", "depth", "median", "lo", "hi"}, across: 2}
	show := chosen(c)
	type group struct {
		label  string
		facets []int
	}
	var groups []group
	for k, facet := range c.Facets {
		label := ""
		for _, key := range slices.Sorted(maps.Keys(facet.Values)) {
			if key != "depth" {
				label = joinedBy(label, facet.Values[key])
			}
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.label == label })
		if i < 0 {
			i, groups = len(groups), append(groups, group{label: label})
		}
		groups[i].facets = append(groups[i].facets, k)
	}
	several := false
	for _, g := range groups {
		p := panelOf(g.label, "depth", c.Part+" "+c.Score)
		slices.SortStableFunc(g.facets, func(a, b int) int { return c.Facets[a].Config.Depth - c.Facets[b].Config.Depth })
		several = several || c.Facets[g.facets[0]].Config.Depth != c.Facets[g.facets[len(g.facets)-1]].Config.Depth
		var ticks plot.ConstantTicks
		for _, k := range g.facets {
			depth := c.Facets[k].Config.Depth
			ticks = append(ticks, plot.Tick{Value: float64(depth), Label: strconv.Itoa(depth)})
		}
		for t, thing := range c.Things {
			var xy plotter.XYs
			for _, k := range g.facets {
				s, depth := thing.Cells[k].Score, c.Facets[k].Config.Depth
				if thing.Cells[k].Runs == 0 {
					continue
				}
				f.Rows = append(f.Rows, []string{g.label, thing.Label, strconv.Itoa(depth), full(float64(s.Median)), full(float64(s.Lo)), full(float64(s.Hi))})
				if isFinite(s.Median) && depth > 0 {
					xy = append(xy, plotter.XY{X: float64(depth), Y: float64(s.Median)})
				}
			}
			i := slices.Index(show, t)
			if i < 0 || len(xy) == 0 {
				continue
			}
			line, err := lineOf(xy, i)
			if err != nil {
				return nil, err
			}
			points, err := plotter.NewScatter(xy)
			if err != nil {
				return nil, errors.Wrap(err, "draw")
			}
			points.Shape, points.Color, points.Radius = vgdraw.CircleGlyph{}, line.Color, vg.Points(2)
			p.Add(line, points)
		}
		p.X.Tick.Marker = ticks
		if c.Score == "accuracy" {
			p.Y.Min, p.Y.Max = 0, 1
		}
		if p.X.Min > 0 && p.X.Max > p.X.Min {
			p.X.Scale = plot.LogScale{}
			p.X.Min, p.X.Max = p.X.Min/1.08, p.X.Max*1.08
		}
		f.panels = append(f.panels, p)
	}
	if !several {
		return nil, errors.New("the study has one depth")
	}
	f.caption = notShown(c, show)
	return f, f.legendFor(labelsOf(c, show))
}

// performanceFigure is of the steps to the target.
func performanceFigure(c *compare.Comparison) (*Figure, error) {
	const limit = 4
	f := &Figure{Columns: []string{"thing", "tau", "share"}}
	var costs [][]float64
	for k := range c.Facets {
		row := make([]float64, len(c.Things))
		for t := range c.Things {
			row[t] = float64(c.Things[t].Cells[k].Steps.Median)
			if math.IsNaN(row[t]) {
				row[t] = math.Inf(1)
			}
		}
		costs = append(costs, row)
	}
	if !slices.ContainsFunc(costs, func(row []float64) bool {
		return slices.ContainsFunc(row, func(v float64) bool { return !math.IsInf(v, 1) })
	}) {
		return nil, errors.New("nothing reached the target: give the study a lower one")
	}
	show := chosen(c)
	p := panelOf("", "τ: steps over those of the fastest", "share of facets")
	for t, profile := range stats.Performances(costs, limit) {
		var xy plotter.XYs
		share := 0.
		for i, tau := range profile.Ratio {
			xy = append(xy, plotter.XY{X: tau, Y: share}, plotter.XY{X: tau, Y: profile.Share[i]})
			share = profile.Share[i]
			f.Rows = append(f.Rows, []string{c.Things[t].Label, full(tau), full(share)})
		}
		xy = append(xy, plotter.XY{X: limit, Y: share})
		if i := slices.Index(show, t); i >= 0 {
			line, err := lineOf(xy, i)
			if err != nil {
				return nil, err
			}
			p.Add(line)
		}
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 1, limit, 0, 1.02
	f.panels = []*plot.Plot{p}
	f.caption = "Dolan and Moré, 2002. " + notShown(c, show)
	return f, f.legendFor(labelsOf(c, show))
}

// ranksFigure is a critical-difference diagram.
func ranksFigure(c *compare.Comparison) (*Figure, error) {
	f := &Figure{Columns: []string{"thing", "mean_rank"}, height: vg.Length(len(c.Things))*11 + 2.4*vg.Centimeter}
	p := panelOf("", "mean rank (1 is best)", "")
	var names []string
	var points plotter.XYs
	for i, t := range c.Things {
		f.Rows = append(f.Rows, []string{t.Label, full(float64(t.MeanRank))})
		if isFinite(t.MeanRank) {
			points = append(points, plotter.XY{X: float64(t.MeanRank), Y: float64(len(c.Things) - 1 - i)})
		}
		names = append(names, c.Things[len(c.Things)-1-i].Label)
	}
	if len(points) < 2 {
		return nil, errors.New("nothing has ranks: it takes two things that were run in the same facets with the same seeds")
	}
	scatter, err := plotter.NewScatter(points)
	if err != nil {
		return nil, errors.Wrap(err, "draw")
	}
	scatter.Shape, scatter.Color, scatter.Radius = vgdraw.CircleGlyph{}, draw.Blue, vg.Points(2.6)
	// Each clique is a bar behind the ranks of its things.
	for _, clique := range c.Cliques {
		lo, hi, top, bottom := math.Inf(1), math.Inf(-1), 0., math.Inf(1)
		for _, i := range clique {
			if r := float64(c.Things[i].MeanRank); isFinite(c.Things[i].MeanRank) {
				y := float64(len(c.Things) - 1 - i)
				lo, hi, top, bottom = min(lo, r), max(hi, r), max(top, y), min(bottom, y)
			}
		}
		if !(lo < hi) {
			continue
		}
		box, err := plotter.NewPolygon(plotter.XYs{{X: lo, Y: bottom - .3}, {X: hi, Y: bottom - .3}, {X: hi, Y: top + .3}, {X: lo, Y: top + .3}})
		if err != nil {
			return nil, errors.Wrap(err, "draw")
		}
		box.Color, box.LineStyle.Width, box.LineStyle.Color = color.NRGBA{0, 114, 178, 28}, vg.Points(.5), draw.Grey
		p.Add(box)
	}
	p.Add(scatter)
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -.6, float64(len(names))-.4
	p.X.Min = 1
	f.panels = []*plot.Plot{p}
	f.caption = fmt.Sprintf("Friedman test: P = %.2g. ", float64(c.Friedman))
	if isFinite(c.CriticalDifference) {
		f.caption += fmt.Sprintf("Critical difference (Nemenyi, 5%%): %.2f ranks; those in one box are not shown to differ by it.", float64(c.CriticalDifference))
	}
	return f, nil
}

func joinedBy(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

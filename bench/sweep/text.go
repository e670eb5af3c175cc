package sweep

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/internal/texttab"
)

// TextOptions say how a sweep is printed.
type TextOptions struct {
	Width  int // columns; 0 means 80
	Colour bool
}

// WriteText prints for each problem the optimizers, best first, with their best rate,
// over how many decades it stays near, and the curve.
func (s *Sweep) WriteText(w io.Writer, o TextOptions) error {
	o.Width = texttab.Or(o.Width)
	var b strings.Builder
	for i := range s.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		s.Problems[i].write(&b, s.Margin, o)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Rates returns all rates of a problem, ascending.
func (p *Problem) Rates() (rates []float64) {
	for _, c := range p.Curves {
		for _, q := range c.Points {
			if !q.Rate.IsNaN() && !slices.Contains(rates, float64(q.Rate)) {
				rates = append(rates, float64(q.Rate))
			}
		}
	}
	slices.Sort(rates)
	return rates
}

func (p *Problem) write(b *strings.Builder, margin float64, o TextOptions) {
	rates := p.Rates()
	table := texttab.Table{Columns: []texttab.Column{{Head: "optimizer", Least: 12}, {Head: "best rate", Right: true}, {Head: p.Score, Right: true},
		{Head: "interval", Right: true, Keep: 1}, {Head: fmt.Sprintf("decades within %.3g%%", 100*margin), Right: true}}}
	total, label := 2*len(table.Columns), 0
	for _, least := range []string{"best rate", p.Score, "0.000 to 0.000", "decades"} { // heads wrap
		total += len(least)
	}
	for _, c := range p.Curves {
		label = max(label, texttab.Width(c.Optimizer))
	}
	total += min(label, max(12, o.Width/3))
	// A rate of the curves has as many columns as fit.
	cell := 1
	if len(rates) > 0 {
		cell = min(3, max(1, (o.Width-total)/len(rates)))
	}
	table.Columns = append(table.Columns, texttab.Column{Head: p.scale(rates, cell)})
	for _, c := range p.Curves {
		table.Rows = append(table.Rows, []texttab.Cell{texttab.Text(c.Optimizer), texttab.Text(c.bestRate()), texttab.Text(p.number(c.Best.Median)),
			texttab.Text(p.number(c.Best.Lo) + " to " + p.number(c.Best.Hi)), texttab.Text(c.span()), p.curve(c, rates, cell)})
	}
	lines := texttab.Wrap(fmt.Sprintf("%s: validation %s after %s", p.Label, p.Score, texttab.Count(p.Steps, "step")), o.Width)
	lines = append(append(lines, ""), table.Lines(o.Width, o.Colour)...)
	if slices.ContainsFunc(p.Curves, func(c Curve) bool { return c.Open }) {
		lines = append(lines, "", "≥  the rates of the sweep end there")
	}
	b.WriteString(strings.Join(lines, "\n") + "\n")
}

// number formats a score.
func (p *Problem) number(v Number) string {
	switch f := float64(v); {
	case math.IsNaN(f):
		return "?"
	case math.IsInf(f, 0):
		return "diverged"
	case p.higher():
		return fmt.Sprintf("%.3f", f)
	default:
		return fmt.Sprintf("%.3g", f)
	}
}

func (c *Curve) bestRate() string {
	if !c.HasRate() {
		return "none"
	}
	return strconv.FormatFloat(float64(c.Best.Rate), 'g', -1, 64)
}

func (c *Curve) span() string {
	switch {
	case !c.HasRate():
		return "no rate"
	case c.Decades.IsNaN():
		return "diverged"
	case c.Open:
		return fmt.Sprintf("≥ %.1f", float64(c.Decades))
	}
	return fmt.Sprintf("%.1f", float64(c.Decades))
}

// scale is the head of the curves: the lowest and the highest rate, if there is room.
func (p *Problem) scale(rates []float64, cell int) string {
	if len(rates) == 0 {
		return ""
	}
	from, to := short(rates[0]), short(rates[len(rates)-1])
	gap := cell*len(rates) - len(from) - len(to)
	if gap < 1 {
		return ""
	}
	return from + strings.Repeat(" ", gap) + to
}

func short(rate float64) string {
	return strings.NewReplacer("e-0", "e-", "e+0", "e").Replace(strconv.FormatFloat(rate, 'g', -1, 64))
}

var levels = []rune("▁▂▃▄▅▆▇█")

// curve draws the medians as bars, x where most runs diverged. An optimizer without a
// rate has one all along.
func (p *Problem) curve(c Curve, rates []float64, width int) (cell texttab.Cell) {
	low, high := p.bounds()
	draw := func(q Point) {
		span := texttab.Span{Text: "x", Code: "38;5;160"}
		if !p.lost(q) {
			level := 0
			if high > low {
				level = int(math.Round((p.height(float64(q.Median)) - low) / (high - low) * float64(len(levels)-1)))
			}
			span = texttab.Span{Text: string(levels[level])}
			if q.Rate >= c.From && q.Rate <= c.To || !c.HasRate() {
				span.Code = "38;5;36"
			}
		}
		span.Text = strings.Repeat(span.Text, width)
		cell = append(cell, span)
	}
	for _, r := range rates {
		i := slices.IndexFunc(c.Points, func(q Point) bool { return float64(q.Rate) == r })
		switch {
		case !c.HasRate():
			draw(c.Points[0])
		case i < 0:
			cell = append(cell, texttab.Span{Text: strings.Repeat(" ", width)})
		default:
			draw(c.Points[i])
		}
	}
	return cell
}

// lost reports whether most runs of a point diverged.
func (p *Problem) lost(q Point) bool {
	return 2*q.Diverged > q.Runs || q.Median.IsNaN() || math.IsInf(float64(q.Median), 0)
}

// height is the place of a score in a curve: accuracies as they are, losses by the
// logarithm, downwards.
func (p *Problem) height(score float64) float64 {
	if p.higher() {
		return score
	}
	return -math.Log10(max(score, math.SmallestNonzeroFloat64))
}

// bounds are the lowest and highest heights of all points.
func (p *Problem) bounds() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, c := range p.Curves {
		for _, q := range c.Points {
			if !p.lost(q) {
				h := p.height(float64(q.Median))
				low, high = min(low, h), max(high, h)
			}
		}
	}
	return low, high
}

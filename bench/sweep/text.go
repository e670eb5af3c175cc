package sweep

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// TextOptions say how a sweep is printed.
type TextOptions struct {
	Width  int // columns; 0 means 100
	Colour bool
}

// WriteText prints for each problem the optimizers, best first, with their best rate,
// over how many decades it stays near, and the curve.
func (s *Sweep) WriteText(w io.Writer, o TextOptions) error {
	if o.Width == 0 {
		o.Width = 100
	}
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
	fmt.Fprintf(b, "%s: validation %s after %d steps\n\n", p.Label, p.Score, p.Steps)
	head := []string{"optimizer", "best rate", p.Score, "interval", fmt.Sprintf("decades within %.3g%%", 100*margin)}
	var rows [][]string
	for _, c := range p.Curves {
		rows = append(rows, []string{c.Optimizer, c.bestRate(), p.number(c.Best.Median),
			p.number(c.Best.Lo) + " to " + p.number(c.Best.Hi), c.span()})
	}
	widths := make([]int, len(head))
	for k := range head {
		for _, row := range append([][]string{head}, rows...) {
			widths[k] = max(widths[k], utf8.RuneCountInString(row[k]))
		}
	}
	widths[0] = min(widths[0], max(12, o.Width/3))
	total := 2*len(head) - 2
	for _, n := range widths {
		total += n
	}
	// A cell has as many columns as fit; on a narrow terminal the interval goes first.
	shown := []int{0, 1, 2, 3, 4}
	if total+2+len(rates) > o.Width {
		shown = []int{0, 1, 2, 4}
		total -= widths[3] + 2
	}
	cell := 1
	if len(rates) > 0 {
		cell = min(3, max(1, (o.Width-total-2)/len(rates)))
	}
	line := func(row []string, curve string) {
		for i, k := range shown {
			if i > 0 {
				b.WriteString("  ")
			}
			if k == 0 {
				b.WriteString(fit(row[k], widths[k]))
			} else {
				fmt.Fprintf(b, "%*s", widths[k], row[k])
			}
		}
		b.WriteString(strings.TrimRight("  "+curve, " ") + "\n")
	}
	line(head, p.scale(rates, cell))
	for i, c := range p.Curves {
		line(rows[i], p.curve(c, rates, cell, o.Colour))
	}
	if slices.ContainsFunc(p.Curves, func(c Curve) bool { return c.Open }) {
		b.WriteString("\n≥  the rates of the sweep end there\n")
	}
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
func (p *Problem) curve(c Curve, rates []float64, cell int, colour bool) string {
	low, high := p.bounds()
	var b strings.Builder
	draw := func(q Point) {
		mark := "x"
		if !p.lost(q) {
			level := 0
			if high > low {
				level = int(math.Round((p.height(float64(q.Median)) - low) / (high - low) * float64(len(levels)-1)))
			}
			mark = string(levels[level])
		}
		text := strings.Repeat(mark, cell)
		switch {
		case !colour:
		case mark == "x":
			text = "\x1b[38;5;160m" + text + "\x1b[0m"
		case q.Rate >= c.From && q.Rate <= c.To || !c.HasRate():
			text = "\x1b[38;5;36m" + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	for _, r := range rates {
		i := slices.IndexFunc(c.Points, func(q Point) bool { return float64(q.Rate) == r })
		switch {
		case !c.HasRate():
			draw(c.Points[0])
		case i < 0:
			b.WriteString(strings.Repeat(" ", cell))
		default:
			draw(c.Points[i])
		}
	}
	return b.String()
}

// lost tells whether most runs of a point diverged.
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

// fit pads or shortens a label.
func fit(s string, width int) string {
	if n := utf8.RuneCountInString(s); n <= width {
		return s + strings.Repeat(" ", width-n)
	}
	return string([]rune(s)[:width-1]) + "…"
}

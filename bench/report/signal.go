package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
)

// signals are the picture of the answer: a panel for each thing compared in each facet, of
// how much of the signal is left in each layer, all on one scale.
type signals struct {
	Facets []signalFacet
	Left   string // what has no panels
}

type signalFacet struct {
	Label  string
	Panels []signalPanel
}

type signalPanel struct {
	Label   string
	Verdict string
	Numbers []string
	Dead    bool
	Picture template.HTML

	at signal
}

// signal has, by layer, log10 of the share of the output layer's gradient of the
// pre-activations, and of 1 - c of the examples: medians over runs, at the first probe
// and, over all probes, in training. It has the hidden layers' 1 - c alone: at the output
// examples of a class are to be alike.
type signal struct {
	gradient, gradientTraining []float64
	forward, forwardTraining   []float64
}

// Only this many things and facets have panels.
const signalThings, signalFacets = 24, 6

// newSignals returns nil if nothing was probed.
func newSignals(c *compare.Comparison) *signals {
	if c == nil || len(c.Things) < 2 {
		return nil
	}
	s := &signals{}
	lo, hi := -4., 0.
	for f := range c.Facets[:min(signalFacets, len(c.Facets))] {
		facet := signalFacet{Label: c.Facets[f].Label}
		for t := range c.Things[:min(signalThings, len(c.Things))] {
			at := signalOf(c.Things[t].Cells[f].Records())
			if at == nil {
				continue
			}
			for _, curve := range [][]float64{at.gradient, at.gradientTraining, at.forward, at.forwardTraining} {
				for _, v := range curve {
					if !math.IsInf(v, 0) && !math.IsNaN(v) {
						lo, hi = min(lo, v), max(hi, v)
					}
				}
			}
			facet.Panels = append(facet.Panels, signalPanel{Label: c.Things[t].Label, at: *at})
		}
		if len(facet.Panels) > 0 {
			s.Facets = append(s.Facets, facet)
		}
	}
	if len(s.Facets) == 0 {
		return nil
	}
	scale := signalScale{max(-20, math.Floor(lo)), min(6, math.Ceil(hi))}
	for f := range s.Facets {
		for i := range s.Facets[f].Panels {
			p := &s.Facets[f].Panels[i]
			p.Verdict, p.Dead = p.at.verdict()
			p.Numbers = p.at.numbers()
			p.Picture = scale.picture(&p.at, p.Label+": "+p.Verdict+"; "+strings.Join(p.Numbers, ", "), p.Dead)
		}
	}
	var left []string
	if n := len(c.Facets) - signalFacets; n > 0 {
		left = append(left, fmt.Sprintf("the first %d of %d facets", signalFacets, len(c.Facets)))
	}
	if n := len(c.Things) - signalThings; n > 0 {
		left = append(left, fmt.Sprintf("the best %d of %d", signalThings, len(c.Things)))
	}
	if len(left) > 0 {
		s.Left = "Shown are " + strings.Join(left, ", ") + "."
	}
	return s
}

// signalOf returns nil if no run was probed.
func signalOf(runs []*record.Record) *signal {
	var s signal
	shares := func(row []float64) []float64 {
		share := make([]float64, len(row))
		for l, v := range row {
			share[l] = v - row[len(row)-1]
		}
		return share
	}
	hidden := func(row []float64) []float64 { return row[:max(0, len(row)-1)] }
	s.gradient, s.gradientTraining = layerMedians(runs, probe.PreActivationGradient, shares)
	s.forward, s.forwardTraining = layerMedians(runs, probe.Decorrelation, hidden)
	if s.gradient == nil && s.forward == nil {
		return nil
	}
	return &s
}

// layerMedians returns the medians over runs, layer by layer, of what of makes of a probe's
// layers: at the first probe, and of each run's median over its probes.
func layerMedians(runs []*record.Record, q probe.Quantity, of func([]float64) []float64) (start, training []float64) {
	var first, all [][]float64 // samples by layer
	for _, r := range runs {
		var own [][]float64
		for k, row := range measured(r, q) {
			for l, v := range of(row) {
				if l == len(own) {
					own = append(own, nil)
				}
				own[l] = appendNumber(own[l], v)
				if l == len(first) {
					first, all = append(first, nil), append(all, nil)
				}
				if k == 0 {
					first[l] = appendNumber(first[l], v)
				}
			}
		}
		for l, sample := range own {
			all[l] = appendNumber(all[l], stats.Median(sample))
		}
	}
	for l := range first {
		start, training = append(start, stats.Median(first[l])), append(training, stats.Median(all[l]))
	}
	return start, training
}

// dead names the directions in which less than a thousandth is left where the signal is to
// arrive: of the gradient in layer 1, of the differences between examples in the last
// hidden layer. It is "" if there is none.
func dead(gradient, forward []float64) string {
	n := len(forward)
	ahead, back := n > 0 && forward[n-1] < -fading, len(gradient) > 0 && gradient[0] < -fading
	switch {
	case ahead && back:
		return "both ways"
	case ahead:
		return "forward"
	case back:
		return "backward"
	}
	return ""
}

// explodes reports whether the gradient grows a thousandfold on its way to layer 1.
func explodes(gradient []float64) bool { return len(gradient) > 0 && gradient[0] > fading }

// verdict says in words whether the signal is alive.
func (s *signal) verdict() (words string, isDead bool) {
	start, training := dead(s.gradient, s.forward), dead(s.gradientTraining, s.forwardTraining)
	switch {
	case training != "" && start == "":
		return "✕ dies " + training, true
	case training != "":
		return "✕ dead " + training, true
	case explodes(s.gradientTraining):
		return "✕ explodes backward", true
	case start != "":
		return "✓ dead " + start + " at the start only", false
	case explodes(s.gradient):
		return "✓ explodes at the start only", false
	}
	return "✓ alive", false
}

// numbers says what arrives, at the start and in training.
func (s *signal) numbers() (parts []string) {
	if len(s.gradient) > 0 {
		parts = append(parts, "gradient "+change(s.gradient[0], s.gradientTraining[0]))
	}
	if n := len(s.forward); n > 0 {
		parts = append(parts, "examples "+change(s.forward[n-1], s.forwardTraining[n-1]))
	}
	return parts
}

// change writes two powers of ten.
func change(a, b float64) string { return share10(a) + " → " + share10(b) }

func share10(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, -1):
		return "0"
	}
	return power(Number(v))
}

// signalScale is the range of all panels, as log10.
type signalScale struct{ lo, hi float64 }

// The places in a panel.
const (
	signalWidth, signalHeight           = 168., 104.
	signalLeft, signalRight, signalTop  = 30., 4., 5.
	signalBottom                        = 14.
	signalPlotWidth, signalPlotHeight   = signalWidth - signalLeft - signalRight, signalHeight - signalTop - signalBottom
	signalPlotRight, signalPlotBaseline = signalWidth - signalRight, signalHeight - signalBottom
)

// y returns the height of a value; values beyond the scale are at its edge.
func (k signalScale) y(v float64) float64 {
	return signalTop + signalPlotHeight*(k.hi-max(k.lo, min(k.hi, v)))/(k.hi-k.lo)
}

// x returns the place of a layer among n, from left to right.
func (signalScale) x(layer, n int) float64 {
	return signalLeft + signalPlotWidth*float64(layer)/float64(max(1, n-1))
}

// picture draws a panel as inline SVG, whose colours are those of the page.
func (k signalScale) picture(s *signal, words string, isDead bool) template.HTML {
	var b strings.Builder
	class := "signal"
	if isDead {
		class += " dead"
	}
	fmt.Fprintf(&b, `<svg class="%s" viewBox="0 0 %g %g" role="img" aria-label="%s">`, class, signalWidth, signalHeight, template.HTMLEscapeString(words))
	faint := k.y(-fading)
	fmt.Fprintf(&b, `<rect class="below" x="%g" y="%.1f" width="%g" height="%.1f"/>`, signalLeft, faint, signalPlotWidth, signalPlotBaseline-faint)
	for _, tick := range []float64{0, -fading, k.lo} {
		if tick == k.lo && k.y(tick)-faint < 10 {
			continue
		}
		label := `1`
		if tick != 0 {
			label = `10<tspan dy="-3" font-size="7">` + strings.Replace(fmt.Sprint(tick), "-", "−", 1) + `</tspan>`
		}
		fmt.Fprintf(&b, `<line class="rule" x1="%g" x2="%g" y1="%[3]s" y2="%[3]s"/><text class="end" x="%g" y="%.1f">%s</text>`,
			signalLeft, signalPlotRight, fmt.Sprintf("%.1f", k.y(tick)), signalLeft-3, k.y(tick)+3, label)
	}
	n := max(len(s.gradient), len(s.forward)+1)
	fmt.Fprintf(&b, `<text x="%[1]g" y="%[2]g">1</text><text class="mid" x="%[3]g" y="%[2]g">layer</text><text class="end" x="%[4]g" y="%[2]g">out</text>`,
		signalLeft, signalHeight-3, signalLeft+signalPlotWidth/2, signalPlotRight)
	for _, c := range []struct {
		class  string
		values []float64
	}{{"forward late", s.forwardTraining}, {"backward late", s.gradientTraining}, {"forward", s.forward}, {"backward", s.gradient}} {
		k.curve(&b, c.class, c.values, n)
	}
	// A cross marks the first layer on the way that less than a thousandth reaches.
	for l, v := range s.forward {
		if v < -fading {
			fmt.Fprintf(&b, `<text class="cross mid forward" x="%.1f" y="%.1f">✕</text>`, k.x(l, n), k.y(v)+4)
			break
		}
	}
	for l := len(s.gradient) - 1; l >= 0; l-- {
		if s.gradient[l] < -fading {
			fmt.Fprintf(&b, `<text class="cross mid backward" x="%.1f" y="%.1f">✕</text>`, k.x(l, n), k.y(s.gradient[l])+4)
			break
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // numbers and escaped text only
}

// curve draws a line through the layers that have a value; exact zeros are at the bottom.
func (k signalScale) curve(b *strings.Builder, class string, values []float64, n int) {
	move, path := "M", ""
	for l, v := range values {
		if math.IsNaN(v) {
			move = "M"
			continue
		}
		path += fmt.Sprintf("%s%.1f %.1f", move, k.x(l, n), k.y(v))
		move = "L"
	}
	if path != "" {
		fmt.Fprintf(b, `<path class="%s" d="%s"/>`, class, path)
	}
}

package profile

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/texttab"
)

// The gradient dies or explodes with a factor of a thousand from the output layer to the
// first, and lives within a factor of ten.
const (
	dead  = 3
	alive = 1
)

// label names an activation with what it is of.
func label(c record.Choice) string { return activations.Catalogue.Label(c) }

// Verdict says in plain words where the gradient dies, and what theory says of it.
func (p *Profile) Verdict() string {
	var b strings.Builder
	b.WriteString("At the start " + p.way(p.Start, true) + ".")
	if s := p.forward(p.Start); s != "" {
		b.WriteString(" Forward, " + s + ".")
	}
	if t := p.Theory; t != nil {
		fmt.Fprintf(&b, " Theory: with weights of variance %.3g/fan-in ", float64(t.WeightVariance))
		if t.BiasVariance > 0 {
			fmt.Fprintf(&b, "and biases of variance %.3g ", float64(t.BiasVariance))
		}
		switch {
		case t.Phase == "none":
			b.WriteString("the pre-activations grow without end;")
		case t.Phase == "critical":
			b.WriteString("the start is critical, χ₁ = 1;")
		case 2*float64(t.Xi) > 10*float64(len(p.Start)):
			fmt.Fprintf(&b, "χ₁ = %.4g, practically critical at this depth;", float64(t.Chi1))
		case t.Chi1 == 0:
			b.WriteString("χ₁ = 0: nothing is left of the gradient;")
		default:
			fmt.Fprintf(&b, "χ₁ = %.3g, so that the gradient %s by e every %.3g layers (%s);", float64(t.Chi1),
				map[string]string{"ordered": "falls", "chaotic": "grows"}[t.Phase], 2*float64(t.Xi), t.Phase)
		}
		if t.Critical.IsNaN() {
			fmt.Fprintf(&b, " there is %s.", t.NoCritical)
		} else {
			fmt.Fprintf(&b, " the critical variance is %.4g.", float64(t.Critical))
		}
	}
	if p.NoPrediction != "" {
		fmt.Fprintf(&b, " Theory predicts nothing of these layers: %s.", p.NoPrediction)
	} else if p.Sampled {
		b.WriteString(" The theory of batch norm is a Monte Carlo average, of examples that are equally far apart: those of a class are not, which acts like a smaller batch.")
	}
	if p.Steps > 0 && len(p.Trained) > 0 {
		fmt.Fprintf(&b, " After %s %s.", texttab.Count(p.Steps, "step"), p.way(p.Trained, false))
		if s := p.forward(p.Trained); s != "" {
			fmt.Fprintf(&b, " Forward, %s.", s)
		}
	}
	if p.Status == "diverged" {
		fmt.Fprintf(&b, " Training diverged after %s: %s.", texttab.Count(p.Steps, "step"), p.Reason)
	}
	return b.String()
}

// forward says where the examples of the batch have become equal, "" if nowhere: to a
// thousandth of a layer's signal, or as far as the float type can show.
func (p *Profile) forward(list []Layer) string {
	hidden := list[:max(1, len(list)-1)]
	last := hidden[len(hidden)-1]
	floor := probe.Floor(p.Config.DType)
	from := -1
	for i := len(hidden) - 1; i >= 0; i-- { // from there on
		if d := float64(hidden[i].Decorrelation); !(d <= -dead) {
			break
		}
		from = i
	}
	if from < 0 {
		return ""
	}
	lowest, at := float64(last.Decorrelation), last.Name
	if lowest < floor {
		for _, l := range hidden[from:] {
			if float64(l.Decorrelation) < floor {
				at = l.Name
				break
			}
		}
		return fmt.Sprintf("the signal dies: all examples have become equal to 1e-%d of it from %s on, and from %s on as far as %s can show",
			dead, hidden[from].Name, at, p.Config.DType)
	}
	s := fmt.Sprintf("the signal dies: all examples have become equal to 1e-%d of it from %s on", dead, hidden[from].Name)
	if lowest < -dead-0.5 {
		s += fmt.Sprintf(", to 1e%.0f in %s", lowest, at)
	}
	if d := float64(last.PredictedDecorrelation); d-d == 0 {
		s += fmt.Sprintf(" (theory 1e%.0f)", d)
	}
	return s
}

// way says what becomes of the gradient on its way back.
func (p *Profile) way(list []Layer, start bool) string {
	first, last := list[0], list[len(list)-1]
	if zero := zeroLayers(list); len(zero) > 0 {
		where := "in " + strings.Join(zero, ", ")
		if len(zero) == 1 && strings.HasSuffix(zero[0], last.Name) && strings.HasPrefix(zero[0], first.Name) {
			where = "in all layers"
		}
		if !start { // what was checked is the start
			return "the gradient is exactly 0 " + where
		}
		return fmt.Sprintf("the gradient is exactly 0 %s: %s", where, p.ZeroGradient.Sentence(p.Config.DType))
	}
	var names []string
	for _, l := range list {
		names = append(names, l.Name)
	}
	each := ""
	if unit := probe.Unit(names); unit != "" && len(list) > 2 {
		each = fmt.Sprintf(", %.2f a %s", math.Abs(Decades(list))/float64(len(list)-1), unit)
	}
	between := fmt.Sprintf("from the output layer to %s", first.Name)
	switch lost := Decades(list); {
	case lost != lost || math.IsInf(lost, 0):
		return "the gradient is not finite"
	case lost >= dead-0.05: // 3.0 when it is printed
		s := fmt.Sprintf("the gradient of the pre-activations dies: it falls by %.1f decades %s%s", lost, between, each)
		if lost > dead {
			s += ", and less than a thousandth arrives " + below(list, float64(last.Gradient)-dead)
		}
		return s
	case lost <= -dead+0.05:
		return fmt.Sprintf("the gradient explodes: it grows by %.1f decades %s%s", -lost, between, each)
	case lost > alive:
		return fmt.Sprintf("the gradient fades: it falls by %.1f decades %s%s", lost, between, each)
	case lost < -alive:
		return fmt.Sprintf("the gradient grows by %.1f decades %s%s", -lost, between, each)
	case math.Abs(lost) < 0.05:
		return "the gradient lives: it is as large in " + first.Name + " as in the output layer"
	case lost > 0:
		return fmt.Sprintf("the gradient lives: it falls by only %.1f decades %s", lost, between)
	default:
		return fmt.Sprintf("the gradient lives: it grows by only %.1f decades %s", -lost, between)
	}
}

// below names the layers whose gradient's norm is below a limit.
func below(list []Layer, limit float64) string {
	highest := -1
	for i, l := range list {
		if float64(l.Gradient) < limit {
			highest = i
		}
	}
	if highest == 0 {
		return "in " + list[0].Name
	}
	return fmt.Sprintf("from %s down", list[highest].Name)
}

// zeroLayers names the layers whose gradient is exactly 0, as ranges.
func zeroLayers(list []Layer) (ranges []string) {
	for i := 0; i < len(list); i++ {
		from := i
		for i < len(list) && math.IsInf(float64(list[i].Gradient), -1) {
			i++
		}
		switch i - from {
		case 0:
		case 1:
			ranges = append(ranges, list[from].Name)
		default:
			ranges = append(ranges, list[from].Name+" to "+list[i-1].Name)
		}
	}
	return slices.Clip(ranges)
}

package profile

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
)

// Trial is a remedy, tried.
type Trial struct {
	Remedy  string        `json:"remedy"`            // as it stands in a study file
	Decades record.Number `json:"decades"`           // lost from the output layer to the first, with it
	Problem string        `json:"problem,omitempty"` // why it could not be tried
}

// alive is the number of decades that a gradient may lose and still count as alive.
const alive = 3

// Advise measures the same network with what theory suggests instead: for a plain one,
// weights of the critical variance, and the nonlinearity shaped for the depth; for RBF
// layers the norms of the distance; and layer norm.
func Advise(ctx context.Context, p *Profile) ([]Trial, error) {
	c := p.Config
	var trials []Trial
	try := func(remedy string, change func(*record.Config)) error {
		changed := c
		change(&changed)
		t := Trial{Remedy: remedy, Decades: record.Number(math.NaN())}
		q, err := Measure(ctx, changed, 0)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			t.Problem = err.Error()
		default:
			t.Decades = record.Number(Decades(q.Start))
		}
		trials = append(trials, t)
		return nil
	}
	initializer := func(settings map[string]any) (catalogue.Choice, string, error) {
		choice, err := initializers.Catalogue.Complete(catalogue.Choice{Name: "lecun-normal", Settings: settings})
		return choice, "initializer: " + choice.String(), err
	}
	if t := p.Theory; t != nil {
		if critical := float64(t.Critical); !t.Critical.IsNaN() && math.Abs(critical/float64(t.WeightVariance)-1) > 0.02 {
			gain := math.Round(1e4*math.Sqrt(critical)) / 1e4
			choice, text, err := initializer(map[string]any{"gain": gain})
			if err != nil {
				return nil, err
			}
			if err := try(text, func(c *record.Config) { c.Initializer = choice }); err != nil {
				return nil, err
			}
		}
		shaped, err := activations.Catalogue.Complete(catalogue.Choice{Name: "dks",
			Settings: map[string]any{"of": c.Activation, "depth": c.Depth}})
		if err == nil {
			choice, text, err := initializer(nil)
			if err != nil {
				return nil, err
			}
			remedy := fmt.Sprintf("activation: dks(of=%s,depth=%d), %s", c.Activation.Name, c.Depth, text)
			if err := try(remedy, func(c *record.Config) { c.Activation, c.Initializer = shaped, choice }); err != nil {
				return nil, err
			}
		}
	}
	norms := []string{"layer-norm"}
	if c.Model.Name == "rbf" {
		norms = []string{"distance-scale", "distance-standardize"}
	}
	if c.Normalization.Name == "none" {
		for _, name := range norms {
			choice, err := normalization.Catalogue.Complete(catalogue.Choice{Name: name})
			if err != nil {
				return nil, err
			}
			if err := try("normalization: "+name, func(c *record.Config) { c.Normalization = choice }); err != nil {
				return nil, err
			}
		}
	}
	return trials, nil
}

// Verdict says in plain words where the gradient dies, and what theory says of it.
func (p *Profile) Verdict() string {
	list := p.Start
	first, last := list[0], list[len(list)-1]
	lost := Decades(list)
	var b strings.Builder
	switch {
	case lost > 1e300:
		fmt.Fprintf(&b, "At the start the gradient is exactly 0 in %s: it underflows on its way back.", zeroLayers(list))
	case lost != lost:
		b.WriteString("At the start the gradient is not finite.")
	case lost > alive:
		fmt.Fprintf(&b, "At the start the gradient of the pre-activations dies: it falls by %.1f decades from the output layer to %s, %.2f a layer, and less than a thousandth arrives %s.",
			lost, first.Name, lost/float64(len(list)-1), below(list, float64(last.Gradient)-alive))
	case lost < -alive:
		fmt.Fprintf(&b, "At the start the gradient explodes: it grows by %.1f decades from the output layer to %s, %.2f a layer.", -lost, first.Name, -lost/float64(len(list)-1))
	default:
		fmt.Fprintf(&b, "At the start the gradient lives: it changes by %.1f decades from the output layer to %s.", -lost, first.Name)
	}
	if t := p.Theory; t != nil {
		fmt.Fprintf(&b, " Theory: with weights of variance %.3g/fan-in ", float64(t.WeightVariance))
		switch {
		case t.Phase == "none":
			b.WriteString("the pre-activations grow without end;")
		case t.Phase == "critical":
			b.WriteString("the start is critical, χ₁ = 1;")
		case 2*float64(t.Xi) > 10*float64(len(list)):
			fmt.Fprintf(&b, "χ₁ = %.4g, as good as critical at this depth;", float64(t.Chi1))
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
	if p.Steps > 0 && len(p.Trained) > 0 {
		fmt.Fprintf(&b, " After %d steps the gradient changes by %.1f decades.", p.Steps, -Decades(p.Trained))
	}
	if p.Status == "diverged" {
		fmt.Fprintf(&b, " Training diverged after %d steps: %s.", p.Steps, p.Reason)
	}
	return b.String()
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

// zeroLayers names the layers whose gradient is exactly 0.
func zeroLayers(list []Layer) string {
	highest := 0
	for i, l := range list {
		if math.IsInf(float64(l.Gradient), -1) {
			highest = i
		}
	}
	if highest == 0 {
		return list[0].Name
	}
	return list[0].Name + " to " + list[highest].Name
}

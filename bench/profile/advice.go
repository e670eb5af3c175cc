package profile

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
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

// Advise measures the same network with what theory suggests instead: for a plain one,
// weights of the critical variance, and the nonlinearity shaped for the depth; for RBF
// layers the norms of the distance; and layer norm. What the model refuses is left out. Where
// parameters that start at 0 let no gradient through, there is nothing to try: they will in
// training.
func Advise(ctx context.Context, p *Profile) ([]Trial, error) {
	if z := p.ZeroGradient; z != nil && z.Cause == record.ZeroParameters {
		return nil, nil
	}
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
		case err != nil && refused(changed):
			return nil
		case err != nil:
			t.Problem = err.Error()
		default:
			t.Decades = record.Number(Decades(q.Start))
		}
		trials = append(trials, t)
		return nil
	}
	initializer := func(name string, settings map[string]any) (catalogue.Choice, string, error) {
		choice, err := initializers.Catalogue.Complete(catalogue.Choice{Name: name, Settings: settings})
		return choice, "initializer: " + choice.String(), err
	}
	if t := p.Theory; t != nil {
		if critical := float64(t.Critical); !t.Critical.IsNaN() && math.Abs(critical/float64(t.WeightVariance)-1) > 0.02 {
			name, settings := "lecun-normal", map[string]any{"gain": math.Round(1e4*math.Sqrt(critical)) / 1e4}
			if t.BiasVariance > 0 { // which it is critical with
				name, settings = "critical", map[string]any{"bias-variance": rounded(float64(t.BiasVariance))}
			}
			choice, text, err := initializer(name, settings)
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
			choice, text, err := initializer("lecun-normal", nil)
			if err != nil {
				return nil, err
			}
			remedy := fmt.Sprintf("activation: dks(of=%s,depth=%d), %s", label(c.Activation), c.Depth, text)
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

// refused tells whether there is no network of a configuration, because parts of it don't go
// together.
func refused(c record.Config) bool {
	a, err := study.Assemble(c)
	if err == nil {
		_, err = a.Network()
	}
	return err != nil
}

// rounded has three digits.
func rounded(x float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	if err != nil {
		return x
	}
	return r
}

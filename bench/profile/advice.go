package profile

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
)

// Trial is a remedy, tried.
type Trial struct {
	Remedy  string        `json:"remedy"`  // as it stands in a study file
	Decades record.Number `json:"decades"` // lost from the output layer to the first, with it
	// Decorrelation is log10(1-c) of the examples in the last hidden layer, with it.
	Decorrelation record.Number `json:"decorrelation_log10"`
	Problem       string        `json:"problem,omitempty"` // why it could not be tried
}

// Caution is what a profile does not show.
const Caution = "This was measured at the start. A live gradient does not mean that the network trains."

// Fades reports whether the signal at initialisation is not what it should be: the gradient changes
// by more than a decade, or the examples have become equal to a thousandth.
func (p *Profile) Fades() bool {
	d := Decades(p.Start)
	return !(math.Abs(d) <= alive) || float64(Decorrelation(p.Start)) < -dead
}

// Remedy is the command that tries what keeps the signal alive, in training.
func (p *Profile) Remedy() string { return command("remedy", p.Config) }

// Command is the command that makes the profile of a configuration.
func Command(c record.Config) string { return command("profile", c) }

func command(name string, c record.Config) string {
	command := fmt.Sprintf("gradflow %s --activation %s --depth %d --width %d", name, quoted(c.Activation.String()), c.Depth, c.Width)
	for _, flag := range []struct {
		name, value, usual string
	}{
		{"task", c.Task.String(), "digits"}, {"model", c.Model.String(), "mlp"},
		{"batch", strconv.Itoa(c.Batch), "64"},
		{"initializer", c.Initializer.String(), "glorot-normal(gain=1)"}, {"normalization", c.Normalization.String(), "none"},
	} {
		if flag.value != flag.usual {
			command += fmt.Sprintf(" --%s %s", flag.name, quoted(flag.value))
		}
	}
	return command
}

// quoted is text as a shell takes it.
func quoted(text string) string {
	if strings.ContainsAny(text, " ()*$&|<>;=\"\\`!?[]{}~#'") {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

// Advise measures the same network with what theory suggests instead: for a plain one,
// weights of the critical variance, and the nonlinearity shaped for the depth; the norms, on
// both sides of f, or for RBF layers those of the distance; and the shortcuts. What the model
// refuses is left out. The trials are ranked by the signal both ways: by the decades that the
// gradient changes by and those that the distance of examples loses. Where
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
		t := Trial{Remedy: remedy, Decades: record.Number(math.NaN()), Decorrelation: record.Number(math.NaN())}
		q, err := Measure(ctx, changed, 0)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && refused(changed):
			return nil
		case err != nil:
			t.Problem = err.Error()
		default:
			t.Decades, t.Decorrelation = record.Number(Decades(q.Start)), Decorrelation(q.Start)
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
	norms := []string{"layer-norm", "layer-norm(placement=after)", "batch-norm", "batch-norm(placement=after)"}
	if c.Model.Name == "rbf" {
		norms = []string{"distance-scale", "distance-standardize", "layer-norm(placement=after)"}
	}
	if c.Normalization.Name == "none" {
		for _, name := range norms {
			choice, err := catalogue.Parse(name)
			if err == nil {
				choice, err = normalization.Catalogue.Complete(choice)
			}
			if err != nil {
				return nil, err
			}
			if err := try("normalization: "+name, func(c *record.Config) { c.Normalization = choice }); err != nil {
				return nil, err
			}
		}
	}
	if c.Model.Name == "mlp" {
		for _, text := range []string{"residual(scale=by-depth,block=1)", "highway"} {
			choice, err := catalogue.Parse(text)
			if err == nil {
				choice, err = models.Catalogue.Complete(choice)
			}
			if err != nil {
				return nil, err
			}
			if err := try("model: "+text, func(c *record.Config) { c.Model = choice }); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(trials, func(a, b Trial) int { return cmp.Compare(a.lost(), b.lost()) })
	return trials, nil
}

// lost is how many decades the signal changes by, both ways.
func (t Trial) lost() float64 {
	d := math.Abs(float64(t.Decades)) + max(0, -float64(t.Decorrelation))
	if d != d {
		return math.Inf(1)
	}
	return d
}

// refused reports whether there is no network of a configuration, because parts of it don't go
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

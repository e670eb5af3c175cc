package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/bench/phase"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newTheory() *cobra.Command {
	var (
		activation, picture string
		v                   meanfield.Variances
		depth               int
		counts              counts
		networks            measureFlags
		asJSON              bool
	)
	c := &cobra.Command{
		Use:   "theory",
		Short: "Print mean-field theory of a nonlinearity",
		Long: `Theory predicts signals and gradients in wide networks of a nonlinearity, initialised with
weights of variance σ_w²/fan-in and biases of variance σ_b², by mean-field theory: the
variance q* to which pre-activations converge, the factor χ₁ by which each layer multiplies
the squared gradient, the trainable depth, and the critical weight variance (χ₁ = 1).
Inputs are assumed to have mean square 1.

With --measure it also trains networks of many depths and weight variances, and shows up
to which depth they train beside what theory says.`,
		Example: `  gradflow theory --activation tanh
  gradflow theory --activation sigmoid --weight-variance 103 --depth 100
  gradflow theory --activation 'tanh(z) + 0.1*z' --weight-variance 1.5 --bias-variance 0.05
  gradflow theory --activation 'dks(of=softplus,depth=50)' --json
  gradflow theory --activation gaussian --weight-variance 2 --plot gaussian.png
  gradflow theory --activation tanh --bias-variance 0.05 --measure --budget 2m --plot trains.svg`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			choice, err := readChoice(activations.Catalogue, "--activation", activation)
			if err != nil {
				return err
			}
			for flag, x := range map[string]float64{"--weight-variance": v.Weight, "--bias-variance": v.Bias} {
				if !(x >= 0) || math.IsInf(x, 0) {
					return useError{errors.Errorf("%s %g: must be finite and at least 0", flag, x)}
				}
			}
			if err := counts.check(); err != nil {
				return err
			}
			if err := networks.check(c); err != nil {
				return err
			}
			if picture != "" {
				if err := checkPicture("--plot", picture); err != nil {
					return err
				}
			}
			t, err := theoryOf(choice, strings.TrimSpace(activation), v, depth)
			if err != nil {
				return useError{errors.Wrapf(err, "--activation %s", activation)}
			}
			var figure draw.Figure = phase.Diagram{Activation: t.name, Field: t.field, Point: v}
			if networks.measure {
				if t.measured, err = networks.run(c, t); err != nil {
					return err
				}
				figure = phase.Trainable{Measured: t.measured}
			}
			if picture != "" {
				if err := draw.Write(picture, figure); err != nil {
					return errors.Wrap(err, "--plot")
				}
			}
			w := c.OutOrStdout()
			if asJSON {
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				return e.Encode(t.result())
			}
			t.print(w)
			if picture != "" {
				fmt.Fprintf(w, "\nPhase diagram: %s\n", picture)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&activation, "activation", "tanh", "activation, such as tanh, elu(alpha=0.5) or a formula in z")
	f.Float64Var(&v.Weight, "weight-variance", 1, "σ_w²: the variance of weights times the fan-in")
	f.Float64Var(&v.Bias, "bias-variance", 0, "σ_b²: the variance of biases")
	counts.add(c, &depth, study.TheoryDepth, 0, "also predict the gradient over this many layers")
	f.StringVar(&picture, "plot", "", "draw the phase diagram to this .svg, .png or .pdf file")
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	networks.add(c)
	complete(c, "activation", activations.Catalogue.Names())
	plotFlag(c)
	return c
}

// theory holds the command's findings.
type theory struct {
	*meanfield.Theory
	name     string
	choice   catalogue.Choice
	measured *phase.Measured // nil: not asked for
	field    *meanfield.Field
	critical *meanfield.CriticalPoint // nil: there is none
	none     error                    // why
	depth    int
	decades  float64 // by which the gradient's norm grows from the last to the first of depth layers
}

// theoryWidth is the width for activations that depend on it.
const theoryWidth = 64

func theoryOf(choice catalogue.Choice, name string, v meanfield.Variances, depth int) (*theory, error) {
	f, err := activations.Catalogue.Make(choice)
	if err != nil {
		return nil, err
	}
	if _, depends := f.(activations.Adaptable); depends && depth == 0 {
		return nil, useError{errors.Errorf("--activation: %s depends on the network: give --depth, or set depth in %s(…)", f.Name(), f.Name())}
	}
	if f, err = activations.For(f, activations.Network{Depth: depth, Width: theoryWidth}); err != nil {
		return nil, err
	}
	scalar, err := activations.ScalarOf(f)
	if err != nil {
		return nil, err
	}
	t := &theory{name: name, choice: choice, depth: depth}
	if t.field, err = meanfield.New(scalar); err != nil {
		return nil, err
	}
	if t.Theory, err = t.field.Theory(v); err != nil {
		return nil, err
	}
	t.critical, t.none = t.field.Critical(v.Bias)
	var none *meanfield.NoCritical
	if t.none != nil && !errors.As(t.none, &none) {
		return nil, t.none
	}
	for _, l := range t.field.Propagate(v, v.Weight+v.Bias, depth)[min(1, depth):] {
		t.decades += math.Log10(l.Chi) / 2
	}
	return t, nil
}

// theoryResult is the command's JSON; null is what does not exist or is not finite.
type theoryResult struct {
	Activation             string          `json:"activation"`
	WeightVariance         float64         `json:"weight_variance"`
	BiasVariance           float64         `json:"bias_variance"`
	Outcome                string          `json:"outcome"` // of q: converges, diverges, neutral
	QStar                  record.Number   `json:"q_star"`
	Chi1                   record.Number   `json:"chi1"`
	Phase                  *string         `json:"phase"`
	XiGradient             record.Number   `json:"xi_gradient"`
	XiCorrelation          record.Number   `json:"xi_correlation"`
	Correlation            record.Number   `json:"correlation"`
	TrainableDepth         record.Number   `json:"trainable_depth"`
	CriticalWeightVariance record.Number   `json:"critical_weight_variance"`
	NoCritical             string          `json:"no_critical,omitempty"` // why there is none
	Depth                  int             `json:"depth,omitempty"`
	GradientDecades        *record.Number  `json:"gradient_decades,omitempty"` // of the norm, from the last layer to the first
	Measured               *phase.Measured `json:"measured,omitempty"`
}

func (t *theory) result() theoryResult {
	nan := math.NaN()
	r := theoryResult{
		Activation: t.name, WeightVariance: t.Weight, BiasVariance: t.Bias, Outcome: t.Outcome.String(),
		QStar: record.Number(t.Q), Chi1: record.Number(t.Chi1),
		XiGradient: record.Number(t.XiGradient), XiCorrelation: record.Number(t.XiCorrelation),
		Correlation: record.Number(t.Correlation), TrainableDepth: record.Number(t.TrainableDepth()),
		CriticalWeightVariance: record.Number(nan),
	}
	if t.Outcome == meanfield.Neutral {
		r.QStar = record.Number(nan) // any
	}
	if t.Phase != meanfield.NoPhase {
		phase := t.Phase.String()
		r.Phase = &phase
	}
	if t.critical != nil {
		r.CriticalWeightVariance = record.Number(t.critical.Weight)
	} else {
		r.NoCritical = t.none.Error()
	}
	r.Measured = t.measured
	if t.depth > 0 {
		decades := record.Number(t.decades)
		r.Depth, r.GradientDecades = t.depth, &decades
	}
	return r
}

// print writes the theory in words, with sketches of its maps.
func (t *theory) print(w io.Writer) {
	width := texttab.Or(terminalWidth(w))
	say := func(text string) {
		fmt.Fprintln(w, strings.Join(texttab.Wrap(text, width), "\n"))
	}
	say(fmt.Sprintf("%s, weights of variance %.6g/fan-in, biases of variance %.6g", t.name, t.Weight, t.Bias))
	table := texttab.Table{NoHead: true, Indent: 2, Columns: []texttab.Column{{}, {}, {Wrap: true, Least: 24}}}
	row := func(name, value, text string) {
		table.Rows = append(table.Rows, []texttab.Cell{texttab.Text(name), texttab.Text(value), texttab.Text(text)})
	}
	switch t.Outcome {
	case meanfield.Diverges:
		row("q*", "", "none: the variance grows without bound")
		row("χ₁", "", "none")
	case meanfield.Neutral:
		row("q*", "", "any: each layer keeps the variance of the pre-activations")
	default:
		text := "variance to which pre-activations converge"
		if t.QSlope < 0 {
			text += ", above and below it in turn"
		}
		if stable := t.stable(); stable > 1 {
			text += fmt.Sprintf(" (one of %d, that from inputs of mean square 1)", stable)
		}
		row("q*", fmt.Sprintf("%.5g", t.Q), text)
	}
	if t.Phase != meanfield.NoPhase {
		row("χ₁", fmt.Sprintf("%.5g", t.Chi1), "factor of the squared gradient, layer by layer")
		row("phase", t.Phase.String(), map[meanfield.Phase]string{
			meanfield.Ordered:  "gradients vanish, examples become alike",
			meanfield.Critical: "gradients keep their size",
			meanfield.Chaotic:  "gradients explode, examples become unlike",
		}[t.Phase])
		row("ξ of the gradient", layers(t.XiGradient), perLayers(t.XiGradient))
		if !math.IsNaN(t.XiCorrelation) {
			row("ξ of correlations", layers(t.XiCorrelation), fmt.Sprintf("layers, towards correlation %.4g", t.Correlation))
		}
		if d := t.TrainableDepth(); math.IsInf(d, 0) || d > 1e6 {
			row("trainable depth", "unlimited", "as far as this theory goes")
		} else {
			row("trainable depth", fmt.Sprintf("about %.0f", d), "layers, 6 times the smaller ξ")
		}
	}
	if c := t.critical; c != nil {
		text := fmt.Sprintf("weight variance with these biases, q* = %.4g", c.Q)
		if c.Neutral {
			text = "weight variance, without biases"
		}
		row("critical", fmt.Sprintf("%.6g", c.Weight), text)
	} else {
		_, reason, _ := strings.Cut(t.none.Error(), ": ")
		row("critical", "", "none: "+reason)
		row("", "", fmt.Sprintf("Try a transformation, such as %s.", t.remedy()))
	}
	fmt.Fprintf(w, "\n%s\n", strings.Join(table.Lines(width, false), "\n"))
	if t.depth > 0 {
		fmt.Fprintln(w)
		say(t.verdict())
	}
	if list := t.sketches(); len(list) > 0 {
		fmt.Fprintln(w)
		printSketches(w, list, width, colours(w))
	}
	if t.measured != nil {
		fmt.Fprintf(w, "\n%s\n", strings.Join(t.measured.Text(width, colours(w)), "\n"))
	}
}

// stable returns the number of stable fixed points.
func (t *theory) stable() int {
	n := 0
	for _, p := range t.FixedPoints {
		if p.Stable {
			n++
		}
	}
	return n
}

// perLayers says what a ξ of the gradient means.
func perLayers(xi float64) string {
	if xi == 0 { // χ₁ = 0
		return "no gradient passes a layer"
	}
	return "layers in which its square changes by a factor e"
}

// layers prints a number of layers.
func layers(xi float64) string {
	if math.IsInf(xi, 0) || xi > 1e6 {
		return "infinite"
	}
	return fmt.Sprintf("%.4g", xi)
}

func (t *theory) remedy() string {
	of := t.name
	if strings.ContainsAny(of, " (),=") {
		of = "…"
	}
	depth := t.depth
	if depth == 0 {
		depth = 50
	}
	return fmt.Sprintf("dks(of=%s,depth=%d)", of, depth)
}

// verdict says what becomes of the gradient over the depth.
func (t *theory) verdict() string {
	switch d := t.decades; {
	case math.IsNaN(d) || t.Outcome == meanfield.Diverges:
		return fmt.Sprintf("Over %d layers the pre-activations grow without bound.", t.depth)
	case math.IsInf(d, -1):
		return fmt.Sprintf("Over %d layers nothing is left of the gradient.", t.depth)
	case math.Abs(d) < 0.05:
		return fmt.Sprintf("Over %d layers the gradient's norm stays as it is.", t.depth)
	case d < 0:
		return fmt.Sprintf("Over %d layers the gradient's norm falls by %.1f decades, from the last to the first.", t.depth, -d)
	default:
		return fmt.Sprintf("Over %d layers the gradient's norm grows by %.1f decades, from the last to the first.", t.depth, d)
	}
}

// sketches returns what to draw: the q-map, and the c-map where there is one.
func (t *theory) sketches() []sketch {
	top := 2 * max(t.Weight+t.Bias, t.Bias)
	if t.Q > 0 && t.Outcome == meanfield.Converges {
		top = 2 * t.Q
	}
	if top == 0 {
		return nil
	}
	q := sketch{title: "q-map: next layer's variance", xhi: top, yhi: top, mark: math.NaN(),
		f: func(q float64) float64 { return t.field.QMap(t.Variances, q) }}
	if t.Outcome == meanfield.Converges {
		q.mark, q.markLabel = t.Q, fmt.Sprintf("q* = %.4g", t.Q)
	}
	list := []sketch{q}
	if t.Q > 0 {
		m := t.field.CMap(t.Variances, t.Q)
		list = append(list, sketch{title: "c-map: next layer's correlation", xhi: 1, yhi: 1, f: m.At,
			mark: t.Correlation, markLabel: fmt.Sprintf("c* = %.4g", t.Correlation)})
	}
	return list
}

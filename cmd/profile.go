package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newProfile() *cobra.Command {
	var (
		network          networkFlags
		steps            int
		picture          string
		asJSON, noAdvice bool
	)
	c := &cobra.Command{
		Use:   "profile",
		Short: "Look through a network layer by layer",
		Long: `Profile builds a network, runs a batch, and shows for each layer what its units do and
what becomes of the gradient on its way back, with what theory predicts beside it. With
--steps it also trains, and shows the layers after that. It ends with where the gradient
dies, what theory says of it, and what the remedies do that theory suggests, measured.`,
		Example: `  gradflow profile --activation sigmoid --depth 20
  gradflow profile --activation softplus --depth 50 --steps 200 --optimizer smorms3
  gradflow profile --model rbf --activation gaussian --depth 20 --plot rbf.png
  gradflow profile --activation tanh --depth 100 --width 128 --initializer orthogonal --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := network.read(); err != nil {
				return err
			}
			config := &network.config
			switch {
			case steps < 0:
				return useError{errors.Errorf("--steps %d: must be at least 0", steps)}
			case config.DType != "float32" && config.DType != "float64":
				return useError{errors.Errorf("--dtype %q: want float32 or float64", config.DType)}
			}
			if picture != "" {
				if err := checkPicture("--plot", picture); err != nil {
					return err
				}
			}
			p, err := profile.Measure(c.Context(), *config, steps)
			if err != nil {
				return err
			}
			var trials []profile.Trial
			if !noAdvice && math.Abs(profile.Decades(p.Start)) > 1 {
				if trials, err = profile.Advise(c.Context(), p); err != nil {
					return err
				}
			}
			if picture != "" {
				if err := draw.Write(picture, profile.Figure{Profile: p}); err != nil {
					return errors.Wrap(err, "--plot")
				}
			}
			w := c.OutOrStdout()
			if asJSON {
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				return e.Encode(struct {
					*profile.Profile
					Verdict string          `json:"verdict"`
					Trials  []profile.Trial `json:"trials,omitempty"`
				}{p, p.Verdict(), trials})
			}
			return printProfile(w, p, trials, picture)
		},
	}
	network.add(c, 50, 128, 64)
	choiceFlag(&network, c, optimizers.Catalogue, &network.config.Optimizer, "optimizer", "sgd", "optimizer of the steps")
	f := c.Flags()
	f.StringVar(&network.config.DType, "dtype", "float32", "float32 or float64")
	f.IntVar(&steps, "steps", 0, "training steps")
	f.StringVar(&picture, "plot", "", "draw a picture into this file, a .svg, .png or .pdf")
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	f.BoolVar(&noAdvice, "no-advice", false, "don't try remedies")
	complete(c, "dtype", []string{"float32", "float64"})
	plotFlag(c)
	return c
}

// Rows of the table at most: of a deeper network some layers in between are left out.
const mostRows = 40

func printProfile(w io.Writer, p *profile.Profile, trials []profile.Trial, picture string) error {
	c := p.Config
	fmt.Fprintf(w, "%s %s, %d x %d, %s", c.Model.Name, c.Activation, c.Depth, c.Width, c.Initializer)
	if c.Normalization.Name != "none" {
		fmt.Fprintf(w, ", %s", c.Normalization)
	}
	fmt.Fprintf(w, "; a batch of %d %s, at the start\n\n", c.Batch, c.Task.Name)
	if err := printLayers(w, p.Start, p.Theory != nil); err != nil {
		return err
	}
	if len(p.Trained) > 0 {
		fmt.Fprintf(w, "\nafter %d steps of %s\n\n", p.Steps, c.Optimizer)
		if err := printLayers(w, p.Trained, false); err != nil {
			return err
		}
	}
	width := terminalWidth(w)
	if width == 0 || width > 100 {
		width = 100
	}
	fmt.Fprintf(w, "\n%s\n", wrap(p.Verdict(), width))
	if len(trials) > 0 {
		fmt.Fprintf(w, "\nTried at the start, decades that the gradient loses (now %.1f):\n", profile.Decades(p.Start))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, trial := range trials {
			result := fmt.Sprintf("%.1f", float64(trial.Decades))
			if trial.Problem != "" {
				result = trial.Problem
			}
			fmt.Fprintf(t, "  %s\t%s\n", trial.Remedy, result)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if picture != "" {
		fmt.Fprintf(w, "\nThe picture: %s\n", picture)
	}
	return nil
}

// printLayers prints a row for each layer, with a bar as long as log10 of its gradient.
func printLayers(w io.Writer, layers []profile.Layer, theory bool) error {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	header := "layer\tmean\tdeviation\tsaturated\tlog10 gradient\t"
	if theory {
		header = "layer\tmean\tdeviation\tsaturated\tχ measured\tχ predicted\tlog10 gradient\t"
	}
	fmt.Fprintln(t, header)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range layers {
		if g := float64(l.Gradient); g-g == 0 {
			lo, hi = min(lo, g), max(hi, g)
		}
	}
	lo = min(lo, hi-3) // a bar spans three decades at least
	bars := []string{""}
	every := (len(layers) + mostRows - 1) / mostRows
	for i, l := range layers {
		if i%every != 0 && i < len(layers)-2 {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t", l.Name, number(l.PreActivationMean), number(l.PreActivationStd), percent(l.Saturated))
		if theory {
			fmt.Fprintf(t, "%s\t%s\t", number(l.Chi), number(l.PredictedChi))
		}
		fmt.Fprintf(t, "%s\t\n", gradient(l.Gradient))
		bars = append(bars, bar(float64(l.Gradient), lo, hi))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, line := range strings.Split(strings.TrimSuffix(table.String(), "\n"), "\n") {
		fmt.Fprintln(w, strings.TrimRight(line+"  "+bars[i], " "))
	}
	return nil
}

func number(n record.Number) string {
	if n.IsNaN() {
		return ""
	}
	return fmt.Sprintf("%.3g", float64(n))
}

func percent(n record.Number) string {
	if n.IsNaN() {
		return ""
	}
	return fmt.Sprintf("%.0f%%", 100*float64(n))
}

// gradient prints log10 of a norm.
func gradient(n record.Number) string {
	if math.IsInf(float64(n), -1) {
		return "exactly 0"
	}
	return fmt.Sprintf("%.2f", float64(n))
}

const barWidth = 24

// bar draws where x lies from lo to hi, in eighths of a character.
func bar(x, lo, hi float64) string {
	if !(x-x == 0) || !(hi > lo) {
		return ""
	}
	eighths := int(math.Round(8*barWidth*(x-lo)/(hi-lo))) + 1
	b := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		b += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return b
}

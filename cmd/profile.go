package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newProfile() *cobra.Command {
	var (
		network          networkFlags
		steps            int
		picture          string
		asJSON, noAdvice bool
		jacobian         bool
		widths, depths   []int
	)
	c := &cobra.Command{
		Use:   "profile",
		Short: "Inspect a network layer by layer",
		Long: `Profile builds a network, runs one batch, and shows for each layer how its units behave
and how the gradient changes on its way back, beside the prediction of theory. With --steps
it also trains, and shows the layers again. It concludes where the signal dies, forward
and backward, what theory says about it, and how much some remedies help, measured at
initialisation. With --jacobian it adds the singular values of the Jacobian.

  log10(1-c)  distance of the examples in the batch: -8 is equal to eight digits
  χ           factor of the squared gradient from the layer above`,
		Example: `  gradflow profile --activation sigmoid --depth 20
  gradflow profile --activation softplus --depth 50 --steps 200 --optimizer smorms3
  gradflow profile --widths 64,128,256 --depths 4,16 --optimizer 'sgd(rate=0.1)'
  gradflow profile --model rbf --activation gaussian --depth 20 --plot rbf.png
  gradflow profile --activation tanh --depth 100 --width 128 --initializer orthogonal --jacobian --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := network.read(); err != nil {
				return err
			}
			if picture != "" {
				if err := checkPicture("--plot", picture); err != nil {
					return err
				}
			}
			if len(widths)+len(depths) > 0 {
				return checkCoordinates(c, network.config, widths, depths, steps, picture, asJSON)
			}
			if jacobian {
				if err := profile.CheckJacobian(network.config); err != nil {
					return useError{err}
				}
			}
			p, err := profile.Measure(c.Context(), network.config, steps)
			if err != nil {
				return err
			}
			if jacobian {
				if err := profile.MeasureJacobian(c.Context(), p); err != nil {
					return err
				}
			}
			var trials []profile.Trial
			if !noAdvice && p.Fades() {
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
					Caution string          `json:"caution"`
					Remedy  string          `json:"remedy"`
				}{p, p.Verdict(), trials, profile.Caution, p.Remedy()})
			}
			return printProfile(w, p, trials, picture)
		},
	}
	network.add(c, "50", "128", "64", "sgd")
	f := c.Flags()
	network.counts.add(c, &steps, atLeast(0, study.Steps), 0, "training steps")
	f.StringVar(&picture, "plot", "", "draw a picture to this .svg, .png or .pdf file")
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	f.IntSliceVar(&widths, "widths", nil, "coordinate check: how much a step of training changes z at these widths, such as 64,128,256")
	f.IntSliceVar(&depths, "depths", nil, "coordinate check at these depths, or at each width and depth")
	f.BoolVar(&jacobian, "jacobian", false, "measure the singular values of the Jacobian, in float64: seconds at width 128, minutes at 512")
	f.BoolVar(&noAdvice, "no-advice", false, "don't try remedies")
	plotFlag(c)
	return c
}

// coordinateSteps is the default number of steps of a coordinate check.
const coordinateSteps = 10

// mostCoordinates is how many networks a coordinate check may have.
const mostCoordinates = 100

// checkCoordinates prints how much a step changes the pre-activations, by width and depth.
func checkCoordinates(c *cobra.Command, config study.Config, widths, depths []int, steps int, picture string, asJSON bool) error {
	if len(widths) == 0 {
		widths = []int{config.Width}
	}
	if len(depths) == 0 {
		depths = []int{config.Depth}
	}
	for _, flag := range []struct {
		name string
		list []int
	}{{"widths", widths}, {"depths", depths}} {
		for _, n := range flag.list {
			if n < 1 {
				return useError{errors.Errorf("--%s %d: must be at least 1", flag.name, n)}
			}
		}
	}
	if n := len(widths) * len(depths); n > mostCoordinates {
		return useError{errors.Errorf("--widths and --depths: %d networks are more than %d", n, mostCoordinates)}
	}
	for _, depth := range depths {
		for _, width := range widths {
			sized := config
			sized.Depth, sized.Width = depth, width
			if err := sizeError(study.CheckSize(sized)); err != nil {
				return err
			}
		}
	}
	if steps == 0 {
		steps = coordinateSteps
	}
	list, err := profile.Coordinates(c.Context(), config, widths, depths, steps)
	if err != nil {
		return err
	}
	scalings := profile.Scalings(list)
	if picture != "" {
		title := fmt.Sprintf("%s, %s, %s: %s of %s", config.Activation, config.Initializer.Name, config.Task.Name, texttab.Count(steps, "step"), config.Optimizer)
		if err := draw.Write(picture, profile.ScalingFigure{List: list, Title: title}); err != nil {
			return errors.Wrap(err, "--plot")
		}
	}
	w := c.OutOrStdout()
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"coordinates": list, "first_layer": scalings[0], "last_layer": scalings[1], "output": scalings[2]})
	}
	t := texttab.Table{Columns: []texttab.Column{{Head: "depth", Right: true}, {Head: "width", Right: true}, {Head: "first layer", Right: true},
		{Head: "last layer", Right: true}, {Head: "output", Right: true}, {Head: "", Wrap: true}}}
	for _, at := range list {
		t.Rows = append(t.Rows, []texttab.Cell{texttab.Text(fmt.Sprint(at.Depth)), texttab.Text(fmt.Sprint(at.Width)),
			texttab.Text(number(at.First)), texttab.Text(number(at.Last)), texttab.Text(number(at.Output)), texttab.Text(at.Reason)})
	}
	for i, name := range []string{"width", "depth"} {
		cells := []texttab.Cell{texttab.Text(""), texttab.Text("~ " + name + "^")}
		known := false
		for _, s := range scalings {
			exponent := []record.Number{s.Width, s.Depth}[i]
			known = known || !exponent.IsNaN()
			cells = append(cells, texttab.Text(signed(exponent)))
		}
		if known {
			t.Rows = append(t.Rows, append(cells, texttab.Text("")))
		}
	}
	width := min(texttab.Or(terminalWidth(w)), 100)
	lines := texttab.Wrap(fmt.Sprintf("Root mean square change of the pre-activations in a step of %s, over the first %s, on one batch:",
		config.Optimizer, texttab.Count(steps, "step")), width)
	lines = append(append(lines, ""), t.Lines(width, colours(w))...)
	lines = append(append(lines, ""), texttab.Wrap("An exponent of 0 means that the size does not matter. Where the change grows with width or depth, training will diverge; where it falls, layers hardly learn. Scale the rate or the initialisation.", width)...)
	if picture != "" {
		lines = append(lines, "", "Picture: "+picture)
	}
	_, err = io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// signed is an exponent with its sign.
func signed(n record.Number) string {
	if n.IsNaN() {
		return ""
	}
	return fmt.Sprintf("%+.2f", float64(n))
}

// The most rows of the table: of deeper networks, layers in between are left out.
const mostRows = 40

func printProfile(w io.Writer, p *profile.Profile, trials []profile.Trial, picture string) error {
	lines := profileLines(p, trials, min(texttab.Or(terminalWidth(w)), 100), colours(w))
	if picture != "" {
		lines = append(lines, "", "Picture: "+picture)
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

func profileLines(p *profile.Profile, trials []profile.Trial, width int, colour bool) []string {
	c := p.Config
	title := fmt.Sprintf("%s %s, %d x %s, %s", c.Model, c.Activation, c.Depth, c.Units(), c.Initializer)
	if c.Normalization.Name != "none" {
		title += ", " + c.Normalization.String()
	}
	lines := texttab.Wrap(fmt.Sprintf("%s; a batch of %d of %s, at the start", title, c.Batch, c.Task), width)
	lines = append(append(lines, ""), layerLines(p.Start, p.NoPrediction == "", c.DType, width, colour)...)
	if len(p.Trained) > 0 {
		lines = append(append(lines, ""), texttab.Wrap(fmt.Sprintf("after %s of %s", texttab.Count(p.Steps, "step"), c.Optimizer), width)...)
		lines = append(append(lines, ""), layerLines(p.Trained, false, c.DType, width, colour)...)
	}
	lines = append(append(lines, ""), texttab.Wrap(p.Verdict(), width)...)
	if p.Jacobian != nil {
		lines = append(append(lines, ""), texttab.Wrap(p.Jacobian.Sentence(), width)...)
	}
	if len(trials) > 0 {
		lines = append(append(lines, ""), texttab.Wrap("Tried at the start; of the signal in the first layer and in the last:", width)...)
		t := texttab.Table{Indent: 2, Columns: []texttab.Column{{Head: "", Wrap: true, Least: 24}, {Head: "gradient loses", Right: true}, {Head: "log10(1-c)", Right: true}}}
		now := profile.Trial{Remedy: "as it is", Decades: record.Number(profile.Decades(p.Start)), Decorrelation: profile.Decorrelation(p.Start)}
		for _, trial := range append([]profile.Trial{now}, trials...) {
			t.Rows = append(t.Rows, []texttab.Cell{texttab.Text(trial.Remedy), texttab.Text(outcome(trial)), texttab.Text(apart(trial.Decorrelation, p.Config.DType))})
		}
		lines = append(lines, t.Lines(width, colour)...)
	}
	lines = append(append(lines, ""), texttab.Wrap(profile.Caution+" What trains is tried by", width)...)
	return append(lines, command(suggested(p.Remedy()), width)...)
}

// command breaks a command at its flags, or if necessary before a flag's value.
func command(text string, width int) (lines []string) {
	parts := strings.Split(text, " --")
	line := "  " + parts[0]
	add := func(part, indent string) {
		if next := line + " " + part; texttab.Width(next) <= width-2 {
			line = next
		} else {
			lines, line = append(lines, line+" \\"), indent+part
		}
	}
	for _, part := range parts[1:] {
		flag, value, _ := strings.Cut(part, " ")
		if texttab.Width(part)+8 <= width {
			add("--"+part, "    ")
		} else {
			add("--"+flag, "    ")
			add(value, "      ")
		}
	}
	return append(lines, line)
}

// outcome describes the effect of a remedy.
func outcome(t profile.Trial) string {
	switch d := float64(t.Decades); {
	case t.Problem != "":
		return t.Problem
	case math.IsInf(d, 1):
		return "all: nothing arrives"
	case d-d != 0:
		return "not finite"
	default:
		return fmt.Sprintf("%.1f", d)
	}
}

// layerLines is a table with a row for each layer, with a bar as long as log10 of its
// gradient where there is room.
func layerLines(layers []profile.Layer, theory bool, dtype string, width int, colour bool) []string {
	t := texttab.Table{Columns: []texttab.Column{{Head: "layer"}, {Head: "mean", Right: true, Keep: 5}, {Head: "deviation", Right: true},
		{Head: "saturated", Right: true, Keep: 4}}}
	t.Columns = append(t.Columns, texttab.Column{Head: "log10(1-c)", Right: true, Keep: 1})
	if theory {
		t.Columns = append(t.Columns, texttab.Column{Head: "theory", Right: true, Keep: 3})
	}
	t.Columns = append(t.Columns, texttab.Column{Head: "χ", Right: true, Keep: 2})
	if theory {
		t.Columns = append(t.Columns, texttab.Column{Head: "theory", Right: true, Keep: 3})
	}
	own := profile.OwnQuantities()
	for _, q := range own {
		t.Columns = append(t.Columns, texttab.Column{Head: q.Head, Right: true, Keep: 1})
	}
	t.Columns = append(t.Columns, texttab.Column{Head: "log10 gradient", Right: true})
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range layers {
		if g := float64(l.Gradient); g-g == 0 {
			lo, hi = min(lo, g), max(hi, g)
		}
	}
	lo = min(lo, hi-3) // a bar spans three decades at least
	var shown []profile.Layer
	every := (len(layers) + mostRows - 1) / mostRows
	for i, l := range layers {
		if i%every != 0 && i < len(layers)-2 {
			continue
		}
		shown = append(shown, l)
		row := []texttab.Cell{texttab.Text(l.Name), texttab.Text(number(l.PreActivationMean)), texttab.Text(number(l.PreActivationStd)), texttab.Text(percent(l.Saturated))}
		row = append(row, texttab.Text(apart(l.Decorrelation, dtype)))
		if theory {
			row = append(row, texttab.Text(apart(l.PredictedDecorrelation, "")))
		}
		row = append(row, texttab.Text(number(l.Chi)))
		if theory {
			row = append(row, texttab.Text(number(l.PredictedChi)))
		}
		for _, q := range own {
			if v := l.Others[q.Name]; q.Unit == "share" {
				row = append(row, texttab.Text(percent(v)))
			} else {
				row = append(row, texttab.Text(number(v)))
			}
		}
		t.Rows = append(t.Rows, append(row, texttab.Text(gradient(l.Gradient))))
	}
	const least = 8 // columns of the longest bar
	lines := t.Lines(width-least-2, colour)
	used := 0
	for _, line := range t.Lines(width-least-2, false) {
		used = max(used, texttab.Width(line))
	}
	if used > width-least-2 || len(lines) > len(shown)+3 { // blocks
		return t.Lines(width, colour)
	}
	heads := len(lines) - len(shown)
	for i, l := range shown {
		if b := bar(float64(l.Gradient), lo, hi, min(24, width-used-2)); b != "" {
			lines[heads+i] += "  " + b
		}
	}
	return lines
}

// apart prints log10(1-c), which a float type shows down to its rounding.
func apart(n record.Number, dtype string) string {
	switch d := float64(n); {
	case d != d:
		return ""
	case dtype != "" && d < probe.Floor(dtype):
		return "at rounding"
	case math.IsInf(d, -1):
		return "equal"
	default:
		return fmt.Sprintf("%.2f", d)
	}
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
	switch g := float64(n); {
	case math.IsInf(g, -1):
		return "exactly 0"
	case g-g != 0:
		return "not finite"
	default:
		return fmt.Sprintf("%.2f", g)
	}
}

// bar draws where x lies from lo to hi, in eighths of a character.
func bar(x, lo, hi float64, width int) string {
	if !(x-x == 0) || !(hi > lo) {
		return ""
	}
	eighths := int(math.Round(8*float64(width)*(x-lo)/(hi-lo))) + 1
	b := strings.Repeat("█", min(eighths/8, width))
	if rest := eighths % 8; rest > 0 && eighths/8 < width {
		b += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return b
}

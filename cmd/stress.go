package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gradflow/gradflow/bench/stress"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

func newStress() *cobra.Command {
	var (
		names, groups []string
		options       stress.Options
		asJSON        bool
		picture, svg  string
	)
	c := &cobra.Command{
		Use:   "stress",
		Short: "Put optimizers to the unit tests of stochastic optimization",
		Long: `Stress runs optimizers on some two thousand small problems, each with one known
difficulty (kinks, plateaus, cliffs, noise of many kinds, drift, rotation, curl), for a
hundred steps ten times over, and compares how far they get with the best rate of plain
gradient descent. It draws the table of optimizers by groups of tests. Without
--optimizer all of the catalogue are run, with their defaults.

Source: Schaul, Antonoglou and Silver, Unit tests for stochastic optimization (2014).`,
		Example: `  gradflow stress --plot stress.svg
  gradflow stress --plot gradflow-out/quickstart/stress.svg   # then: gradflow report gradflow-out/quickstart
  gradflow stress --optimizer smorms3 --optimizer 'sgd(rate=0.1)' --optimizer 'rmsprop(rate=0.001)'
  gradflow stress --optimizer adam --group '10-D rotated' --json`,
		Args: exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			list := stress.DefaultOptimizers()
			if len(names) > 0 {
				list = nil
			}
			for _, name := range names {
				choice, err := readChoice(optimizers.Catalogue, "--optimizer", name)
				if err != nil {
					return err
				}
				list = append(list, choice)
			}
			tests, err := testsOf(groups)
			if err != nil {
				return err
			}
			if options.Repetitions < 1 || options.Steps < 1 || options.Workers < 0 {
				return useError{fmt.Errorf("--reps %d, --steps %d, --workers %d: must be at least 1 (0 workers: one for each core)",
					options.Repetitions, options.Steps, options.Workers)}
			}
			if picture == "" {
				picture = svg
			}
			if picture != "" {
				if _, err := draw.Format(picture); err != nil {
					return useError{fmt.Errorf("--plot: %w", err)}
				}
			}
			return runStress(c, tests, list, options, asJSON, picture)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&names, "optimizer", nil, "optimizer, such as smorms3 or sgd(rate=0.1); may be repeated")
	f.StringArrayVar(&groups, "group", nil, "run the tests of this group only; may be repeated")
	f.Uint64Var(&options.Seed, "seed", 1, "seed of noise, drift and rotations")
	f.IntVar(&options.Repetitions, "reps", 10, "repetitions of each test")
	f.IntVar(&options.Steps, "steps", 100, "steps of each repetition")
	f.IntVar(&options.Workers, "workers", 0, "tests side by side (default one for each core)")
	f.StringVar(&picture, "plot", "", "draw the table, a cell for each test, into this file, a .svg, .png or .pdf")
	f.StringVar(&svg, "svg", "", "")
	if err := f.MarkDeprecated("svg", "use --plot"); err != nil { // the flag is not there
		panic(err)
	}
	plotFlag(c)
	f.BoolVar(&asJSON, "json", false, "print every verdict as JSON")
	complete(c, "optimizer", optimizers.Catalogue.Names())
	complete(c, "group", stress.Groups)
	return c
}

func testsOf(groups []string) ([]stress.Test, error) {
	for _, g := range groups {
		if !slices.Contains(stress.Groups, g) {
			return nil, useError{fmt.Errorf("--group: unknown group %q: there are %s", g, strings.Join(stress.Groups, ", "))}
		}
	}
	tests := stress.Suite()
	if len(groups) == 0 {
		return tests, nil
	}
	return slices.DeleteFunc(tests, func(t stress.Test) bool { return !slices.Contains(groups, t.Group) }), nil
}

func runStress(c *cobra.Command, tests []stress.Test, list []catalogue.Choice, o stress.Options, asJSON bool, picture string) error {
	count := newCounter(c.ErrOrStderr(), len(tests), "tests")
	o.Progress = count.add
	results, err := stress.Run(c.Context(), tests, list, o)
	count.end()
	if c.Context().Err() != nil {
		fmt.Fprintln(c.ErrOrStderr(), "Interrupted: nothing was recorded.")
		return errInterrupted
	}
	if err != nil {
		return err
	}
	if picture != "" {
		if err := draw.Write(picture, stress.Figure{Results: results}); err != nil {
			return useError{fmt.Errorf("--plot: %w", err)}
		}
		fmt.Fprintf(c.ErrOrStderr(), "The table is drawn in %s\n", picture)
	}
	w := c.OutOrStdout()
	if asJSON {
		return json.NewEncoder(w).Encode(results)
	}
	return results.WriteText(w, stress.TextOptions{Width: terminalWidth(w), Colour: colours(w)})
}

// counter shows how many of some equal tasks are done: as a bar on a terminal, as a line
// every few seconds elsewhere.
type counter struct {
	w    io.Writer
	what string
	all  int
	bars *mpb.Progress
	bar  *mpb.Bar

	mu          sync.Mutex
	done        int
	begin, last time.Time
}

func newCounter(w io.Writer, all int, what string) *counter {
	c := &counter{w: w, what: what, all: all, begin: time.Now(), last: time.Now()}
	if width := terminalWidth(w); width > 0 {
		c.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(min(width, 100)))
		c.bar = c.bars.AddBar(int64(all),
			mpb.PrependDecorators(decor.CountersNoUnit("%d/%d "+what)),
			mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Any(func(decor.Statistics) string {
				c.mu.Lock()
				defer c.mu.Unlock()
				return "  " + c.left()
			})))
	}
	return c
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.bar != nil {
		c.bar.Increment()
		return
	}
	if now := time.Now(); now.Sub(c.last) >= logInterval {
		c.last = now
		fmt.Fprintf(c.w, "%d/%d %s, %s\n", c.done, c.all, c.what, c.left())
	}
}

func (c *counter) left() string {
	if c.done == 0 {
		return ""
	}
	rest := time.Duration(float64(time.Since(c.begin)) * float64(c.all-c.done) / float64(c.done))
	return fmt.Sprintf("%v left", rest.Round(time.Second))
}

// end leaves the terminal to what comes next.
func (c *counter) end() {
	if c.bar == nil {
		return
	}
	if !c.bar.Completed() {
		c.bar.Abort(false)
	}
	c.bars.Wait()
}

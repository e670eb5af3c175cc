package cmd

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/stress"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newStress() *cobra.Command {
	var (
		names, groups []string
		options       stress.Options
		asJSON        bool
		counts        counts
		picture, svg  string
	)
	c := &cobra.Command{
		Use:   "stress",
		Short: "Run optimizers through the unit tests of stochastic optimization",
		Long: `Stress runs optimizers on about two thousand small problems, each with one known
difficulty (kinks, plateaus, cliffs, noise of many kinds, drift, rotation, curl), ten times
for a hundred steps, and compares their progress with that of plain gradient descent at its
best rate. It prints a table of optimizers by groups of tests. Without --optimizer it runs
the whole catalogue, with default settings.

Source: Schaul, Antonoglou and Silver, Unit tests for stochastic optimization (2014).`,
		Example: `  gradflow stress --plot stress.svg
  # The table in the report of a study:
  gradflow stress --plot gradflow-out/quickstart/stress.svg
  gradflow report gradflow-out/quickstart
  gradflow stress --optimizer smorms3 --optimizer 'sgd(rate=0.1)' --optimizer 'rmsprop(rate=0.001)'
  gradflow stress --optimizer adam --group '10-D rotated' --json`,
		Args: noArguments,
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
			if err := counts.check(); err != nil {
				return err
			}
			if err := study.CheckMemory(options.Memory()); err != nil {
				return useError{errors.Errorf("--reps %d --steps %d: %v", options.Repetitions, options.Steps, err)}
			}
			if picture == "" {
				picture = svg
			}
			if picture != "" {
				if err := checkPicture("--plot", picture); err != nil {
					return err
				}
			}
			return runStress(c, tests, list, options, asJSON, picture)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&names, "optimizer", nil, "optimizer, such as smorms3 or sgd(rate=0.1); may be repeated")
	f.StringArrayVar(&groups, "group", nil, "run only the tests of this group; may be repeated")
	uintFlag(f, &options.Seed, "seed", 1, "seed of noise, drift and rotations")
	counts.add(c, &options.Repetitions, study.Repetitions, 10, "repetitions of each test")
	counts.add(c, &options.Steps, study.TestSteps, 100, "steps of each repetition")
	counts.add(c, &options.Workers, study.Workers, 0, "parallel tests (default one per core)")
	f.StringVar(&picture, "plot", "", "draw the table, a cell per test, to this .svg, .png or .pdf file")
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
			return nil, useError{errors.Errorf("--group: unknown group %q: there are %s", g, strings.Join(stress.Groups, ", "))}
		}
	}
	tests := stress.Suite()
	if len(groups) == 0 {
		return tests, nil
	}
	return slices.DeleteFunc(tests, func(t stress.Test) bool { return !slices.Contains(groups, t.Group) }), nil
}

func runStress(c *cobra.Command, tests []stress.Test, list []catalogue.Choice, o stress.Options, asJSON bool, picture string) error {
	onInterrupt(c.Context(), func() string { return "Interrupted: nothing was recorded." })
	var tested amount
	tested.all.Store(int64(len(tests)))
	o.Progress = func() { tested.done.Add(1) }
	progress := watch(c.ErrOrStderr(), &tested, func() (string, string) {
		return fmt.Sprintf("%d/%s", tested.done.Load(), texttab.Count(len(tests), "test")), ""
	})
	results, err := stress.Run(c.Context(), tests, list, o)
	progress.end()
	if err != nil {
		return err
	}
	if picture != "" {
		if err := draw.Write(picture, stress.Figure{Results: results}); err != nil {
			return errors.Wrap(err, "--plot")
		}
		fmt.Fprintf(c.ErrOrStderr(), "Table: %s\n", picture)
	}
	w := c.OutOrStdout()
	if asJSON {
		return json.NewEncoder(w).Encode(results)
	}
	return results.WriteText(w, stress.TextOptions{Width: terminalWidth(w), Colour: colours(w)})
}

package cmd

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// dryMeasuring is how long a dry run may time steps, about.
const dryMeasuring = 5 * time.Second

// printTime says how long the runs take, by some of their steps.
func printTime(c *cobra.Command, spec *study.Spec) error {
	estimate, err := spec.Estimate(c.Context(), spec.Configs, dryMeasuring)
	if c.Context().Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	updates := 0
	for _, config := range spec.Configs {
		updates += config.Steps
	}
	all := spec.Resolve(func(study.Config) *record.Record { return nil })
	total := estimate.Total * float64(all.PlannedUpdates) / float64(updates)
	workers := runtime.GOMAXPROCS(0)
	duration := func(seconds float64) time.Duration { return roundTime(time.Duration(seconds * float64(time.Second))) }
	for _, l := range texttab.Wrap(fmt.Sprintf("About %v on one core, %v on the %d here (measured: a few steps of %d of the %d kinds of networks); the longest run takes %v.",
		duration(total), duration(max(total/float64(workers), estimate.Longest)), workers, estimate.Measured, estimate.Shapes, duration(estimate.Longest)), texttab.Or(terminalWidth(c.OutOrStdout()))) {
		fmt.Fprintln(c.OutOrStdout(), l)
	}
	return nil
}

// dryRun prints a study's runs and what they can show. If they can show nothing, it returns
// an error.
func dryRun(c *cobra.Command, spec *study.Spec) error {
	design, err := compare.Planned(spec)
	if err != nil {
		return err
	}
	w := c.OutOrStdout()
	updates := 0
	for _, config := range spec.Configs {
		updates += config.Steps
	}
	fmt.Fprintf(w, "%s: %s, %s\n", spec.Name, texttab.Count(len(spec.Configs), "run"), texttab.Count(updates, "update"))
	if spec.Tune != nil {
		// More, where the best setting is the last on its side.
		all := spec.Resolve(func(study.Config) *record.Record { return nil })
		fmt.Fprintf(w, "About %s, %s, choose their settings first.\n",
			texttab.Count(all.Planned-len(spec.Configs), "more run"), texttab.Count(all.PlannedUpdates-updates, "update"))
	}
	if err := printTime(c, spec); err != nil {
		return err
	}
	fmt.Fprintln(w)
	table := texttab.Table{Columns: []texttab.Column{{Head: "axis"}, {Head: "values", Wrap: true}}}
	for _, a := range study.Axes {
		if !a.Differs(spec.Configs) {
			continue
		}
		var values []string
		seen := map[string]bool{}
		for _, l := range a.Labels(spec.Configs) {
			if !seen[l] {
				seen[l] = true
				values = append(values, strings.TrimPrefix(l, a.Key+" "))
			}
		}
		table.Rows = append(table.Rows, []texttab.Cell{texttab.Text(a.Key), texttab.Text(strings.Join(values, ", "))})
	}
	for _, l := range table.Lines(texttab.Or(terminalWidth(w)), colours(w)) {
		fmt.Fprintln(w, l)
	}
	things := make([]string, len(design.Things))
	for i, t := range design.Things {
		things[i] = t.Label
	}
	say := func(format string, args ...any) {
		for _, l := range texttab.Prose("", fmt.Sprintf(format, args...), texttab.Or(terminalWidth(w))) {
			fmt.Fprintln(w, l)
		}
	}
	fmt.Fprintln(w)
	if len(things) < 2 {
		say("Nothing is compared: all runs are of one thing.")
		return nil
	}
	say("Compared: %s, with %s, in %s of %s.", strings.Join(things, ", "), design.Baseline, texttab.Count(len(design.Facets), "facet"), texttab.Count(design.Seeds, "seed"))
	if !design.CanShow() {
		return errors.Errorf("%s: the runs can't show any difference, however large: %s", spec.Name, strings.Join(design.Warnings, "; "))
	}
	if d := float64(design.Detectable); !math.IsInf(d, 0) {
		say("A shift of %.2g standard deviations of the paired differences is detected four times in five.", d)
	}
	return nil
}

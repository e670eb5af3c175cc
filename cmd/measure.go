package cmd

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/gradflow/gradflow/bench/phase"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/models"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// measureFlags are those of theory --measure: what is trained to find the trainable depth.
type measureFlags struct {
	axisFlags
	measure      bool
	depths       []int
	variances    []float64
	steps, seeds int
	budget       time.Duration
	out          string
	workers      int
	counts       counts
}

// measured has the axes of the networks that theory --measure trains and theory does not say.
var measured = []string{"task", "width", "optimizer", "batch", "dtype"}

func (f *measureFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVar(&f.measure, "measure", false, "train networks of many depths and weight variances, and draw to which depth they train beside the theory")
	flags.IntSliceVar(&f.depths, "depths", []int{2, 4, 8, 16, 32, 64}, "depths that --measure trains")
	flags.Float64SliceVar(&f.variances, "variances", nil, "weight variances that --measure trains (default 8 around the critical one)")
	f.counts.add(c, &f.steps, study.Steps, 300, "updates of each network that --measure trains")
	f.counts.add(c, &f.seeds, study.Seeds, 1, "networks that --measure trains of each depth and variance")
	flags.DurationVar(&f.budget, "budget", 0, "time that --measure may train; the same command resumes (default no limit)")
	flags.StringVar(&f.out, "out", "", "directory of what --measure records (default gradflow-out/trainable-depth-<hash of all settings>)")
	f.counts.add(c, &f.workers, study.Workers, 0, "networks that --measure trains side by side (default one for each core)")
	f.axisFlags.add(c, func(a study.Axis) bool { return slices.Contains(measured, a.Key) }, map[string]string{
		"task": "digits", "width": "64", "optimizer": "sgd(rate=0.05)", "batch": "64",
	})
}

// alone are the flags that say nothing without --measure.
func (f *measureFlags) alone() []string {
	return append([]string{"depths", "variances", "steps", "seeds", "budget", "out", "workers"}, measured...)
}

// check reads the flags.
func (f *measureFlags) check(c *cobra.Command) error {
	if !f.measure {
		for _, name := range f.alone() {
			if c.Flags().Changed(name) {
				return useError{errors.Errorf("--%s is for networks that are trained: add --measure", name)}
			}
		}
		return nil
	}
	if c.Flags().Changed("budget") && f.budget <= 0 {
		return useError{errors.Errorf("--budget %v: must be above 0, such as 60s", f.budget)}
	}
	if err := f.counts.check(); err != nil {
		return err
	}
	for _, depth := range f.depths {
		if err := atLeast(1, study.Depth).Check(depth); err != nil {
			return useError{errors.Errorf("--depths: %v", err)}
		}
	}
	for _, v := range f.variances {
		if !(v > 0) || math.IsInf(v, 0) {
			return useError{errors.Errorf("--variances %g: must be finite and above 0", v)}
		}
	}
	if err := f.read(); err != nil {
		return err
	}
	task, err := tasks.Catalogue.Make(f.config.Task)
	if err != nil {
		return useError{errors.Wrap(err, "--task")}
	}
	if task.Loss() != models.CrossEntropy {
		return useError{errors.Errorf("--task %s: has no accuracy, which tells what trains", f.config.Task)}
	}
	return nil
}

// around are the variances that are trained if none are given: around the critical one, or up
// to where theory ends.
func around(t *theory) []float64 {
	middle := 1.5
	if t.critical != nil {
		middle = t.critical.Weight
	}
	var list []float64
	for _, share := range []float64{0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5} {
		v := middle * share
		scale := math.Pow(10, math.Floor(math.Log10(v))-2)
		list = append(list, math.Round(v/scale)*scale) // three digits
	}
	return list
}

// run trains the networks, as far as the time goes, and returns what came of them.
func (f *measureFlags) run(c *cobra.Command, t *theory) (*phase.Measured, error) {
	q := phase.Question{Config: f.config, Variances: f.variances, Bias: t.Bias, Depths: f.depths, Steps: f.steps, Seeds: f.seeds, Activation: t.name}
	q.Config.Activation = t.choice
	if len(q.Variances) == 0 {
		q.Variances = around(t)
	}
	spec, err := q.Study(c.Context())
	if err != nil {
		return nil, useError{err}
	}
	out := f.out
	if out == "" {
		out = filepath.Join("gradflow-out", spec.Name+"-"+settingsHash(spec))
	}
	if err := checkNewDirectory("--out", out); err != nil {
		return nil, err
	}
	progress := newStudyProgress(c.ErrOrStderr())
	onInterrupt(c.Context(), func() string {
		return fmt.Sprintf("%s: %s\nInterrupted: runs in progress were discarded. Run the same command to resume.", spec.Name, progress.tell())
	})
	ctx := c.Context()
	if f.budget > 0 {
		limited, cancel := context.WithTimeout(ctx, f.budget)
		defer cancel()
		ctx = limited
	}
	outcome, err := study.Run(ctx, spec, out, study.Options{Workers: f.workers, Progress: progress})
	progress.end()
	if err != nil && outcome.Runs == 0 {
		return nil, notBegun(err)
	}
	if c.Context().Err() != nil {
		return nil, errInterrupted
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", spec.Name, progress.tell())
	if err != nil {
		return nil, err
	}
	if outcome.Recorded+outcome.Finished == 0 {
		return nil, errors.Errorf("--budget %v: no network is trained in this time: give more", f.budget)
	}
	if outcome.Interrupted {
		fmt.Fprintln(c.ErrOrStderr(), "The time is up: the same command resumes.")
	}
	results, err := study.Open(c.Context(), out)
	if err != nil {
		return nil, err
	}
	for _, w := range results.Warnings {
		if !outcome.Interrupted {
			fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", w)
		}
	}
	return phase.Measure(q, t.field, results)
}

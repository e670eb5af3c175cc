package cmd

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newRun() *cobra.Command {
	var out string
	var workers int
	var counts counts
	var set []string
	var dry bool
	c := &cobra.Command{
		Use:   "run STUDY.yaml",
		Short: "Run or resume a study",
		Long: `Run executes the runs of a study that are not recorded yet, on all cores, and records
each when it is complete; then it prints the ranking and writes report.html. Ctrl-C stops
it after the current steps; run the command again to resume.`,
		Example: `  gradflow run bench/studies/quickstart.yaml
  gradflow run study.yaml --out results/study --workers 1
  gradflow run study.yaml --set depth=10,20 --set optimizer.rate=0.01 --dry-run`,
		Args: oneArgument("a study file"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := counts.check(); err != nil {
				return err
			}
			spec, err := loadStudyWith(c.Context(), args[0], set)
			if err != nil {
				return err
			}
			if dry {
				return dryRun(c, spec)
			}
			return runStudy(c, spec, args[0], set, out, workers)
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory of the records (default gradflow-out/<study name>)")
	c.Flags().StringArrayVar(&set, "set", nil, "override a key of the study, such as depth=10,20 or optimizer.rate=0.01; may be repeated")
	c.Flags().BoolVar(&dry, "dry-run", false, "print the runs and what they can show, without running them")
	counts.add(c, &workers, study.Workers, 0, "parallel runs, or the cores over which fewer runs split their large products (default one per core)")
	return c
}

// loadStudy reads a study file. Any fault in it is a usage error.
func loadStudy(ctx context.Context, file string) (*study.Spec, error) {
	return loadStudyWith(ctx, file, nil)
}

// loadStudyWith reads a study file and sets some of its keys.
func loadStudyWith(ctx context.Context, file string, set []string) (*study.Spec, error) {
	spec, err := study.LoadWith(ctx, file, set)
	var at *study.SpecError
	if err != nil && ctx.Err() == nil && !errors.As(err, &at) {
		return nil, useError{errors.Errorf("%s: %v", file, reason(err))}
	}
	return spec, err
}

func runStudy(c *cobra.Command, spec *study.Spec, file string, set []string, out string, workers int) error {
	if out == "" {
		out = filepath.Join("gradflow-out", spec.Name)
	}
	if err := checkNewDirectory("--out", out); err != nil {
		return err
	}
	settings := ""
	for _, s := range set {
		settings += " --set " + shellQuote(s)
	}
	progress := newStudyProgress(c.ErrOrStderr())
	onInterrupt(c.Context(), func() string {
		return fmt.Sprintf("%s: %s\nInterrupted: runs in progress were discarded. Run the same command to resume:\n  %s",
			spec.Name, progress.tell(), suggested("gradflow run "+shellQuote(file)+settings+" --out "+shellQuote(out)))
	})
	outcome, err := study.Run(c.Context(), spec, out, study.Options{Workers: workers, Progress: progress})
	progress.end()
	if err != nil && outcome.Runs == 0 {
		return notBegun(err)
	}
	if outcome.Interrupted {
		return errInterrupted
	}
	w := c.OutOrStdout()
	fmt.Fprintf(w, "%s: %s\n", spec.Name, progress.tell())
	if outcome.Recorded+outcome.Finished > 0 {
		if reportErr := writeReport(c, out, "", report.TextOptions{}, false); err == nil {
			err = reportErr
		}
	}
	return err
}

// notBegun is the error of a study that could not start in its directory.
func notBegun(err error) error {
	if errors.Is(err, study.ErrAnotherStudy) {
		return useError{err}
	}
	return err
}

package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/spf13/cobra"
)

func newRun() *cobra.Command {
	var out string
	var workers int
	c := &cobra.Command{
		Use:   "run STUDY.yaml",
		Short: "Run a study, or go on with it",
		Long: `Run does the runs of a study that are not recorded yet, on all cores, and records
each when it is complete; then it prints the ranking and writes report.html. Started
again, it goes on where it stopped. Ctrl-C ends it after the current steps.`,
		Example: `  gradflow run bench/studies/quickstart.yaml
  gradflow run study.yaml --out results/study --workers 1`,
		Args: exactly(1, "one study file"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error {
			if workers < 0 {
				return useError{fmt.Errorf("--workers %d: must be at least 1, or 0 for one for each core", workers)}
			}
			return runStudy(c, args[0], out, workers)
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory of the records (default gradflow-out/<study name>)")
	c.Flags().IntVar(&workers, "workers", 0, "runs side by side, or cores that fewer runs divide their large products over (default one for each core)")
	return c
}

func runStudy(c *cobra.Command, file, out string, workers int) error {
	spec, err := study.Load(c.Context(), file)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return useError{err}
	}
	if err != nil {
		return err
	}
	if out == "" {
		out = filepath.Join("gradflow-out", spec.Name)
	}
	progress := newProgress(c.ErrOrStderr())
	outcome, err := study.Run(c.Context(), spec, out, study.Options{Workers: workers, Progress: progress})
	progress.end()
	if errors.Is(err, record.ErrLocked) {
		return err
	}
	w := c.OutOrStdout()
	fmt.Fprintf(w, "%s: %s\n", spec.Name, tell(outcome))
	if outcome.Interrupted {
		fmt.Fprintf(w, "Interrupted: the runs in progress were left out. To go on, give the same command again:\n  gradflow run %s --out %s\n", file, out)
		return errInterrupted
	}
	if outcome.Recorded+outcome.Finished > 0 {
		if reportErr := writeReport(c, out, false); err == nil {
			err = reportErr
		}
	}
	return err
}

func tell(o study.Outcome) string {
	s := fmt.Sprintf("%d runs", o.Runs)
	if o.Recorded > 0 {
		s += fmt.Sprintf(", %d recorded before", o.Recorded)
	}
	s += fmt.Sprintf(", %d done now", o.Finished)
	if o.Diverged > 0 {
		s += fmt.Sprintf(" (%d diverged)", o.Diverged)
	}
	if o.Failed > 0 {
		s += fmt.Sprintf(", %d failed", o.Failed)
	}
	return s
}

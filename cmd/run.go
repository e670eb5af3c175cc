package cmd

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newRun() *cobra.Command {
	var out string
	var workers int
	var counts counts
	var set []string
	var dry, asJSON bool
	var shard string
	c := &cobra.Command{
		Use:   "run STUDY.yaml",
		Short: "Run or resume a study",
		Long: `Run executes the runs of a study that are not recorded yet, on all cores, and records
each when it is complete; then it prints the ranking and writes report.html. Ctrl-C stops
it after the current steps; run the command again to resume.

With --shard 3/8 it does the third of eight parts, in a directory of its own below that of the
study, so that eight machines can share the work; gradflow merge brings the records together.
--shard auto takes the place from the array of Slurm, Kubernetes or GNU parallel: see gradflow
plan.`,
		Example: `  gradflow run bench/studies/quickstart.yaml
  gradflow run study.yaml --out results/study --workers 1
  gradflow run study.yaml --set depth=10,20 --set optimizer.rate=0.01 --dry-run
  gradflow run study.yaml --shard 3/8
  gradflow run study.yaml --json | jq -c 'select(.event == "run")'`,
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
			part, err := shardOf(spec, shard, cmp.Or(out, defaultOut(spec)))
			if err != nil {
				return err
			}
			return runStudy(c, spec, runOptions{file: args[0], set: set, out: out, workers: workers, shard: part, shardText: shard, json: asJSON})
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory of the records (default gradflow-out/<study name>)")
	c.Flags().StringArrayVar(&set, "set", nil, "override a key of the study, such as depth=10,20 or optimizer.rate=0.01; may be repeated")
	c.Flags().StringVar(&shard, "shard", "", "part of the study to do, such as 3/8, or auto in an array of jobs")
	c.Flags().BoolVar(&asJSON, "json", false, "print events as JSON lines in place of the report: begin, run, end")
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

// runOptions are the flags of run.
type runOptions struct {
	file      string
	set       []string
	out       string
	workers   int
	shard     *study.Shard
	shardText string
	json      bool
}

func defaultOut(spec *study.Spec) string { return filepath.Join("gradflow-out", spec.Name) }

// shardOf reads the flag --shard; nil: it is not given.
func shardOf(spec *study.Spec, text, dir string) (*study.Shard, error) {
	switch text {
	case "":
		return nil, nil
	case "auto":
		index, engine, err := study.ShardHere(os.Getenv)
		if err == nil && engine == "" {
			err = errors.New("no array of Slurm, Kubernetes or GNU parallel has started this process; give the shard as 3/8")
		}
		if err != nil {
			return nil, useError{errors.Wrap(err, "--shard auto")}
		}
		of, err := spec.Split(dir, 0)
		if err != nil {
			return nil, useError{errors.Wrap(err, "--shard auto")}
		}
		if index > of {
			return nil, useError{errors.Errorf("--shard auto: %s says that this is job %d, but the study is split into %d shards", engine, index, of)}
		}
		return &study.Shard{Index: index, Of: of}, nil
	}
	shard, err := study.ParseShard(text)
	if err != nil {
		return nil, useError{errors.Wrap(err, "--shard")}
	}
	return &shard, nil
}

func runStudy(c *cobra.Command, spec *study.Spec, o runOptions) error {
	out := cmp.Or(o.out, defaultOut(spec))
	if err := checkNewDirectory("--out", out); err != nil {
		return err
	}
	settings := ""
	for _, s := range o.set {
		settings += " --set " + shellQuote(s)
	}
	again := "gradflow run " + shellQuote(o.file) + settings + " --out " + shellQuote(out)
	if o.shardText != "" {
		again += " --shard " + o.shardText
	}
	w := c.OutOrStdout()
	var events *eventProgress
	if o.json {
		events = &eventProgress{w: w, study: spec.Name}
	}
	told, outcome, err := execute(c, spec, out, suggested(again), study.Options{Workers: o.workers, Shard: o.shard}, events)
	if told == "" {
		return err
	}
	if o.json {
		return err
	}
	name := spec.Name
	if o.shard != nil {
		name += ", shard " + o.shard.String()
	}
	fmt.Fprintf(w, "%s: %s\n", name, told)
	switch {
	case outcome.Waiting > 0:
		fmt.Fprintf(w, "The choice of settings waits for %s of other shards. When they have ended, run this again:\n  %s\n", texttab.Count(outcome.Waiting, "run"), suggested(again))
	case o.shard != nil:
		fmt.Fprintf(w, "When all shards have ended, merge their records:\n  %s\n", suggested("gradflow merge "+shellQuote(out)))
	case outcome.Recorded+outcome.Finished > 0:
		if reportErr := writeReport(c, out, "", report.TextOptions{}, false); err == nil {
			err = reportErr
		}
	}
	return err
}

// execute runs a study and shows its progress; events, if not nil, are printed besides. again
// is the command that resumes it, "" if that is plain. What is told of the runs at the end is
// "" if none began or if the study was interrupted.
func execute(c *cobra.Command, spec *study.Spec, out, again string, o study.Options, events *eventProgress) (told string, outcome study.Outcome, err error) {
	progress := newStudyProgress(c.ErrOrStderr())
	onInterrupt(c.Context(), func() string {
		text := fmt.Sprintf("%s: %s\nInterrupted: runs in progress were discarded. Run the same command to resume", spec.Name, progress.tell())
		if again == "" {
			return text + "."
		}
		return text + ":\n  " + again
	})
	o.Progress = progress
	if events != nil {
		events.Progress, o.Progress = progress, events
	}
	outcome, err = study.Run(c.Context(), spec, out, o)
	progress.end()
	if events != nil {
		events.end(outcome, err)
	}
	switch {
	case err != nil && outcome.Runs == 0:
		return "", outcome, notBegun(err)
	case outcome.Interrupted:
		return "", outcome, errInterrupted
	}
	return progress.tell(), outcome, err
}

// notBegun is the error of a study that could not start in its directory.
func notBegun(err error) error {
	if errors.Is(err, study.ErrAnotherStudy) {
		return useError{err}
	}
	return err
}

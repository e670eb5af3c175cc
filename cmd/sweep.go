package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/sweep"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sweepFlags are the flags that describe the study of a sweep.
type sweepFlags struct {
	axisFlags
	name, rates  string
	optimizers   []string
	steps, seeds int
}

// ownFlags may be combined with a study file.
var ownFlags = []string{"margin", "out", "workers", "plot", "json"}

func newSweep() *cobra.Command {
	var (
		flags  sweepFlags
		counts counts
		margin float64
		out    string
		plot   string
		work   int
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "sweep [STUDY.yaml]",
		Short: "Measure how much optimizers depend on their learning rate",
		Long: `Sweep trains a network with each optimizer at many learning rates, and shows the
final validation score as a function of the rate: the best score, and over how many decades
the score stays within a margin of it. The study comes from flags, or from a file whose
optimizers have lists of rates. Like any study it is recorded, and running the command
again resumes it; sweep.svg and sweep.png are written next to the records.

Optimizers without a rate, such as vsgd-fd, run once and appear as a horizontal line. In a
chain, the rate is the inner optimizer's.`,
		Example: `  gradflow sweep --activation tanh --depth 20 --optimizer sgd --optimizer smorms3
  gradflow sweep --rates 1e-3:10:decades --seeds 1 --optimizer 'sgd(momentum=0.9)' --optimizer vsgd-fd
  gradflow sweep bench/studies/optimizers-rates.yaml`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return useError{errors.Errorf("sweep takes at most one argument, a study file; see gradflow sweep --help")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := counts.check(); err != nil {
				return err
			}
			if !(margin >= 0 && margin < 1) {
				return useError{errors.Errorf("--margin %g: must be a share from 0 to below 1", margin)}
			}
			var spec *study.Spec
			var err error
			if len(args) == 1 {
				spec, err = sweepFile(c, args[0])
			} else {
				spec, err = flags.spec(c.Context())
			}
			if err != nil {
				return err
			}
			if spec.Tune != nil {
				return useError{errors.Errorf("%s: a sweep uses the rates of its grid and tunes nothing: remove tune", spec.Name)}
			}
			if !slices.ContainsFunc(spec.Configs, func(c study.Config) bool { _, ok := sweep.WithRate(c.Optimizer, 1); return ok }) {
				return useError{errors.Errorf("no optimizer of the study %s has a rate to sweep", spec.Name)}
			}
			if out == "" {
				out = filepath.Join("gradflow-out", spec.Name)
				if len(args) == 0 {
					out += "-" + settingsHash(spec)
				}
			}
			if err := checkNewDirectory("--out", out); err != nil {
				return err
			}
			if plot != "" {
				if err := checkPicture("--plot", plot); err != nil {
					return err
				}
			}
			return runSweep(c, spec, out, plot, work, margin, asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&flags.name, "name", "", "name of the study, sweep-NAME (default from task, activation and depth)")
	flags.add(c, func(a study.Axis) bool { return ofNetwork(a) && a.Key != "optimizer" }, map[string]string{
		"task": "digits", "depth": "10", "width": "64", "activation": "tanh", "initializer": "glorot-normal", "batch": "64",
	})
	f.StringArrayVar(&flags.optimizers, "optimizer", []string{"sgd", "rmsprop", "smorms3", "irprop-minus", "adam", "vsgd-fd"},
		"optimizer, without its rate, such as sgd(momentum=0.9); may be repeated")
	f.StringVar(&flags.rates, "rates", "1e-4:10:half-decades", "rates: a list, or FROM:TO:SPACING with decades, half-decades or third-decades")
	intFlag(f, &flags.steps, "steps", 400, "updates of each run")
	intFlag(f, &flags.seeds, "seeds", 3, "runs of each optimizer at each rate")
	f.Float64Var(&margin, "margin", 0.05, "share of the best score that counts as near it")
	f.StringVar(&out, "out", "", "directory of the records (default gradflow-out/<study name>, with a hash of all settings if flags describe the study)")
	counts.add(c, &work, study.Workers, 0, "parallel runs (default one per core)")
	f.StringVar(&plot, "plot", "", "also draw the curves to this .svg, .png or .pdf file; with several problems, one numbered file each")
	f.BoolVar(&asJSON, "json", false, "print the curves as JSON")
	plotFlag(c)
	complete(c, "optimizer", optimizers.Catalogue.Names())
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return c
}

// settingsHash is the same for two studies only if they have the same runs.
func settingsHash(s *study.Spec) string {
	h := sha256.New()
	for _, c := range s.Configs {
		io.WriteString(h, c.Hash())
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// sweepFile reads the study from a file; flags that describe a study are then errors.
func sweepFile(c *cobra.Command, file string) (*study.Spec, error) {
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && !slices.Contains(ownFlags, f.Name) {
			err = useError{errors.Errorf("--%s: %s describes the study", f.Name, file)}
		}
	})
	if err != nil {
		return nil, err
	}
	return loadStudy(c.Context(), file)
}

// spec makes the study that the flags describe.
func (s *sweepFlags) spec(ctx context.Context) (*study.Spec, error) {
	if err := s.read(); err != nil {
		return nil, err
	}
	rates, err := sweep.ParseRates(s.rates)
	if err != nil {
		return nil, useError{errors.Wrap(err, "--rates")}
	}
	for _, n := range []struct {
		flag         string
		value, least int
	}{{"steps", s.steps, 1}, {"seeds", s.seeds, 1}} {
		if n.value < n.least {
			return nil, useError{errors.Errorf("--%s %d: must be at least %d", n.flag, n.value, n.least)}
		}
	}
	var swept []catalogue.Choice
	for _, text := range s.optimizers {
		c, err := readChoice(optimizers.Catalogue, "--optimizer", text)
		if err != nil {
			return nil, err
		}
		swept = append(swept, sweep.AtRates(c, rates)...)
	}
	if s.name == "" {
		s.name = fmt.Sprintf("%s-%s-%d", s.config.Task.Name, s.config.Activation.Name, s.config.Depth)
	}
	grid := s.grid("task", study.Batch.Key)
	grid["optimizer"] = swept
	spec, err := study.New(ctx, study.Settings{
		Name: "sweep-" + s.name, About: "How much does each optimizer depend on its learning rate?",
		Task: s.config.Task, Steps: s.steps, Batch: s.config.Batch, Seeds: s.seeds, Probe: new(0), Grid: grid,
	})
	if err != nil {
		return nil, useError{err}
	}
	return spec, nil
}

func runSweep(c *cobra.Command, spec *study.Spec, out, plot string, workers int, margin float64, asJSON bool) error {
	told, _, err := execute(c, spec, out, "", study.Options{Workers: workers}, nil)
	if told == "" {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", spec.Name, told)
	if err != nil {
		return err
	}
	s, err := openSweep(c.Context(), c.ErrOrStderr(), out, margin)
	if err != nil {
		return err
	}
	for i := range s.Problems {
		if len(s.Problems[i].Rates()) == 0 {
			continue
		}
		files := []string{filepath.Join(out, "sweep.svg"), filepath.Join(out, "sweep.png")}
		if plot != "" {
			files = append(files, plot)
		}
		for _, file := range files {
			if len(s.Problems) > 1 {
				ending := filepath.Ext(file)
				file = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(file, ending), i+1, ending)
			}
			if err := draw.Write(file, sweep.Figure{Problem: &s.Problems[i]}); err != nil {
				return err
			}
		}
	}
	w := c.OutOrStdout()
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	if err := s.WriteText(w, sweep.TextOptions{Width: terminalWidth(w), Colour: colours(w)}); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nCurves: %s\n", filepath.Join(out, "sweep*.svg"))
	return nil
}

// openSweep reads the runs of a sweep.
func openSweep(ctx context.Context, stderr io.Writer, dir string, margin float64) (*sweep.Sweep, error) {
	results, err := study.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, w := range results.Warnings {
		fmt.Fprintf(stderr, "warning: %s\n", w)
	}
	told := map[string]bool{}
	for _, r := range results.Records {
		for _, w := range r.Summary.Warnings {
			if !told[w] {
				fmt.Fprintf(stderr, "warning: %s\n", w)
				told[w] = true
			}
		}
	}
	return sweep.New(report.Rank(results), margin), nil
}

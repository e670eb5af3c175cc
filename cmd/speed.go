package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/speed"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// timed has the axes of the network that is timed, whose data, model and start are given.
var timed = []string{"activation", "depth", "width", "optimizer", "dtype", "flush-to-zero", "batch"}

func newSpeed() *cobra.Command {
	var (
		network axisFlags
		config  speed.Config
		machine string
		workers int
		counts  counts
		asJSON  bool
	)
	c := &cobra.Command{
		Use:   "speed",
		Short: "Time the training step",
		Long: `Speed times the training step of a deep network (784 inputs, 10 classes,
cross-entropy): the whole step, its parts, and how close it comes to the processor's
measured peak. With --vm tape it alternates with the same network built from Gorgonia's own
operations, on its TapeMachine; the JSON is then the TapeMachine's, with ours under
"gradflow". With --workers 2 it also trains two networks in parallel, as a study does, and
prints the gain in throughput over one. With --split 2 the large matrix products of one
network are split over two cores, as in a study with fewer runs than cores.`,
		Example: `  gradflow speed --depth 50 --width 64 --batch 32 --optimizer rmsprop
  gradflow speed --depth 50 --width 64 --batch 32 --vm tape
  gradflow speed --width 256 --batch 128 --json | jq .peak_share
  gradflow speed --workers 2
  gradflow speed --width 512 --batch 128 --split 2`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := network.read(); err != nil {
				return err
			}
			n := network.config
			if n.Widths != "" {
				return useError{errors.Errorf("--width %s: all layers of the timed network have the same width", n.Widths)}
			}
			config.Depth, config.Width, config.Batch = n.Depth, n.Width, n.Batch
			config.Activation, config.Optimizer, config.DType = n.Activation, n.Optimizer, n.DType
			config.KeepDenormals = !n.FlushToZero
			machines := []string{speed.Gradflow}
			if machine != speed.Gradflow {
				machines = append(machines, machine)
			}
			if err := counts.check(); err != nil {
				return err
			}
			if err := speedFits(config, workers+len(machines)-1); err != nil {
				return err
			}
			results, err := speed.Measure(c.Context(), config, machines...)
			if c.Context().Err() != nil {
				return errInterrupted
			}
			if err != nil {
				return useError{err}
			}
			if workers > 1 {
				ours := &results[0]
				ours.Workers = workers
				if ours.Speedup, err = speed.Workers(c.Context(), config, workers); err != nil {
					return err
				}
			}
			if asJSON {
				return printSpeedJSON(c.OutOrStdout(), results)
			}
			return printSpeed(c.OutOrStdout(), results)
		},
	}
	f := c.Flags()
	network.limits = []study.Count{atLeast(1, study.Depth)}
	network.add(c, func(a study.Axis) bool { return slices.Contains(timed, a.Key) }, map[string]string{
		"depth": "50", "width": "64", "batch": "32", "optimizer": "sgd", "activation": "tanh",
	})
	counts.add(c, &config.Steps, study.Timed, 200, "steps to time")
	f.StringVar(&machine, "vm", speed.Gradflow, "gradflow, or tape to time Gorgonia's TapeMachine as well")
	counts.add(c, &config.Split, study.Split, 0, "cores to split large matrix products over (0: one)")
	counts.add(c, &workers, atLeast(1, study.Workers), 1, "also time this many networks trained in parallel")
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	complete(c, "vm", []string{speed.Gradflow, speed.Tape})
	return c
}

// speedFits checks that this many networks fit into memory.
func speedFits(c speed.Config, networks int) error {
	shape := models.Shape{Inputs: speed.Inputs, Outputs: speed.Classes, Batch: c.Batch, Loss: models.CrossEntropy}
	return sizeError(study.CheckShape(shape, study.Config{
		Model: catalogue.Choice{Name: "mlp"}, Depth: c.Depth, Width: c.Width, Batch: c.Batch, Activation: c.Activation,
		Initializer: catalogue.Choice{Name: "glorot-normal"}, Normalization: catalogue.Choice{Name: "none"}, DType: c.DType,
	}, networks))
}

// readChoice reads a choice from a flag.
func readChoice[T any](c *catalogue.Catalogue[T], flag, text string) (catalogue.Choice, error) {
	choice, err := c.Read(text)
	if err == nil {
		_, err = c.Make(choice)
	}
	if err != nil {
		return choice, useError{errors.Errorf("%s: %s", flag, strings.TrimPrefix(err.Error(), "name: "))}
	}
	return choice, nil
}

// complete offers shell completions for a flag.
func complete(c *cobra.Command, flag string, words []string) {
	err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil { // the flag is not there
		panic(err)
	}
}

func printSpeedJSON(w io.Writer, results []speed.Result) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if len(results) == 1 {
		return e.Encode(results[0])
	}
	return e.Encode(struct {
		speed.Result
		Gradflow speed.Result `json:"gradflow"`
		Ratio    float64      `json:"ratio"` // the TapeMachine's median over ours
	}{results[1], results[0], results[1].StepMedian / results[0].StepMedian})
}

func printSpeed(w io.Writer, results []speed.Result) error {
	r := results[0]
	width := texttab.Or(terminalWidth(w))
	lines := texttab.Wrap(fmt.Sprintf("%s, %d x %d, batch %d, %s, %s: %s", r.Activation, r.Depth, r.Width, r.Batch, r.Optimizer, r.DType, texttab.Count(r.Steps, "step")), width)
	t := texttab.Table{NoHead: true, Columns: []texttab.Column{{Right: true}}}
	for range results {
		t.Columns = append(t.Columns, texttab.Column{Right: true})
	}
	row := func(name string, f func(speed.Result) string) {
		cells := []texttab.Cell{texttab.Text(name)}
		for _, r := range results {
			cells = append(cells, texttab.Text(f(r)))
		}
		t.Rows = append(t.Rows, cells)
	}
	ms := func(v float64) string { return fmt.Sprintf("%.3f ms", v) }
	row("", func(r speed.Result) string { return r.VM })
	row("kernels", func(r speed.Result) string { return r.Kernel })
	if r.Split > 1 { // the TapeMachine has one
		row("cores", func(r speed.Result) string { return fmt.Sprint(max(1, r.Split)) })
	}
	row("step, median", func(r speed.Result) string { return ms(r.StepMedian) })
	row("step, minimum", func(r speed.Result) string { return ms(r.StepMin) })
	row("forward", func(r speed.Result) string { return ms(r.Forward) })
	row("backward", func(r speed.Result) string { return ms(r.Backward) })
	row("update", func(r speed.Result) string { return ms(r.Update) })
	row("products", func(r speed.Result) string { return fmt.Sprintf("%.1f GFLOP/s", r.GFLOPS) })
	row("of one core's peak", func(r speed.Result) string {
		if r.PeakGFLOPS == 0 {
			return "not measured"
		}
		return fmt.Sprintf("%.0f%% of %.0f", 100*r.PeakShare, r.PeakGFLOPS)
	})
	row("allocations a step", func(r speed.Result) string { return fmt.Sprintf("%.0f", r.Allocs) })
	row("build", func(r speed.Result) string { return ms(r.Build) })
	lines = append(append(lines, ""), t.Lines(width, false)...)
	if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n"); err != nil {
		return err
	}
	for _, r := range results {
		if r.DenormalSteps == 0 {
			continue
		}
		sentence := train.Flushed(r.DenormalSteps, r.Steps)
		if !r.FlushToZero {
			sentence = fmt.Sprintf("in %d of %d steps the processor met values below the smallest normal %s, which make many processors 10 to 100 times slower",
				r.DenormalSteps, r.Steps, r.DType)
		}
		fmt.Fprintf(w, "\n%s\n", strings.Join(texttab.Wrap(r.VM+": "+sentence+".", width), "\n"))
	}
	if r.Workers > 1 {
		fmt.Fprintf(w, "\n%d parallel workers make %.2f times as many steps as one.\n", r.Workers, r.Speedup)
	}
	if len(results) > 1 {
		fmt.Fprintf(w, "\nThe TapeMachine takes %.1f times as long.\n", results[1].StepMedian/results[0].StepMedian)
	}
	return nil
}

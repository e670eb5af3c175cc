package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gradflow/gradflow/bench/remedy"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newRemedy() *cobra.Command {
	var (
		network networkFlags
		q       remedy.Question
		options remedy.Options
		out     string
		asJSON  bool
		counts  counts
	)
	c := &cobra.Command{
		Use:   "remedy",
		Short: "Find what keeps a network's signal alive",
		Long: `Remedy takes the network that the flags describe and tries to keep its signal alive:
initialisations, shaped nonlinearities, normalisations, shortcuts, learned scales,
optimizers, and ways of keeping it alive in training, one factor at a time and then the
best together. It prints a ranked table and one tested sentence, and writes a study file
that repeats the comparison. Each remedy is screened at three rates on one seed; the plain
network and the six best are judged on the test set, with ten fresh seeds.

--budget limits the time; 60s suit a depth of 20. With --runs instead, the answer is
reproducible bit for bit, and running an interrupted command again resumes it. With
--finalists 100, all remedies are judged: it takes longer, and nothing is screened out.`,
		Example: `  gradflow remedy --activation sigmoid --depth 20
  gradflow remedy --activation 'tanh(z) + 0.1*z' --depth 50 --budget 3m
  gradflow remedy --model rbf --depth 5 --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := network.read(); err != nil {
				return err
			}
			if err := counts.check(); err != nil {
				return err
			}
			if q.Budget <= 0 {
				return useError{errors.Errorf("--budget %v: must be above 0, such as 60s", q.Budget)}
			}
			q.Config = network.config
			if out == "" {
				out = filepath.Join("gradflow-out", remedyName(q))
			}
			if err := checkNewDirectory("--out", out); err != nil {
				return err
			}
			return runRemedy(c, q, options, out, asJSON)
		},
	}
	network.add(c, "20", "64", "64", "adam")
	f := c.Flags()
	f.DurationVar(&q.Budget, "budget", time.Minute, "time limit")
	counts.add(c, &q.Runs, study.RemedyRuns, 0, "limit the number of runs instead of the time")
	counts.add(c, &q.Seeds, study.Seeds, 10, "fresh seeds of each finalist")
	counts.add(c, &options.Workers, study.Workers, 0, "parallel runs (default one per core)")
	counts.add(c, &q.Finalists, study.Finalists, 6, "remedies that are judged on the test set")
	f.StringVar(&out, "out", "", "directory of the studies (default gradflow-out/remedy-<network>)")
	f.BoolVar(&asJSON, "json", false, "print the answer as JSON")
	return c
}

func runRemedy(c *cobra.Command, q remedy.Question, o remedy.Options, out string, asJSON bool) error {
	stderr := c.ErrOrStderr()
	o.Say = func(line string) { fmt.Fprintln(stderr, line) }
	o.Progress = func(string) (study.Progress, func()) {
		p := newStudyProgress(stderr)
		return p, p.end
	}
	onInterrupt(c.Context(), func() string {
		return "Interrupted: completed runs are kept in " + out + "."
	})
	a, err := remedy.Find(c.Context(), q, out, o)
	if c.Context().Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(out, "remedy.yaml"), []byte(a.Study)); err != nil {
		return err
	}
	results, err := study.Open(c.Context(), a.Directory)
	if err != nil {
		return err
	}
	page := filepath.Join(out, report.FileName)
	if err := report.Write(results, page); err != nil {
		return err
	}
	w := c.OutOrStdout()
	if asJSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(a)
	}
	if err := a.WriteText(w, remedy.TextOptions{Width: terminalWidth(w), Colour: colours(w)}); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nThe finalists as a study: %s\nThe report:               %s\n", filepath.Join(out, "remedy.yaml"), page)
	return nil
}

// remedyName returns the directory of a question: different questions use different ones.
func remedyName(q remedy.Question) string {
	what := q.Config.Activation.Name
	if q.Config.Model.Name != "mlp" {
		what = q.Config.Model.Name
	}
	budget := q.Budget.String()
	if q.Runs > 0 {
		budget = fmt.Sprint(q.Runs)
	}
	h := sha256.Sum256([]byte(q.Config.Hash() + budget + fmt.Sprint(q.Seeds, q.Finalists)))
	return fmt.Sprintf("remedy-%s-%d-%s", what, q.Config.Depth, hex.EncodeToString(h[:4]))
}

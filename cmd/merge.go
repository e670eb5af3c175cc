package cmd

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newMerge() *cobra.Command {
	var mixed, asJSON bool
	c := &cobra.Command{
		Use:   "merge DIR [FROM…]",
		Short: "Bring the records of a study's shards together",
		Long: `Merge copies the records of a study's shards, or of other directories of the same study,
into the study's directory: each is checked first, and copied byte for byte. It then lists the
runs that are missing, with what is known of those that failed, and how to run them alone.
Merging again changes nothing.

Records of different versions or kernels are not merged unless --mixed says so: their last
bits may differ. Two records of one run that differ in their results are never merged.`,
		Example: `  gradflow merge gradflow-out/study
  gradflow merge gradflow-out/study other-machine/study third-machine/study`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return useError{errors.Errorf("merge takes the directory of a study; see %s --help", c.CommandPath())}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(c *cobra.Command, args []string) error {
			dir, from := args[0], args[1:]
			if len(from) == 0 {
				if err := checkDirectory(dir); err != nil {
					return err
				}
				if len(study.ShardDirectories(dir)) == 0 {
					return useError{errors.Errorf("%s has no shards: give the directories to merge into it as well", dir)}
				}
			} else if err := checkNewDirectory("merge", dir); err != nil {
				return err
			}
			for _, d := range from {
				if err := checkDirectory(d); err != nil {
					return err
				}
			}
			m, err := study.Merge(c.Context(), dir, from, mixed)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), mergeJSON(m))
			}
			return tellMerge(c, dir, m)
		},
	}
	c.Flags().BoolVar(&mixed, "mixed", false, "merge records of different versions or kernels, too")
	c.Flags().BoolVar(&asJSON, "json", false, "print what was done as JSON")
	return c
}

// mergedJSON is what --json prints.
type mergedJSON struct {
	Copied   int              `json:"copied"`
	Present  int              `json:"present"`
	Damaged  []string         `json:"damaged"`
	Differ   []string         `json:"different"`
	Missing  []string         `json:"missing"`
	Failures []record.Failure `json:"failures"`
	Waiting  bool             `json:"waiting"`
}

func mergeJSON(m study.Merged) mergedJSON {
	j := mergedJSON{m.Copied, m.Present, []string{}, append([]string{}, m.Different...), []string{}, append([]record.Failure{}, m.Failures...), m.Waiting}
	for _, d := range m.Damaged {
		j.Damaged = append(j.Damaged, d.Error())
	}
	for _, c := range m.Missing {
		j.Missing = append(j.Missing, c.Hash())
	}
	return j
}

// listed is how many runs of a kind are listed.
const listed = 20

func tellMerge(c *cobra.Command, dir string, m study.Merged) error {
	w := c.OutOrStdout()
	fmt.Fprintf(w, "%s: %s merged, %d there before\n", dir, texttab.Count(m.Copied, "record"), m.Present)
	for _, d := range m.Different {
		fmt.Fprintf(w, "Merged all the same: %s\n", d)
	}
	if len(m.Damaged) > 0 {
		fmt.Fprintf(w, "%s left out:\n", texttab.Count(len(m.Damaged), "damaged record"))
		for _, d := range m.Damaged[:min(len(m.Damaged), listed)] {
			fmt.Fprintf(w, "  %v\n", d)
		}
	}
	if len(m.Failures) > 0 {
		fmt.Fprintf(w, "%s failed:\n", texttab.Count(len(m.Failures), "run"))
		for _, f := range m.Failures[:min(len(m.Failures), listed)] {
			fmt.Fprintf(w, "  %s\n", texttab.Clean(f.Error))
		}
	}
	if len(m.Missing) == 0 && !m.Waiting {
		fmt.Fprintln(w, "The study is complete.")
		return writeReport(c, dir, "", report.TextOptions{}, false)
	}
	fmt.Fprintf(w, "%s missing:\n", texttab.Count(len(m.Missing), "run"))
	labels := study.Labels(m.Missing, study.Axes)
	for i, config := range m.Missing[:min(len(m.Missing), listed)] {
		fmt.Fprintf(w, "  %s  seed %d  %s\n", config.Hash(), config.Seed, labels[i])
	}
	if n := len(m.Missing); n > listed {
		fmt.Fprintf(w, "  … and %d more\n", n-listed)
	}
	if m.Waiting {
		fmt.Fprintln(w, "More will follow, when they have chosen settings.")
	}
	// The study's text is in the directory: it can be run from there.
	file := filepath.Join(dir, "study.yaml")
	if _, err := os.Stat(file); err == nil {
		fmt.Fprintf(w, "What is missing is done, here, by\n  %s\n", suggested("gradflow run "+shellQuote(file)+" --out "+shellQuote(dir)))
	}
	return nil
}

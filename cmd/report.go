package cmd

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newReport() *cobra.Command {
	var asJSON bool
	var out string
	c := &cobra.Command{
		Use:   "report DIR",
		Short: "Rank what a study has recorded and draw the report",
		Long: `Report reads the records in a study's directory, prints the ranking of the setups
of each problem (median and interval over seeds, diverged runs counted), and writes
report.html into the directory: one page that needs no network. It is of the runs that
study.yaml in the directory stands for; others, and damaged ones, are named and left out.`,
		Example: `  gradflow report gradflow-out/quickstart
  gradflow report gradflow-out/quickstart --json | jq '.problems[0].setups[0]'`,
		Args: oneArgument("the directory of a study"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkDirectory(args[0]); err != nil {
				return err
			}
			return writeReport(c, args[0], out, asJSON)
		},
	}
	c.Flags().StringVar(&out, "out", "", "file of the page (default report.html in the directory)")
	c.Flags().BoolVar(&asJSON, "json", false, "print the ranking as JSON")
	return c
}

// writeReport prints the ranking and writes the page: into the directory, where that can be
// written to, unless out says otherwise.
func writeReport(c *cobra.Command, dir, out string, asJSON bool) error {
	results, err := study.Open(c.Context(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return useError{errors.Errorf("%s: holds no study: there is no directory runs in it", dir)}
	}
	if err != nil {
		return err
	}
	ranking := report.Rank(results)
	w := c.OutOrStdout()
	if asJSON {
		err = ranking.WriteJSON(w)
	} else {
		err = ranking.WriteText(w, report.TextOptions{Width: terminalWidth(w), Colour: colours(w)})
	}
	if err != nil {
		return err
	}
	if results.Tuning != nil && !asJSON {
		fmt.Fprintln(w)
		if err := report.WriteTuning(w, results.Tuning, report.TextOptions{Width: terminalWidth(w), Colour: colours(w)}); err != nil {
			return err
		}
	}
	path := out
	if path == "" {
		path = filepath.Join(dir, report.FileName)
	}
	err = report.Write(results, path)
	if out == "" && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		fmt.Fprintf(c.ErrOrStderr(), "No page is written: %v. To have it elsewhere, give --out FILE.\n", err)
		return nil
	}
	if err == nil && !asJSON {
		fmt.Fprintf(w, "\nThe report with curves and heat maps: %s\n", path)
	}
	return err
}

package cmd

import (
	"fmt"
	"io/fs"

	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newReport() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "report DIR",
		Short: "Rank what a study has recorded and draw the report",
		Long: `Report reads the records in a study's directory, prints the ranking of the setups
of each problem (median and interval over seeds, diverged runs counted), and writes
report.html into the directory: one page that needs no network.`,
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
			return writeReport(c, args[0], asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the ranking as JSON")
	return c
}

// writeReport prints the ranking and writes the page.
func writeReport(c *cobra.Command, dir string, asJSON bool) error {
	results, err := study.Open(c.Context(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return useError{errors.Errorf("%s: holds no study: there is no directory runs in it", dir)}
	}
	if err != nil {
		return err
	}
	ranking := report.Rank(results)
	w := c.OutOrStdout()
	path, err := report.Write(results)
	if err != nil {
		return err
	}
	if asJSON {
		return ranking.WriteJSON(w)
	}
	if err := ranking.WriteText(w, report.TextOptions{Width: terminalWidth(w), Colour: colours(w)}); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nThe report with curves and heat maps: %s\n", path)
	return nil
}

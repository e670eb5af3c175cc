package cmd

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newReport() *cobra.Command {
	var asJSON, details bool
	var out, where, format, figure string
	var o compare.Options
	c := &cobra.Command{
		Use:   "report DIR [DIR…]",
		Short: "Report what a study has shown",
		Long: `Report reads the records in a study's directory and prints its findings: the conclusion
that the tests support, a table of the things compared by facet, and the observations on
each problem (median and interval over seeds, diverged runs counted). It also writes
report.html, a self-contained page, to the directory. It covers the runs of study.yaml in
the directory; other and damaged runs are listed and left out.

With --compare, --baseline, --where or --format, or with several directories, it prints
only the comparison, of any axes, and writes no page. Seeds pair across directories.

With --figure KIND it draws one figure of the study, or of that comparison, into the file
of --out, and writes its data beside it, as CSV. The kinds:

` + figureKinds() + `
  all          every one of them that the study has, into the directory of --out`,
		Example: `  gradflow report gradflow-out/quickstart
  gradflow report gradflow-out/quickstart --json | jq '.problems[0].setups[0]'
  gradflow report gradflow-out/deep --compare activation,initializer --where 'depth <= 50'
  gradflow report old new --compare optimizer --baseline sgd --format markdown
  gradflow report gradflow-out/quickstart --figure signal -o signal.pdf`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return useError{errors.Errorf("report takes the directory of a study, or several; see %s --help", c.CommandPath())}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(c *cobra.Command, args []string) error {
			for _, dir := range args {
				if err := checkDirectory(dir); err != nil {
					return err
				}
			}
			if out != "" && figure == "" {
				if err := checkFile("--out", out); err != nil {
					return err
				}
			}
			if figure != "" {
				if asJSON || c.Flags().Changed("format") || details {
					return useError{errors.New("--figure draws: drop --json, --format and --details")}
				}
				return writeFigures(c, args, o, where, figure, out)
			}
			only := len(args) > 1
			for _, flag := range []string{"compare", "baseline", "where", "format"} {
				only = only || c.Flags().Changed(flag)
			}
			if !only {
				return writeReport(c, args[0], out, report.TextOptions{Details: details}, asJSON)
			}
			for _, flag := range []string{"out", "details"} {
				if c.Flags().Changed(flag) {
					return useError{errors.Errorf("--%s needs the full report of one study: drop it, or drop --compare, --baseline, --where and --format", flag)}
				}
			}
			if asJSON && c.Flags().Changed("format") && format != "json" {
				return useError{errors.Errorf("--json and --format %s: give only one of them", format)}
			}
			if asJSON {
				format = "json"
			}
			return writeComparison(c, args, o, where, format)
		},
	}
	f := c.Flags()
	f.StringVarP(&out, "out", "o", "", "file of the page (default report.html in the directory), or of the figure")
	f.StringVar(&figure, "figure", "", "draw a figure instead: "+strings.Join(report.FigureNames(), ", ")+", or all")
	complete(c, "figure", append(report.FigureNames(), "all"))
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.BoolVar(&details, "details", false, "print the observations on each problem, however many there are")
	f.StringSliceVar(&o.By, "compare", nil, "axes whose values are compared, such as activation or initializer,normalization (default those that the study compares)")
	f.StringVar(&o.Baseline, "baseline", "", "the thing that the others are compared with, as the table names it (default the first)")
	f.StringVar(&where, "where", "", "runs to keep, such as 'depth <= 50 and optimizer != sgd' (default all)")
	f.StringVar(&format, "format", "text", strings.Join(compare.Formats, ", "))
	complete(c, "format", compare.Formats)
	return c
}

// figureKinds lists the kinds of figures for the help.
func figureKinds() string {
	var lines []string
	for _, k := range report.FigureKinds {
		lines = append(lines, fmt.Sprintf("  %-12s %s", k.Name, k.Doc))
	}
	return strings.Join(lines, "\n")
}

// writeFigures draws a figure, or all that there are.
func writeFigures(c *cobra.Command, dirs []string, o compare.Options, where, kind, out string) error {
	all := kind == "all"
	switch {
	case !all && !slices.Contains(report.FigureNames(), kind):
		return useError{errors.Errorf("--figure %q: want %s, or all", kind, strings.Join(report.FigureNames(), ", "))}
	case out == "" && all:
		return useError{errors.New("--figure all: give a directory with --out")}
	case all && checkPicture("--out", out) == nil:
		return useError{errors.Errorf("--figure all: --out %s is to be a directory, in which each figure is a file", out)}
	case out == "":
		return useError{errors.Errorf("--figure %s: give a file with --out, such as %[1]s.svg, %[1]s.pdf or %[1]s.png", kind)}
	}
	if !all {
		if err := checkPicture("--out", out); err != nil {
			return err
		}
	}
	comparison, err := comparisonOf(c, dirs, o, where)
	if err != nil {
		return err
	}
	w := c.OutOrStdout()
	if !all {
		f, err := report.NewFigure(comparison, kind)
		if err != nil {
			return useError{err}
		}
		data, err := report.WriteFigure(f, out)
		if err != nil {
			return errors.Wrap(err, "--out")
		}
		fmt.Fprintf(w, "Figure: %s\nData:   %s\n", out, data)
		return nil
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return errors.Wrap(err, "--out")
	}
	for _, k := range report.FigureKinds {
		f, err := report.NewFigure(comparison, k.Name)
		if err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "left out: %v\n", err)
			continue
		}
		path := filepath.Join(out, k.Name+".svg")
		data, err := report.WriteFigure(f, path)
		if err != nil {
			return errors.Wrap(err, "--out")
		}
		fmt.Fprintf(w, "%s  %s\n", path, data)
	}
	return nil
}

// writeComparison prints the comparison of one or several studies.
func writeComparison(c *cobra.Command, dirs []string, o compare.Options, where, format string) error {
	if !slices.Contains(compare.Formats, format) {
		return useError{errors.Errorf("--format %q: want %s", format, strings.Join(compare.Formats, ", "))}
	}
	comparison, err := comparisonOf(c, dirs, o, where)
	if err != nil {
		return err
	}
	w := c.OutOrStdout()
	return comparison.Write(w, format, compare.TextOptions{Width: terminalWidth(w), Colour: colours(w)})
}

// comparisonOf compares the runs of one or several studies.
func comparisonOf(c *cobra.Command, dirs []string, o compare.Options, where string) (*compare.Comparison, error) {
	for _, key := range o.By {
		if _, known := study.AxisOf(key); !known {
			var keys []string
			for _, a := range study.Axes {
				keys = append(keys, a.Key)
			}
			return nil, useError{errors.Errorf("--compare: unknown axis %q; there are %s", key, strings.Join(keys, ", "))}
		}
	}
	var condition *study.Condition
	if where != "" {
		var err error
		if condition, err = study.ParseCondition(where); err != nil {
			return nil, useError{errors.Errorf("--where: %v", err)}
		}
	}
	var list []*record.Results
	for _, dir := range dirs {
		results, err := openStudy(c, dir)
		if err != nil {
			return nil, err
		}
		list = append(list, results)
	}
	if len(list) == 1 && len(o.By) == 0 && o.Baseline == "" && condition == nil {
		comparison, err := compare.Study(list[0]) // with its variants and baseline
		if err != nil {
			return nil, useError{err}
		}
		return comparison, nil
	}
	comparison, err := compare.Directories(list, o, condition)
	if err != nil {
		return nil, useError{err}
	}
	return comparison, nil
}

// openStudy reads the records of a study's directory.
func openStudy(c *cobra.Command, dir string) (*record.Results, error) {
	results, err := study.Open(c.Context(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, useError{errors.Errorf("%s: not the directory of a study: it has no subdirectory runs", dir)}
	}
	return results, err
}

// writeReport prints the ranking and writes the page: to out if given, otherwise to the
// directory if it is writable.
func writeReport(c *cobra.Command, dir, out string, o report.TextOptions, asJSON bool) error {
	results, err := openStudy(c, dir)
	if err != nil {
		return err
	}
	ranking := report.Rank(results)
	w := c.OutOrStdout()
	if asJSON {
		err = ranking.WriteJSON(w)
	} else {
		o.Width, o.Colour = terminalWidth(w), colours(w)
		err = ranking.WriteText(w, o)
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
		fmt.Fprintf(c.ErrOrStderr(), "The page was not written: %v. Use --out FILE to write it elsewhere.\n", err)
		return nil
	}
	if err == nil && !asJSON {
		fmt.Fprintf(w, "\nReport with curves and heat maps: %s\n", path)
	}
	return err
}

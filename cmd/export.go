package cmd

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gradflow/gradflow/bench/export"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newExport() *cobra.Command {
	var to, table, out string
	var columns bool
	c := &cobra.Command{
		Use:   "export DIR [DIR…]",
		Short: "Write recorded runs as CSV, JSON, Parquet and others",
		Long: `Export writes the runs of one or several studies for other tools: as CSV, JSON lines, Parquet,
benchstat's format, or TensorBoard's event files. Numbers keep their full precision; what is
not known is empty, and never 0. A run that several directories have is
written once. --columns prints what the columns mean.`,
		Example: `  gradflow export gradflow-out/quickstart > runs.csv
  gradflow export gradflow-out/quickstart --to parquet --table layers --out layers.parquet
  gradflow export gradflow-out/quickstart --to benchfmt | benchstat -col /variant -
  gradflow export gradflow-out/quickstart --to tensorboard --out tb && tensorboard --logdir tb`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 && !columns {
				return useError{errors.Errorf("export takes the directory of a study, or several; see %s --help", c.CommandPath())}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(c *cobra.Command, dirs []string) error {
			format, err := export.FormatNamed(to)
			if err != nil {
				return useError{errors.Wrap(err, "--to")}
			}
			t, err := export.TableNamed(table)
			if err != nil {
				return useError{errors.Wrap(err, "--table")}
			}
			if !format.Tables && c.Flags().Changed("table") {
				return useError{errors.Errorf("--table: %s has no tables; leave the flag out", to)}
			}
			for _, dir := range dirs {
				if err := checkDirectory(dir); err != nil {
					return err
				}
			}
			w := c.OutOrStdout()
			switch {
			case columns:
			case out == "" && format.WriteDirectory != nil:
				return useError{errors.Errorf("--to %s writes a directory: name it with --out", to)}
			case out == "" && format.Binary && terminalWidth(w) > 0:
				return useError{errors.Errorf("--to %s is not for a terminal: name a file with --out", to)}
			case format.WriteDirectory != nil:
				if err := checkEmpty(out); err != nil {
					return err
				}
			case out != "":
				if err := checkFile("--out", out); err != nil {
					return err
				}
			}
			runs, err := runsOf(c, dirs)
			if err != nil {
				return err
			}
			switch {
			case columns:
				return printColumns(w, t.Columns(runs))
			case format.WriteDirectory != nil:
				out = filepath.Clean(out)
				if err = os.MkdirAll(filepath.Dir(out), 0o777); err != nil {
					return errors.WithStack(err)
				}
				err = atomicfile.WriteDirectory(out, func(dir string) error { return format.WriteDirectory(dir, runs) })
			case out == "":
				return format.Write(w, t, runs)
			default:
				err = atomicfile.WriteFrom(out, func(w io.Writer) error { return format.Write(w, t, runs) })
			}
			if err == nil {
				fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", out, texttab.Count(len(runs), "run"))
			}
			return err
		},
	}
	var tables []string
	for _, t := range export.Tables {
		tables = append(tables, t.Name)
	}
	f := c.Flags()
	f.StringVar(&to, "to", "csv", strings.Join(export.FormatNames(), ", "))
	f.StringVar(&table, "table", "runs", strings.Join(tables, ", ")+": a row for each run, evaluation, or layer of a probed step")
	f.StringVarP(&out, "out", "o", "", "file or, for tensorboard, a new directory (default standard output)")
	f.BoolVar(&columns, "columns", false, "print the table's columns with what they mean, and write nothing")
	complete(c, "to", export.FormatNames())
	complete(c, "table", tables)
	return c
}

// runsOf reads the runs of studies, each run once.
func runsOf(c *cobra.Command, dirs []string) (runs []*record.Record, err error) {
	seen := map[string]bool{}
	for _, dir := range dirs {
		results, err := openStudy(c, dir)
		if err != nil {
			return nil, err
		}
		for _, warning := range results.Warnings {
			fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", dir, warning)
		}
		for _, r := range results.Records {
			if !seen[r.Hash] {
				seen[r.Hash] = true
				runs = append(runs, r)
			}
		}
	}
	return runs, nil
}

// checkEmpty checks that a directory can be made: what is there already is not replaced.
func checkEmpty(dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return useError{errors.Errorf("--out %s: is not empty; name a new directory", dir)}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return useError{errors.Errorf("--out %s: %v", dir, reason(err))}
	}
	return checkNewDirectory("--out", dir)
}

func printColumns(w io.Writer, columns []export.Column) error {
	t := texttab.Table{Columns: []texttab.Column{{Head: "column"}, {Head: "type"}, {Head: "meaning", Wrap: true}}}
	for _, c := range columns {
		t.Rows = append(t.Rows, []texttab.Cell{texttab.Text(c.Name), texttab.Text(c.Kind.String()), texttab.Text(c.Doc)})
	}
	for _, line := range t.Lines(texttab.Or(terminalWidth(w)), colours(w)) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

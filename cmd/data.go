package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/bench/tasks/download"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// newData makes the command for a table of data sets.
func newData(sets []tasks.DataSet) *cobra.Command {
	c := &cobra.Command{
		Use:   "data",
		Short: "Manage real data sets: list, check, download",
		Long: fmt.Sprintf(`Data lists the real data sets on this machine, checks them and downloads them. The digits
are built in. The others are looked for in $%s, /usr/share/datasets and the
user's cache.`, tasks.DataVariable),
		Example: `  gradflow data list
  gradflow data get mnist
  gradflow data verify`,
		Args: subcommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	d := dataSets(sets)
	c.AddCommand(d.newList(), d.newPath(), d.newVerify(), d.newGet())
	return c
}

// dataSets is the table that the data commands work on.
type dataSets []tasks.DataSet

// dataStatus is the state of a data set on this machine.
type dataStatus struct {
	tasks.DataSet
	Status string      `json:"status"` // "embedded", "here", "missing" or "incomplete"
	Paths  []string    `json:"paths,omitempty"`
	Places []dataPlace `json:"places,omitempty"` // searched in this order
	Error  string      `json:"error,omitempty"`  // why it is incomplete
}

type dataPlace struct {
	Dir string `json:"dir,omitempty"`
	Why string `json:"why"`
}

// statusOf looks for a data set.
func statusOf(d tasks.DataSet, dir string) dataStatus {
	s := dataStatus{DataSet: d, Status: "embedded"}
	if d.Embedded() {
		return s
	}
	for _, p := range tasks.Places(d.Name, dir) {
		s.Places = append(s.Places, dataPlace{p.Dir, p.Why})
	}
	var err error
	s.Paths, err = d.Locate(dir)
	switch {
	case err == nil:
		s.Status = "here"
	case missing(err):
		s.Status = "missing"
	default:
		s.Status, s.Error = "incomplete", err.Error()
	}
	return s
}

// missing reports whether a data set is entirely absent.
func missing(err error) bool {
	return errors.Is(err, tasks.ErrNotFound) && !errors.Is(err, tasks.ErrIncomplete)
}

func (d dataSets) names() []string {
	names := make([]string, len(d))
	for i, s := range d {
		names[i] = s.Name
	}
	return names
}

// pick returns the sets with these names, all sets without names.
func (d dataSets) pick(names []string) (dataSets, error) {
	if len(names) == 0 {
		return d, nil
	}
	var picked dataSets
	for _, n := range names {
		i := slices.IndexFunc(d, func(s tasks.DataSet) bool { return s.Name == n })
		if i < 0 {
			return nil, useError{errors.Errorf("unknown data set %q: there are %s", n, strings.Join(d.names(), ", "))}
		}
		picked = append(picked, d[i])
	}
	return picked, nil
}

// arguments completes the names of data sets.
func (d dataSets) arguments(c *cobra.Command, least, most int) {
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return useError{errors.Errorf("%s takes the name of a data set: %s; see %s --help", c.Name(), strings.Join(d.names(), ", "), c.CommandPath())}
		}
		_, err := d.pick(args)
		return err
	}
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		rest := slices.DeleteFunc(d.names(), func(n string) bool { return slices.Contains(args, n) })
		return rest, cobra.ShellCompDirectiveNoFileComp
	}
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (d dataSets) newList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [NAME...]",
		Short: "List data sets and the places searched for them",
		Example: `  gradflow data list
  gradflow data list mnist --json`,
		RunE: func(c *cobra.Command, args []string) error {
			picked, err := d.pick(args)
			if err != nil {
				return err
			}
			var all []dataStatus
			for _, s := range picked {
				all = append(all, statusOf(s, ""))
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), all)
			}
			return printData(c.OutOrStdout(), all)
		},
	}
	d.arguments(c, 0, len(d))
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON, with the sha256 of every file's content")
	return c
}

func printData(w io.Writer, all []dataStatus) error {
	for i, s := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s\n", s.Name, s.Status)
		t := texttab.Table{NoHead: true, Indent: 2, Columns: []texttab.Column{{}, {Wrap: true, Least: 24}}}
		row := func(what, text string) {
			t.Rows = append(t.Rows, []texttab.Cell{texttab.Text(what), texttab.Text(text)})
		}
		row("about", s.About)
		row("source", s.Source)
		row("licence", s.Licence)
		if s.Status == "here" {
			row("files", filepath.Dir(s.Paths[0]))
		} else {
			for i, p := range s.Places {
				place := p.Why
				if p.Dir != "" {
					place = fmt.Sprintf("%s (%s)", p.Dir, p.Why)
				}
				row([]string{"looked in", ""}[min(i, 1)], place)
			}
		}
		if s.Error != "" {
			row("error", s.Error)
		}
		if s.Status == "missing" || s.Status == "incomplete" {
			row("to get it", suggested("gradflow data get "+s.Name))
		}
		if err := printTable(w, t); err != nil {
			return err
		}
	}
	return nil
}

// printTable prints a table that has paths, which stay whole where there is no terminal: what
// reads them may be a program.
func printTable(w io.Writer, t texttab.Table) error {
	width := terminalWidth(w)
	if width == 0 {
		width = math.MaxInt32
	}
	_, err := io.WriteString(w, strings.Join(t.Lines(width, false), "\n")+"\n")
	return err
}

func (d dataSets) newPath() *cobra.Command {
	c := &cobra.Command{
		Use:   "path NAME",
		Short: "Print the directory of a data set",
		Long: `Path prints the directory of a data set, for use in scripts. If the set was not found,
the exit status is 1.`,
		Example: `  gradflow data path mnist
  ls -l "$(gradflow data path fashion-mnist)"`,
		RunE: func(c *cobra.Command, args []string) error {
			picked, err := d.pick(args)
			if err != nil {
				return err
			}
			paths, err := picked[0].Locate("")
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), filepath.Dir(paths[0]))
			return nil
		},
	}
	d.arguments(c, 1, 1)
	return c
}

// fileReport is the result for one file.
type fileReport struct {
	Set    string `json:"set"`
	File   string `json:"file"`
	Path   string `json:"path,omitempty"`
	SHA256 string `json:"sha256"`
	Status string `json:"status"` // verify: "ok", "wrong", "missing"; get: "present", "downloaded"
	Error  string `json:"error,omitempty"`
}

func (d dataSets) newVerify() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify [NAME...]",
		Short: "Check the files of data sets by their sha256",
		Long: `Verify reads every file and compares the sha256 of its uncompressed content with the
published one. It fails if a file differs or a named data set is missing; without names it
checks all sets found.`,
		Example: `  gradflow data verify
  gradflow data verify fashion-mnist --json`,
		RunE: func(c *cobra.Command, args []string) error {
			picked, err := d.pick(args)
			if err != nil {
				return err
			}
			var reports []fileReport
			bad := 0
			for _, s := range picked {
				for _, r := range verify(s) {
					if r.Status == "wrong" || r.Status == "missing" && (len(args) > 0 || r.Error != "") {
						bad++
					}
					reports = append(reports, r)
				}
			}
			w := c.OutOrStdout()
			if asJSON {
				err = printJSON(w, reports)
			} else {
				err = printReports(w, reports)
			}
			if err == nil && bad > 0 {
				err = errors.Errorf("%d of %d files are wrong or missing", bad, len(reports))
			}
			return err
		},
	}
	d.arguments(c, 0, len(d))
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

// verify checks all files of a data set.
func verify(s tasks.DataSet) []fileReport {
	status := statusOf(s, "")
	var reports []fileReport
	for i, f := range s.Files {
		r := fileReport{Set: s.Name, File: f.Name, SHA256: f.SHA256, Status: "ok"}
		if status.Status == "here" {
			r.Path = status.Paths[i]
		}
		if status.Status == "missing" || status.Status == "incomplete" {
			r.Status, r.Error = "missing", status.Error
		} else if err := f.Check(r.Path); err != nil {
			r.Status, r.Error = "wrong", err.Error()
		}
		reports = append(reports, r)
	}
	return reports
}

func printReports(w io.Writer, reports []fileReport) error {
	if len(reports) == 0 {
		return nil
	}
	t := texttab.Table{NoHead: true, Columns: []texttab.Column{{}, {}, {}, {Wrap: true, Least: 16}}}
	for _, r := range reports {
		detail := r.Error
		if detail == "" {
			detail = r.Path
		}
		t.Rows = append(t.Rows, []texttab.Cell{texttab.Text(r.Status), texttab.Text(r.Set), texttab.Text(r.File), texttab.Text(detail)})
	}
	return printTable(w, t)
}

func (d dataSets) newGet() *cobra.Command {
	var mirror, dir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "get NAME...",
		Short: "Download data sets",
		Long: `Get downloads the missing files of data sets to the user's cache, where studies find
them. A file appears under its name only after its sha256 was verified. To resume an
interrupted download, run the command again.`,
		Example: `  gradflow data get mnist
  gradflow data get fashion-mnist --dir /srv/data/fashion-mnist
  gradflow data get mnist --url https://mirror.example.org/mnist/`,
		RunE: func(c *cobra.Command, args []string) error {
			picked, err := d.pick(args)
			if err != nil {
				return err
			}
			if c.Flags().Changed("dir") && dir == "" {
				return useError{errors.New("--dir is empty")}
			}
			if c.Flags().Changed("url") {
				if err := checkMirror(mirror); err != nil {
					return err
				}
			}
			if len(picked) > 1 && (mirror != "" || dir != "") {
				return useError{errors.New("--url and --dir take one data set at a time: all sets use the same file names")}
			}
			onInterrupt(c.Context(), func() string { return "Interrupted. Run the same command to resume." })
			g := getter{mirror: mirror, dir: dir, log: c.ErrOrStderr()}
			var reports []fileReport
			for _, s := range picked {
				r, err := g.get(c.Context(), s)
				reports = append(reports, r...)
				if err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), reports)
			}
			return printReports(c.OutOrStdout(), reports)
		},
	}
	d.arguments(c, 1, len(d))
	c.Flags().StringVar(&mirror, "url", "", "base URL of the files (default the known mirrors)")
	c.Flags().StringVar(&dir, "dir", "", "directory to download to (default the user's cache)")
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	if err := c.MarkFlagDirname("dir"); err != nil { // the flag is not there
		panic(err)
	}
	complete(c, "url", nil)
	return c
}

func checkMirror(mirror string) error {
	u, err := url.Parse(mirror)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return useError{errors.Errorf("--url %q is not a URL such as https://mirror.example.org/mnist/", mirror)}
	}
	return nil
}

// getter downloads data sets.
type getter struct {
	mirror, dir string // "" for the defaults
	log         io.Writer
}

// get downloads the missing files of a data set.
func (g getter) get(ctx context.Context, s tasks.DataSet) ([]fileReport, error) {
	if s.Embedded() {
		return verify(s), nil
	}
	places := tasks.Places(s.Name, g.dir)
	target := places[len(places)-1] // the user's cache
	if target.Dir == "" {
		return nil, errors.Errorf("no directory to download to: %s; give one with --dir", target.Why)
	}
	for _, p := range places {
		if p.Dir == "" {
			continue
		}
		if reports, err := present(s, p.Dir); err == nil {
			return reports, nil
		} else if p != target && !missing(err) {
			return nil, fmt.Errorf("%w; repair or remove it: it would shadow the download to %s", err, target.Dir)
		}
	}
	var reports []fileReport
	mirrors := s.Mirrors
	if g.mirror != "" {
		mirrors = []string{g.mirror}
	}
	for _, f := range s.Files {
		path := filepath.Join(target.Dir, f.Name)
		r := fileReport{Set: s.Name, File: f.Name, Path: path, SHA256: f.SHA256, Status: "present"}
		if f.Check(path) != nil {
			r.Status = "downloaded"
			d := download.File{Path: path, Limit: f.Bytes + f.Bytes/100 + 1<<20, Check: f.Check}
			for _, m := range mirrors {
				d.URLs = append(d.URLs, strings.TrimSuffix(m, "/")+"/"+f.Name)
			}
			if err := g.download(ctx, d, f.Name); err != nil {
				return reports, err
			}
		}
		reports = append(reports, r)
	}
	// A wrong file under another usual name, such as an uncompressed one, takes precedence.
	if _, err := present(s, target.Dir); err != nil {
		return reports, fmt.Errorf("%w; remove it", err)
	}
	return reports, nil
}

// present returns the reports of a data set that is complete and verified in dir.
func present(s tasks.DataSet, dir string) ([]fileReport, error) {
	paths, err := s.Locate(dir)
	if err != nil {
		return nil, err
	}
	var reports []fileReport
	for i, f := range s.Files {
		if err := f.Check(paths[i]); err != nil {
			return nil, err
		}
		reports = append(reports, fileReport{Set: s.Name, File: f.Name, Path: paths[i], SHA256: f.SHA256, Status: "present"})
	}
	return reports, nil
}

// download fetches a file and shows its progress.
func (g getter) download(ctx context.Context, f download.File, name string) error {
	var arrived amount
	var begun sync.Once
	p := watch(g.log, &arrived, func() (string, string) {
		s := fmt.Sprintf("%s  %.1f", name, float64(arrived.before.Load()+arrived.done.Load())/1e6)
		if all := arrived.all.Load(); all > 0 {
			s += fmt.Sprintf("/%.1f", float64(all)/1e6)
		}
		return s + " MB", ""
	})
	err := download.Client{
		Progress: func(_ download.File, done, of int64) {
			begun.Do(func() { arrived.before.Store(done) }) // from an earlier process
			arrived.all.Store(of)
			arrived.done.Store(done - arrived.before.Load())
		},
		Again: func(_ download.File, err error, wait time.Duration) {
			fmt.Fprintf(g.log, "%s: %v; trying again in %v\n", name, err, wait)
		},
	}.Get(ctx, f)
	p.end()
	if err == nil && terminalWidth(g.log) == 0 { // there the bar stays
		fmt.Fprintf(g.log, "%s: %.1f MB\n", name, float64(arrived.before.Load()+arrived.done.Load())/1e6)
	}
	return err
}

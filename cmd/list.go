package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/remedy"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/keep"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// section is a catalogue as `gradflow list` shows it.
type section struct {
	Name    string  `json:"name"` // plural
	Entries []entry `json:"entries"`
	partOf  string  // the section whose entries are made with these, if any
}

type entry struct {
	Name     string              `json:"name"`
	Doc      string              `json:"doc"`
	Settings []catalogue.Setting `json:"settings,omitempty"`
	Cites    []string            `json:"cites,omitempty"`
}

func sections() []section {
	return []section{
		axesSection(),
		sectionOf("tasks", tasks.Catalogue),
		sectionOf("models", models.Catalogue),
		sectionOf("activations", activations.Catalogue),
		sectionOf("initializers", initializers.Catalogue),
		sectionOf("normalizations", normalization.Catalogue),
		sectionOf("optimizers", optimizers.Catalogue),
		sectionOf("links", optimizers.Links).in("optimizers"),
		sectionOf("schedules", optimizers.Schedules).in("optimizers"),
		sectionOf("keeps", keep.Catalogue),
		sectionOf("remedies", remedy.Catalogue),
		sectionOf("losses", models.Losses),
		sectionOf("quantities", probe.Catalogue),
	}
}

func (s section) in(other string) section {
	s.partOf = other
	return s
}

func sectionOf[T any](name string, c *catalogue.Catalogue[T]) section {
	s := section{Name: name}
	for _, e := range c.Entries() {
		s.Entries = append(s.Entries, entry{e.Name, e.Doc, c.Settings(e.Name), e.Cites})
	}
	return s
}

// axesSection lists the keys of a study that vary or are given once.
func axesSection() section {
	s := section{Name: "axes"}
	for _, a := range study.Axes {
		doc := a.Doc
		if a.Default != "" {
			doc += " (default " + a.Default + ")"
		}
		s.Entries = append(s.Entries, entry{Name: a.Key, Doc: doc})
	}
	return s
}

func newList() *cobra.Command {
	var asJSON, cite bool
	var names []string
	for _, s := range sections() {
		names = append(names, s.Name)
	}
	c := &cobra.Command{
		Use:   "list [CATALOGUE [NAME]]",
		Short: "List the parts that studies can use",
		Long: `List shows the catalogues (` + strings.Join(names, ", ") + `): the names that a study file can use, and their
settings with defaults. Write a setting as  {name: sgd, rate: 0.1}  or sgd(rate=0.1).
Links and schedules are the parts of a chain, an optimizer that changes the gradients or
the steps of another:

  chain(before=[clip-norm(limit=1)],optimizer=sgd)
  chain(optimizer=sgd,after=[schedule(schedule=cosine(steps=400))])

With --cite it prints the references of the parts that are named, or that a study file
uses, as BibTeX.`,
		Example: `  gradflow list
  gradflow list optimizers --json
  gradflow list optimizers adam
  gradflow list remedies dks
  gradflow list --cite bench/studies/quickstart.yaml
  gradflow list --cite dks lsuv`,
		ValidArgs: names,
		Args: func(c *cobra.Command, args []string) error {
			if cite {
				if len(args) == 0 {
					return useError{errors.New("list --cite: name parts, such as dks, or a study file")}
				}
				return nil
			}
			if len(args) > 2 {
				return useError{errors.Errorf("list takes at most two arguments, a catalogue and a name in it; see gradflow list --help")}
			}
			if len(args) > 0 && !slices.Contains(names, args[0]) {
				return useError{errors.Errorf("unknown catalogue %q: there are %s", args[0], strings.Join(names, ", "))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if cite {
				return printReferences(c, args)
			}
			var list []section
			for _, s := range sections() {
				if len(args) == 2 {
					if s.Name != args[0] && s.partOf != args[0] {
						continue
					}
					s.Entries = slices.DeleteFunc(s.Entries, func(e entry) bool { return e.Name != args[1] })
					if len(s.Entries) > 0 {
						list = append(list, s)
					}
					continue
				}
				if len(args) == 0 || s.Name == args[0] || s.partOf == args[0] {
					list = append(list, s)
				}
			}
			if len(list) == 0 {
				return useError{errors.Errorf("%s has no %q: see gradflow list %[1]s", args[0], args[1])}
			}
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(list)
			}
			if err := printSections(c.OutOrStdout(), list, len(args) > 0); err != nil || len(args) < 2 || args[0] != "remedies" {
				return err
			}
			page, ok := remedy.PageOf(args[1])
			if !ok { // a program's own
				return nil
			}
			w := c.OutOrStdout()
			_, err := io.WriteString(w, "\n"+strings.Join(page.Lines(min(texttab.Or(terminalWidth(w)), 100)), "\n")+"\n")
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	c.Flags().BoolVar(&cite, "cite", false, "print the references of parts, or of those of a study file, as BibTeX")
	return c
}

// printSections prints names and descriptions, and optionally the settings.
func printSections(w io.Writer, list []section, settings bool) error {
	_, err := io.WriteString(w, strings.Join(sectionLines(list, settings, texttab.Or(terminalWidth(w))), "\n")+"\n")
	return err
}

func sectionLines(list []section, settings bool, width int) (lines []string) {
	for i, s := range list {
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, strings.ToUpper(s.Name))
		t := texttab.Table{NoHead: true, Indent: 2, Columns: []texttab.Column{{Wrap: true, Least: 22}, {Wrap: true, Least: 14}}}
		row := func(name, text string) {
			t.Rows = append(t.Rows, []texttab.Cell{texttab.Text(name), texttab.Text(text)})
		}
		for _, e := range s.Entries {
			row(e.Name, e.Doc)
			if !settings {
				continue
			}
			for _, p := range e.Settings {
				def := p.Default
				if def == "" {
					def = "required"
				}
				row(fmt.Sprintf("  %s = %s", p.Name, def), fmt.Sprintf("  %s: %s", p.Type, p.Doc))
			}
		}
		lines = append(lines, t.Lines(width, false)...)
	}
	if !settings {
		lines = append(append(lines, ""), texttab.Wrap("To see settings: gradflow list optimizers", width)...)
	}
	return lines
}

package cmd

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/bib"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// sectionOfAxis is the section of the choices of an axis.
var sectionOfAxis = map[string]string{
	"task": "tasks", "model": "models", "activation": "activations", "initializer": "initializers",
	"normalization": "normalizations", "optimizer": "optimizers", "keep": "keeps",
}

// printReferences prints the BibTeX of the parts named, and of those that study files use.
func printReferences(c *cobra.Command, args []string) error {
	list := sections()
	find := func(name string, prefer string) (found []entry) {
		for _, s := range list {
			for _, e := range s.Entries {
				if e.Name == name && s.Name == prefer {
					return []entry{e}
				}
				if e.Name == name && s.Name != "axes" {
					found = append(found, e)
				}
			}
		}
		return found
	}
	var used []entry
	add := func(entries []entry) {
		for _, e := range entries {
			if !slices.ContainsFunc(used, func(u entry) bool { return u.Name == e.Name && u.Doc == e.Doc }) {
				used = append(used, e)
			}
		}
	}
	for _, arg := range args {
		if end := filepath.Ext(arg); end == ".yaml" || end == ".yml" {
			spec, err := study.Load(c.Context(), arg)
			if err != nil {
				return err
			}
			for _, config := range spec.Configs {
				for _, a := range study.Axes {
					if choice, ok := a.Value(config).(catalogue.Choice); ok {
						eachChoice(choice, func(name string, nested bool) { add(find(name, sectionOfAxis[a.Key])) })
					}
				}
			}
			continue
		}
		found := find(arg, "")
		if len(found) == 0 {
			return useError{errors.Errorf("no part is called %q: see gradflow list", arg)}
		}
		add(found)
	}
	return writeReferences(c.OutOrStdout(), used)
}

// eachChoice calls f with the names of a choice and of those among its settings.
func eachChoice(c catalogue.Choice, f func(name string, nested bool)) {
	if c.Name == "" {
		return
	}
	f(c.Name, false)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case catalogue.Choice:
			eachChoice(v, f)
		case []any:
			for _, e := range v {
				walk(e)
			}
		case []catalogue.Choice:
			for _, e := range v {
				walk(e)
			}
		}
	}
	for _, v := range c.Settings {
		walk(v)
	}
}

func writeReferences(w io.Writer, used []entry) error {
	var order, without []string
	of := map[string][]string{} // what an entry is of
	for _, e := range used {
		if len(e.Cites) == 0 && e.Name != "none" {
			without = append(without, e.Name)
		}
		for _, key := range e.Cites {
			text := key
			if !strings.HasPrefix(key, "@") {
				if text = bib.Entries()[key]; text == "" {
					return errors.Errorf("%s cites %s, of which there is no entry", e.Name, key)
				}
			}
			if of[text] == nil {
				order = append(order, text)
			}
			of[text] = append(of[text], e.Name)
		}
	}
	var b strings.Builder
	for _, text := range order {
		fmt.Fprintf(&b, "%% %s\n%s\n\n", strings.Join(of[text], ", "), text)
	}
	fmt.Fprintf(&b, "%% the measurements\n%s\n", bib.Software(record.Here().Gradflow))
	if len(without) > 0 {
		b.WriteString("\n")
		for _, line := range texttab.Prose("% without a reference: ", strings.Join(without, ", "), 80) {
			if !strings.HasPrefix(line, "%") {
				line = "%" + line[1:]
			}
			b.WriteString(line + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

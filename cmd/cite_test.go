package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/internal/bib"
)

// TestCite: each key that a row names has an entry, each entry is named by a row, and what is
// printed is of what was asked about.
func TestCite(t *testing.T) {
	var keys []string
	for _, s := range sections() {
		for _, e := range s.Entries {
			for _, key := range e.Cites {
				if bib.Entries()[key] == "" {
					t.Errorf("%s %s cites %s, which is not there", s.Name, e.Name, key)
				}
				keys = append(keys, key)
			}
		}
	}
	for key := range bib.Entries() {
		if !slices.Contains(keys, key) {
			t.Errorf("nothing cites %s", key)
		}
	}
	file := filepath.Join(t.TempDir(), "study.yaml")
	text := "name: cited\ntask: digits\nbudget: {steps: 20, batch: 8}\nseeds: 1\ngrid: {depth: 4, width: 8, activation: {name: scaled, of: softsign}, model: highway, initializer: orthogonal, optimizer: [sgd, {name: chain, optimizer: adam, after: [cautious]}]}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args     []string
		has, not []string
	}{
		{[]string{"list", "--cite", file}, []string{"@inproceedings{glorot2010,", "@inproceedings{srivastava2015,", "@misc{saxe2013,", "@inproceedings{kingma2015,", "@software{gradflow,", "% without a reference: ", "sgd"}, []string{"lee2015", "nokland2016"}},
		{[]string{"list", "--cite", "lsuv", "direct-feedback"}, []string{"% lsuv\n@misc{mishkin2015,", "% direct-feedback\n@inproceedings{nokland2016,"}, []string{"kingma2015"}},
		{[]string{"list", "optimizers", "adam"}, []string{"adam ", "beta1"}, []string{"rmsprop", "cosine"}},
	} {
		var out, wrong bytes.Buffer
		if status := Run(t.Context(), c.args, nil, &out, &wrong); status != done {
			t.Fatalf("%q: %s", c.args, wrong.String())
		}
		for _, s := range c.has {
			if !strings.Contains(out.String(), s) {
				t.Errorf("%q lacks %q:\n%s", c.args, s, out.String())
			}
		}
		for _, s := range c.not {
			if strings.Contains(out.String(), s) {
				t.Errorf("%q has %q", c.args, s)
			}
		}
	}
	for _, args := range [][]string{{"list", "--cite"}, {"list", "--cite", "lsuw"}, {"list", "optimizers", "adamm"}, {"list", "a", "b", "c"}} {
		var out, wrong bytes.Buffer
		if status := Run(t.Context(), args, nil, &out, &wrong); status != wrongUse || strings.Count(wrong.String(), "\n") != 1 {
			t.Errorf("%q: exit status %d: %s", args, status, wrong.String())
		}
	}
}

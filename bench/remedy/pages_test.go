package remedy

import (
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/keep"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
)

// TestPages: every remedy has a page with all its parts, and no page is of none.
func TestPages(t *testing.T) {
	names := map[string]bool{}
	for _, list := range [][]string{activations.Catalogue.Names(), models.Catalogue.Names(), initializers.Catalogue.Names(), normalization.Catalogue.Names(), keep.Catalogue.Names(), optimizers.Catalogue.Names()} {
		for _, n := range list {
			names[n] = true
		}
	}
	seen := map[string]bool{}
	for _, e := range Catalogue.Entries() {
		p, ok := PageOf(e.Name)
		if !ok || p.Formula == "" || p.Needs == "" || p.Costs == "" || p.Fails == "" || len(p.Parts) == 0 {
			t.Errorf("%s has the page %+v", nameOf(e.Name), p)
		}
		for _, part := range p.Parts {
			if !names[part] {
				t.Errorf("%s comes from %s, which is in no catalogue", nameOf(e.Name), part)
			}
		}
		for _, l := range p.Lines(80) {
			if len([]rune(l)) > 80 {
				t.Errorf("%s: %q is too long", nameOf(e.Name), l)
			}
		}
		seen[nameOf(e.Name)] = true
	}
	for name := range pages {
		if !seen[name] {
			t.Errorf("the page %s is of no remedy", name)
		}
	}
	if _, ok := PageOf("prayer"); ok {
		t.Error("prayer has a page")
	}
	if p, _ := PageOf("dks"); !strings.Contains(strings.Join(p.Lines(60), "\n"), "list --cite dks") {
		t.Error("the page of DKS does not say where it comes from")
	}
}

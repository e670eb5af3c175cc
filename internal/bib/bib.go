// Package bib has the references of the parts that were published elsewhere, as BibTeX. Each entry
// was compared with a public record of the work: fields that none confirmed are left out.
package bib

import (
	_ "embed" // for the entries
	"regexp"
	"strings"
	"sync"
)

//go:embed references.bib
var references string

var begins = regexp.MustCompile(`(?m)^@\w+\{([^,\s]+),`)

// Entries returns all entries by their keys.
var Entries = sync.OnceValue(func() map[string]string { return Parse(references) })

// Parse divides BibTeX into its entries, by their keys.
func Parse(text string) map[string]string {
	entries := map[string]string{}
	at := begins.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		entries[text[m[2]:m[3]]] = strings.TrimSpace(text[m[0]:end])
	}
	return entries
}

// Software is the entry of this program in a version.
func Software(version string) string {
	return "@software{gradflow,\n  author = {{The gradflow developers}},\n  title = {gradflow: what keeps the gradient alive in deep networks of saturating units},\n  version = {" +
		strings.NewReplacer("{", "", "}", "", `\`, "").Replace(version) + "},\n  url = {https://github.com/gradflow/gradflow}\n}"
}

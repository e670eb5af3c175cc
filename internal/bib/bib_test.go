package bib

import (
	"regexp"
	"strings"
	"testing"
)

var field = regexp.MustCompile(`(\w+) = \{`)

// TestEntries: braces are balanced, and each entry has an author, a title and a year.
func TestEntries(t *testing.T) {
	list := Entries()
	if n := strings.Count(references, "\n@") + 1; len(list) != n {
		t.Errorf("%d entries of %d: a key is there twice", len(list), n)
	}
	for key, text := range list {
		depth := 0
		for _, r := range text {
			switch r {
			case '{':
				depth++
			case '}':
				depth--
			}
			if depth < 0 {
				break
			}
		}
		if depth != 0 || !strings.HasSuffix(text, "}") {
			t.Errorf("%s: its braces don't match", key)
		}
		has := map[string]bool{}
		for _, f := range field.FindAllStringSubmatch(text, -1) {
			if has[f[1]] {
				t.Errorf("%s has %s twice", key, f[1])
			}
			has[f[1]] = true
		}
		for _, f := range []string{"author", "title", "year"} {
			if !has[f] {
				t.Errorf("%s has no %s", key, f)
			}
		}
	}
}

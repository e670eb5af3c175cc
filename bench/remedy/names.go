package remedy

import (
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/optimizers"
)

// names of rows are words, as all catalogues' are; people are shown these.
var shown = map[string]string{}

// wordOf makes the row's name of what people are shown.
func wordOf(name string) string {
	word := strings.NewReplacer(" + ", "-with-", " ", "-", ",", "", "/", "-over-", "é", "e", "χ", "chi").Replace(strings.ToLower(name))
	shown[word] = name
	return word
}

// nameOf returns what people are shown of a row.
func nameOf(word string) string {
	if name, ok := shown[word]; ok {
		return name
	}
	return strings.ReplaceAll(word, "-", " ")
}

// isDefault reports whether an optimizer has its default rate.
func isDefault(o catalogue.Choice) bool {
	full, err := optimizers.Catalogue.Complete(catalogue.Choice{Name: o.Name})
	return err == nil && full.Settings["rate"] == o.Settings["rate"]
}

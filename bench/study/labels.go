package study

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
)

// Labels returns a label for each configuration that shows its values on those of the axes
// on which they differ: "softplus, depth 10". It is "" for each if they do not differ.
func Labels(configs []Config, axes []Axis) []string {
	parts := make([][]string, len(configs))
	for _, a := range axes {
		if !a.Differs(configs) {
			continue
		}
		for i, label := range a.Labels(configs) {
			parts[i] = append(parts[i], label)
		}
	}
	labels := make([]string, len(configs))
	for i, p := range parts {
		labels[i] = strings.Join(p, ", ")
	}
	return labels
}

// Labels returns the label of each configuration's value: a choice has those of its settings
// that tell it apart from others of its name.
func (a Axis) Labels(configs []Config) []string {
	labels := make([]string, len(configs))
	if a.Label != nil {
		for i, c := range configs {
			labels[i] = a.Label(c)
		}
		return labels
	}
	choices := make([]Choice, len(configs))
	differing := map[string][]string{}
	for i, c := range configs {
		choices[i], _ = a.Value(c).(Choice)
	}
	for i, c := range choices {
		settings, known := differing[c.Name]
		if !known {
			settings = catalogue.Differing(choices, c.Name)
			differing[c.Name] = settings
		}
		if labels[i] = a.Named(configs[i], settings...); labels[i] == "none" {
			labels[i] = "no " + a.Key
		}
	}
	return labels
}

// Differs tells whether configurations have more than one value on the axis.
func (a Axis) Differs(configs []Config) bool {
	for _, c := range configs {
		if keyOf(a.Value(c)) != keyOf(a.Value(configs[0])) {
			return true
		}
	}
	return false
}

// keyOf is a text that values that mean the same have in common.
func keyOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // a Config has nothing that JSON lacks
		return fmt.Sprint(v)
	}
	return string(text)
}

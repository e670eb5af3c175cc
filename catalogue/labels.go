package catalogue

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Labels returns a label for each choice: its name, and the settings in which choices of
// that name differ, as in sgd(rate=0.1).
func Labels(choices []Choice) []string {
	labels := make([]string, len(choices))
	for i, c := range choices {
		labels[i] = c.Only(Differing(choices, c.Name)).String()
	}
	return labels
}

// Differing returns the settings in which the choices of a name differ, in alphabetical
// order.
func Differing(choices []Choice, name string) []string {
	var names []string
	values := map[string]map[string]bool{} // of a setting; "" where it is missing
	for _, c := range choices {
		for k := range c.Settings {
			if c.Name == name && values[k] == nil {
				values[k] = map[string]bool{}
				names = append(names, k)
			}
		}
	}
	slices.Sort(names)
	for _, c := range choices {
		if c.Name != name {
			continue
		}
		for k, seen := range values {
			if v, ok := c.Settings[k]; ok {
				seen[key(v)] = true
			} else {
				seen[""] = true
			}
		}
	}
	return slices.DeleteFunc(names, func(k string) bool { return len(values[k]) < 2 })
}

// Only returns a choice with some of its settings.
func (c Choice) Only(settings []string) Choice {
	some := Choice{Name: c.Name, Settings: map[string]any{}}
	for _, k := range settings {
		if v, ok := c.Settings[k]; ok {
			some.Settings[k] = v
		}
	}
	return some
}

// key is a text that values that mean the same have in common.
func key(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // of a choice made in Go
		return fmt.Sprint(v)
	}
	return string(text)
}

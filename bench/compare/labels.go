package compare

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
)

// Labels returns a label for each configuration that shows the values of those axes in
// which they differ: "softplus, depth 10". It is "" for each if they don't differ.
func Labels(configs []record.Config, axes []study.Axis) []string {
	parts := make([][]string, len(configs))
	for _, a := range axes {
		if !Differs(a, configs) {
			continue
		}
		for i, value := range axisLabels(a, configs) {
			parts[i] = append(parts[i], value)
		}
	}
	labels := make([]string, len(configs))
	for i, p := range parts {
		labels[i] = strings.Join(p, ", ")
	}
	return labels
}

// axisLabels returns the label of each configuration's value on an axis.
func axisLabels(a study.Axis, configs []record.Config) []string {
	labels := make([]string, len(configs))
	if a.Label != nil {
		for i, c := range configs {
			labels[i] = a.Label(c)
		}
		return labels
	}
	choices := make([]catalogue.Choice, len(configs))
	for i, c := range configs {
		choices[i], _ = a.Value(c).(catalogue.Choice)
	}
	for i, l := range ChoiceLabels(choices) {
		if labels[i] = l; l == "none" {
			labels[i] = "no " + a.Key
		}
	}
	return labels
}

// Differs tells whether configurations have more than one value on an axis.
func Differs(a study.Axis, configs []record.Config) bool {
	for _, c := range configs {
		if Key(a.Value(c)) != Key(a.Value(configs[0])) {
			return true
		}
	}
	return false
}

// ChoiceLabels returns a label for each choice: its name, and the settings in which
// choices of that name differ, as in sgd(rate=0.1). What a choice is made of is always
// shown: dks(of=tanh), and a formula is its text.
func ChoiceLabels(choices []catalogue.Choice) []string {
	labels := make([]string, len(choices))
	for i, c := range choices {
		labels[i] = label(c, differing(choices, c.Name))
	}
	return labels
}

// label writes a choice with some of its settings, and with what it is made of.
func label(c catalogue.Choice, settings []string) string {
	some := catalogue.Choice{Name: c.Name, Settings: map[string]any{}}
	for _, k := range settings {
		if v, ok := c.Settings[k]; ok {
			some.Settings[k] = v
		}
	}
	if of, ok := c.Settings["of"]; ok {
		if text, isText := of.(string); isText && c.Name == "formula" && len(settings) == 0 {
			return text
		}
		some.Settings["of"] = brief(of)
	}
	return some.String()
}

// brief leaves out of a nested choice what is not needed to name it.
func brief(v any) any {
	c, ok := v.(catalogue.Choice)
	if !ok {
		return v
	}
	short := catalogue.Choice{Name: c.Name}
	if of, ok := c.Settings["of"]; ok {
		short.Settings = map[string]any{"of": brief(of)}
	}
	return short
}

// differing returns the settings in which the choices of a name differ.
func differing(choices []catalogue.Choice, name string) []string {
	values := map[string]map[string]bool{} // of a setting; "" where it is missing
	for _, c := range choices {
		for k := range c.Settings {
			if c.Name == name && values[k] == nil {
				values[k] = map[string]bool{}
			}
		}
	}
	for _, c := range choices {
		if c.Name != name {
			continue
		}
		for k, seen := range values {
			if v, ok := c.Settings[k]; ok {
				seen[Key(v)] = true
			} else {
				seen[""] = true
			}
		}
	}
	var names []string
	for k, seen := range values {
		if len(seen) > 1 {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	return names
}

// Key is a text that values that mean the same have in common.
func Key(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // a Config has nothing that JSON lacks
		return fmt.Sprint(v)
	}
	return string(text)
}

// list joins words as prose does: a, b and c.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

package study

import (
	"encoding/json"
	"fmt"
	"slices"
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

// Things says of each configuration what it is of, when some axes are compared, and the
// label of its facet, which the other axes make: those that differ, but for the ones in
// nuisance, how often a run is looked at, and the target where tasks are compared. It
// returns the axes of the facets too.
//
// A choice has those of its settings that tell apart runs of one facet and seed. A setting
// that was chosen for each facet by itself, such as a rate, is no part of the name.
func Things(configs []Config, compared []Axis, nuisance []string) (things, facets []string, facetAxes []Axis) {
	is := func(list []Axis, key string) bool {
		return slices.ContainsFunc(list, func(a Axis) bool { return a.Key == key })
	}
	for _, a := range Axes {
		if !is(compared, a.Key) && !slices.Contains(nuisance, a.Key) && a.Key != Evaluate.Key && a.Key != Probes.Key &&
			!(a.Key == "target" && is(compared, "task")) && a.Differs(configs) {
			facetAxes = append(facetAxes, a)
		}
	}
	facets = Labels(configs, facetAxes)
	var differing []Axis
	for _, a := range compared {
		if a.Differs(configs) {
			differing = append(differing, a)
		}
	}
	shown := make([]map[string][]string, len(differing)) // settings of an axis's choices, by their names
	parts := make([][]string, len(differing))
	for i, a := range differing {
		shown[i] = map[string][]string{}
		parts[i] = make([]string, len(configs))
		if a.Label != nil {
			parts[i] = a.Labels(configs)
		}
	}
	things = make([]string, len(configs))
	for {
		first := map[string]int{}
		apart := true
		for i, c := range configs {
			words := make([]string, len(differing))
			for k, a := range differing {
				if a.Label == nil {
					choice := a.Value(c).(Choice)
					if parts[k][i] = a.Named(c, shown[k][choice.Name]...); parts[k][i] == "none" {
						parts[k][i] = "no " + a.Key
					}
				}
				words[k] = parts[k][i]
			}
			things[i] = strings.Join(words, ", ")
			key := fmt.Sprint(things[i], "\n", facets[i], "\n", c.Seed)
			j, taken := first[key]
			if !taken {
				first[key] = i
				continue
			}
			for k, a := range differing {
				if a.Label == nil && tellApart(shown[k], a, configs, i, j) {
					apart = false
					break
				}
			}
			if !apart {
				break
			}
		}
		if apart {
			return things, facets, facetAxes
		}
	}
}

// tellApart adds to the settings shown one that tells two configurations apart, of several
// the one with the fewest values, and reports whether there is one.
func tellApart(shown map[string][]string, a Axis, configs []Config, i, j int) bool {
	one, other := a.Value(configs[i]).(Choice), a.Value(configs[j]).(Choice)
	best, fewest := "", 0
	for _, setting := range catalogue.Differing([]Choice{one, other}, one.Name) {
		values := map[string]bool{}
		for _, c := range configs {
			if choice := a.Value(c).(Choice); choice.Name == one.Name {
				values[keyOf(choice.Settings[setting])] = true
			}
		}
		if !slices.Contains(shown[one.Name], setting) && (best == "" || len(values) < fewest) {
			best, fewest = setting, len(values)
		}
	}
	if best == "" {
		return false
	}
	shown[one.Name] = append(shown[one.Name], best)
	return true
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

// Differs reports whether configurations have more than one value on the axis.
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

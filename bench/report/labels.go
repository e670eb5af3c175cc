package report

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
)

// facets are the parts that make a problem, in the order of labels.
func facets() []study.Axis {
	return slices.DeleteFunc(slices.Clone(study.Axes), func(a study.Axis) bool { return a.Key == "optimizer" })
}

// differs reports whether an axis has more than one value.
func differs(a study.Axis, configs []record.Config) bool {
	for _, c := range configs {
		if key(a.Value(c)) != key(a.Value(configs[0])) {
			return true
		}
	}
	return false
}

// problemLabels returns a label for each problem that shows only what differs among them;
// of a single problem the task, the activation and the depth.
func problemLabels(problems []record.Config) []string {
	labels := make([]string, len(problems))
	for i, a := range facets() {
		if !differs(a, problems) && (len(problems) > 1 || i > 2) {
			continue
		}
		parts := make([]string, len(problems))
		if a.Label != nil {
			for j, c := range problems {
				parts[j] = a.Label(c)
			}
		} else {
			var choices []catalogue.Choice
			for _, c := range problems {
				choices = append(choices, a.Value(c).(catalogue.Choice))
			}
			for j, c := range problems {
				if parts[j] = a.Named(c, catalogue.Differing(choices, choices[j].Name)...); parts[j] == "none" {
					parts[j] = "no " + a.Key
				}
			}
		}
		for j, p := range parts {
			if labels[j] != "" {
				labels[j] += ", "
			}
			labels[j] += p
		}
	}
	return labels
}

// key is a text that values that mean the same have in common.
func key(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // a Config has nothing that JSON lacks
		return fmt.Sprint(v)
	}
	return string(text)
}

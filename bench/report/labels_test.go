package report

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
)

// Labels and the list of what all runs share know every part of a configuration.
func TestFields(t *testing.T) {
	c := reflect.TypeFor[record.Config]()
	for i := range c.NumField() {
		name, _, _ := strings.Cut(c.Field(i).Tag.Get("json"), ",")
		key := strings.ReplaceAll(name, "_", "-")
		known := slices.ContainsFunc(facets(), func(a study.Axis) bool { return a.Key == key })
		if want := name != "optimizer" && name != "seed" && name != "widths"; known != want {
			t.Errorf("%s: %t, want %t", name, known, want)
		}
	}
}

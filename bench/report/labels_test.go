package report

import (
	"reflect"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/bench/record"
)

// Labels and the list of what all runs share know every part of a configuration.
func TestFields(t *testing.T) {
	c := reflect.TypeFor[record.Config]()
	for i := range c.NumField() {
		name := c.Field(i).Tag.Get("json")
		known := slices.ContainsFunc(fields, func(f field) bool { return f.name == name })
		if want := name != "optimizer" && name != "seed"; known != want {
			t.Errorf("%s: %t, want %t", name, known, want)
		}
	}
}

package probe_test

import (
	"testing"

	"github.com/gradflow/gradflow/bench/probe"
)

func TestUnit(t *testing.T) {
	for _, c := range []struct {
		layers []string
		want   string
	}{
		{[]string{"layer01", "layer02", "output"}, "layer"},
		{[]string{"layer01/t0001", "layer01/t0002", "output"}, "time step"},
		{[]string{"layer01/t0001", "layer02/t0001", "output"}, ""},
	} {
		if got := probe.Unit(c.layers); got != c.want {
			t.Errorf("%v: %q, want %q", c.layers, got, c.want)
		}
	}
}

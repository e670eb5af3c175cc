package study_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
)

func TestAxisLabels(t *testing.T) {
	tanh := catalogue.Choice{Name: "tanh"}
	dks := func(of catalogue.Choice, depth int) catalogue.Choice {
		return catalogue.Choice{Name: "dks", Settings: map[string]any{"of": of, "depth": depth, "zeta": 1.5}}
	}
	label := func(key string, set func(*study.Config, catalogue.Choice), choices ...catalogue.Choice) string {
		var configs []study.Config
		for _, choice := range choices {
			var c study.Config
			set(&c, choice)
			configs = append(configs, c)
		}
		a, _ := study.AxisOf(key)
		return fmt.Sprint(a.Labels(configs))
	}
	got := label("activation", func(c *study.Config, f catalogue.Choice) { c.Activation = f },
		tanh, dks(tanh, 10), dks(catalogue.Choice{Name: "softplus"}, 10), catalogue.Choice{Name: "formula", Settings: map[string]any{"of": "z/(1+z^2)", "learn": "none"}})
	if want := "[tanh dks(of=tanh) dks(of=softplus) z/(1+z^2)]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	got = label("optimizer", func(c *study.Config, o catalogue.Choice) { c.Optimizer = o },
		catalogue.Choice{Name: "sgd", Settings: map[string]any{"rate": 0.1, "momentum": 0.9}}, catalogue.Choice{Name: "sgd", Settings: map[string]any{"rate": 0.2, "momentum": 0.9}})
	if want := "[sgd(rate=0.1) sgd(rate=0.2)]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What was chosen for each facet is no part of a thing's name; what tells runs of a facet
// apart is.
func TestThings(t *testing.T) {
	axis, _ := study.AxisOf("optimizer")
	configs := func(lists ...[]catalogue.Choice) (all []study.Config) {
		for i, list := range lists {
			for _, o := range list {
				all = append(all, study.Config{Depth: i + 1, Optimizer: o, Seed: 1}, study.Config{Depth: i + 1, Optimizer: o, Seed: 2})
			}
		}
		return all
	}
	sgd := func(pairs ...any) catalogue.Choice {
		c := catalogue.Choice{Name: "sgd", Settings: map[string]any{"momentum": 0.0}}
		for i := 0; i < len(pairs); i += 2 {
			c.Settings[pairs[i].(string)] = pairs[i+1]
		}
		return c
	}
	adam := catalogue.Choice{Name: "adam"}
	for _, c := range []struct {
		configs  []study.Config
		want     string
		compared string
	}{
		{configs([]catalogue.Choice{sgd("rate", 0.1), adam}, []catalogue.Choice{sgd("rate", 0.2), adam}), "sgd adam", "optimizer"},
		{configs([]catalogue.Choice{sgd("rate", 0.1), sgd("rate", 0.2)}, []catalogue.Choice{sgd("rate", 0.1), sgd("rate", 0.2)}), "sgd(rate=0.1) sgd(rate=0.2)", "optimizer"},
		{configs([]catalogue.Choice{sgd("rate", 0.1), sgd("rate", 0.3, "momentum", 0.9)}, []catalogue.Choice{sgd("rate", 0.2), sgd("rate", 0.4, "momentum", 0.9)}), "sgd(momentum=0) sgd(momentum=0.9)", "optimizer"},
		{configs([]catalogue.Choice{sgd("rate", 0.1)}, []catalogue.Choice{sgd("rate", 0.2)}), "sgd", "depth"},
	} {
		things, _, _ := study.Things(c.configs, []study.Axis{axis}, nil)
		var distinct []string
		for _, l := range things {
			if !slices.Contains(distinct, l) {
				distinct = append(distinct, l)
			}
		}
		if got := strings.Join(distinct, " "); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		if got := study.Compared(c.configs); got != c.compared {
			t.Errorf("%s: %s is compared, want %s", c.want, got, c.compared)
		}
	}
}

package study_test

import (
	"fmt"
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

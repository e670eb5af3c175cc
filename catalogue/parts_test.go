package catalogue_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
)

// Every setting of every part, written as 0, false or "", is taken as that, or refused where it
// stands: never taken for the default, and no panic.
func TestZeroOfEverySetting(t *testing.T) {
	zeros(t, activations.Catalogue)
	zeros(t, normalization.Catalogue)
	zeros(t, optimizers.Catalogue)
	zeros(t, optimizers.Links)
	zeros(t, optimizers.Schedules)
	zeros(t, initializers.Catalogue)
	zeros(t, models.Catalogue)
	zeros(t, tasks.Catalogue)
}

// required has a value for each setting that can't be left out.
var required = map[string]any{
	"of": "tanh(z)", "optimizer": "sgd", "links": []any{"centralize"}, "schedule": "constant", "rules": []any{},
	"every": 7, "steps": 10, "decay": 0.5, "dir": "/nowhere", "train": "x", "path": "x", "factors": []any{},
}

func zeros[T any](t *testing.T, c *catalogue.Catalogue[T]) {
	taken := 0
	for _, e := range c.Entries() {
		for _, s := range c.Settings(e.Name) {
			zero, ok := map[string]any{"number": 0, "integer": 0, "true/false": false, "text": ""}[s.Type]
			if !ok {
				continue
			}
			settings := map[string]any{}
			for _, other := range c.Settings(e.Name) {
				if v, ok := required[other.Name]; other.Default == "" && ok {
					settings[other.Name] = v
				}
			}
			settings[s.Name] = zero
			_, err := c.Make(catalogue.Choice{Name: e.Name, Settings: settings})
			var wrong *catalogue.Error
			switch {
			case err == nil:
				taken++
			case strings.Contains(err.Error(), "is required") || strings.Contains(err.Error(), "stands for the default"):
				t.Errorf("%s %s with %s=%v: %v", c.Kind(), e.Name, s.Name, zero, err)
			case !errors.As(err, &wrong):
				t.Errorf("%s %s with %s=%v: %v does not say where", c.Kind(), e.Name, s.Name, zero, err)
			}
		}
	}
	if taken == 0 && c != any(optimizers.Schedules) {
		t.Errorf("no %s takes a zero", c.Kind())
	}
}

func TestZeroIsAValue(t *testing.T) {
	for text, want := range map[string]bool{
		"adam(beta1=0)": true, "adam(beta1=0,beta2=0)": true, "adamw(beta1=0)": true, "rmsprop(rho=0)": true, "muon(momentum=0)": true,
		"adam(eps=0)": false, "sgd(rate=0)": false, "rprop-minus(rate=0)": false,
	} {
		choice, err := catalogue.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := optimizers.Catalogue.Make(choice); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

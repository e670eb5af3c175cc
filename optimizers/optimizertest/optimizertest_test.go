package optimizertest_test

import (
	"testing"

	"github.com/gradflow/gradflow/internal/catalogue"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/optimizers/optimizertest"
	"gorgonia.org/gorgonia"
)

// Every entry of the catalogue, with the settings that it needs for the
// distances and curvatures of the suite.
func TestCatalogue(t *testing.T) {
	settings := map[string]string{
		"sgd":       "(rate=0.001)",
		"partition": "(rules=[{pattern=*/weight,optimizer=vsgd-fd},{pattern=*/*,optimizer=adam(eps=1e-30)}])",
	}
	for _, name := range optimizers.Catalogue.Names() {
		choice, err := catalogue.Parse(name + settings[name])
		if err != nil {
			t.Fatal(err)
		}
		optimizertest.Run(t, choice.String(), func() gorgonia.Solver {
			s, err := optimizers.Catalogue.Make(choice)
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
	}
}

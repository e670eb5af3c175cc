package catalogue_test

import (
	"encoding/json"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/optimizers"
)

func TestLabel(t *testing.T) {
	for _, c := range []struct {
		text   string
		others []string
		want   string
	}{
		{"tanh", nil, "tanh"},
		{"elu(alpha=0.5)", nil, "elu"},
		{"elu(alpha=0.5)", []string{"alpha"}, "elu(alpha=0.5)"},
		{"tanh(z) + 0.1*z", nil, "tanh(z) + 0.1*z"},
		{"dks(of=softplus,depth=60)", nil, "dks(of=softplus)"},
		{"dks(of=elu(alpha=0.5),depth=50)", nil, "dks(of=elu)"},
		{`dks(of=formula(of="tanh(z)+z"),depth=50)`, nil, "dks(of=tanh(z)+z)"},
	} {
		choice, err := activations.Catalogue.Read(c.text)
		if err == nil {
			choice, err = activations.Catalogue.Complete(choice)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := activations.Catalogue.Label(choice, c.others...); got != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
		// The same as it comes out of a record.
		text, err := json.Marshal(choice)
		if err != nil {
			t.Fatal(err)
		}
		var again catalogue.Choice
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if got := activations.Catalogue.Label(again, c.others...); got != c.want {
			t.Errorf("%s, recorded: %q, want %q", c.text, got, c.want)
		}
	}
	if got := optimizers.Catalogue.Label(catalogue.Choice{Name: "gone", Settings: map[string]any{"rate": 0.1}}, "rate"); got != "gone(rate=0.1)" {
		t.Errorf("an optimizer that is not there any more: %q", got)
	}
}

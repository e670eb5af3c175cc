package catalogue_test

import (
	"testing"

	"github.com/gradflow/gradflow/catalogue"
)

type later struct {
	Old int     `json:"old" default:"1"`
	New string  `json:"new" omit:"default" default:"zeros"`
	Own float64 `json:"own" omit:"default" default:"2"`
	catalogue.Given
}

// TestOmitDefault checks that a setting that is added later leaves completed choices as they
// were, and reaches the constructor all the same.
func TestOmitDefault(t *testing.T) {
	var made later
	c := catalogue.New("thing", catalogue.Row("x", "a thing", func(s later) (int, error) { made = s; return 0, nil }))
	for _, test := range []struct {
		text, complete string
		want           later
	}{
		{"x", "x(old=1)", later{Old: 1, New: "zeros", Own: 2}},
		{"x(new=zeros,own=2.0)", "x(old=1)", later{Old: 1, New: "zeros", Own: 2}},
		{"x(new=learned)", "x(new=learned,old=1)", later{Old: 1, New: "learned", Own: 2}},
		{"x(own=0)", "x(old=1,own=0)", later{Old: 1, New: "zeros"}},
	} {
		choice, err := catalogue.Parse(test.text)
		if err != nil {
			t.Fatal(err)
		}
		full, err := c.Complete(choice)
		if err != nil || full.String() != test.complete {
			t.Errorf("%s is completed to %s, %v, want %s", test.text, full, err, test.complete)
		}
		for _, choice := range []catalogue.Choice{choice, full} {
			if _, err := c.Make(choice); err != nil || made.Old != test.want.Old || made.New != test.want.New || made.Own != test.want.Own {
				t.Errorf("%s makes %+v, %v, want %+v", choice, made, err, test.want)
			}
		}
	}
	if _, err := c.Complete(catalogue.Choice{Name: "x", Settings: map[string]any{"nwe": "a"}}); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

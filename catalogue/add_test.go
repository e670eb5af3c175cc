package catalogue

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

type doubleConfig struct {
	Of   shape `json:"of" doc:"what is doubled"`
	Tone tone  `json:"tone" default:"null" doc:"from another catalogue"`
}

func newDouble(c doubleConfig) (shape, error) { return sum{c.Of, c.Of}, Defaults(&c) }

// A row from outside is found, completed, offered and nested like those of the table.
func TestAdd(t *testing.T) {
	c := shapes()
	if err := c.Add(Row("double", "twice another", newDouble)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]float64{
		"double(of=square)": 8,
		"double(of=double(of=square(side=1)),tone=flat)": 4,
		"sum(of=[double(of=square)])":                    8,
	} {
		s, err := c.Make(choice(t, text))
		if err != nil || s.area() != want {
			t.Errorf("%s: %v (%v), want the area %g", text, s, err, want)
		}
	}
	for text, want := range map[string]string{
		"dubble":                 "did you mean double?",
		"double(off=square)":     "double: of: is required",
		"double(of=dubble)":      `of: unknown shape "dubble"; did you mean double?`,
		"double(of=square(s=1))": "of.s: unknown setting",
		"sum(of=[double])":       "of[0].of: is required",
	} {
		if _, err := c.Make(choice(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	full, err := c.Complete(choice(t, "double(of=square)"))
	if want := "double(of=square(count=3,label=plain,round=false,seed=0,side=2),tone=null)"; err != nil || full.String() != want {
		t.Errorf("%s (%v), want %s", full, err, want)
	}
	if names := strings.Join(c.Names(), " "); names != "square sum double" {
		t.Errorf("names %s", names)
	}
	if s := c.Settings("double"); len(s) != 2 || s[0].Type != "shape" || s[1].Type != "tone" {
		t.Errorf("settings %v", s)
	}
}

// Two rows of one name can't be overlooked: the error names both, and whoever does not look at
// it finds the catalogue unusable.
func TestAddTwice(t *testing.T) {
	c := shapes()
	c.Add(Row("fine", "added with the one that is wrong", newSquare), Row("square", "another square", newSquare))
	err := c.Err()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{`two rows are called shape "square"`, `"a square" of`, "catalogue_test.go:", `"another square" of`, "add_test.go:", "TestAddTwice"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v, want %q in it", err, part)
		}
	}
	if _, made := c.Make(Choice{Name: "sum"}); made == nil || made.Error() != err.Error() {
		t.Errorf("Make: %v", made)
	}
	if _, made := c.Complete(Choice{Name: "square"}); made == nil || made.Error() != err.Error() {
		t.Errorf("Complete: %v", made)
	}
	if _, made := c.Lookup("square"); made == nil || made.Error() != err.Error() {
		t.Errorf("Lookup: %v", made)
	}
	if strings.Contains(fmt.Sprint(c.Names()), "fine") {
		t.Error("half of the rows were added")
	}
	for _, name := range []string{"", "Bad Name!", "-a", "a-", "a--b", "1a", "a_b", "a(b", "ä"} {
		if err := shapes().Add(Row(name, "", newSquare)); err == nil || !strings.Contains(err.Error(), "add_test.go") {
			t.Errorf("%q: %v, want an error that says where the row comes from", name, err)
		}
	}
}

// Rows may be added while others are made.
func TestAddConcurrently(t *testing.T) {
	c := shapes()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if err := c.Add(Row(fmt.Sprintf("square%d", i), "a square", newSquare)); err != nil {
				t.Error(err)
			}
			for range 50 {
				if _, err := c.Make(Choice{Name: fmt.Sprintf("square%d", i)}); err != nil {
					t.Error(err)
				}
				c.Names()
			}
		})
	}
	all.Wait()
	if n := len(c.Entries()); n != 10 {
		t.Errorf("%d entries", n)
	}
}

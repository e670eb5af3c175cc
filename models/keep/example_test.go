package keep_test

import (
	"fmt"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/keep"
)

// A keep is chosen by its name and settings, as in a study file's
// keep: {name: critical-projection, strength: 0.5}.
func Example() {
	choice, err := keep.Catalogue.Read("critical-projection(strength=0.5)")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := keep.Catalogue.Make(choice); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keep.Catalogue.Names())
	_, err = keep.Catalogue.Make(catalogue.Choice{Name: "critical-projektion"})
	fmt.Println(err)
	// Output:
	// [none critical-penalty critical-projection homeostasis auxiliary-losses direct-feedback]
	// name: unknown keep "critical-projektion"; did you mean critical-projection?
}

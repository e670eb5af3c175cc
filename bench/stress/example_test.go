package stress_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/gradflow/gradflow/bench/stress"
	"github.com/gradflow/gradflow/catalogue"
)

// Does an optimizer that forgets the magnitude of the gradient cope with rotation?
func Example() {
	tests := slices.DeleteFunc(stress.Suite(), func(t stress.Test) bool { return t.Group != "2-D rotated" })
	rprop := catalogue.Choice{Name: "irprop-minus"}
	results, err := stress.Run(context.Background(), tests, []catalogue.Choice{rprop}, stress.Options{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	o := results.Optimizers[0]
	fmt.Printf("%s passes most of %d tests: %t\n", o.Label, len(tests), results.Passed(o) > 0.5)
	// Output: irprop-minus passes most of 44 tests: true
}

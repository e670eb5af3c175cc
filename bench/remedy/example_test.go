package remedy_test

import (
	"fmt"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/remedy"
	"github.com/gradflow/gradflow/catalogue"
)

// A remedy of a program's own, beside the others: a network's answer then includes it.
func Example() {
	err := remedy.Catalogue.Add(catalogue.Row("small-start", "weights of a tenth of the size",
		func(struct{}) (remedy.Remedy, error) {
			return remedy.Remedy{Kind: remedy.Start, Change: func(record.Config) map[string]any {
				return map[string]any{"initializer": "lecun-normal(gain=0.1)"}
			}}, nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := remedy.Catalogue.Make(catalogue.Choice{Name: "small-start"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Kind, r.Change(record.Config{}))
	// Output:
	// start map[initializer:lecun-normal(gain=0.1)]
}

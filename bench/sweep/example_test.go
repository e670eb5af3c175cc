package sweep_test

import (
	"fmt"
	"log"

	"github.com/gradflow/gradflow/bench/sweep"
	"github.com/gradflow/gradflow/catalogue"
)

func Example() {
	rates, err := sweep.ParseRates("0.01:1:half-decades")
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range rates {
		c, _ := sweep.WithRate(catalogue.Choice{Name: "smorms3"}, r)
		fmt.Println(c)
	}
	// Output:
	// smorms3(rate=0.01)
	// smorms3(rate=0.03)
	// smorms3(rate=0.1)
	// smorms3(rate=0.3)
	// smorms3(rate=1)
}

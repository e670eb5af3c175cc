package catalogue_test

import (
	"fmt"

	"github.com/gradflow/gradflow/catalogue"
)

type Greeter interface{ Greet() string }

type PlainConfig struct {
	Greeting string `json:"greeting" default:"Hello" doc:"what is said"`
}

func (c PlainConfig) Greet() string { return c.Greeting }

type RepeatConfig struct {
	Times int     `json:"times" default:"2" doc:"how often"`
	Inner Greeter `json:"inner" doc:"what is repeated"`
}

func (c RepeatConfig) Greet() (all string) {
	for range c.Times {
		all += c.Inner.Greet() + "! "
	}
	return all
}

var greeters = catalogue.New("greeter",
	catalogue.Row("plain", "says it once", func(c PlainConfig) (Greeter, error) { return c, nil }),
	catalogue.Row("repeat", "says it several times", func(c RepeatConfig) (Greeter, error) { return c, nil }),
)

func Example() {
	choice, _ := catalogue.Parse("repeat(inner=plain(greeting=Hi))")
	full, err := greeters.Complete(choice)
	fmt.Println(full, err)

	g, err := greeters.Make(choice)
	fmt.Println(g.Greet(), err)

	choice, _ = catalogue.Parse("repeat(inner=plain(greting=Hi))")
	_, err = greeters.Make(choice)
	fmt.Println(err)

	// Output:
	// repeat(inner=plain(greeting=Hi),times=2) <nil>
	// Hi! Hi!  <nil>
	// greeter plain: inner.greting: unknown setting; did you mean greeting?
}

package catalogue_test

import (
	"fmt"

	"github.com/gradflow/gradflow/catalogue"
)

type Greeter interface{ Greet() string }

type PlainConfig struct {
	Greeting string `json:"greeting" default:"Hello" doc:"what is said"`
	catalogue.Given
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

type NumberConfig struct {
	Number int `json:"number" default:"1" range:"[0,]" doc:"what is said"`
	catalogue.Given
}

type number struct{ NumberConfig }

func (n number) Greet() string { return fmt.Sprint(n.Number) }

func NewNumber(c NumberConfig) (Greeter, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return number{c}, nil
}

// A program adds a row of its own, which then can be nested in others. In text 0 is a value;
// in Go a field of 0 stands for the default unless it is given.
func ExampleCatalogue_Add() {
	greeters.Add(catalogue.Row("number", "says a number", NewNumber))

	for _, text := range []string{"number", "number(number=0)", "repeat(inner=number(number=7))"} {
		choice, _ := catalogue.Parse(text)
		g, err := greeters.Make(choice)
		fmt.Println(g.Greet(), err)
	}
	one, _ := NewNumber(NumberConfig{})
	zero, _ := NewNumber(NumberConfig{Given: catalogue.Give("number")})
	fmt.Println(one.Greet(), zero.Greet())

	// Output:
	// 1 <nil>
	// 0 <nil>
	// 7! 7!  <nil>
	// 1 0
}

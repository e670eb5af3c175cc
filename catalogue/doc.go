// Package catalogue turns names and settings, as they stand in a study file or
// on a command line, into the things they name.
//
// A catalogue is a table of entries. Each entry has a name, one line of
// documentation, a plain struct of settings and a constructor:
//
//	type Config struct {
//		Rate     float64 `json:"rate" default:"0.01" doc:"step size"`
//		Nesterov bool    `json:"nesterov" default:"false" doc:"look ahead"`
//	}
//
//	var Optimizers = catalogue.New("optimizer",
//		catalogue.Row("sgd", "stochastic gradient descent", NewSGD),   // func(Config) (Solver, error)
//		catalogue.Row("clip", "clips, then steps", NewClip),
//	)
//
// Text asks for an entry with a [Choice]: sgd(rate=0.1). [Catalogue.Make]
// builds it and [Catalogue.Complete] writes every default out, so that two
// choices that mean the same are equal.
//
// # Settings
//
// A field of a settings struct is a setting if it has a json tag. Its type is
// bool, int, int64, uint64, float64, string, a slice or a struct of these, or
// a type that a catalogue makes: a field of type Solver in an entry of the
// catalogue of Solvers is given in text as a nested choice and reaches the
// constructor ready-made. Types of other catalogues are made known with
// [Catalogue.Using]. (The catalogue resolves nested choices itself, so no
// constructor has to refer to the catalogue that lists it.)
//
// The default tag is the only place where a default stands; constructors apply
// it with [Defaults]. A setting without a default tag is required;
// default:"null" makes a nested choice optional. The zero value means "the
// default" in Go code, so text that spells out a zero where the default is
// another value gets an error instead of the default. Consequently no bool may
// have the default true.
//
// A record, that is a struct within the settings, of which only the first setting may be
// required, can be written as that setting alone, which is then also its canonical form.
//
// A field of type map[string]S with the tag json:"*" takes all settings that no other
// field does, such as the parameters of a formula.
//
// The range tag bounds a number, or every number of a list: range:"(0,]" is
// above 0, range:"[0,1)" from 0 to below 1.
//
// Every error about what text asked for is an [*Error] that names the place.
package catalogue

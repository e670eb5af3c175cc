// Package catalogue turns names and settings, as written in a study file or on a command
// line, into the parts they name.
//
// A catalogue is a table of entries. Each entry has a name, one line of
// documentation, a plain struct of settings and a constructor:
//
//	type Config struct {
//		Rate     float64 `json:"rate" default:"0.01" range:"(0,]" doc:"step size"`
//		Nesterov bool    `json:"nesterov" default:"false" doc:"look ahead"`
//		catalogue.Given
//	}
//
//	var Catalogue = catalogue.New("optimizer",
//		catalogue.Row("sgd", "stochastic gradient descent", NewSGD),   // func(Config) (Solver, error)
//		catalogue.Row("clip", "clips, then steps", NewClip),
//	)
//
// Another package or program adds rows of its own with [Catalogue.Add]. They are looked up,
// completed, nested and listed like those of the table.
//
// Text asks for an entry with a [Choice]: sgd(rate=0.1). [Catalogue.Make]
// builds it and [Catalogue.Complete] writes every default out, so that two
// choices that mean the same are equal.
//
// # Settings
//
// A field of a settings struct is a setting if it has a json tag. Its type is
// bool, int, int64, uint64, float64, string, a slice or a struct of these, or
// a type that a catalogue makes: a field of type Solver is given in text as a choice from
// the catalogue of Solvers and reaches the constructor ready-made, whichever package that
// catalogue is in. (The catalogue resolves nested choices itself, so no
// constructor has to refer to the catalogue that lists it.) The tags are
//
//	json:"NAME"     what text calls it; lower-case, hyphenated
//	omit:"default"  a completed choice leaves the setting out at its default: choices that
//	                were recorded before there was the setting stay what they are
//	default:"VALUE" what it is if it is not given, in JSON or, for a string, as it is;
//	                null for a nested choice that may be left out. Without the tag the
//	                setting is required
//	range:"(LO,HI]" bounds a number, or every number of a list: ( and ) exclude the bound,
//	                and a bound left out is none: (0,] is above 0, [0,1) from 0 to below 1
//	doc:"TEXT"      a few words
//
// The default tag is the only place that states a default; constructors apply it
// with [Defaults].
//
// A setting written in the text is given, even as 0, "" or false. In Go code a field that
// is zero is not given, unless the struct's [Given] names it.
//
// A record, that is a struct within the settings, of which only the first setting may be
// required, can be written as that setting alone, which is then also its canonical form.
//
// A field of type map[string]S with the tag json:"*" takes all settings that no other
// field does, such as the parameters of a formula.
//
// Every error about what text asked for is an [*Error] that names the place.
package catalogue

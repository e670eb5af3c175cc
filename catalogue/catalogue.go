package catalogue

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Entry is one row of a catalogue of things of type T.
type Entry[T any] struct {
	Name string // lower-case, hyphenated
	Doc  string // one line
	typ  reflect.Type
	make func(settings reflect.Value) (T, error)
}

// Row makes an entry from its name, one line of documentation and a
// constructor that takes a struct of settings S (see the package's
// documentation). The constructor gets every setting that text may give, with
// the defaults filled in; it refuses a value with [Invalid].
func Row[T, S any](name, doc string, build func(S) (T, error)) Entry[T] {
	return Entry[T]{
		Name: name,
		Doc:  doc,
		typ:  reflect.TypeFor[S](),
		make: func(s reflect.Value) (T, error) { return build(s.Interface().(S)) },
	}
}

// Catalogue is a table of the things of type T that text can ask for.
type Catalogue[T any] struct {
	kind    string
	entries []Entry[T]
	byName  map[string]int
	fields  [][]field
	using   map[reflect.Type]maker
	written func(text string) (Choice, bool)
}

// New makes a catalogue. kind is what its things are called in messages, such
// as "optimizer". Two entries of one name, or settings with wrong tags, are
// mistakes in the program and panic.
func New[T any](kind string, entries ...Entry[T]) *Catalogue[T] {
	c := &Catalogue[T]{
		kind:    kind,
		entries: slices.Clone(entries),
		byName:  make(map[string]int, len(entries)),
		fields:  make([][]field, len(entries)),
		using:   make(map[reflect.Type]maker),
	}
	c.using[reflect.TypeFor[T]()] = c
	for i, e := range entries {
		if _, twice := c.byName[e.Name]; twice || !isWord(e.Name) {
			panic(fmt.Sprintf("catalogue: %s %q stands in the table twice, or is no name", kind, e.Name))
		}
		c.byName[e.Name] = i
		c.fields[i] = fields(e.typ)
	}
	return c
}

// Using makes the things of other catalogues available to the settings of this
// one, and returns c. Each is a *Catalogue.
func (c *Catalogue[T]) Using(others ...interface{ made() (reflect.Type, maker) }) *Catalogue[T] {
	for _, o := range others {
		t, m := o.made()
		c.using[t] = m
	}
	return c
}

// Written gives text that names no entry to read, which returns the choice that it
// stands for, if it is its kind of text: a formula, say. It returns c.
func (c *Catalogue[T]) Written(read func(text string) (Choice, bool)) *Catalogue[T] {
	c.written = read
	return c
}

// Read is the function [Read], and understands what [Catalogue.Written] adds.
func (c *Catalogue[T]) Read(v any) (Choice, error) {
	choice, err := Read(v)
	text, ok := v.(string)
	if !ok || c.written == nil {
		return choice, err
	}
	if _, known := c.byName[choice.Name]; err == nil && known {
		return choice, nil
	}
	if other, ok := c.written(text); ok {
		return other, nil
	}
	return choice, err
}

func (c *Catalogue[T]) made() (reflect.Type, maker) { return reflect.TypeFor[T](), c }

// Kind returns what the things of the catalogue are called: "optimizer".
func (c *Catalogue[T]) Kind() string { return c.kind }

// Names returns the names of all entries, in the order of the table.
func (c *Catalogue[T]) Names() []string {
	names := make([]string, len(c.entries))
	for i, e := range c.entries {
		names[i] = e.Name
	}
	return names
}

// Entries returns all entries, in the order of the table.
func (c *Catalogue[T]) Entries() []Entry[T] { return slices.Clone(c.entries) }

// Lookup finds an entry. The error of an unknown name offers the nearest names.
func (c *Catalogue[T]) Lookup(name string) (Entry[T], error) {
	i, err := c.find(name)
	if err != nil {
		return Entry[T]{}, err
	}
	return c.entries[i], nil
}

func (c *Catalogue[T]) find(name string) (int, error) {
	i, ok := c.byName[name]
	if !ok {
		e := Invalid("name", "unknown %s %q; %s", c.kind, name, didYouMean(name, c.Names()))
		return 0, e
	}
	return i, nil
}

// Settings documents the settings of an entry; nil if there is no such entry.
func (c *Catalogue[T]) Settings(name string) []Setting {
	i, ok := c.byName[name]
	if !ok {
		return nil
	}
	out := make([]Setting, len(c.fields[i]))
	for j, f := range c.fields[i] {
		out[j] = Setting{Name: f.name, Type: typeName(f.typ, c), Default: f.defText, Range: f.in.String(), Doc: f.doc}
	}
	return out
}

// Given is Settings for the settings that are given, of which there can be more than the
// entry names.
func (c *Catalogue[T]) Given(name string, settings map[string]any) []Setting {
	var out []Setting
	for _, s := range c.Settings(name) {
		if s.Name != "*" {
			if _, given := settings[s.Name]; given {
				out = append(out, s)
			}
			continue
		}
		for _, k := range sortedKeys(settings) {
			if k != "name" && k != "settings" && !slices.ContainsFunc(c.Settings(name), func(o Setting) bool { return o.Name == k }) {
				s.Name = k
				out = append(out, s)
			}
		}
	}
	return out
}

// Complete checks the names and types in a choice and returns it with every
// default filled in, nested choices included. Choices that mean the same
// become equal (reflect.DeepEqual, and in JSON). The constructor is not called:
// what only it can find, such as a negative rate, is found by Make.
func (c *Catalogue[T]) Complete(choice Choice) (Choice, error) {
	i, err := c.find(choice.Name)
	if err != nil {
		return Choice{}, err
	}
	full, err := canonicalMap(choice.Settings, c.fields[i], c)
	if err != nil {
		return Choice{}, place(err, c.context(choice), "")
	}
	if len(full) == 0 {
		full = nil
	}
	return Choice{Name: choice.Name, Settings: full}, nil
}

// Make completes a choice and builds the thing. Each call builds a new one.
func (c *Catalogue[T]) Make(choice Choice) (T, error) {
	var zero T
	full, err := c.Complete(choice)
	if err != nil {
		return zero, err
	}
	i := c.byName[full.Name]
	s := reflect.New(c.entries[i].typ).Elem()
	if err := assignFields(s, c.fields[i], full.Settings, c); err != nil {
		return zero, place(err, c.context(choice), "")
	}
	made, err := c.entries[i].make(s)
	if err != nil {
		return zero, place(err, c.context(choice), "")
	}
	return made, nil
}

func (c *Catalogue[T]) context(choice Choice) string { return c.kind + " " + choice.Name }

// The methods below make nested choices.

func (c *Catalogue[T]) nested(t reflect.Type) maker { return c.using[t] }

func (c *Catalogue[T]) kindName() string { return c.kind }

func (c *Catalogue[T]) complete(v any) (any, error) {
	choice, err := c.Read(v)
	if err != nil {
		return nil, err
	}
	full, err := c.Complete(choice)
	if err != nil {
		// A nested choice written as a bare name has no key "name".
		if e, ok := err.(*Error); ok && e.Path == "name" {
			if _, bare := v.(string); bare {
				e.Path = ""
			}
		}
		return nil, err
	}
	return full, nil
}

func (c *Catalogue[T]) makeValue(choice Choice) (reflect.Value, error) {
	made, err := c.Make(choice)
	if err != nil {
		return reflect.Value{}, err
	}
	return reflect.ValueOf(&made).Elem(), nil
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

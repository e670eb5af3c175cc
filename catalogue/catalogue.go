package catalogue

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"sync"

	"github.com/pkg/errors"
)

// Entry is one row of a catalogue of things of type T.
type Entry[T any] struct {
	Name string // lower-case, hyphenated
	Doc  string // one line
	// Cites are the works that the thing comes from: keys of this project's references, or, of a
	// program's own rows, whole BibTeX entries.
	Cites []string
	from  string // where the row was made
	typ   reflect.Type
	// fields are those of typ.
	fields []field
	make   func(settings reflect.Value) (T, error)
}

// Row makes an entry from its name, one line of documentation and a
// constructor that takes a struct of settings S (see the package's
// documentation). The constructor gets every setting that text may give, with
// the defaults filled in; it refuses a value with [Invalid]. Settings with wrong tags are a
// mistake in the program, found when it starts: Row panics.
func Row[T, S any](name, doc string, build func(S) (T, error)) Entry[T] {
	typ := reflect.TypeFor[S]()
	return Entry[T]{
		Name:   name,
		Doc:    doc,
		from:   caller(2),
		typ:    typ,
		fields: fields(typ),
		make:   func(s reflect.Value) (T, error) { return build(s.Interface().(S)) },
	}
}

// Cite returns the row with the works that the thing comes from: see Cites.
func (e Entry[T]) Cite(works ...string) Entry[T] {
	e.Cites = slices.Concat(e.Cites, works)
	return e
}

// caller names a place in the program: its function, file and line.
func caller(skip int) string {
	pc := make([]uintptr, 1)
	if runtime.Callers(skip+1, pc) == 0 {
		return "an unknown place"
	}
	f, _ := runtime.CallersFrames(pc).Next()
	return fmt.Sprintf("%s (%s:%d)", f.Function, filepath.Base(f.File), f.Line)
}

// Catalogue is a table of the things of type T that text can ask for. Any number of
// goroutines may use it, also while rows are added.
type Catalogue[T any] struct {
	kind    string
	written func(text string) (Choice, bool)

	mu      sync.RWMutex
	entries []Entry[T]
	byName  map[string]int
	wrong   error // of the first Add that failed
}

// New makes a catalogue. kind is what its things are called in messages, such
// as "optimizer". Two entries of one name are a mistake in the program and panic.
//
// The first catalogue of things of type T, which is that of the package that declares T if it
// has one, makes them for the settings of every other catalogue: a setting of type T is given in
// text as a nested choice.
func New[T any](kind string, entries ...Entry[T]) *Catalogue[T] {
	c := &Catalogue[T]{kind: kind, byName: make(map[string]int, len(entries))}
	if err := c.Add(entries...); err != nil {
		panic("catalogue: " + err.Error())
	}
	makers.LoadOrStore(reflect.TypeFor[T](), maker(c))
	return c
}

// makers has the catalogue of each type of things.
var makers sync.Map // reflect.Type: maker

// Add adds rows, as a program does at its start:
//
//	activations.Catalogue.Add(catalogue.Row("isru", "z/√(1+z²)", makeISRU))
//
// A name that the catalogue has already, or that is no name, is an error that says where both
// rows come from, and none of the rows are added. The statement above leaves it unchecked: the
// catalogue then keeps it, and nothing can be looked up or made until the program is mended.
func (c *Catalogue[T]) Add(rows ...Entry[T]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries, byName := slices.Clip(c.entries), maps.Clone(c.byName)
	for _, e := range rows {
		err := error(nil)
		if i, twice := byName[e.Name]; twice {
			err = errors.Errorf("two rows are called %s %q: %q of %s and %q of %s", c.kind, e.Name,
				entries[i].Doc, entries[i].from, e.Doc, e.from)
		} else if !isName(e.Name) {
			err = errors.Errorf("%q, a row of %s, can't be the name of a %s: want lower-case letters and digits, separated by hyphens, starting with a letter", e.Name, e.from, c.kind)
		}
		if err != nil {
			if c.wrong == nil {
				c.wrong = err
			}
			return err
		}
		byName[e.Name] = len(entries)
		entries = append(entries, e)
	}
	c.entries, c.byName = entries, byName
	return nil
}

// With returns a catalogue that has more rows, and leaves c as it is: for one use, where a
// program's rows are not for all.
func (c *Catalogue[T]) With(rows ...Entry[T]) (*Catalogue[T], error) {
	c.mu.RLock()
	d := &Catalogue[T]{kind: c.kind, written: c.written, entries: c.entries, byName: c.byName, wrong: c.wrong}
	c.mu.RUnlock()
	if err := d.Add(rows...); err != nil {
		return nil, err
	}
	return d, nil
}

// isName reports whether a name can stand in a study, a file and a benchmark's name.
func isName(s string) bool {
	for i, r := range s {
		switch {
		case 'a' <= r && r <= 'z':
		case i > 0 && '0' <= r && r <= '9':
		case i > 0 && r == '-' && s[i-1] != '-' && i < len(s)-1:
		default:
			return false
		}
	}
	return s != ""
}

// Written gives text that names no entry to read, which returns the choice that it
// stands for, if it is its kind of text: a formula, say. It returns c. It is called before the
// catalogue is used.
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
	if err == nil && c.has(choice.Name) {
		return choice, nil
	}
	if other, ok := c.written(text); ok {
		return other, nil
	}
	return choice, err
}

// Kind returns what the things of the catalogue are called: "optimizer".
func (c *Catalogue[T]) Kind() string { return c.kind }

// Names returns the names of all entries, in the order of the table.
func (c *Catalogue[T]) Names() []string {
	entries := c.Entries()
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	return names
}

// Entries returns all entries, in the order of the table.
func (c *Catalogue[T]) Entries() []Entry[T] {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.entries)
}

// Err returns the error of the first Add that failed, if one did.
func (c *Catalogue[T]) Err() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.wrong
}

// Lookup finds an entry. The error of an unknown name offers the nearest names.
func (c *Catalogue[T]) Lookup(name string) (Entry[T], error) {
	c.mu.RLock()
	i, ok := c.byName[name]
	var e Entry[T]
	if ok {
		e = c.entries[i]
	}
	wrong := c.wrong
	c.mu.RUnlock()
	switch {
	case wrong != nil:
		return Entry[T]{}, Invalid("", "%v", wrong)
	case !ok:
		return Entry[T]{}, Invalid("name", "unknown %s %q; %s", c.kind, name, didYouMean(name, c.Names()))
	}
	return e, nil
}

func (c *Catalogue[T]) has(name string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, ok := c.byName[name]
	return ok
}

// Settings documents the settings of an entry; nil if there is no such entry.
func (c *Catalogue[T]) Settings(name string) []Setting {
	e, err := c.Lookup(name)
	if err != nil {
		return nil
	}
	out := make([]Setting, len(e.fields))
	for j, f := range e.fields {
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
	e, err := c.Lookup(choice.Name)
	if err != nil {
		return Choice{}, err
	}
	return c.complete(e, choice)
}

func (c *Catalogue[T]) complete(e Entry[T], choice Choice) (Choice, error) {
	full, err := canonicalMap(choice.Settings, e.fields, c)
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
	e, err := c.Lookup(choice.Name)
	if err != nil {
		return zero, err
	}
	full, err := c.complete(e, choice)
	if err != nil {
		return zero, err
	}
	s := reflect.New(e.typ).Elem()
	if err := assignFields(s, e.fields, full.Settings, c); err != nil {
		return zero, place(err, c.context(choice), "")
	}
	if given := givenOf(s); given != nil {
		given.names = everything
	}
	made, err := e.make(s)
	if err != nil {
		return zero, place(err, c.context(choice), "")
	}
	return made, nil
}

func (c *Catalogue[T]) context(choice Choice) string { return c.kind + " " + choice.Name }

// The methods below make nested choices.

func (c *Catalogue[T]) nested(t reflect.Type) maker {
	if t == reflect.TypeFor[T]() {
		return c
	}
	m, _ := makers.Load(t)
	made, _ := m.(maker)
	return made
}

func (c *Catalogue[T]) kindName() string { return c.kind }

func (c *Catalogue[T]) completeValue(v any) (any, error) {
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

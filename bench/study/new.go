package study

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/keep"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// Settings are a study in Go: what a study file says, key for key.
type Settings struct {
	Name, About string
	Task        any // a value of the axis task; nil if the grid has it

	Steps, Batch int // the budget of each run
	Evaluate     int // updates between evaluations; 0: a twentieth of the steps
	Checkpoint   int // updates between checkpoints: see Spec; 0: none

	Seeds  any      // how many, or a list of them; nil: 5
	Target *float64 // validation score that counts as solved; nil: the task's
	Probe  *int     // steps with measurements in each factor of ten, 0 for none; nil: up to 8, for at most 3% of the time

	Quantities []string // measured besides those that always are: see probe.OnRequest

	Grid  Grid
	Cases []Grid // partial grids, each with the rest from Grid

	// Compare has the keys of the axes that are compared, together; nil: the optimizer if it
	// varies, else the first axis that does. Variants are compared in the place of axes.
	// Baseline is what the others are compared with, as reports name it; "": the first.
	Compare  []string
	Variants []Variant
	Baseline string
	Where    string // the runs that are kept: see Condition; "": all

	// Tune has the keys of a file's tune: settings and what is tried of each, such as
	// "optimizer.rate": []float64{0.01, 0.1}, and budget, seeds, halving and per. See Tune.
	Tune map[string]any
}

// Grid has the values of axes by their keys: see [Axes]. A value is what text would say,
// such as 5, "tanh", "sgd(rate=0.1)" or a [Choice], or a part that is a Go value: an
// activations.Activation, a normalization.Normalization, an initializers.Initializer, a
// tasks.Task, which have names, or a [Part]. A slice of any type is a list of values.
type Grid map[string]any

// Part is a Go value under a name, which stands for it in a study's configurations. (What
// the value does is not recorded: give what has changed another name.)
type Part struct {
	name  string
	value any
}

// NewPart makes a part of a value, or of a function that returns a new one for each run,
// with an error or without: that is how to give an optimizer, which has a state. It serves
// studies by its identity: one part in several cases is the same, and two of one name are
// not.
//
//	study.NewPart("mine", func() (gorgonia.Solver, error) { return NewMine(0.1) })
func NewPart(name string, value any) *Part { return &Part{name, value} }

// New makes a study. It is checked as a file is.
func New(ctx context.Context, s Settings) (*Spec, error) {
	where := "study " + s.Name
	root := map[string]any{"name": s.Name, "budget": map[string]any{"steps": s.Steps, "batch": s.Batch}, "grid": map[string]any(s.Grid)}
	set := func(m any, key string, v any, given bool) {
		if given {
			m.(map[string]any)[key] = v
		}
	}
	set(root, "about", s.About, s.About != "")
	set(root, "task", s.Task, s.Task != nil)
	set(root["budget"], "evaluate", s.Evaluate, s.Evaluate != 0)
	set(root["budget"], "checkpoint", s.Checkpoint, s.Checkpoint != 0)
	set(root, "seeds", s.Seeds, s.Seeds != nil)
	if s.Target != nil {
		root["target"] = *s.Target
	}
	if s.Probe != nil {
		root["probe"] = *s.Probe
	}
	set(root, "quantities", s.Quantities, len(s.Quantities) > 0)
	set(root, "cases", s.Cases, len(s.Cases) > 0)
	set(root, "tune", s.Tune, s.Tune != nil)
	set(root, "compare", s.Compare, len(s.Compare) > 0)
	set(root, "baseline", s.Baseline, s.Baseline != "")
	set(root, "where", s.Where, s.Where != "")
	var order []string
	if len(s.Variants) > 0 {
		variants := map[string]any{}
		for _, v := range s.Variants {
			if _, twice := variants[v.Name]; twice || v.Name == "" {
				return nil, errors.Errorf("%s: variants: the name %q is empty or a duplicate", where, v.Name)
			}
			if v.Axes == nil {
				v.Axes = Grid{}
			}
			variants[v.Name], order = v.Axes, append(order, v.Name)
		}
		root["variants"] = variants
	}
	plain, err := plainValue(root, nil)
	if err != nil {
		return nil, errors.Wrap(err, where)
	}
	r := &reader{ctx: ctx, root: plain, parts: catalogues(), order: order}
	spec, err := r.read(where, nil)
	if err != nil {
		return nil, err
	}
	spec.Source, err = r.source("A study made by a program.")
	return spec, errors.Wrap(err, where)
}

// plainValue turns numbers, lists and mappings of any type into those that a file has.
func plainValue(v any, path []any) (any, error) {
	switch v := v.(type) {
	case nil, string, bool, catalogue.Choice, *Part:
		return v, nil
	}
	x := reflect.ValueOf(v)
	switch x.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if x.Int() >= 0 {
			return uint64(x.Int()), nil
		}
		return x.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return x.Uint(), nil
	case reflect.Float32, reflect.Float64:
		if f := x.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errors.Errorf("%s: %g is not a finite number", pathText(path), f)
		}
		return x.Float(), nil
	case reflect.String: // of a type of its own
		return x.String(), nil
	case reflect.Slice, reflect.Array:
		list := make([]any, x.Len())
		for i := range list {
			e, err := plainValue(x.Index(i).Interface(), at(path, i))
			if err != nil {
				return nil, err
			}
			list[i] = e
		}
		return list, nil
	case reflect.Map:
		if x.Type().Key().Kind() == reflect.String {
			m := map[string]any{}
			for _, k := range x.MapKeys() {
				e, err := plainValue(x.MapIndex(k).Interface(), at(path, k.String()))
				if err != nil {
					return nil, err
				}
				m[k.String()] = e
			}
			return m, nil
		}
	}
	return v, nil // a part
}

// pathText writes keys and indices as grid.depth[1].
func pathText(path []any) string {
	var b strings.Builder
	for _, k := range path {
		if i, ok := k.(int); ok {
			fmt.Fprintf(&b, "[%d]", i)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		fmt.Fprint(&b, k)
	}
	return b.String()
}

// admit makes a row of a part, in a catalogue of the study's own, and returns its name; what
// is no part it returns as it is.
func admit[T any](r *reader, c **catalogue.Catalogue[T], kind string, v any, path []any) any {
	part, ok := v.(*Part)
	if !ok {
		value, ok := v.(T)
		if !ok {
			switch v.(type) {
			case nil, string, bool, uint64, int64, float64, catalogue.Choice, []any, map[string]any:
			default:
				r.fail(path, "a %T is neither text nor a part of the kind %s", v, kind)
			}
			return v
		}
		named, ok := v.(interface{ Name() string })
		if !ok {
			r.fail(path, "a %T has no name: give a study.NewPart", v)
			return v
		}
		part = &Part{named.Name(), value}
	}
	var build func() (T, error)
	switch value := part.value.(type) {
	case func() (T, error):
		build = value
	case func() T:
		build = func() (T, error) { return value(), nil }
	case T:
		switch any(value).(type) {
		case gorgonia.Solver, keep.Keep:
			r.fail(path, "the %s %s has a state: give study.NewPart a function that returns a new one for each run", kind, part.name)
			return v
		}
		build = func() (T, error) { return value, nil }
	default:
		r.fail(path, "%s is a %T, which is no part of the kind %s", part.name, part.value, kind)
		return v
	}
	key := [2]string{kind, part.name}
	identity := any(part)
	if v != identity {
		identity = v
	}
	if known, again := r.admitted[key]; again {
		if !same(known, identity) {
			r.fail(path, "two different parts are called %s", part.name)
		}
		return part.name
	}
	with, err := (*c).With(catalogue.Row(part.name, "a Go value", func(struct{}) (T, error) { return build() }))
	if err != nil {
		r.fail(path, "%v", err)
		return v
	}
	*c = with
	if r.admitted == nil {
		r.admitted = map[[2]string]any{}
	}
	r.admitted[key] = identity
	return part.name
}

// same reports whether two parts are one.
func same(a, b any) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}

// source writes the study as a file, with a comment at its head. Parts that are Go values are named under the key
// parts: such a file can be reported on, and run by no other program.
func (r *reader) source(comment string) ([]byte, error) {
	m := r.root.(map[string]any)
	if len(r.admitted) > 0 {
		parts := map[string]any{}
		for key := range r.admitted {
			entry := map[string]any{"name": key[1]}
			if key[0] == "task" {
				t, err := r.task(Choice{Name: key[1]})
				if err != nil {
					return nil, err
				}
				entry["target"] = t.Target()
			}
			list, _ := parts[key[0]].([]any)
			parts[key[0]] = append(list, entry)
		}
		for _, list := range parts {
			slices.SortFunc(list.([]any), func(a, b any) int {
				return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
			})
		}
		m = maps.Clone(m)
		m["parts"] = parts
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", comment)
	var write func(m map[string]any, keys []string, indent string) error
	write = func(m map[string]any, keys []string, indent string) error {
		for _, k := range keys {
			v, given := m[k]
			if !given {
				continue
			}
			if block, ok := v.(map[string]any); ok && len(block) > 0 && indent == "" && (k == "grid" || k == "variants") {
				fmt.Fprintf(&b, "%s:\n", k)
				keys := gridKeys()
				if k == "variants" {
					keys = r.inOrder(block, at(nil, k))
				}
				if err := write(block, keys, "  "); err != nil {
					return err
				}
				continue
			}
			var line bytes.Buffer
			e := json.NewEncoder(&line) // JSON is YAML
			e.SetEscapeHTML(false)
			if err := e.Encode(named(v)); err != nil {
				return errors.Wrap(err, k)
			}
			key := k
			if indent != "" && !nameForm.MatchString(k) { // of a variant
				key = strconv.Quote(k)
			}
			fmt.Fprintf(&b, "%s%s: %s", indent, key, line.String())
		}
		return nil
	}
	err := write(m, studyKeys, "")
	return b.Bytes(), err
}

// named writes a value with names in the place of parts.
func named(v any) any {
	switch v := v.(type) {
	case *Part:
		return v.name
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = named(e)
		}
		return list
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			m[k] = named(e)
		}
		return m
	case catalogue.Choice:
		return v
	case interface{ Name() string }:
		return v.Name()
	}
	return v
}

// recordedParts makes rows of the parts that a recorded study names, which were values of
// the program that ran it.
func (r *reader) recordedParts(m map[string]any) {
	v, given := m["parts"]
	if !given {
		return
	}
	path := at(nil, "parts")
	if !r.recorded {
		r.failOnKey(path, "parts are Go values of the program that made this study: only that can run it")
		return
	}
	kinds := r.mapping(v, path, "the parts", "task", "activation", "model", "initializer", "normalization", "optimizer", "keep")
	for _, kind := range sortedKeys(kinds) {
		list, _ := kinds[kind].([]any)
		for i, e := range list {
			entry := r.mapping(e, at(path, kind, i), "a part", "name", "target")
			name := r.text(entry, "name")
			target, _ := number(entry["target"])
			var err error
			switch kind {
			case "task":
				err = nameOnly(&r.parts.tasks, name)
				if r.targets == nil {
					r.targets = map[string]float64{}
				}
				r.targets[name] = target
			case "activation":
				err = nameOnly(&r.parts.activations, name)
			case "model":
				err = nameOnly(&r.parts.models, name)
			case "initializer":
				err = nameOnly(&r.parts.initializers, name)
			case "normalization":
				err = nameOnly(&r.parts.normalizations, name)
			case "optimizer":
				err = nameOnly(&r.parts.optimizers, name)
			case "keep":
				err = nameOnly(&r.parts.keeps, name)
			}
			if err != nil {
				r.fail(at(path, kind, i), "%v", err)
			}
		}
	}
}

// nameOnly adds a row that only has a name.
func nameOnly[T any](c **catalogue.Catalogue[T], name string) error {
	with, err := (*c).With(catalogue.Row(name, "a value of another program", func(struct{}) (t T, err error) {
		return t, errors.Errorf("%s is a value of the program that ran the study", name)
	}))
	if err == nil {
		*c = with
	}
	return err
}

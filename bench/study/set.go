package study

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// maxNameBytes is how long the name of a study becomes by what is set.
const maxNameBytes = 80

// LoadWith is Load of a study in which some keys are set anew, as text such as
//
//	depth=10,20    optimizer.rate=0.01    seeds=10    optimizer=sgd(rate=0.1),adam
//
// An axis replaces that of the grid and of the cases; a setting, after a dot, that of each
// choice which the study names on the axis. It is another study: its name ends with what was
// set, unless that is the name, and its text has the keys as they are then.
func LoadWith(ctx context.Context, path string, set []string) (*Spec, error) {
	if len(set) == 0 {
		return Load(ctx, path)
	}
	plain, err := Load(ctx, path)
	if err != nil {
		return nil, err
	}
	root, places, err := document(ctx, path, plain.Source)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, root: root, places: places, parts: catalogues()}
	m := root.(map[string]any)
	named := false
	for _, s := range set {
		if err := r.set(m, s); err != nil {
			return nil, errors.Errorf("--set %s: %v", s, err)
		}
		named = named || strings.HasPrefix(s, "name=")
	}
	if name, ok := m["name"].(string); ok && !named {
		m["name"] = nameWith(name, strings.Join(set, " "))
	}
	spec, err := r.read(path, nil)
	if err != nil {
		return nil, err
	}
	spec.Source, err = r.source(filepath.Base(path) + " with --set " + strings.Join(set, " --set "))
	return spec, err
}

var notOfName = regexp.MustCompile(`[^a-z0-9]+`)

// nameWith ends a name with what was set, or where that is long with a digest of it.
func nameWith(name, set string) string {
	long := name + "-" + strings.Trim(notOfName.ReplaceAllString(strings.ToLower(set), "-"), "-")
	if len(long) <= maxNameBytes {
		return strings.TrimRight(long, "-")
	}
	return fmt.Sprintf("%s-%x", name, sha256.Sum256([]byte(set)))[:len(name)+9]
}

// setValue is what a place in the study was set to, for messages.
type setValue struct {
	path []any
	text string
}

// set sets a key of the study.
func (r *reader) set(m map[string]any, text string) error {
	key, value, ok := strings.Cut(text, "=")
	key = strings.TrimSpace(key)
	if !ok || strings.TrimSpace(value) == "" {
		return errors.New("want a key and values, such as depth=10,20")
	}
	var values []any
	for _, part := range splitOutside(value, ",") {
		var p place
		v, _, err := (&reading{}).plain(strings.TrimSpace(part), &p)
		if err != nil {
			v = strings.TrimSpace(part)
		}
		values = append(values, v)
	}
	v := any(values)
	if len(values) == 1 {
		v = values[0]
	}
	put := func(in map[string]any, path []any, key string, v any) {
		in[key] = v
		r.overrides = append(r.overrides, setValue{at(path, key), text})
	}
	grid, _ := m["grid"].(map[string]any)
	if grid == nil {
		grid = map[string]any{}
	}
	budget, _ := m["budget"].(map[string]any)
	cases, _ := m["cases"].([]any)
	axis, setting, ofChoice := strings.Cut(key, ".")
	if ofChoice {
		found := 0
		within := func(in map[string]any, path []any) error {
			old, given := in[axis]
			if !given {
				return nil
			}
			found++
			changed, err := withSetting(old, setting, v)
			put(in, path, axis, changed)
			return err
		}
		if a, known := AxisOf(axis); !known || a.Label != nil {
			return errors.Errorf("%s has no settings", axis)
		}
		if err := within(m, nil); err != nil {
			return err
		}
		if err := within(grid, at(nil, "grid")); err != nil {
			return err
		}
		for i, c := range cases {
			if c, ok := c.(map[string]any); ok {
				if err := within(c, at(nil, "cases", i)); err != nil {
					return err
				}
			}
		}
		variants, _ := m["variants"].(map[string]any)
		for name, c := range variants {
			if c, ok := c.(map[string]any); ok {
				if err := within(c, at(nil, "variants", name)); err != nil {
					return err
				}
			}
		}
		if found == 0 {
			return errors.Errorf("the study names no %s", axis)
		}
		return nil
	}
	_, isList := v.([]any)
	inBudget := slices.Contains([]string{"steps", "batch", "evaluate", "checkpoint"}, key)
	switch {
	case slices.Contains([]string{"name", "about", "baseline", "where"}, key):
		put(m, nil, key, strings.TrimSpace(value))
	case inBudget && budget != nil && !(isList && slices.Contains(gridKeys(), key)):
		put(budget, at(nil, "budget"), key, v)
		delete(grid, key)
	case key == "task" && !isList && m["task"] != nil:
		put(m, nil, key, v)
		delete(grid, key)
	case slices.Contains(gridKeys(), key):
		m["grid"] = grid
		put(grid, at(nil, "grid"), key, v)
	case slices.Contains([]string{"seeds", "target", "probe", "compare"}, key):
		put(m, nil, key, v)
	default:
		return errors.Errorf("unknown key %q%s", key, nearest(key, append(gridKeys(), "seeds", "target", "probe", "compare", "baseline", "where", "name", "about", "evaluate", "checkpoint")))
	}
	for _, c := range cases {
		if c, ok := c.(map[string]any); ok {
			delete(c, key)
		}
	}
	return nil
}

// withSetting returns choices, one or a list, with a setting.
func withSetting(v any, setting string, value any) (any, error) {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			var err error
			if list[i], err = withSetting(e, setting, value); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		m := maps.Clone(v)
		if under, ok := m["settings"].(map[string]any); ok {
			under = maps.Clone(under)
			under[setting] = value
			m["settings"] = under
		} else {
			m[setting] = value
		}
		return m, nil
	case string:
		choice, err := catalogue.Parse(v)
		if err != nil {
			return nil, errors.Errorf("%s has no settings", v)
		}
		m := map[string]any{"name": choice.Name}
		for k, s := range choice.Settings {
			m[k] = s
		}
		m[setting] = value
		return m, nil
	}
	return nil, errors.Errorf("%v is no choice", v)
}

package study

import (
	"maps"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
)

// Comparison is what a study compares.
type Comparison = record.Comparison

// Variant is one of the things that a study compares, by its name: values of axes that
// replace those of the grid and of the cases. In a value, $ and the axis's key stand for the
// grid's own value, as in {activation: {name: dks, of: $activation}}: the variant then has
// one for each of them, and the axis makes facets.
type Variant struct {
	Name string
	Axes Grid // one value each
}

// Compared returns the axis that is compared unless a study says otherwise: the optimizer
// if it varies, else the first axis that does; "" if none does. Settings that were chosen for
// each facet by itself don't count.
func Compared(configs []Config) string {
	varies := func(a Axis) bool {
		if !a.Differs(configs) {
			return false
		}
		things, _, _ := Things(configs, []Axis{a}, nil)
		return slices.ContainsFunc(things, func(t string) bool { return t != things[0] })
	}
	if a, _ := AxisOf("optimizer"); varies(a) {
		return a.Key
	}
	for _, a := range Axes {
		if a.Key != "optimizer" && varies(a) {
			return a.Key
		}
	}
	return ""
}

// comparison reads the keys compare, variants, baseline and where.
func (r *reader) comparison(m map[string]any) (c Comparison, variants []Variant) {
	c.Baseline = r.text(m, "baseline")
	_, hasVariants := m["variants"]
	if v, ok := m["compare"]; ok {
		path := at(nil, "compare")
		if hasVariants {
			r.failOnKey(path, "a study with variants compares those: leave compare out")
		}
		for place, e := range items(v, path) {
			key, _ := e.(string)
			if _, known := AxisOf(key); !known {
				r.fail(place, "%s is no axis to compare%s", r.shown(e, place), nearest(key, axisKeys()))
			} else if slices.Contains(c.By, key) {
				r.fail(place, "%s is listed twice", key)
			}
			c.By = append(c.By, key)
		}
		if len(c.By) == 0 {
			r.fail(path, "compare is empty: give an axis or a list of axes")
		}
	}
	if w := r.text(m, "where"); w != "" && r.err == nil {
		var err error
		if r.where, err = ParseCondition(w); err != nil {
			r.fail(at(nil, "where"), "%v", err)
		}
	}
	if hasVariants && r.err == nil {
		variants = r.variants(m["variants"], &c)
	}
	return c, variants
}

// variants reads the variants, in the order in which they are written.
func (r *reader) variants(v any, c *Comparison) (variants []Variant) {
	path := at(nil, "variants")
	m, ok := v.(map[string]any)
	if !ok || len(m) < 2 {
		r.fail(path, "variants are two or more names, each with what it replaces: `variants: {plain: {}, residual: {model: residual}}`")
		return nil
	}
	for _, name := range r.inOrder(m, path) {
		if m[name] == nil { // `plain:` and nothing
			m[name] = map[string]any{}
		}
		own := r.mapping(m[name], at(path, name), "the variant "+name, gridKeys()...)
		for _, key := range sortedKeys(own) {
			if !slices.Contains(c.By, key) {
				c.By = append(c.By, key)
			}
		}
		variants = append(variants, Variant{name, own})
		c.Variants = append(c.Variants, name)
	}
	var by []string // in the order of the table
	for _, key := range gridKeys() {
		if slices.Contains(c.By, key) {
			by = append(by, key)
		}
	}
	c.By, c.Variant, c.Origin = by, map[string]string{}, map[string]Config{}
	for _, key := range by {
		if slices.ContainsFunc(variants, func(v Variant) bool { return refers(v.Axes[key], key) }) {
			c.Shared = append(c.Shared, key)
			for _, v := range variants {
				if own, given := v.Axes[key]; given && !refers(own, key) {
					r.fail(at(path, v.Name, key), "the variant %s replaces the %s that other variants use as $%s: use it here, too", v.Name, key, key)
				}
			}
		}
	}
	if c.Baseline != "" && !slices.Contains(c.Variants, c.Baseline) {
		r.fail(at(nil, "baseline"), "there is no variant %q%s", c.Baseline, nearest(c.Baseline, c.Variants))
	}
	return variants
}

// inOrder returns the keys of a mapping in the order in which the file has them.
func (r *reader) inOrder(m map[string]any, path []any) []string {
	keys := sortedKeys(m)
	if r.places == nil {
		if len(r.order) > 0 {
			return r.order
		}
		return keys
	}
	where := func(key string) *place { p, _ := r.places.find(at(path, key)); return p }
	slices.SortStableFunc(keys, func(a, b string) int {
		p, q := where(a), where(b)
		if p.keyLine != q.keyLine {
			return p.keyLine - q.keyLine
		}
		return p.keyColumn - q.keyColumn
	})
	return keys
}

// nameVariants gives a run's setup to its variant. Two variants that make the same run, or one that
// makes two with nothing but the compared axes to tell them apart, are refused.
func (r *reader) nameVariants(points []point, c *Comparison) {
	var others []Axis
	for _, a := range Axes {
		if !slices.Contains(c.By, a.Key) {
			others = append(others, a)
		}
	}
	made := map[string]string{} // setups by variant and facet
	for i, p := range points {
		if i%100 == 0 && r.stopped() {
			return
		}
		setup := p.Setup().Hash()
		path := at(nil, "variants", p.variant)
		if other, taken := c.Variant[setup]; taken && other != p.variant {
			r.failOnKey(path, "the variants %s and %s make the same runs: %s", other, p.variant, r.describe(p.Config, c.By))
			return
		}
		c.Variant[setup] = p.variant
		if len(c.Shared) > 0 {
			origin := p.origin.Setup()
			if other, taken := c.Origin[setup]; taken && other.Hash() != origin.Hash() {
				r.failOnKey(path, "the variant %s makes the same runs for several values of %s", p.variant, strings.Join(c.Shared, " or "))
				return
			}
			c.Origin[setup] = origin
		}
		key := p.variant + "\n" + sharedValues(c, p.origin)
		for _, a := range others {
			key += "\n" + keyOf(a.Value(p.Config))
		}
		if twin, taken := made[key]; taken && twin != setup {
			r.failOnKey(path, "the variant %s has several values of %s: what variants replace has one value in each", p.variant, strings.Join(c.By, " or "))
			return
		}
		made[key] = setup
	}
}

// describe writes a configuration's values on some axes.
func (r *reader) describe(c Config, keys []string) string {
	var parts []string
	for _, key := range keys {
		a, _ := AxisOf(key)
		parts = append(parts, key+" "+strings.TrimPrefix(a.Labels([]Config{c})[0], key+" "))
	}
	if len(parts) == 0 {
		return "neither replaces anything"
	}
	return strings.Join(parts, ", ")
}

// checkBaseline refuses a baseline that is none of the things compared.
func (r *reader) checkBaseline(c Comparison, configs []Config) {
	if c.Baseline == "" || len(c.Variants) > 0 {
		return
	}
	by := c.By
	if len(by) == 0 {
		by = []string{Compared(configs)}
	}
	var axes []Axis
	for _, key := range by {
		if a, known := AxisOf(key); known {
			axes = append(axes, a)
		}
	}
	var labels []string
	things, _, _ := Things(configs, axes, nil)
	for _, l := range things {
		if !slices.Contains(labels, l) {
			labels = append(labels, l)
		}
	}
	if !slices.Contains(labels, c.Baseline) {
		r.fail(at(nil, "baseline"), "there is no %s %q to be the baseline; there %s", strings.Join(by, ", "), c.Baseline, thereAre(labels))
	}
}

// with returns a grid, or a case, with the values of a variant in the place of its own.
func (v Variant) with(grid map[string]any) map[string]any {
	merged := maps.Clone(grid)
	maps.Copy(merged, v.Axes)
	return merged
}

// path says where a variant's axis stands.
func (v Variant) path(axis string, otherwise func(string) []any) []any {
	if _, own := v.Axes[axis]; own && v.Name != "" {
		return at(nil, "variants", v.Name)
	}
	return otherwise(axis)
}

// refers reports whether a variant's value uses the grid's value of an axis.
func refers(v any, axis string) bool {
	switch v := v.(type) {
	case string:
		return v == "$"+axis
	case map[string]any:
		for _, e := range v {
			if refers(e, axis) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return refers(e, axis) })
	}
	return false
}

// using returns a variant's value with the grid's value in its place.
func using(v any, axis string, grid any) any {
	switch v := v.(type) {
	case string:
		if v == "$"+axis {
			return grid
		}
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			m[k] = using(e, axis, grid)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = using(e, axis, grid)
		}
		return list
	}
	return v
}

// uses returns what sets each of a variant's values of an axis, and the grid's value that it
// uses.
func (r *reader) uses(a Axis, own, grid any, path, gridPath []any) (list [][2]func(*Config)) {
	if grid == nil {
		r.fail(path, "$%s stands for the grid's %s, and there is none", a.Key, a.Key)
		return nil
	}
	for place, v := range items(grid, gridPath) {
		origin := a.read(r, v, place)
		var set []func(*Config)
		if r.err == nil {
			set = a.read(r, using(own, a.Key, v), path)
		}
		switch {
		case r.err != nil:
			return nil
		case len(origin) != 1 || len(set) != 1:
			r.fail(place, "$%s stands for one value at a time: write out those with lists of settings", a.Key)
			return nil
		}
		list = append(list, [2]func(*Config){set[0], origin[0]})
	}
	return list
}

// sharedValues are the grid's values of the axes that variants use.
func sharedValues(c *Comparison, origin Config) (key string) {
	for _, k := range c.Shared {
		a, _ := AxisOf(k)
		key += keyOf(a.Value(origin)) + "\n"
	}
	return key
}

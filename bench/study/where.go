package study

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// Condition says which runs to keep, as the key where does:
//
//	depth <= 50 or model != mlp and optimizer.rate = 0.1, 0.01
//
// A comparison has an axis, or a setting of its choice, on the left, and a value on the
// right, or several after = and != with commas between them. The name of a choice stands for
// all of that name; with settings, sgd(rate=0.1), for those that have them. "and" binds
// more tightly than "or".
type Condition struct {
	text string
	any  [][]*term // one of them holds if all its terms do
}

// term is one comparison.
type term struct {
	text    string
	axis    Axis
	setting string // of a choice; "": the choice itself
	op      string // =, !=, <, <=, >, >=
	values  []*operand
}

// operand is a value on the right of a comparison.
type operand struct {
	text    string
	number  float64
	numeric bool
	choice  Choice        // of an axis of choices
	set     func(*Config) // of any other axis
	matched bool          // a configuration has the value
}

var (
	termForm  = regexp.MustCompile(`^([a-z][a-z0-9-]*)(?:\.([A-Za-z0-9_-]+))?\s*(!=|<=|>=|=|<|>)\s*(\S.*)$`)
	orderings = []string{"<", "<=", ">", ">="}
)

// ParseCondition reads a condition. The error says what is wrong with which part of it.
func ParseCondition(text string) (*Condition, error) {
	c := &Condition{text: text}
	for _, alternative := range splitOutside(text, " or ") {
		var all []*term
		for _, part := range splitOutside(alternative, " and ") {
			t, err := parseTerm(strings.TrimSpace(part))
			if err != nil {
				return nil, err
			}
			all = append(all, t)
		}
		c.any = append(c.any, all)
	}
	return c, nil
}

func parseTerm(text string) (*term, error) {
	m := termForm.FindStringSubmatch(text)
	if m == nil || strings.HasPrefix(m[4], "=") {
		return nil, errors.Errorf("%q is not a comparison such as `depth <= 50`, `model != mlp` or `optimizer.rate = 0.1, 0.01`", brief(text))
	}
	t := &term{text: text, setting: m[2], op: m[3]}
	var known bool
	if t.axis, known = AxisOf(m[1]); !known {
		return nil, errors.Errorf("unknown axis %q%s", m[1], nearest(m[1], axisKeys()))
	}
	ordering := slices.Contains(orderings, t.op)
	if t.setting != "" && t.axis.Label != nil {
		return nil, errors.Errorf("%s has no settings: leave .%s out", t.axis.Key, t.setting)
	}
	values := []string{m[4]}
	if !ordering {
		values = splitOutside(m[4], ",")
	}
	for _, text := range values {
		v := &operand{text: strings.TrimSpace(text)}
		var p place
		plain, _, err := (&reading{}).plain(v.text, &p)
		if err == nil {
			v.number, v.numeric = number(plain)
		}
		switch {
		case v.text == "":
			return nil, errors.Errorf("a value is missing in %q", t.text)
		case ordering && !v.numeric:
			return nil, errors.Errorf("%s compares numbers, but %q is not one", t.op, v.text)
		case t.setting != "":
		case t.axis.Label == nil:
			if ordering {
				return nil, errors.Errorf("%s is a choice, which is neither less nor greater: compare it by = or !=, or one of its settings", t.axis.Key)
			}
			if v.choice, err = catalogue.Parse(v.text); err != nil {
				v.choice = Choice{} // a formula: compared as it is written
			}
		default:
			if ordering {
				if _, isNumber := t.number(Config{}); !isNumber {
					return nil, errors.Errorf("%s is not numeric: compare it with = or !=", t.axis.Key)
				}
			}
			r := &reader{parts: catalogues()}
			if err != nil || plain == nil {
				plain = v.text
			}
			if sets := t.axis.read(r, plain, nil); r.err != nil {
				return nil, r.err
			} else {
				v.set = sets[0]
			}
		}
		t.values = append(t.values, v)
	}
	return t, nil
}

func axisKeys() (keys []string) {
	for _, a := range Axes {
		keys = append(keys, a.Key)
	}
	return keys
}

// splitOutside splits a text at a separator that stands in no brackets.
func splitOutside(text, separator string) (parts []string) {
	depth, from := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if depth == 0 && strings.HasPrefix(text[i:], separator) {
			parts = append(parts, text[from:i])
			from = i + len(separator)
			i = from - 1
		}
	}
	return append(parts, text[from:])
}

// Holds reports whether a configuration meets the condition; of nil it always does.
func (c *Condition) Holds(config Config) bool {
	if c == nil {
		return true
	}
	holds := false
	for _, all := range c.any {
		every := true
		for _, t := range all {
			every = t.holds(config) && every // each is asked: it notes what it meets
		}
		holds = holds || every
	}
	return holds
}

// Check returns what is wrong with a condition on these configurations: a value that none
// of them has, or that it holds of none.
func (c *Condition) Check(configs []Config) error {
	if c == nil {
		return nil
	}
	kept := 0
	for _, config := range configs {
		if c.Holds(config) {
			kept++
		}
	}
	for _, all := range c.any {
		for _, t := range all {
			for _, v := range t.values {
				if !v.matched && !slices.Contains(orderings, t.op) {
					return errors.Errorf("no run has %s %s; there %s", t.left(), v.text, thereAre(t.found(configs)))
				}
			}
		}
	}
	if kept == 0 {
		return errors.Errorf("%q leaves no run", c.text)
	}
	return nil
}

func thereAre(values []string) string {
	const most = 10
	if len(values) == 0 {
		return "is none"
	}
	verb := "are"
	if len(values) == 1 {
		verb = "is"
	}
	if len(values) > most {
		values = append(slices.Clone(values[:most]), "…")
	}
	return verb + " " + strings.Join(values, ", ")
}

func (t *term) left() string {
	if t.setting != "" {
		return t.axis.Key + "." + t.setting
	}
	return t.axis.Key
}

// found lists the values that configurations have.
func (t *term) found(configs []Config) (list []string) {
	add := func(s string) {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for i, label := range t.axis.Labels(configs) {
		switch v := t.axis.Value(configs[i]).(type) {
		case Choice:
			if t.setting == "" {
				add(label)
			} else if s, given := v.Settings[t.setting]; given {
				add(fmt.Sprint(s))
			}
		case bool:
			add(label)
		default:
			add(fmt.Sprint(v))
		}
	}
	return list
}

// number returns the number that a configuration has on the left.
func (t *term) number(c Config) (float64, bool) {
	v := t.axis.Value(c)
	if choice, ok := v.(Choice); ok {
		v = choice.Settings[t.setting]
	}
	return numberOf(v)
}

// numberOf returns a number of any type of Go's that settings and configurations have.
func numberOf(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float32:
		return float64(v), true
	}
	return number(v)
}

func (t *term) holds(c Config) bool {
	if slices.Contains(orderings, t.op) {
		x, ok := t.number(c)
		y := t.values[0].number
		switch {
		case !ok:
			return false
		case t.op == "<":
			return x < y
		case t.op == "<=":
			return x <= y
		case t.op == ">":
			return x > y
		}
		return x >= y
	}
	equal := false
	for _, v := range t.values {
		if t.equal(c, v) {
			v.matched, equal = true, true
		}
	}
	return equal == (t.op == "=")
}

func (t *term) equal(c Config, v *operand) bool {
	if v.set != nil {
		d := c
		v.set(&d)
		return keyOf(t.axis.Value(d)) == keyOf(t.axis.Value(c))
	}
	choice := t.axis.Value(c).(Choice)
	if t.setting != "" {
		own, given := choice.Settings[t.setting]
		if x, ok := numberOf(own); ok && v.numeric {
			return x == v.number
		}
		return given && fmt.Sprint(own) == v.text
	}
	if t.axis.Named(c) == v.text {
		return true
	}
	if v.choice.Name == "" || choice.Name != v.choice.Name {
		return false
	}
	for k, want := range v.choice.Settings {
		x, isNumber := numberOf(choice.Settings[k])
		y, wantsNumber := numberOf(want)
		if isNumber && wantsNumber {
			if x != y {
				return false
			}
		} else if fmt.Sprint(choice.Settings[k]) != fmt.Sprint(want) {
			return false
		}
	}
	return true
}

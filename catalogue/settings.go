package catalogue

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Setting documents one setting of an entry.
type Setting struct {
	Name    string
	Type    string // "number", "integer", "true/false", "text", "list of ...", the kind of a catalogue
	Default string // "" if the setting is required
	Range   string // such as "above 0", "" if any value will do
	Doc     string
}

// field is one setting of a settings struct.
type field struct {
	index    int
	name     string
	doc      string
	typ      reflect.Type
	required bool
	def      any    // the default in canonical form
	defText  string // as the tag has it
	in       *interval
	later    bool // it was added to choices that are recorded: canonical ones leave out its default
	rest     bool // it takes every setting that no other field does; typ is that of each
}

// fields reads the tags of a settings struct. A wrong tag is a mistake in the
// program, found when its package starts: it panics.
func fields(t reflect.Type) []field {
	bad := func(f reflect.StructField, format string, args ...any) {
		panic(fmt.Sprintf("catalogue: %s.%s: %s", t, f.Name, fmt.Sprintf(format, args...)))
	}
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("catalogue: settings must be a struct, not %s", t))
	}
	var out []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		if name == "name" || name == "settings" || !sf.IsExported() {
			bad(sf, "a setting is an exported field and not called %q", name)
		}
		f := field{index: i, name: name, doc: sf.Tag.Get("doc"), typ: sf.Type}
		if name == "*" {
			if sf.Type.Kind() != reflect.Map || sf.Type.Key().Kind() != reflect.String {
				bad(sf, "what takes all other settings is a map of strings")
			}
			f.rest, f.typ, f.defText = true, sf.Type.Elem(), "none"
			if err := supported(f.typ); err != nil {
				bad(sf, "%v", err)
			}
			out = append(out, f)
			continue
		}
		text, given := sf.Tag.Lookup("default")
		f.required, f.defText, f.later = !given, text, sf.Tag.Get("omit") == "default"
		if f.later && f.required {
			bad(sf, "omit:\"default\" needs a default")
		}
		if err := supported(sf.Type); err != nil {
			bad(sf, "%v", err)
		}
		if given {
			var v any = text
			if sf.Type.Kind() != reflect.String {
				d := json.NewDecoder(strings.NewReader(text))
				d.UseNumber()
				if err := d.Decode(&v); err != nil {
					bad(sf, "default %q: %v", text, err)
				}
			}
			def, err := canonical(v, sf.Type, nil)
			if err != nil {
				bad(sf, "default %q: %v", text, err)
			}
			f.def = def
		}
		if text, given := sf.Tag.Lookup("range"); given {
			var err error
			if f.in, err = parseInterval(text); err != nil {
				bad(sf, "%v", err)
			}
			if err := f.in.check(f.def); err != nil {
				bad(sf, "default: %v", err)
			}
		}
		out = append(out, f)
	}
	return out
}

func supported(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64, reflect.String:
		return nil
	case reflect.Slice:
		return supported(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[Choice]() {
			return fmt.Errorf("declare a nested choice with the type that its catalogue makes")
		}
		fields(t)
		return nil
	case reflect.Interface, reflect.Pointer, reflect.Func:
		return nil // nested choice: whether a catalogue makes it is known later
	}
	return fmt.Errorf("settings of type %s are not supported", t)
}

// Defaults sets every field of s that is zero to the default in its tag, unless s embeds a
// [Given] that names it; afterwards that names all, so that Defaults changes nothing if it is
// called again. A required setting that is zero and not given, a number out of its range, a
// NaN, an infinity or an unknown name in Given is an error that names the type of s and the
// setting. A struct in which zero can't be told from nothing, because it has a default other
// than zero and embeds no Given, is a mistake in the program: Defaults panics.
func Defaults[S any](s *S) error {
	v := reflect.ValueOf(s).Elem()
	fs := fields(v.Type())
	given := givenOf(v)
	if given == nil {
		demandGiven(v.Type(), fs)
		given = new(Given)
	}
	if err := given.check(fs); err != nil {
		return place(err, v.Type().String(), "")
	}
	for _, f := range fs {
		at := v.Field(f.index)
		var err error
		switch {
		case !at.IsZero() || given.has(f.name) && !nestedKind(f.typ):
			err = checkGo(at, f.in)
		case f.rest:
		case f.required:
			err = Invalid("", "is required")
		case given.has(f.name) && f.typ.Kind() == reflect.Slice: // given as nil: a list of nothing
		default:
			err = assign(at, f.def, nil)
		}
		if err != nil {
			return place(err, v.Type().String(), f.name)
		}
	}
	given.names = everything
	return nil
}

// checkGo checks the numbers that Go code gave as text is checked.
func checkGo(v reflect.Value, in *interval) error {
	switch v.Kind() {
	case reflect.Float64, reflect.Int, reflect.Int64, reflect.Uint64:
		c, err := canonical(v.Interface(), v.Type(), nil)
		if err != nil {
			return err
		}
		return in.check(c)
	case reflect.Slice:
		for i := range v.Len() {
			if err := checkGo(v.Index(i), in); err != nil {
				return place(err, "", fmt.Sprintf("[%d]", i))
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if err := checkGo(v.MapIndex(k), in); err != nil {
				return place(err, "", k.String())
			}
		}
	case reflect.Struct:
		for _, f := range fields(v.Type()) {
			if err := checkGo(v.Field(f.index), f.in); err != nil {
				return place(err, "", f.name)
			}
		}
	}
	return nil
}

// A nester knows the catalogue of nested choices by the Go type they become.
type nester interface {
	nested(t reflect.Type) maker
}

type maker interface {
	kindName() string
	completeValue(v any) (any, error)
	makeValue(c Choice) (reflect.Value, error)
}

// canonical checks v against the type of a setting and returns it as a bool,
// int64, uint64, float64, string, nil, []any, map[string]any or completed Choice.
func canonical(v any, t reflect.Type, in nester) (any, error) {
	switch t.Kind() {
	case reflect.Bool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, Invalid("", "%s is not true or false", describe(v))
	case reflect.String:
		if s := reflect.ValueOf(v); s.IsValid() && s.Kind() == reflect.String && s.Type() != reflect.TypeFor[json.Number]() {
			return s.String(), nil
		}
		return nil, Invalid("", "%s is not a text", describe(v))
	case reflect.Float64:
		x, ok := number(v)
		if !ok {
			return nil, Invalid("", "%s is not a number", describe(v))
		}
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return nil, Invalid("", "%s is not a finite number", describe(v))
		}
		if x == 0 {
			x = 0 // not -0, which is written otherwise
		}
		return x, nil
	case reflect.Int, reflect.Int64:
		i, ok := integer(v)
		if !ok || t.OverflowInt(i) {
			return nil, Invalid("", "%s is not an integer", describe(v))
		}
		return i, nil
	case reflect.Uint64:
		u, ok := unsigned(v)
		if !ok {
			return nil, Invalid("", "%s is not an integer from 0 to 2^64-1", describe(v))
		}
		return u, nil
	case reflect.Slice:
		return canonicalList(v, t, in)
	case reflect.Struct:
		return canonicalRecord(v, fields(t), in)
	}
	if v == nil { // only fields with default:"null" get here with nil
		return nil, nil
	}
	m := lookup(in, t)
	if m == nil {
		return nil, Invalid("", "no catalogue makes a %s", t)
	}
	return m.completeValue(v)
}

// canonicalRecord checks a record. One that can be written as its first setting alone is
// that, if the others have their defaults.
func canonicalRecord(v any, fs []field, in nester) (any, error) {
	m, ok := v.(map[string]any)
	if !short(fs) {
		if !ok {
			return nil, Invalid("", "%s is not a mapping", describe(v))
		}
		return canonicalMap(m, fs, in)
	}
	if !ok {
		m = map[string]any{fs[0].name: v}
	}
	full, err := canonicalMap(m, fs, in)
	if e, is := err.(*Error); is && !ok && e.Path == fs[0].name {
		e.Path = ""
	}
	if err != nil {
		return nil, err
	}
	for _, f := range fs[1:] {
		if v, there := full[f.name]; there && !reflect.DeepEqual(v, f.def) {
			return full, nil
		}
	}
	return full[fs[0].name], nil
}

// short reports whether a record can be written as its first setting alone.
func short(fs []field) bool {
	for i, f := range fs {
		if i > 0 && f.required || f.rest {
			return false
		}
	}
	if len(fs) == 0 {
		return false
	}
	switch fs[0].typ.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64, reflect.String:
		return true
	}
	return false // a mapping could then mean either
}

func canonicalList(v any, t reflect.Type, in nester) (any, error) {
	list := reflect.ValueOf(v)
	if !list.IsValid() || list.Kind() != reflect.Slice {
		return nil, Invalid("", "%s is not a list", describe(v))
	}
	out := make([]any, list.Len())
	for i := range out {
		e := list.Index(i).Interface()
		if e == nil {
			return nil, Invalid(fmt.Sprintf("[%d]", i), "has no value")
		}
		c, err := canonical(e, t.Elem(), in)
		if err != nil {
			return nil, place(err, "", fmt.Sprintf("[%d]", i))
		}
		out[i] = c
	}
	return out, nil
}

// canonicalMap checks the given settings and fills in the defaults.
func canonicalMap(given map[string]any, fs []field, in nester) (map[string]any, error) {
	out := make(map[string]any, len(fs))
	var names []string
	var rest *field
	for i, f := range fs {
		if f.rest {
			rest = &fs[i]
			continue
		}
		names = append(names, f.name)
		v, ok := given[f.name]
		switch {
		case !ok && f.required:
			return nil, Invalid(f.name, "is required")
		case !ok:
			if !f.later {
				out[f.name] = f.def
			}
			continue
		case v == nil && (f.required || f.def != nil):
			return nil, Invalid(f.name, "has no value")
		}
		c, err := canonical(v, f.typ, in)
		if err != nil {
			return nil, place(err, "", f.name)
		}
		if err := f.in.check(c); err != nil {
			return nil, place(err, "", f.name)
		}
		if !f.later || !reflect.DeepEqual(c, f.def) {
			out[f.name] = c
		}
	}
	if len(given) > 0 {
		for _, k := range sortedKeys(given) {
			switch {
			case slices.Contains(names, k):
				continue
			case rest == nil:
				return nil, Invalid(k, "unknown setting; %s", didYouMean(k, names))
			case given[k] == nil:
				return nil, Invalid(k, "has no value")
			case !isWord(k):
				return nil, Invalid(k, "is not the name of a setting")
			}
			c, err := canonical(given[k], rest.typ, in)
			if err != nil {
				return nil, place(err, "", k)
			}
			out[k] = c
		}
	}
	return out, nil
}

func isZero(canonical any) bool {
	switch v := canonical.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any, Choice:
		return false
	}
	return reflect.ValueOf(canonical).IsZero()
}

// assign sets at to a canonical value and makes nested choices.
func assign(at reflect.Value, v any, in nester) error {
	if v == nil {
		return nil
	}
	switch at.Kind() {
	case reflect.Slice:
		list := v.([]any)
		at.Set(reflect.MakeSlice(at.Type(), len(list), len(list)))
		for i, e := range list {
			if err := assign(at.Index(i), e, in); err != nil {
				return place(err, "", fmt.Sprintf("[%d]", i))
			}
		}
	case reflect.Struct:
		fs := fields(at.Type())
		m, ok := v.(map[string]any)
		if !ok {
			m = map[string]any{fs[0].name: v}
			for _, f := range fs[1:] {
				m[f.name] = f.def
			}
		}
		return assignFields(at, fs, m, in)
	case reflect.Interface, reflect.Pointer, reflect.Func:
		made, err := lookup(in, at.Type()).makeValue(v.(Choice))
		if err != nil {
			return err
		}
		at.Set(made)
	default:
		at.Set(reflect.ValueOf(v).Convert(at.Type()))
	}
	return nil
}

// assignFields sets the fields of a struct to canonical settings.
func assignFields(at reflect.Value, fs []field, settings map[string]any, in nester) error {
	var rest reflect.Value
	named := make(map[string]bool, len(fs))
	for _, f := range fs {
		if f.rest {
			rest = at.Field(f.index)
			continue
		}
		named[f.name] = true
		v, there := settings[f.name]
		if !there && f.later {
			v = f.def
		}
		if err := assign(at.Field(f.index), v, in); err != nil {
			return place(err, "", f.name)
		}
	}
	if !rest.IsValid() {
		return nil
	}
	for _, k := range sortedKeys(settings) {
		if named[k] {
			continue
		}
		v := reflect.New(rest.Type().Elem()).Elem()
		if err := assign(v, settings[k], in); err != nil {
			return place(err, "", k)
		}
		if rest.IsNil() {
			rest.Set(reflect.MakeMap(rest.Type()))
		}
		rest.SetMapIndex(reflect.ValueOf(k).Convert(rest.Type().Key()), v)
	}
	return nil
}

func lookup(in nester, t reflect.Type) maker {
	if in == nil {
		return nil
	}
	return in.nested(t)
}

// typeName says in words what a setting takes.
func typeName(t reflect.Type, in nester) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true/false"
	case reflect.String:
		return "text"
	case reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "integer"
	case reflect.Slice:
		return "list of " + typeName(t.Elem(), in)
	case reflect.Struct:
		var parts []string
		for _, f := range fields(t) {
			parts = append(parts, f.name+": "+typeName(f.typ, in))
		}
		if short(fields(t)) {
			return typeName(fields(t)[0].typ, in) + " or {" + strings.Join(parts, ", ") + "}"
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	if m := lookup(in, t); m != nil {
		return m.kindName()
	}
	return t.String()
}

func number(v any) (float64, bool) {
	if n, ok := v.(json.Number); ok {
		x, err := strconv.ParseFloat(string(n), 64)
		return x, err == nil || math.IsInf(x, 0)
	}
	x := reflect.ValueOf(v)
	switch {
	case !x.IsValid():
		return 0, false
	case x.CanInt():
		return float64(x.Int()), true
	case x.CanUint():
		return float64(x.Uint()), true
	case x.CanFloat():
		return x.Float(), true
	}
	return 0, false
}

func integer(v any) (int64, bool) {
	if u, ok := unsigned(v); ok {
		return int64(u), u <= math.MaxInt64
	}
	if n, ok := v.(json.Number); ok {
		if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
			return i, true
		}
	} else if x := reflect.ValueOf(v); x.IsValid() && x.CanInt() {
		return x.Int(), true
	}
	x, ok := number(v)
	return int64(x), ok && x == math.Trunc(x) && -1<<63 <= x && x < 0
}

func unsigned(v any) (uint64, bool) {
	if n, ok := v.(json.Number); ok {
		if u, err := strconv.ParseUint(string(n), 10, 64); err == nil {
			return u, true
		}
	} else if x := reflect.ValueOf(v); x.IsValid() && x.CanUint() {
		return x.Uint(), true
	} else if x.IsValid() && x.CanInt() {
		return uint64(x.Int()), x.Int() >= 0
	}
	x, ok := number(v)
	return uint64(x), ok && x == math.Trunc(x) && 0 <= x && x < 1<<64
}

// describe shows a wrong value in a message, in one short line.
func describe(v any) string {
	var text string
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		text = strconv.Quote(v)
	default:
		var b strings.Builder
		writeValue(&b, v)
		text = b.String()
	}
	if len(text) > 60 {
		text = text[:57] + "..."
	}
	return text
}

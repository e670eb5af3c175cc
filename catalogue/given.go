package catalogue

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Given names the settings that Go code gives although they are zero. A struct of settings
// embeds it:
//
//	type AdamConfig struct {
//		Beta1 float64 `json:"beta1" default:"0.9" range:"[0,1)"`
//		catalogue.Given
//	}
//
// [Defaults] fills every field that is zero, so AdamConfig{} has the beta1 0.9, and
//
//	AdamConfig{Given: catalogue.Give("beta1")}
//
// has the beta1 0. Its zero value gives nothing. What text gives needs no such mark: a
// setting that stands in the text is given, whatever its value.
type Given struct{ names string } // separated by commas; "*": all

const everything = "*"

// Give returns a Given of these settings, by the names that text has for them. A name that is
// no setting of the struct is an error of [Defaults].
func Give(names ...string) Given { return Given{strings.Join(names, ",")} }

func (g Given) has(name string) bool {
	return g.names == everything || slices.Contains(strings.Split(g.names, ","), name)
}

// check reports a name that is no setting.
func (g Given) check(fs []field) error {
	if g.names == "" || g.names == everything {
		return nil
	}
	for _, name := range strings.Split(g.names, ",") {
		if !slices.ContainsFunc(fs, func(f field) bool { return f.name == name }) {
			var names []string
			for _, f := range fs {
				names = append(names, f.name)
			}
			return Invalid(name, "unknown setting; %s", didYouMean(name, names))
		}
	}
	return nil
}

// givenOf finds the Given of a settings struct; nil if it embeds none.
func givenOf(settings reflect.Value) *Given {
	f, ok := settings.Type().FieldByName("Given")
	if !ok || !f.Anonymous || f.Type != reflect.TypeFor[Given]() || len(f.Index) > 1 {
		return nil
	}
	return settings.FieldByIndex(f.Index).Addr().Interface().(*Given)
}

// demandGiven panics if Defaults could take a zero that was asked for in text for one that
// was left out.
func demandGiven(t reflect.Type, fs []field) {
	for _, f := range fs {
		if !f.rest && (f.required && !nestedKind(f.typ) || !f.required && !isZero(f.def)) {
			what := "is required"
			if !f.required {
				what = fmt.Sprintf("has the default %q", f.defText)
			}
			panic(fmt.Sprintf("catalogue: setting %q of %s %s: embed catalogue.Given in the struct, so that a zero that was given is told from none", f.name, t, what))
		}
	}
}

// nestedKind reports whether a type's zero is nil, which no text gives.
func nestedKind(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Func, reflect.Slice:
		return true
	}
	return false
}

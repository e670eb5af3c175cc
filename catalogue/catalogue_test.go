package catalogue

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type shape interface{ area() float64 }

type square struct{ Side float64 }

func (s square) area() float64 { return s.Side * s.Side }

type squareConfig struct {
	Side  float64 `json:"side" default:"2" doc:"length of a side"`
	Seed  uint64  `json:"seed" default:"0" doc:"unused"`
	Count int     `json:"count" default:"3" range:"(-3,]" doc:"unused"`
	Round bool    `json:"round" default:"false" doc:"unused"`
	Label string  `json:"label" default:"plain" doc:"unused"`
	Given
}

var errNegative = errors.New("negative")

func newSquare(c squareConfig) (shape, error) {
	if err := Defaults(&c); err != nil {
		return nil, err
	}
	if c.Side == -7 {
		return nil, errNegative
	}
	if c.Side < 0 {
		return nil, Invalid("side", "must not be negative, got %g", c.Side)
	}
	return square{c.Side}, nil
}

type colour string

type sumConfig struct {
	Of      []shape   `json:"of" doc:"what is added"`
	Paint   colour    // no tag: no setting
	Weights []float64 `json:"weights" default:"[1, 0.5]" range:"[-5,5)" doc:"factors"`
	Extra   shape     `json:"extra" default:"null" doc:"one more"`
	Tone    tone      `json:"tone" default:"null" doc:"from another catalogue"`
	Rules   []rule    `json:"rules" default:"[]" doc:"records"`
	Given
}

type rule struct {
	Pattern string `json:"pattern" doc:"required"`
	Shape   shape  `json:"shape" doc:"required"`
}

type sum []shape

func (s sum) area() (a float64) {
	for _, e := range s {
		a += e.area()
	}
	return a
}

func newSum(c sumConfig) (shape, error) {
	if err := Defaults(&c); err != nil {
		return nil, err
	}
	out := sum(c.Of)
	if c.Extra != nil {
		out = append(out, c.Extra)
	}
	for _, r := range c.Rules {
		out = append(out, r.Shape)
	}
	return out, nil
}

type tone func() string

var _ = New("tone", Row("flat", "one note", func(struct{}) (tone, error) { return func() string { return "la" }, nil }))

func shapes() *Catalogue[shape] {
	return New("shape", Row("square", "a square", newSquare), Row("sum", "several", newSum))
}

func choice(t *testing.T, text string) Choice {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMake(t *testing.T) {
	for text, want := range map[string]float64{
		"square":         4,
		"square(side=3)": 9,
		"square(side=3e0, seed=18446744073709551615)":                               9,
		"sum(of=[square,square(side=1)])":                                           5,
		"sum(of=[sum(of=[square]),square(side=1)],extra=square(side=10),tone=flat)": 105,
		"sum(of=[square],rules=[{pattern=*/weight,shape=square(side=5)}])":          29,
	} {
		s, err := shapes().Make(choice(t, text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if s.area() != want {
			t.Errorf("%s: area %g, want %g", text, s.area(), want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, path, message string }{
		{"sqare", "name", `name: unknown shape "sqare"; did you mean square?`},
		{"zzzzzz", "name", `choose from square or sum`},
		{"square(sied=1)", "sied", `shape square: sied: unknown setting; did you mean side or seed?`},
		{"square(side=wide)", "side", `"wide" is not a number`},
		{"square(side=true)", "side", `true is not a number`},
		{"square(side=null)", "side", `has no value`},
		{"square(side=1e999)", "side", `not a finite number`},
		{"square(count=2.5)", "count", `2.5 is not an integer`},
		{"square(count=1e30)", "count", `not an integer`},
		{"square(seed=-1)", "seed", `not an integer from 0`},
		{"square(round=1)", "round", `1 is not true or false`},
		{"square(label=1)", "label", `1 is not a text`},
		{"square(side=-3)", "side", `shape square: side: must not be negative, got -3`},
		{"square(side=-7)", "", `shape square: negative`},
		{"square(count=-3)", "count", `shape square: count: must be above -3, got -3`},
		{"sum(of=[],weights=[1,5])", "weights[1]", `must be at least -5 and below 5, got 5`},
		{"sum", "of", `is required`},
		{"sum(of=1)", "of", `1 is not a list`},
		{"sum(of=[sqare])", "of[0]", `of[0]: unknown shape "sqare"`},
		{"sum(of=[square,{name=sqare}])", "of[1].name", `unknown shape "sqare"`},
		{"sum(of=[square(side=-1)])", "of[0].side", `must not be negative`},
		{"sum(of=[square],extra=square(sid=1))", "extra.sid", `did you mean side or seed?`},
		{"sum(of=[square],extra=square(side=-1))", "extra.side", `must not be negative`},
		{"sum(of=[null])", "of[0]", `has no value`},
		{"sum(of=[],tone=flta)", "tone", `unknown tone "flta"; did you mean flat?`},
		{"sum(of=[],rules=[{pattern=a}])", "rules[0].shape", `is required`},
		{"sum(of=[],rules=[{pattern=a,shap=square,shape=square}])", "rules[0].shap", `did you mean shape?`},
		{"sum(of=[],rules=[7])", "rules[0]", `7 is not a mapping`},
		{"sum(of=[7])", "of[0]", `7 is neither a name nor a mapping with a name`},
	} {
		_, err := shapes().Make(choice(t, c.text))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v, want an *Error", c.text, err)
			continue
		}
		if e.Path != c.path || !strings.Contains(e.Error(), c.message) || strings.Contains(e.Error(), "\n") {
			t.Errorf("%s: path %q, message %q; want path %q and %q in the message", c.text, e.Path, e, c.path, c.message)
		}
	}
	if _, err := shapes().Make(choice(t, "sum(of=[square(side=-7)])")); !errors.Is(err, errNegative) {
		t.Errorf("the constructor's error is lost in %v", err)
	}
}

func TestCompleteIsCanonical(t *testing.T) {
	want := `sum(extra=null,of=[square(count=3,label=plain,round=false,seed=0,side=2)],rules=[],tone=null,weights=[1,0.5])`
	for _, v := range []any{
		"sum(of=[square])",
		"sum(of=[square(side=2.0,count=3.0)],weights=[1,0.5])",
		map[string]any{"name": "sum", "of": []any{"square"}},
		map[string]any{"name": "sum", "settings": map[string]any{"of": []any{map[string]any{"name": "square", "side": uint64(2)}}}},
		map[string]any{"name": "sum", "of": []string{"square"}, "weights": []float64{1, .5}},
		Choice{"sum", map[string]any{"of": []any{Choice{Name: "square", Settings: map[string]any{"side": 2, "count": float32(3)}}}}},
	} {
		c, err := Read(v)
		if err != nil {
			t.Fatal(err)
		}
		full, err := shapes().Complete(c)
		if err != nil {
			t.Errorf("%v: %v", v, err)
			continue
		}
		if full.String() != want {
			t.Errorf("%v:\n %s, want\n %s", v, full, want)
		}
		// A record survives JSON and the compact form unchanged.
		data, err := json.Marshal(full)
		if err != nil {
			t.Fatal(err)
		}
		var back Choice
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		for _, b := range []Choice{back, choice(t, full.String())} {
			again, err := shapes().Complete(b)
			if err != nil || !reflect.DeepEqual(again, full) {
				t.Errorf("read back as %#v (%v), want %#v", again, err, full)
			}
		}
	}
}

type polygonConfig struct {
	Kind  string          `json:"kind" default:"plain" doc:"unused"`
	Sides map[string]side `json:"*" doc:"lengths by name"`
	Given
}

type side struct {
	Length float64 `json:"length" range:"(0,]" doc:"of the side"`
	Colour string  `json:"colour" default:"black" doc:"unused"`
}

type polygon polygonConfig

func (p polygon) area() (sum float64) {
	for _, s := range p.Sides {
		sum += s.Length
	}
	return sum
}

// polygons take any settings, and text with a star.
func polygons() *Catalogue[shape] {
	return New("shape", Row("square", "a square", newSquare), Row("sum", "several", newSum),
		Row("polygon", "any sides", func(c polygonConfig) (shape, error) { return polygon(c), Defaults(&c) })).
		Written(func(text string) (Choice, bool) {
			return Choice{"polygon", map[string]any{"a": float64(strings.Count(text, "*"))}}, strings.Contains(text, "*")
		})
}

func TestFreeSettings(t *testing.T) {
	for _, c := range []struct {
		v    any
		area float64
		full string
	}{
		{"polygon", 0, "polygon(kind=plain)"},
		{"polygon(a=1,b={length=2,colour=red})", 3, "polygon(a=1,b={colour=red,length=2},kind=plain)"},
		{map[string]any{"name": "polygon", "x": uint64(3)}, 3, "polygon(kind=plain,x=3)"},
		{"(* * *", 3, "polygon(a=3,kind=plain)"},
		{"square(side=3)", 9, "square(count=3,label=plain,round=false,seed=0,side=3)"},
		{`sum(of=["**"])`, 2, "sum(extra=null,of=[polygon(a=2,kind=plain)],rules=[],tone=null,weights=[1,0.5])"},
	} {
		choice, err := polygons().Read(c.v)
		if err != nil {
			t.Errorf("%v: %v", c.v, err)
			continue
		}
		full, err := polygons().Complete(choice)
		if err != nil || full.String() != c.full {
			t.Errorf("%v: %v (%v), want %s", c.v, full, err, c.full)
			continue
		}
		made, err := polygons().Make(choice)
		if err != nil || made.area() != c.area {
			t.Errorf("%v: %v (%v), want %g", c.v, made, err, c.area)
		}
		if again, err := polygons().Complete(full); err != nil || !reflect.DeepEqual(again, full) {
			t.Errorf("%v is not canonical: %v (%v)", full, again, err)
		}
	}
	for text, want := range map[string]string{
		"polygon(a=long)":           `shape polygon: a: "long" is not a number`,
		"polygon(a=-1)":             "shape polygon: a: must be above 0, got -1",
		"polygon(a={length=-1})":    "shape polygon: a.length: must be above 0",
		"polygon(a={lenght=1})":     "shape polygon: a.length: is required",
		"polygon(a=null)":           "shape polygon: a: has no value",
		"polygon(a={length=1,x=2})": "shape polygon: a.x: unknown setting; choose from length or colour",
		"polygn":                    "did you mean polygon?",
	} {
		choice, err := polygons().Read(text)
		if err == nil {
			_, err = polygons().Make(choice)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	given := polygons().Given("polygon", map[string]any{"name": "polygon", "kind": "x", "a": 1, "b": 2})
	if got := fmt.Sprint(given); !strings.HasPrefix(got, "[{kind text plain") || !strings.Contains(got, "{a number or {length: number, colour: text} none") || len(given) != 3 {
		t.Errorf("given: %s", got)
	}
}

func TestReadErrors(t *testing.T) {
	for _, c := range []struct {
		v    any
		path string
	}{
		{7, ""},
		{nil, ""},
		{map[string]any{"rate": 1}, ""},
		{map[string]any{"name": 7}, "name"},
		{map[string]any{"name": "a", "settings": 7}, "settings"},
		{map[string]any{"name": "a", "rate": 1, "settings": map[string]any{"rate": 1}}, "rate"},
	} {
		_, err := Read(c.v)
		var e *Error
		if !errors.As(err, &e) || e.Path != c.path {
			t.Errorf("Read(%v): %v, want an error at %q", c.v, err, c.path)
		}
	}
	for _, text := range []string{"", " ", "a(", "a(b", "a(b=", "a(b=1", "a(b=1 c=2)", "a(b=1,b=2)", "a)", "a(b=[1)", `a(b="x)`, "a(=1)", "a b", "a(b=})"} {
		if c, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", text, c)
		}
	}
	var c Choice
	if err := json.Unmarshal([]byte(`{"nam":"a"}`), &c); err == nil {
		t.Error("JSON without a name was read")
	}
}

// Any completed choice is printed so that it reads back as itself.
func TestStringRoundTrip(t *testing.T) {
	one := shapes()
	rapid.Check(t, func(t *rapid.T) {
		c := Choice{"square", map[string]any{
			"side":  rapid.Float64Range(1e-300, math.MaxFloat64).Draw(t, "side"),
			"seed":  rapid.Uint64().Draw(t, "seed"),
			"count": rapid.IntMin(1).Draw(t, "count"),
			"round": rapid.Bool().Draw(t, "round"),
			"label": rapid.StringN(1, 20, -1).Draw(t, "label"),
		}}
		c = Choice{"sum", map[string]any{"of": []any{c, "square"}}}
		want, err := one.Complete(c)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := Parse(want.String())
		if err != nil {
			t.Fatal(err)
		}
		got, err := one.Complete(parsed)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s reads back as %v (%v)", want, got, err)
		}
	})
}

func TestDefaults(t *testing.T) {
	c := squareConfig{Count: 5}
	if err := Defaults(&c); err != nil {
		t.Fatal(err)
	}
	if want := (squareConfig{Side: 2, Count: 5, Label: "plain", Given: Given{everything}}); c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
	var s sumConfig
	var e *Error
	for _, c := range []squareConfig{{Side: math.NaN()}, {Side: math.Inf(1)}} {
		if err := Defaults(&c); !errors.As(err, &e) || e.Path != "side" || !strings.Contains(err.Error(), "catalogue.squareConfig: side: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := Defaults(&squareConfig{Count: -3}); !errors.As(err, &e) || e.Path != "count" {
		t.Errorf("out of range: %v", err)
	}
	if err := Defaults(&sumConfig{Of: []shape{square{}}, Weights: []float64{0, -6}}); !errors.As(err, &e) || e.Path != "weights[1]" {
		t.Errorf("out of range: %v", err)
	}
	if err := Defaults(&s); !errors.As(err, &e) || e.Path != "of" {
		t.Errorf("missing required setting: %v", err)
	}
}

func TestSettings(t *testing.T) {
	got := shapes().Settings("sum")
	want := []Setting{
		{"of", "list of shape", "", "", "what is added"},
		{"weights", "list of number", "[1, 0.5]", "at least -5 and below 5", "factors"},
		{"extra", "shape", "null", "", "one more"},
		{"tone", "tone", "null", "", "from another catalogue"},
		{"rules", "list of {pattern: text, shape: shape}", "[]", "", "records"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if s := shapes().Settings("nothing"); s != nil {
		t.Errorf("settings of an unknown name: %v", s)
	}
	if e, err := shapes().Lookup("square"); err != nil || e.Doc != "a square" {
		t.Errorf("Lookup: %+v, %v", e, err)
	}
	if n := shapes().Names(); !reflect.DeepEqual(n, []string{"square", "sum"}) || len(shapes().Entries()) != 2 {
		t.Errorf("Names: %v", n)
	}
}

func TestProgramMistakesPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"two entries of one name": func() { New("shape", Row("a", "", newSquare), Row("a", "", newSquare)) },
		"wrong default": func() {
			Defaults(&struct {
				X int `json:"x" default:"1.5"`
			}{})
		},
		"a name with capitals": func() { New("shape", Row("Bad Name!", "", newSquare)) },
		"a name with a hyphen": func() { New("shape", Row("a-", "", newSquare)) },
		"zero and nothing alike": func() {
			Defaults(&struct {
				X int `json:"x" default:"1"`
			}{})
		},
		"zero and nothing alike where it is required": func() {
			Defaults(&struct {
				X float64 `json:"x"`
			}{X: 1})
		},
		"default out of range": func() {
			Defaults(&struct {
				X int `json:"x" default:"1" range:"(1,]"`
			}{})
		},
		"wrong range": func() {
			Defaults(&struct {
				X int `json:"x" default:"1" range:"0 to 1"`
			}{})
		},
		"map": func() {
			Defaults(&struct {
				X map[string]int `json:"x"`
			}{})
		},
		"Choice": func() {
			Defaults(&struct {
				X Choice `json:"x"`
			}{})
		},
		"setting called name": func() {
			Defaults(&struct {
				X int `json:"name"`
			}{})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestNearest(t *testing.T) {
	names := []string{"sgd", "adam", "adamw", "rmsprop", "rmsprop-graves", "irprop-minus", "irprop-plus", "smorms3"}
	for name, want := range map[string][]string{
		"rmsporp":     {"rmsprop"},
		"Adam":        {"adam", "adamw"},
		"irprop-mins": {"irprop-minus", "irprop-plus"},
		"smorm":       {"smorms3"},
		"prop":        {"rmsprop", "rmsprop-graves", "irprop-minus"},
		"lion":        {},
	} {
		if got := Nearest(name, names); !reflect.DeepEqual(got, want) {
			t.Errorf("Nearest(%q) = %v, want %v", name, got, want)
		}
	}
}

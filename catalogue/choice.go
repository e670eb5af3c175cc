package catalogue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Choice is what text asks for: the name of a catalogue's entry, and settings
// that differ from its defaults.
type Choice struct {
	Name     string         `json:"name"`
	Settings map[string]any `json:"settings,omitempty"`
}

// Read understands a choice in decoded YAML or JSON: a Choice, a string (see
// [Parse]), or a mapping with the key "name" and the settings either beside it
// or under the key "settings".
func Read(v any) (Choice, error) {
	switch v := v.(type) {
	case Choice:
		return v, nil
	case string:
		return Parse(v)
	case map[string]any:
		return readMap(v)
	}
	return Choice{}, Invalid("", "%s is neither a name nor a mapping with a name", describe(v))
}

func readMap(m map[string]any) (Choice, error) {
	var c Choice
	name, ok := m["name"]
	if !ok {
		return c, Invalid("", "a mapping needs the key \"name\"")
	}
	if c.Name, ok = name.(string); !ok {
		return c, Invalid("name", "%s is not a name", describe(name))
	}
	set := func(k string, v any) error {
		if _, twice := c.Settings[k]; twice {
			return Invalid(k, "is given twice, beside and under \"settings\"")
		}
		if c.Settings == nil {
			c.Settings = make(map[string]any)
		}
		c.Settings[k] = v
		return nil
	}
	for k, v := range m {
		if k != "name" && k != "settings" {
			set(k, v) // keys of one map cannot repeat
		}
	}
	nested, ok := m["settings"]
	if !ok || nested == nil {
		return c, nil
	}
	under, ok := nested.(map[string]any)
	if !ok {
		return c, Invalid("settings", "%s is not a mapping", describe(nested))
	}
	for _, k := range slices.Sorted(maps.Keys(under)) {
		if err := set(k, under[k]); err != nil {
			return c, err
		}
	}
	return c, nil
}

// UnmarshalJSON accepts what [Read] accepts. Numbers keep all their digits.
func (c *Choice) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	read, err := Read(v)
	if err == nil {
		*c = read
	}
	return err
}

// String prints the choice compactly, settings in alphabetical order:
// rmsprop(decay=0.9,rate=0.003). [Parse] reads it back.
func (c Choice) String() string {
	var b strings.Builder
	writeChoice(&b, c)
	return b.String()
}

func writeChoice(b *strings.Builder, c Choice) {
	b.WriteString(c.Name)
	if len(c.Settings) > 0 {
		writePairs(b, '(', c.Settings, ')')
	}
}

func writePairs(b *strings.Builder, open byte, m map[string]any, end byte) {
	b.WriteByte(open)
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(k)
		b.WriteByte('=')
		writeValue(b, m[k])
	}
	b.WriteByte(end)
}

func writeValue(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case Choice:
		writeChoice(b, v)
	case float64:
		b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
	case string:
		if isWord(v) {
			b.WriteString(v)
		} else {
			b.WriteString(strconv.Quote(v))
		}
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeValue(b, e)
		}
		b.WriteByte(']')
	case map[string]any:
		if c, err := readMap(v); err == nil {
			writeChoice(b, c)
		} else {
			writePairs(b, '{', v, '}')
		}
	default:
		fmt.Fprint(b, v)
	}
}

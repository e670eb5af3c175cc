package catalogue

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Parse reads the compact form that [Choice.String] prints:
//
//	adam
//	rmsprop(rate=0.003)
//	partition(rules=[{pattern=*/bias,optimizer=sgd},{pattern=*,optimizer=adam(rate=0.01)}])
//
// Values are true, false, null, numbers, words, quoted strings, nested
// choices, [lists] and {records}; spaces between them are allowed.
func Parse(text string) (Choice, error) {
	p := parser{text: text}
	p.space()
	name := p.word()
	if name == "" {
		return Choice{}, p.fail("a name")
	}
	c, err := p.choice(name)
	if err != nil {
		return Choice{}, err
	}
	if p.at != len(text) {
		return Choice{}, p.fail("the end")
	}
	return c, nil
}

// maxNesting is how deep choices, lists and records may be nested in a text.
const maxNesting = 32

type parser struct {
	text   string
	at     int
	nested int // values that the one being read is inside of
}

func (p *parser) fail(want string) error {
	found := "the end"
	if p.at < len(p.text) {
		found = strconv.Quote(brief(p.text[p.at:]))
	}
	return Invalid("", "%q: expected %s at position %d, found %s", brief(p.text), want, p.at+1, found)
}

func (p *parser) space() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

// take consumes b and the spaces after it, if b is next.
func (p *parser) take(b byte) bool {
	if p.at == len(p.text) || p.text[p.at] != b {
		return false
	}
	p.at++
	p.space()
	return true
}

const delimiters = "()[]{}=,\" \t\r\n"

func (p *parser) word() string {
	end := strings.IndexAny(p.text[p.at:], delimiters)
	if end < 0 {
		end = len(p.text) - p.at
	}
	w := p.text[p.at : p.at+end]
	p.at += end
	p.space()
	return w
}

func (p *parser) choice(name string) (Choice, error) {
	c := Choice{Name: name}
	if !p.take('(') {
		return c, nil
	}
	settings, err := p.pairs(')')
	if err == nil && len(settings) > 0 {
		c.Settings = settings
	}
	return c, err
}

func (p *parser) pairs(end byte) (map[string]any, error) {
	m := make(map[string]any)
	for !p.take(end) {
		if len(m) > 0 && !p.take(',') {
			return nil, p.fail("a comma or " + strconv.Quote(string(end)))
		}
		key := p.word()
		if key == "" {
			return nil, p.fail("the name of a setting")
		}
		if _, twice := m[key]; twice {
			return nil, Invalid(key, "is given twice in %q", brief(p.text))
		}
		if !p.take('=') {
			return nil, p.fail("\"=\" after " + strconv.Quote(key))
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		m[key] = v
	}
	return m, nil
}

func (p *parser) value() (any, error) {
	if p.nested == maxNesting {
		return nil, Invalid("", "%q: choices and lists are nested more than %d deep at position %d", brief(p.text), maxNesting, p.at+1)
	}
	p.nested++
	defer func() { p.nested-- }()
	switch {
	case p.take('['):
		list := []any{}
		for !p.take(']') {
			if len(list) > 0 && !p.take(',') {
				return nil, p.fail("a comma or \"]\"")
			}
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case p.take('{'):
		return p.pairs('}')
	case p.at < len(p.text) && p.text[p.at] == '"':
		quoted, err := strconv.QuotedPrefix(p.text[p.at:])
		if err != nil {
			return nil, p.fail("a closing quote")
		}
		p.at += len(quoted)
		p.space()
		return strconv.Unquote(quoted)
	}
	word := p.word()
	if word == "" {
		return nil, p.fail("a value")
	}
	if p.at < len(p.text) && p.text[p.at] == '(' {
		return p.choice(word)
	}
	return scalar(word), nil
}

// scalar reads a bare word: null, true, false, a number, else a string (which
// is also how a nested choice without settings is written).
func scalar(word string) any {
	switch word {
	case "null":
		return nil
	case "true":
		return true
	case "false":
		return false
	}
	if isNumber(word) {
		return json.Number(word)
	}
	return word
}

func isNumber(word string) bool {
	_, err := strconv.ParseFloat(word, 64)
	first := strings.TrimLeft(word, "+-")
	return (err == nil || errors.Is(err, strconv.ErrRange)) && first != "" && (first[0] == '.' || '0' <= first[0] && first[0] <= '9')
}

// isWord says whether s needs no quotes to be read back as the string s.
func isWord(s string) bool {
	_, isString := scalar(s).(string)
	return s != "" && isString && !strings.ContainsAny(s, delimiters) && strconv.Quote(s) == `"`+s+`"`
}

// brief is a text that is shown in a message, cut to a length that can be read.
func brief(text string) string {
	const most = 100
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "…"
}

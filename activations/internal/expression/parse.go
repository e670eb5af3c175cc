package expression

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
)

// Error is what is wrong with a formula, in one line.
type Error struct {
	Text    string
	Column  int // from 1, in characters; 0 is the formula as a whole
	Problem string
}

func (e *Error) Error() string {
	text := []rune(e.Text)
	const shown = 80
	if len(text) > shown { // the part around the column
		from := min(max(0, e.Column-shown/2), len(text)-shown)
		text = []rune("…" + string(text[from:from+shown]) + "…")
	}
	if e.Column == 0 {
		return fmt.Sprintf("formula %q: %s", string(text), e.Problem)
	}
	return fmt.Sprintf("formula %q, column %d: %s", string(text), e.Column, e.Problem)
}

// Limits of a formula. They are far beyond what is of use, and keep what is not from
// filling the stack.
const (
	maxLength  = 4096
	maxNesting = 100
)

// constants can be used by name.
var constants = map[string]float64{"pi": math.Pi, "e": math.E}

// twoArguments are the functions of two variables.
var twoArguments = map[string]func(b *Builder, x, y *Node) *Node{
	"max": (*Builder).max,
	"min": (*Builder).min,
	"pow": (*Builder).pow,
}

// Parse reads a formula in which each of the given names stands for a node:
//
//	sum     = product { ("+" | "-") product }
//	product = signed { ("*" | "/") signed }
//	signed  = [ "-" | "+" ] signed | power
//	power   = atom [ "^" signed ]
//	atom    = number | name | function "(" sum [ "," sum ] ")" | "(" sum ")"
//
// So -z^2 is -(z^2) and 2^3^2 is 2^9. The error is an [*Error].
func (b *Builder) Parse(text string, names []string, nodes []*Node) (*Node, error) {
	p := &parser{Builder: b, text: []rune(text), names: names, nodes: nodes, used: make([]bool, len(names))}
	defer func() { b.at = 0 }()
	if len(p.text) > maxLength {
		return nil, &Error{Text: text, Problem: fmt.Sprintf("has %d characters, more than %d", len(p.text), maxLength)}
	}
	p.space()
	n := p.sum()
	if p.err == nil && p.pos < len(p.text) {
		p.expected("an operator or the end")
	}
	for i, used := range p.used {
		if !used && p.err == nil {
			p.err = &Error{Text: text, Problem: fmt.Sprintf("has no parameter %q", names[i])}
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return n, nil
}

// Reserved reports whether a name has a meaning of its own in formulas.
func (b *Builder) Reserved(name string) bool {
	_, isConstant := constants[name]
	return name == "z" || isConstant || b.functions[name] != nil || twoArguments[name] != nil
}

// Functions returns the names of all functions.
func (b *Builder) Functions() []string {
	var names []string
	for name := range b.functions {
		if IsName(name) {
			names = append(names, name)
		}
	}
	for name := range twoArguments {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// IsName reports whether formulas can use the name: a letter, then letters, digits and
// underscores.
func IsName(name string) bool {
	for i, r := range name {
		if !isLetter(r) && (i == 0 || !isDigit(r)) {
			return false
		}
	}
	return name != ""
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' }
func isDigit(r rune) bool  { return '0' <= r && r <= '9' }

type parser struct {
	*Builder
	text    []rune
	pos     int
	names   []string
	nodes   []*Node
	used    []bool
	nesting int
	err     error
}

// fail keeps the first error; parsing continues without effect.
func (p *parser) fail(pos int, format string, args ...any) *Node {
	if p.err == nil {
		p.err = &Error{Text: string(p.text), Column: pos + 1, Problem: fmt.Sprintf(format, args...)}
	}
	p.pos = len(p.text)
	return p.Constant(1)
}

func (p *parser) expected(what string) *Node {
	return p.fail(p.pos, "expected %s, found %s", what, p.found())
}

// found describes what is next.
func (p *parser) found() string {
	if p.pos == len(p.text) {
		return "the end"
	}
	end := p.pos
	for end < len(p.text) && (isLetter(p.text[end]) || isDigit(p.text[end])) {
		end++
	}
	return strconv.Quote(string(p.text[p.pos:max(end, p.pos+1)]))
}

func (p *parser) space() {
	for p.pos < len(p.text) && strings.ContainsRune(" \t\n\r", p.text[p.pos]) {
		p.pos++
	}
}

// take consumes r and the space after it, if r is next.
func (p *parser) take(r rune) bool {
	if p.pos == len(p.text) || p.text[p.pos] != r {
		return false
	}
	p.pos++
	p.space()
	return true
}

// nest counts the depth of what contains itself.
func (p *parser) nest(f func() *Node) *Node {
	if p.nesting++; p.nesting > maxNesting {
		return p.fail(p.pos, "is nested more than %d deep", maxNesting)
	}
	defer func() { p.nesting-- }()
	return f()
}

func (p *parser) sum() *Node {
	x := p.product()
	for {
		p.at = p.pos + 1
		switch at := p.pos + 1; {
		case p.take('+'):
			y := p.product()
			p.at = at
			x = p.add(x, y)
		case p.take('-'):
			y := p.product()
			p.at = at
			x = p.sub(x, y)
		default:
			return x
		}
	}
}

func (p *parser) product() *Node {
	x := p.signed()
	for {
		switch at := p.pos + 1; {
		case p.take('*'):
			if p.pos < len(p.text) && p.text[p.pos] == '*' {
				return p.fail(p.pos-1, "unknown operator **: write a power with ^")
			}
			y := p.signed()
			p.at = at
			x = p.mul(x, y)
		case p.take('/'):
			y := p.signed()
			p.at = at
			if y.is(0) {
				return p.fail(at-1, "division by zero")
			}
			x = p.div(x, y)
		default:
			return x
		}
	}
}

func (p *parser) signed() *Node {
	switch {
	case p.take('-'):
		return p.neg(p.nest(p.signed))
	case p.take('+'):
		return p.nest(p.signed)
	}
	return p.power()
}

func (p *parser) power() *Node {
	x := p.atom()
	if at := p.pos + 1; p.take('^') {
		y := p.nest(p.signed)
		p.at = at
		return p.pow(x, y)
	}
	return x
}

func (p *parser) atom() *Node {
	at := p.pos
	switch {
	case p.pos == len(p.text):
		return p.expected("an expression such as z")
	case p.take('('):
		x := p.nest(p.sum)
		if !p.take(')') {
			return p.expected(fmt.Sprintf("an operator or the \")\" of column %d", at+1))
		}
		return x
	case isDigit(p.text[p.pos]) || p.text[p.pos] == '.':
		return p.number()
	case isLetter(p.text[p.pos]):
		return p.name()
	}
	return p.expected("an expression such as z")
}

func (p *parser) number() *Node {
	at := p.pos
	digits := func() {
		for p.pos < len(p.text) && isDigit(p.text[p.pos]) {
			p.pos++
		}
	}
	digits()
	if p.pos < len(p.text) && p.text[p.pos] == '.' {
		p.pos++
		digits()
	}
	if exponent := p.pos; p.pos < len(p.text) && (p.text[p.pos] == 'e' || p.text[p.pos] == 'E') {
		p.pos++
		if p.pos < len(p.text) && (p.text[p.pos] == '+' || p.text[p.pos] == '-') {
			p.pos++
		}
		if start := p.pos; true {
			if digits(); p.pos == start {
				p.pos = exponent
			}
		}
	}
	word := string(p.text[at:p.pos])
	v, err := strconv.ParseFloat(word, 64)
	switch {
	case err != nil:
		return p.fail(at, "%s is not a number within the range of double precision", word)
	case p.pos < len(p.text) && isLetter(p.text[p.pos]):
		return p.fail(p.pos, "an operator is missing: write %s*%s", word, strings.Trim(p.found(), `"`))
	}
	p.space()
	return p.Constant(v)
}

func (p *parser) name() *Node {
	at := p.pos
	for p.pos < len(p.text) && (isLetter(p.text[p.pos]) || isDigit(p.text[p.pos])) {
		p.pos++
	}
	name := string(p.text[at:p.pos])
	p.space()
	_, ofTwo := twoArguments[name]
	isFunction := ofTwo || p.functions[name] != nil
	opens := p.pos < len(p.text) && p.text[p.pos] == '('
	if i := slices.Index(p.names, name); i >= 0 || !isFunction {
		if opens {
			if i >= 0 || name == "z" || constants[name] != 0 {
				return p.fail(p.pos, "%s is not a function: for a product write %s*(…)", name, name)
			}
			return p.fail(at, "unknown function %q%s", name, nearest(name, p.Functions()))
		}
		switch v, isConstant := constants[name]; {
		case i >= 0:
			p.used[i] = true
			return p.nodes[i]
		case name == "z":
			return p.Variable()
		case isConstant:
			return p.Constant(v)
		}
		return p.unknown(at, name)
	}
	open := p.pos
	if !p.take('(') {
		return p.expected(fmt.Sprintf("\"(\" after the function %s", name))
	}
	var args []*Node
	for {
		args = append(args, p.nest(p.sum))
		if !p.take(',') {
			break
		}
	}
	if !p.take(')') {
		return p.expected(fmt.Sprintf("an operator or the \")\" of column %d", open+1))
	}
	want := 1
	if ofTwo {
		want = 2
	}
	if p.err != nil {
		return p.Constant(1)
	}
	if len(args) != want {
		return p.fail(at, "%s takes %d argument%s, not %d", name, want, map[bool]string{true: "s"}[want > 1], len(args))
	}
	p.at = at + 1
	if ofTwo {
		return twoArguments[name](p.Builder, args[0], args[1])
	}
	return p.Call(name, args[0])
}

// unknown says that a name has no meaning, and what it may have been.
func (p *parser) unknown(at int, name string) *Node {
	known := append([]string{"z", "pi", "e"}, p.names...)
	if near := catalogue.Nearest(name, append(known, p.Functions()...)); len(near) > 0 && len(name) > 1 {
		return p.fail(at, "unknown name %q; did you mean %s?", name, strings.Join(near, " or "))
	}
	return p.fail(at, "unknown name %q: neither one of %s nor a parameter with a value", name, strings.Join(known, ", "))
}

func nearest(name string, names []string) string {
	if near := catalogue.Nearest(name, names); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return "; there are " + strings.Join(names, ", ")
}

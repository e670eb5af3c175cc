package study

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/pkg/errors"
)

// SpecError is what is wrong with a study file, and where.
type SpecError struct {
	File         string
	Line, Column int
	Message      string
}

func (e *SpecError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// place is where a value stands in a file, and how it is written there.
type place struct {
	line, column       int
	keyLine, keyColumn int    // of its key, in a mapping
	written            string // the source text, without what surrounds it
	parts              map[any]*place
}

// document reads a YAML file with one document: mappings, lists and scalars as
// map[string]any, []any, string, bool, uint64, int64, float64 and nil. What a scalar is
// follows from its source text and the core schema of YAML 1.2, except that a whole number
// in another notation than the decimal is refused, since YAML 1.1 and 1.2 disagree on
// it: 010 is 8 in one and 10 in the other. Quoted scalars are text.
func document(ctx context.Context, file string, text []byte) (any, *place, error) {
	d := &reading{ctx: ctx, file: file}
	source, err := d.clean(text)
	if err != nil {
		return nil, nil, err
	}
	tokens := lexer.Tokenize(source)
	if err := d.checkTokens(tokens); err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, nil, d.syntaxError(err)
	}
	var body ast.Node
	for _, doc := range parsed.Docs {
		switch {
		case doc.Body == nil:
		case body == nil:
			body = doc.Body
		default:
			p := start(doc.Body)
			if doc.Start != nil {
				p = doc.Start.Position
			}
			return nil, nil, d.fail(p, "a second document begins here: a study file has one; give each study a file of its own")
		}
	}
	if body == nil {
		return nil, nil, d.fail(nil, "the file is empty: a study has a name, a task, a budget and a grid")
	}
	d.anchors = map[string]ast.Node{}
	d.open = map[string]bool{}
	return d.value(body)
}

type reading struct {
	ctx     context.Context
	file    string
	anchors map[string]ast.Node
	open    map[string]bool // anchors whose own value is being read
	values  int
}

func (d *reading) fail(p *token.Position, format string, args ...any) error {
	e := &SpecError{File: d.file, Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}
	if p != nil {
		e.Line, e.Column = p.Line, p.Column
	}
	return e
}

// clean checks the bytes of a file and returns its text with plain line ends.
func (d *reading) clean(text []byte) (string, error) {
	if len(text) > MaxFileBytes {
		return "", errors.WithStack(d.fail(nil, "the file is longer than the %d bytes that a study may have", MaxFileBytes))
	}
	s := string(text)
	if strings.HasPrefix(s, "\xff\xfe") || strings.HasPrefix(s, "\xfe\xff") {
		return "", d.fail(nil, "the file is in UTF-16: save it as UTF-8")
	}
	s = strings.TrimPrefix(s, "\ufeff")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	line, column := 1, 1
	for i, c := range s {
		here := &token.Position{Line: line, Column: column}
		if c == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return "", d.fail(here, "byte %#02x is not UTF-8", s[i])
			}
		}
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f || c >= 0x80 && c < 0xa0 {
			return "", d.fail(here, "the control character U+%04X can't stand in a study file", c)
		}
		if column++; c == '\n' {
			line, column = line+1, 1
		}
	}
	return s, nil
}

// checkTokens refuses what the parser, which is recursive, must not see, and what it would
// explain badly.
func (d *reading) checkTokens(tokens token.Tokens) error {
	flow := 0
	var columns []int // of the block collections that are open
	anchors := 0
	for i, t := range tokens {
		column := 0
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType:
			column = t.Position.Column
		case token.MappingValueType:
			if t.Prev != nil {
				column = t.Prev.Position.Column
			}
		case token.AnchorType, token.AliasType:
			if anchors++; anchors > maxAnchors {
				return d.fail(t.Position, "there are more than %d anchors and aliases", maxAnchors)
			}
		case token.TagType:
			return d.fail(t.Position, "a tag, %s, has no meaning in a study: leave it out, or quote what is text", t.Value)
		case token.DirectiveType:
			return d.fail(t.Position, "a directive has no meaning in a study: leave the line out")
		case token.MappingKeyType:
			return d.fail(t.Position, "a key is written as `key: value`, without a question mark")
		case token.InvalidType:
			if strings.Contains(t.Value, "\t") && strings.TrimSpace(t.Value) == "" {
				at := *t.Position
				if strings.HasPrefix(t.Value, "\n") {
					at.Column = strings.Index(t.Value, "\t")
				}
				return d.fail(&at, "a tab can't indent: use spaces")
			}
		case token.StringType:
			if flow > 0 && strings.Count(t.Value, "(") > strings.Count(t.Value, ")") {
				return d.fail(t.Position, "%s is cut off: inside [ ] and { } a comma or a bracket ends plain text; quote it: %s",
					strings.TrimSpace(t.Value), strconv.Quote(untilClosed(tokens[i:])))
			}
		}
		if column > 0 && flow == 0 {
			for len(columns) > 0 && columns[len(columns)-1] > column {
				columns = columns[:len(columns)-1]
			}
			if len(columns) == 0 || columns[len(columns)-1] < column {
				columns = append(columns, column)
			}
		}
		if flow+len(columns) > maxNesting {
			return d.fail(t.Position, "lists and mappings are nested more than %d deep", maxNesting)
		}
	}
	return nil
}

// untilClosed returns the text from the first of the tokens to where its parentheses close.
func untilClosed(tokens token.Tokens) string {
	var b strings.Builder
	open := 0
	for _, t := range tokens {
		b.WriteString(t.Origin)
		open += strings.Count(t.Origin, "(") - strings.Count(t.Origin, ")")
		if open <= 0 || b.Len() > 200 {
			break
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// syntaxError turns the YAML library's error into ours.
func (d *reading) syntaxError(err error) error {
	var e yaml.Error
	if errors.As(err, &e) {
		if t := e.GetToken(); t != nil && t.Position != nil {
			return d.fail(t.Position, "%s", e.GetMessage())
		}
	}
	return d.fail(nil, "%s", strings.Join(strings.Fields(err.Error()), " "))
}

// value returns what a node stands for, and its places.
func (d *reading) value(n ast.Node) (any, *place, error) {
	if d.values++; d.values > maxValues {
		return nil, nil, d.fail(start(n), "with its aliases written out, the study has more than %d values", maxValues)
	}
	if d.values%1000 == 0 && d.ctx.Err() != nil {
		return nil, nil, d.ctx.Err()
	}
	p := &place{line: 1, column: 1}
	if at := start(n); at != nil {
		p.line, p.column = at.Line, at.Column
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return d.mapping(n.Values, p)
	case *ast.MappingValueNode:
		return d.mapping([]*ast.MappingValueNode{n}, p)
	case *ast.SequenceNode:
		p.written = "a list"
		p.parts = map[any]*place{}
		list := make([]any, len(n.Values))
		for i, e := range n.Values {
			v, part, err := d.value(e)
			if err != nil {
				return nil, nil, err
			}
			list[i], p.parts[i] = v, part
		}
		return list, p, nil
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		d.anchors[name] = n.Value
		d.open[name] = true
		defer delete(d.open, name)
		return d.value(n.Value)
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		target, known := d.anchors[name]
		switch {
		case !known:
			return nil, nil, d.fail(start(n), "no anchor &%s stands before the alias *%s", name, name)
		case d.open[name]:
			return nil, nil, d.fail(start(n), "the alias *%s stands inside what &%s names", name, name)
		}
		return d.value(target)
	case *ast.LiteralNode:
		p.written = strconv.Quote(brief(n.Value.Value))
		return n.Value.Value, p, nil
	case *ast.StringNode:
		t := n.Token
		if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
			p.written = strconv.Quote(brief(n.Value))
			return n.Value, p, nil
		}
		return d.plain(n.Value, p)
	case *ast.NullNode:
		p.written = "nothing"
		return nil, p, nil
	case ast.ScalarNode: // numbers, true and false: what they are is decided here
		return d.plain(strings.TrimSpace(n.GetToken().Value), p)
	}
	return nil, nil, d.fail(start(n), "%s can't stand here", n.Type())
}

// mapping returns a mapping; what it gets from a merge key << stands behind its own keys.
func (d *reading) mapping(values []*ast.MappingValueNode, p *place) (any, *place, error) {
	p.written = "a mapping"
	p.parts = map[any]*place{}
	m := map[string]any{}
	merged := map[string]any{}
	mergedParts := map[string]*place{}
	for _, kv := range values {
		at := kv.Key.GetToken().Position
		v, part, err := d.value(kv.Value)
		if err != nil {
			return nil, nil, err
		}
		if kv.Key.IsMergeKey() {
			list, isList := v.([]any)
			if !isList {
				list = []any{v}
			}
			for i, e := range list {
				from, ok := e.(map[string]any)
				if !ok {
					return nil, nil, d.fail(at, "<< needs a mapping to merge, such as an alias of one")
				}
				parts := part
				if isList {
					parts = part.parts[i]
				}
				for k, v := range from { // the first to give a key counts
					if _, given := merged[k]; !given {
						merged[k], mergedParts[k] = v, parts.parts[k]
					}
				}
			}
			continue
		}
		s, ok := kv.Key.(*ast.StringNode)
		if !ok {
			return nil, nil, d.fail(at, "%s can't be a key: keys are words", strings.TrimSpace(kv.Key.GetToken().Value))
		}
		key := s.Value
		if _, twice := m[key]; twice {
			return nil, nil, d.fail(at, "the key %q is given twice, first in line %d", key, p.parts[key].keyLine)
		}
		own := *part // an alias's value may stand under several keys
		own.keyLine, own.keyColumn = at.Line, at.Column
		m[key], p.parts[key] = v, &own
	}
	for k, v := range merged {
		if _, own := m[k]; !own {
			m[k], p.parts[k] = v, mergedParts[k]
		}
	}
	return m, p, nil
}

var (
	integerForm = regexp.MustCompile(`^[-+]?[0-9]+$`)
	floatForm   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	zeroForm    = regexp.MustCompile(`^[-+]?[0.]+([eE][-+]?[0-9]+)?$`)
	// otherForm has the numbers of some YAML and of most programming languages that are not
	// those of the core schema's decimal ones.
	otherForm = regexp.MustCompile(`^[-+]?(0[0-9_]+|0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?)$`)
)

// plain returns the value of a scalar that is not quoted, from its text.
func (d *reading) plain(s string, p *place) (any, *place, error) {
	p.written = brief(s)
	at := &token.Position{Line: p.line, Column: p.column}
	switch s {
	case "", "~", "null", "Null", "NULL":
		p.written = "nothing"
		return nil, p, nil
	case "true", "True", "TRUE":
		return true, p, nil
	case "false", "False", "FALSE":
		return false, p, nil
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return math.Inf(1), p, nil
	case "-.inf", "-.Inf", "-.INF":
		return math.Inf(-1), p, nil
	case ".nan", ".NaN", ".NAN":
		return math.NaN(), p, nil
	}
	if otherForm.MatchString(s) {
		return nil, nil, d.fail(at, "%s does not mean the same number to every reader of YAML: write it in decimal, without leading zeros or underscores; quote it if it is text", p.written)
	}
	if integerForm.MatchString(s) {
		if u, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, 64); err == nil {
			return u, p, nil
		}
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i, p, nil
		}
	}
	if floatForm.MatchString(s) {
		f, err := strconv.ParseFloat(s, 64)
		switch {
		case err != nil:
			return nil, nil, d.fail(at, "%s is beyond the largest number, %.3g", p.written, math.MaxFloat64)
		case f == 0 && !zeroForm.MatchString(s):
			return nil, nil, d.fail(at, "%s is nearer to 0 than the smallest number, %.2g", p.written, math.SmallestNonzeroFloat64)
		}
		return f, p, nil
	}
	return s, p, nil
}

// brief shortens a text for a message.
func brief(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		return string([]rune(s)[:most]) + "…"
	}
	return s
}

// start returns where a node begins in the text.
func start(n ast.Node) *token.Position {
	if n == nil {
		return nil
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 && !n.IsFlowStyle {
			return n.Values[0].Key.GetToken().Position
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken().Position
	}
	if t := n.GetToken(); t != nil {
		return t.Position
	}
	return nil
}

// find returns the deepest part of a path that the file spells out. Settings may stand
// under the key settings, too.
func (p *place) find(path []any) (found *place, whole bool) {
	for i, k := range path {
		next := p.parts[k]
		if next == nil && p.parts["settings"] != nil {
			return p.parts["settings"].find(path[i:])
		}
		if next == nil {
			return p, false
		}
		p = next
	}
	return p, true
}

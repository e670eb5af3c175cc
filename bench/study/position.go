package study

import (
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
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

// syntaxError turns the YAML library's error into ours.
func syntaxError(file string, err error) error {
	var e yaml.Error
	if errors.As(err, &e) {
		if t := e.GetToken(); t != nil && t.Position != nil {
			return &SpecError{file, t.Position.Line, t.Position.Column, e.GetMessage()}
		}
	}
	return errors.Wrap(err, file)
}

// locate finds the line and column of an error: those of the deepest part of its path
// that the file spells out.
func locate(file string, text []byte, e *placeError) error {
	found := &token.Position{Line: 1, Column: 1}
	if f, err := parser.ParseBytes(text, 0); err == nil && len(f.Docs) > 0 {
		found = find(f.Docs[0].Body, e.path, e.onKey, found)
	}
	return &SpecError{file, found.Line, found.Column, e.message}
}

func find(n ast.Node, path []any, onKey bool, last *token.Position) *token.Position {
	for {
		if a, ok := n.(*ast.AnchorNode); ok {
			n = a.Value
		} else if t, ok := n.(*ast.TagNode); ok {
			n = t.Value
		} else {
			break
		}
	}
	if n == nil {
		return last
	}
	if t := start(n); t != nil {
		last = t
	}
	if len(path) == 0 {
		return last
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if v.Key.String() == path[0] {
				if onKey && len(path) == 1 {
					return v.Key.GetToken().Position
				}
				return find(v.Value, path[1:], onKey, v.Key.GetToken().Position)
			}
		}
		// Settings may stand under their own key.
		for _, v := range n.Values {
			if v.Key.String() == "settings" && path[0] != "settings" {
				return find(v.Value, path, onKey, last)
			}
		}
	case *ast.MappingValueNode:
		return find(&ast.MappingNode{Values: []*ast.MappingValueNode{n}}, path, onKey, last)
	case *ast.SequenceNode:
		if i, ok := path[0].(int); ok && i < len(n.Values) {
			return find(n.Values[i], path[1:], onKey, last)
		}
	}
	return last
}

// start returns where a node begins in the text.
func start(n ast.Node) *token.Position {
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

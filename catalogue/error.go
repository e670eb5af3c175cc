package catalogue

import (
	stderrors "errors"
	"fmt"
	"strings"
)

// Error says what is wrong with a choice, in one line.
type Error struct {
	// Path is the setting concerned, seen from the choice: "name", "rate",
	// "inner.rate", "links[2].limit"; "" is the choice as a whole. (Settings
	// that stand under the key "settings" have the same path.)
	Path string

	context string // "optimizer rmsprop", added by the catalogue
	message string
	cause   error
}

// Invalid is how a constructor refuses the value of a setting: the catalogue
// adds where the setting stands. path is the setting's name, or "" if several
// settings together are wrong.
func Invalid(path, format string, args ...any) *Error {
	return &Error{Path: path, message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{e.context, e.Path, e.message} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the constructor's own error, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// place puts err at path below the thing that context names. An error of a
// constructor that is no *Error keeps its text and can be unwrapped.
func place(err error, context, path string) *Error {
	var e *Error
	if !stderrors.As(err, &e) {
		return &Error{Path: path, context: context, message: err.Error(), cause: err}
	}
	placed := *e
	placed.Path = join(path, e.Path)
	// The innermost name is the most telling: keep it.
	if placed.context == "" {
		placed.context = context
	}
	if placed.cause == nil && error(e) != err {
		placed.cause = err
	}
	return &placed
}

func join(path, rest string) string {
	switch {
	case path == "":
		return rest
	case rest == "" || rest[0] == '[':
		return path + rest
	}
	return path + "." + rest
}

// didYouMean ends an error message about an unknown name.
func didYouMean(name string, names []string) string {
	near := Nearest(name, names)
	switch {
	case len(names) == 0:
		return "there are none"
	case len(near) > 0:
		return "did you mean " + list(near, "or") + "?"
	}
	return "choose from " + list(names, "or")
}

func list(names []string, conjunction string) string {
	if n := len(names) - 1; n > 0 {
		return strings.Join(names[:n], ", ") + " " + conjunction + " " + names[n]
	}
	return names[0]
}

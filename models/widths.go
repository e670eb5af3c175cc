package models

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

// Widths are numbers of units that differ by layer: a list with one for each hidden layer, or
// a rule, of which the numbers are repeated over all layers. The zero value is neither, and
// stands for layers of one width.
type Widths struct {
	units       []int
	alternating bool
}

// alternating is the word that makes numbers a rule.
const alternating = "alternating"

// Layers returns the list with one number of units for each hidden layer, from the input to
// the output.
func Layers(units ...int) Widths { return Widths{units: slices.Clone(units)} }

// Alternating returns the rule that repeats numbers of units: Alternating(16, 4) makes layers of
// 16, 4, 16, 4, … units.
func Alternating(units ...int) Widths { return Widths{slices.Clone(units), true} }

// ParseWidths reads a list, such as 64,32,16, or a rule, such as 16,4 alternating.
func ParseWidths(text string) (Widths, error) {
	fail := func() (Widths, error) {
		return Widths{}, errors.Errorf("widths %q: want a number for each hidden layer, such as 64,32,16, or numbers to repeat, such as 16,4 alternating", text)
	}
	list, rule := strings.CutSuffix(strings.TrimSpace(text), alternating)
	if rule && strings.TrimRight(list, " \t") == list {
		return fail()
	}
	w := Widths{alternating: rule}
	for part := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return fail()
		}
		w.units = append(w.units, n)
	}
	return w, nil
}

// String writes the widths as [ParseWidths] reads them; "" for the zero value.
func (w Widths) String() string {
	var b strings.Builder
	for i, n := range w.units {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(n))
	}
	if w.alternating {
		b.WriteString(" " + alternating)
	}
	return b.String()
}

// IsZero reports whether w is the zero value.
func (w Widths) IsZero() bool { return len(w.units) == 0 && !w.alternating }

// Max returns the largest width.
func (w Widths) Max() int {
	if len(w.units) == 0 {
		return 0
	}
	return slices.Max(w.units)
}

// Period returns after how many layers the widths repeat: 0 for a list, which does not, and 1
// for layers of one width.
func (w Widths) Period() int {
	switch {
	case w.IsZero():
		return 1
	case w.alternating:
		return len(w.units)
	}
	return 0
}

// Of returns the units of each of depth layers: all are width if w is the zero value. A list of
// another length is an error.
func (w Widths) Of(depth, width int) ([]int, error) {
	units := make([]int, max(0, depth))
	switch {
	case depth < 0 || w.IsZero() && width < 1 && depth > 0:
		return nil, errors.Errorf("a network of depth %d and width %d: want at least 0 and 1", depth, width)
	case !w.IsZero() && (len(w.units) == 0 || slices.Min(w.units) < 1):
		return nil, errors.Errorf("layers of %v units: want at least 1 in each", w.units)
	case !w.IsZero() && !w.alternating && len(w.units) != depth:
		return nil, errors.Errorf("the widths %s are of %d layers, and the depth is %d: give one for each layer, or numbers to repeat, such as 16,4 %s", w, len(w.units), depth, alternating)
	}
	for i := range units {
		units[i] = width
		if !w.IsZero() {
			units[i] = w.units[i%len(w.units)]
		}
	}
	return units, nil
}

package catalogue

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// interval is what a range tag says; nil is unbounded.
type interval struct {
	lo, hi         float64 // infinite: unbounded
	openLo, openHi bool
}

// parseInterval reads "(0,1]": a parenthesis excludes the bound, no number is
// no bound.
func parseInterval(text string) (*interval, error) {
	bounds := strings.Split(strings.Trim(text, "([])"), ",")
	if len(bounds) != 2 || len(text) < 3 || !strings.ContainsRune("([", rune(text[0])) || !strings.ContainsRune(")]", rune(text[len(text)-1])) {
		return nil, fmt.Errorf("range %q is not of the form (a,b]", text)
	}
	in := &interval{math.Inf(-1), math.Inf(1), text[0] == '(', text[len(text)-1] == ')'}
	for i, bound := range []*float64{&in.lo, &in.hi} {
		if bounds[i] == "" {
			continue
		}
		var err error
		if *bound, err = strconv.ParseFloat(bounds[i], 64); err != nil {
			return nil, fmt.Errorf("range %q: %v", text, err)
		}
	}
	return in, nil
}

// check looks at a canonical value; what is no number is not bounded.
func (in *interval) check(v any) error {
	if in == nil {
		return nil
	}
	if list, ok := v.([]any); ok {
		for i, e := range list {
			if err := in.check(e); err != nil {
				return place(err, "", fmt.Sprintf("[%d]", i))
			}
		}
		return nil
	}
	x, ok := number(v)
	if !ok || (x > in.lo || x == in.lo && !in.openLo) && (x < in.hi || x == in.hi && !in.openHi) {
		return nil
	}
	return Invalid("", "must be %s, got %s", in, describe(v))
}

func (in *interval) String() string {
	if in == nil {
		return ""
	}
	var parts []string
	for _, b := range []struct {
		at             float64
		open           bool
		above, atLeast string
	}{{in.lo, in.openLo, "above", "at least"}, {in.hi, in.openHi, "below", "at most"}} {
		word := b.atLeast
		if b.open {
			word = b.above
		}
		if !math.IsInf(b.at, 0) {
			parts = append(parts, fmt.Sprintf("%s %g", word, b.at))
		}
	}
	return strings.Join(parts, " and ")
}

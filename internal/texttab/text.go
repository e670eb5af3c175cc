package texttab

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// DefaultWidth is the number of columns where no terminal gives one.
const DefaultWidth = 80

// Or returns a width, or [DefaultWidth] if it is not above 0.
func Or(width int) int {
	if width > 0 {
		return width
	}
	return DefaultWidth
}

// measure takes runes of ambiguous width for narrow ones, whatever the locale: tables
// look alike everywhere.
var measure = func() *runewidth.Condition {
	c := runewidth.NewCondition()
	c.EastAsianWidth = false
	return c
}()

// Width returns the number of columns that a terminal gives a text without control
// characters.
func Width(s string) int { return measure.StringWidth(s) }

// Clean replaces control characters by �, so that a text can't move the cursor, paint, or
// do worse.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// Pad fills a text with spaces up to a width, on the left if it is to stand right.
func Pad(s string, width int, right bool) string {
	space := strings.Repeat(" ", max(0, width-Width(s)))
	if right {
		return space + s
	}
	return s + space
}

// Paint wraps a text in an SGR code, such as "1" or "38;5;160". "" leaves it as it is.
func Paint(code, s string) string {
	if code == "" || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Count writes a number with what is counted, in the singular or in the plural with an
// s: "1 run", "3 runs".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// List joins words as prose does: a, b and c.
func List(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// Wrap breaks a text into lines of at most this many columns, between words, and within a
// word only where that is wider: if possible behind a comma.
func Wrap(text string, width int) []string {
	var lines []string
	line, used := "", 0
	end := func() { lines, line, used = append(lines, line), "", 0 }
	for _, word := range strings.Fields(Clean(text)) {
		n := Width(word)
		if used > 0 && used+1+n > width {
			end()
		}
		for n > max(width, 1) {
			head := breakWord(word, max(width, 1))
			line, used = head, Width(head)
			end()
			word = word[len(head):]
			n = Width(word)
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	if used > 0 || len(lines) == 0 {
		end()
	}
	return lines
}

// breakWord returns the part of a word that is to stand on a line.
func breakWord(word string, width int) string {
	head := cut(word, width)
	if head == "" { // a wide rune in a narrow column
		for i := range word {
			if i > 0 {
				return word[:i]
			}
		}
		return word
	}
	if i := strings.LastIndexAny(head, ",/="); i > len(head)/2 {
		return head[:i+1]
	}
	return head
}

// cut returns as much of a text as fits the width.
func cut(s string, width int) string {
	used := 0
	for i, r := range s {
		if used += measure.RuneWidth(r); used > width {
			return s[:i]
		}
	}
	return s
}

// cutFront returns as much of a text's end as fits the width.
func cutFront(s string, width int) string {
	for i := range s {
		if Width(s[i:]) <= width {
			return s[i:]
		}
	}
	return ""
}

// Prose wraps a text behind a prefix, under whose end all further lines begin.
func Prose(prefix, text string, width int) []string {
	margin := Width(prefix)
	lines := Wrap(text, max(width-margin, 20))
	for i := range lines {
		lead := prefix
		if i > 0 {
			lead = strings.Repeat(" ", margin)
		}
		lines[i] = strings.TrimRight(lead+lines[i], " ")
	}
	return lines
}

// shorten makes texts fit a width, with … for what is left out, at the end or in the
// middle. It returns false if different texts would look alike.
func shorten(texts []string, width int) ([]string, bool) {
	if width < 4 {
		return nil, false
	}
	ways := []func(s string) string{
		func(s string) string { return cut(s, width-1) + "…" },
		func(s string) string { front := width / 2; return cut(s, front) + "…" + cutFront(s, width-front-1) },
		func(s string) string { return "…" + cutFront(s, width-1) },
	}
	for _, way := range ways {
		short, seen, unique := make([]string, len(texts)), map[string]string{}, true
		for i, s := range texts {
			if short[i] = s; Width(s) > width {
				short[i] = way(s)
			}
			if other, taken := seen[short[i]]; taken && other != s {
				unique = false
				break
			}
			seen[short[i]] = s
		}
		if unique {
			return short, true
		}
	}
	return nil, false
}

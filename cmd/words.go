package cmd

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/gradflow/gradflow/internal/texttab"
)

// wrapCommands breaks the lines of commands that are longer than width before a flag, so
// that a shell reads them as one.
func wrapCommands(text string, width int) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		var done string
		for utf8.RuneCountInString(line) > width {
			at := strings.LastIndex(string([]rune(line)[:width]), " --")
			if at <= len("      ") {
				break
			}
			done += line[:at] + " \\\n"
			line = "      " + line[at+1:]
		}
		lines[i] = done + line
	}
	return strings.Join(lines, "\n")
}

// wrapParagraphs wraps each paragraph of a text. Of those that are indented, lists of a term
// and what it means are wrapped under what it means; others are examples and stay.
func wrapParagraphs(text string, width int) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if !strings.HasPrefix(p, " ") {
			paragraphs[i] = strings.Join(texttab.Wrap(strings.Join(strings.Fields(p), " "), width), "\n")
			continue
		}
		lines := strings.Split(p, "\n")
		for j, line := range lines {
			if m := termOf.FindString(line); m != "" && utf8.RuneCountInString(line) > width {
				lines[j] = m + hang(line[len(m):], utf8.RuneCountInString(m), width)
			}
		}
		paragraphs[i] = strings.Join(lines, "\n")
	}
	return strings.Join(paragraphs, "\n\n")
}

// termOf matches the term of a list's line, with the spaces behind it.
var termOf = regexp.MustCompile(`^ +\S+ {2,}`)

// hang wraps a text that begins in a column, and continues its lines there.
func hang(text string, column, width int) string {
	return strings.Join(texttab.Wrap(text, width-column), "\n"+strings.Repeat(" ", column))
}

// helpLine is the line of a command in the list of commands, behind two spaces.
func helpLine(name string, padding int, short string, width int) string {
	column := 2 + max(padding, utf8.RuneCountInString(name)) + 1
	return name + strings.Repeat(" ", column-2-utf8.RuneCountInString(name)) + hang(short, column, width)
}

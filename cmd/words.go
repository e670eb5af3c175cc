package cmd

import (
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

// wrapParagraphs wraps each paragraph of a text. Those that are indented are examples and
// stay.
func wrapParagraphs(text string, width int) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if !strings.HasPrefix(p, " ") {
			paragraphs[i] = strings.Join(texttab.Wrap(strings.Join(strings.Fields(p), " "), width), "\n")
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

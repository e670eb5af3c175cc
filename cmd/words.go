package cmd

import (
	"strings"
	"unicode/utf8"
)

// wrap breaks text into lines of at most width characters.
func wrap(text string, width int) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

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
			paragraphs[i] = wrap(p, width)
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

package cmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// console carries all output of the command. It escapes control characters in texts from
// files or arguments, such as the name of a study, as in \x1b: a terminal would obey them.
// Only the command's own colours pass, to a terminal that shows them.
//
// A console can keep a live line at its bottom; later output is printed above it.
type console struct {
	mu      sync.Mutex
	w       io.Writer
	colours bool
	partial []byte // the start of an incomplete character or colour sequence
	column  bool   // the last line printed is not terminated
	live    string // the live line, if there is one
	drawn   int    // its columns on the terminal
	closed  bool
}

func newConsole(w io.Writer) *console { return &console{w: w, colours: colours(w)} }

// Write implements io.Writer.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return len(p), nil
	}
	text := p
	if len(c.partial) > 0 {
		text = append(c.partial, p...)
	}
	clean, rest := sanitise(text, c.colours)
	c.partial = bytes.Clone(rest)
	if len(clean) == 0 {
		return len(p), nil
	}
	c.erase()
	if _, err := io.WriteString(c.w, clean); err != nil {
		return 0, err
	}
	if c.column = !strings.HasSuffix(clean, "\n"); !c.column {
		c.draw()
	}
	return len(p), nil
}

// close flushes pending output and discards later output. The live line stays.
func (c *console) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	if len(c.partial) > 0 {
		io.WriteString(c.w, visible(string(c.partial)))
	}
	if c.drawn > 0 {
		io.WriteString(c.w, "\n")
	}
}

// show sets the live line, "" for none. It must fit on one line.
func (c *console) show(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || line == c.live {
		return
	}
	c.live = line
	if !c.column {
		c.erase()
		c.draw()
	}
}

// keep leaves the live line on the terminal, above later output.
func (c *console) keep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drawn > 0 && !c.closed {
		io.WriteString(c.w, "\n")
	}
	c.live, c.drawn = "", 0
}

func (c *console) draw() {
	if c.live == "" {
		return
	}
	io.WriteString(c.w, c.live)
	c.drawn = utf8.RuneCountInString(c.live)
}

// erase removes the live line. A terminal that has become narrower since has broken it
// into several.
func (c *console) erase() {
	if c.drawn == 0 {
		return
	}
	// Only the line where one suffices: what erases the rest of the screen makes some
	// terminals, with the line at their top, save each state of it for scrolling back.
	clear := "\r\x1b[K"
	if width := terminalWidth(c.w); width > 0 && c.drawn > width {
		clear = fmt.Sprintf("\r\x1b[%dA\x1b[J", (c.drawn-1)/width)
	}
	io.WriteString(c.w, clear)
	c.drawn = 0
}

// sanitise escapes control characters except for tabs, newlines and, if allowed,
// colours. Rest is a character or a colour at the end of the text that is not complete.
func sanitise(text []byte, colours bool) (clean string, rest []byte) {
	var b strings.Builder
	for len(text) > 0 {
		if colours && text[0] == '\x1b' {
			n, complete := colour(text)
			if !complete {
				return b.String(), text
			}
			if n > 0 {
				b.Write(text[:n])
				text = text[n:]
				continue
			}
		}
		if !utf8.FullRune(text) {
			return b.String(), text
		}
		r, n := utf8.DecodeRune(text)
		if r == '\n' || r == '\t' {
			b.WriteRune(r)
		} else {
			b.WriteString(visible(string(text[:n])))
		}
		text = text[n:]
	}
	return b.String(), nil
}

// colour returns the length of the colour (a sequence "select graphic rendition") that
// the text begins with, 0 if it begins with something else, and whether that is certain.
func colour(text []byte) (n int, complete bool) {
	for i, c := range text {
		switch {
		case i == 0 && c == '\x1b', i == 1 && c == '[', i > 1 && i < 24 && (c >= '0' && c <= '9' || c == ';'):
		case i > 1 && c == 'm':
			return i + 1, true
		default:
			return 0, true
		}
	}
	return 0, false
}

// visible writes control characters, the marks that turn the direction of writing, and
// bytes that are not UTF-8 as Go does in a string, on one line.
func visible(s string) string {
	clean := func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError ||
			r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	}
	if !strings.ContainsFunc(s, clean) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '\n':
			b.WriteString(`\n`)
		case r < 0x80 && clean(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case r != utf8.RuneError && clean(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

// terminalWidth returns the width of the terminal w, 0 if w is not a terminal.
func terminalWidth(w io.Writer) int {
	if c, ok := w.(*console); ok {
		w = c.w
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width == 0 {
		return 80
	}
	return width
}

// colours reports whether w is a terminal whose user wants colours (no-color.org).
func colours(w io.Writer) bool {
	return terminalWidth(w) > 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// session is one call of [Run].
type session struct {
	stdout, stderr *console
	mu             sync.Mutex
	farewell       func() string
}

type sessionKey struct{}

// onInterrupt sets the message of an interrupted command: what is kept, and how to resume.
// The function must not wait for the work.
func onInterrupt(ctx context.Context, farewell func() string) {
	if s, ok := ctx.Value(sessionKey{}).(*session); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.farewell = farewell
	}
}

// goodbye returns that message.
func (s *session) goodbye() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.farewell == nil {
		return "Interrupted."
	}
	return s.farewell()
}

package cmd

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// screen is as much of a terminal as the command uses: it breaks long lines, and breaks
// them anew when its width changes, as the terminals of today do.
type screen struct {
	width  int
	lines  [][]rune // before they are broken
	line   int      // of the cursor
	at     int      // the cursor's place in the line
	broken int      // lines that were longer than the width when they were written
	escape []byte   // the beginning of a sequence
	text   []byte   // the beginning of a character
	odd    []string // sequences that it does not know
}

func newScreen(width int) *screen { return &screen{width: width, lines: [][]rune{nil}} }

func (s *screen) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case len(s.escape) > 0:
			s.escape = append(s.escape, b)
			if len(s.escape) > 2 && b >= '@' || len(s.escape) == 2 && b != '[' {
				s.sequence(string(s.escape))
				s.escape = nil
			}
		case b == '\x1b':
			s.escape = append(s.escape, b)
		case b == '\r':
			s.at -= s.at % s.width
		case b == '\n':
			// The rest of a line that was broken is below.
			s.line, s.at = s.line+1, 0
			if s.line == len(s.lines) {
				s.lines = append(s.lines, nil)
			}
		case b < ' ' || b == 0x7f:
			if b != '\a' && b != '\b' {
				s.odd = append(s.odd, strconv.Quote(string(b)))
			}
		default:
			s.text = append(s.text, b)
			if utf8.FullRune(s.text) {
				r, _ := utf8.DecodeRune(s.text)
				s.put(r)
				s.text = nil
			}
		}
	}
	return len(p), nil
}

func (s *screen) put(r rune) {
	line := &s.lines[s.line]
	for len(*line) <= s.at {
		*line = append(*line, ' ')
	}
	(*line)[s.at] = r
	s.at++
	if s.at == s.width+1 {
		s.broken++
	}
}

func (s *screen) sequence(text string) {
	n, err := strconv.Atoi(strings.Trim(text, "\x1b[AJKm"))
	if err != nil {
		n = 1
	}
	switch text[len(text)-1] {
	case 'A':
		for ; n > 0; n-- {
			switch {
			case s.at >= s.width:
				s.at -= s.width
			case s.line > 0:
				s.line--
				rows := max(0, len(s.lines[s.line])-1) / s.width
				s.at += rows * s.width
			}
		}
	case 'K':
		row := s.at - s.at%s.width + s.width
		if line := &s.lines[s.line]; row < len(*line) {
			for i := s.at; i < row; i++ {
				(*line)[i] = ' '
			}
		} else if s.at < len(*line) {
			*line = (*line)[:s.at]
		}
	case 'J':
		if line := &s.lines[s.line]; s.at < len(*line) {
			*line = (*line)[:s.at]
		}
		s.lines = s.lines[:s.line+1]
	case 'm':
	default:
		s.odd = append(s.odd, strconv.Quote(text))
	}
}

// rows returns what is on the screen, line by line as they are broken.
func (s *screen) rows() []string {
	var rows []string
	for _, line := range s.lines {
		for len(line) > s.width {
			rows = append(rows, string(line[:s.width]))
			line = line[s.width:]
		}
		rows = append(rows, strings.TrimRight(string(line), " "))
	}
	return rows
}

func (s *screen) String() string { return strings.Join(s.rows(), "\n") }

func TestScreen(t *testing.T) {
	s := newScreen(10)
	s.Write([]byte("first\nsecond one\x1b[31m!\x1b[0m"))
	if got, want := s.String(), "first\nsecond one\n!"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s.width = 4
	if got, want := s.String(), "firs\nt\nseco\nnd o\nne!"; got != want {
		t.Errorf("narrower: %q, want %q", got, want)
	}
	s.Write([]byte("\r\x1b[2A\x1b[Jthird"))
	s.width = 20
	if got, want := s.String(), "first\nthird"; got != want {
		t.Errorf("replaced: %q, want %q", got, want)
	}
	s.Write([]byte("\r\x1b[Klast"))
	if got, want := s.String(), "first\nlast"; got != want {
		t.Errorf("line replaced: %q, want %q", got, want)
	}
	if s.broken != 2 {
		t.Errorf("%d lines were broken, want 2", s.broken)
	}
}

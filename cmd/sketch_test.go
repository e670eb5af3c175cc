package cmd

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSketch(t *testing.T) {
	s := sketch{title: "square", xhi: 1, yhi: 1, f: func(x float64) float64 { return x * x }, mark: 1, markLabel: "fixed"}
	lines := s.lines(20, 10, false)
	if len(lines) != 10 {
		t.Fatalf("%d lines, want 10", len(lines))
	}
	for i, l := range lines {
		if n := utf8.RuneCountInString(l); n != 20 {
			t.Errorf("line %d has %d characters, want 20: %q", i, n, l)
		}
	}
	if !strings.HasSuffix(lines[0], "●") {
		t.Errorf("the mark is not in the corner: %q", lines[0])
	}
	// Each column has the curve, in the row where its value is.
	for c := 2; c < 19; c++ {
		x := (float64(c) + 0.5) / 20
		row := int((1 - x*x) * 10)
		found := false
		for _, r := range []int{row - 1, row, row + 1} {
			found = found || r >= 0 && r < 10 && []rune(lines[r])[c] > 0x2800
		}
		if !found {
			t.Errorf("column %d has nothing near row %d\n%s", c, row, strings.Join(lines, "\n"))
		}
	}
	wild := sketch{xhi: 1, yhi: 1, f: func(x float64) float64 { return 1 / (x - 0.5) }, mark: math.NaN()}
	for _, l := range wild.lines(20, 10, false) {
		if utf8.RuneCountInString(l) != 20 {
			t.Errorf("a pole breaks the sketch: %q", l)
		}
	}
}

func TestSketchWidth(t *testing.T) {
	s := sketch{title: "q-map: variance of the next layer", xhi: 1.234e-7, yhi: 1.234e-7, f: func(x float64) float64 { return x / 2 }, mark: 5e-8, markLabel: "q* = 5e-08"}
	for _, width := range []int{30, 40, 60, 77, 80, 100, 200} {
		for n := 1; n <= 2; n++ {
			var b strings.Builder
			printSketches(&b, []sketch{s, s}[:n], width, false)
			for _, l := range strings.Split(b.String(), "\n") {
				if got := utf8.RuneCountInString(l); got > max(width, 48) {
					t.Errorf("width %d, %d sketches: a line of %d characters: %q", width, n, got, l)
				}
			}
			if strings.Contains(b.String(), "\x1b") {
				t.Error("colours where none are wanted")
			}
		}
	}
}

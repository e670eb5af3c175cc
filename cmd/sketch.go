package cmd

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gradflow/gradflow/internal/texttab"
)

// sketch is a curve y = f(x) in the terminal, drawn with Braille characters, each of 2
// by 4 dots, over the diagonal.
type sketch struct {
	title     string // of which what is behind a colon can be left out
	xlo, xhi  float64
	ylo, yhi  float64
	f         func(x float64) float64
	mark      float64 // where the curve has a fixed point to be marked; NaN: none
	markLabel string
}

const (
	curveColour    = "\x1b[36m"
	diagonalColour = "\x1b[90m"
	markColour     = "\x1b[1;33m"
	noColour       = "\x1b[0m"
)

// Layers of dots, of which the upper hides the lower in a character.
const (
	diagonalLayer = iota
	curveLayer
)

// lines draws the sketch in columns by rows characters, without the frame.
func (s sketch) lines(columns, rows int, colour bool) []string {
	var dots [2][][]rune
	for l := range dots {
		dots[l] = make([][]rune, rows)
		for r := range dots[l] {
			dots[l][r] = make([]rune, columns)
		}
	}
	width, height := 2*columns, 4*rows
	row := func(y float64) int {
		return int(math.Round((s.yhi - y) / (s.yhi - s.ylo) * float64(height-1)))
	}
	dot := func(layer, x, y int) {
		if x >= 0 && x < width && y >= 0 && y < height {
			dots[layer][y/4][x/2] |= brailleDot[y%4][x%2]
		}
	}
	before := math.NaN()
	for x := range width {
		at := s.xlo + (s.xhi-s.xlo)*float64(x)/float64(width-1)
		if x%4 == 0 { // dotted
			dot(diagonalLayer, x, row(at))
		}
		y := s.f(at)
		if math.IsNaN(y) || math.IsInf(y, 0) {
			before = math.NaN()
			continue
		}
		to := row(min(max(y, s.ylo-(s.yhi-s.ylo)), s.yhi+(s.yhi-s.ylo)))
		from := to
		if !math.IsNaN(before) {
			from = row(min(max(before, s.ylo-(s.yhi-s.ylo)), s.yhi+(s.yhi-s.ylo)))
		}
		for k := min(from, to); k <= max(from, to); k++ {
			if from != to && k == from {
				continue // the last column's
			}
			dot(curveLayer, x, k)
		}
		before = y
	}
	markColumn, markRow := -1, -1
	if !math.IsNaN(s.mark) {
		markColumn = min(int((s.mark-s.xlo)/(s.xhi-s.xlo)*float64(columns)), columns-1)
		markRow = min(row(s.mark)/4, rows-1)
	}
	list := make([]string, rows)
	for r := range list {
		var b strings.Builder
		for c := range columns {
			paint, char := "", ' '
			switch curve, diagonal := dots[curveLayer][r][c], dots[diagonalLayer][r][c]; {
			case c == markColumn && r == markRow:
				paint, char = markColour, '●'
			case curve != 0 && colour:
				paint, char = curveColour, 0x2800+curve
			case curve|diagonal != 0:
				paint, char = diagonalColour, 0x2800+(curve|diagonal)
			}
			if colour && paint != "" {
				b.WriteString(paint + string(char) + noColour)
			} else {
				b.WriteRune(char)
			}
		}
		list[r] = b.String()
	}
	return list
}

var brailleDot = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// margin is the width of the numbers on the left and the axis.
func (s sketch) margin() int { return max(len(axisNumber(s.yhi)), len(axisNumber(s.ylo))) + 2 }

// framed returns the sketch with its title, axes and their ends, all lines of one width.
func (s sketch) framed(columns, rows int, colour bool) []string {
	top, bottom := axisNumber(s.yhi), axisNumber(s.ylo)
	margin := s.margin() - 2
	title := s.title
	if texttab.Width(title) > columns {
		title, _, _ = strings.Cut(title, ":")
	}
	list := []string{pad(strings.Repeat(" ", margin+2)+title, margin+2+columns)}
	for r, line := range s.lines(columns, rows, colour) {
		label := ""
		switch r {
		case 0:
			label = top
		case rows - 1:
			label = bottom
		}
		list = append(list, fmt.Sprintf("%*s ┤%s", margin, label, line))
	}
	lo, hi := axisNumber(s.xlo), axisNumber(s.xhi)
	list = append(list, strings.Repeat(" ", margin+1)+"└"+strings.Repeat("─", columns))
	middle := s.markLabel
	room := columns - len(lo) - len(hi)
	if texttab.Width(middle)+2 > room {
		middle = ""
	}
	gap := room - texttab.Width(middle)
	return append(list, strings.Repeat(" ", margin+2)+lo+strings.Repeat(" ", gap/2)+middle+strings.Repeat(" ", gap-gap/2)+hi)
}

func axisNumber(v float64) string { return fmt.Sprintf("%.3g", v) }

// pad fills a text up to a width in characters.
func pad(s string, width int) string { return texttab.Pad(s, width, false) }

// printSketches draws sketches side by side if they fit into the width, otherwise one below
// the other.
func printSketches(w io.Writer, list []sketch, width int, colour bool) {
	const indent, between = 2, 3
	if len(list) == 2 {
		if columns := (width - indent - between - list[0].margin() - list[1].margin()) / 2; columns >= 24 {
			columns = min(columns, 44)
			left, right := list[0].framed(columns, columns/3, colour), list[1].framed(columns, columns/3, colour)
			for i := range left {
				fmt.Fprintln(w, strings.TrimRight("  "+left[i]+strings.Repeat(" ", between)+right[i], " "))
			}
			return
		}
	}
	for i, s := range list {
		columns := min(max(width-indent-s.margin(), 16), 60)
		if i > 0 {
			fmt.Fprintln(w)
		}
		for _, line := range s.framed(columns, max(columns/4, 6), colour) {
			fmt.Fprintln(w, strings.TrimRight("  "+line, " "))
		}
	}
}

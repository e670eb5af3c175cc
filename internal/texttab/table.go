package texttab

import "strings"

// Span is a piece of text in one colour.
type Span struct {
	Text string
	Code string // SGR, such as "31"; "": as it is
}

// Cell is what stands in a row's column: spans, one behind the other.
type Cell []Span

// Text returns a plain cell.
func Text(s string) Cell { return Cell{{Text: s}} }

// Painted returns a cell in a colour.
func Painted(code, s string) Cell { return Cell{{s, code}} }

func (c Cell) String() string {
	var b strings.Builder
	for _, s := range c {
		b.WriteString(Clean(s.Text))
	}
	return b.String()
}

func (c Cell) paint(colour bool) string {
	if !colour {
		return c.String()
	}
	var b strings.Builder
	for _, s := range c {
		b.WriteString(Paint(s.Code, Clean(s.Text)))
	}
	return b.String()
}

// with returns another text in the cell's colour.
func (c Cell) with(text string) Cell {
	if len(c) == 0 {
		return Text(text)
	}
	return Painted(c[0].Code, text)
}

// Column is one of a table's.
type Column struct {
	Head  string
	Right bool // numbers stand right
	// Keep says in which order columns are left out that don't fit: the highest first; a
	// column with 0 stays.
	Keep int
	// Least is the width down to which texts may be shortened, where they stay different
	// from each other; 0: they are not. Where they would not, they wrap.
	Least int
	// Wrap says that texts continue on further lines rather than being shortened.
	Wrap bool
}

// Table is rows of cells. Cells that a row lacks at its end are empty.
type Table struct {
	Columns []Column
	Rows    [][]Cell
	Indent  int
	Gap     int // spaces between columns; 0: 2
	NoHead  bool
}

// least is the width that a column that may wrap has at least.
const least = 12

// Lines lays the table out in a width, with or without colours.
func (t Table) Lines(width int, colour bool) []string {
	if t.Gap == 0 {
		t.Gap = 2
	}
	shown := t.notEmpty()
	for {
		widths := make([]int, len(shown))
		total, floor := t.Indent-t.Gap, t.Indent-t.Gap
		lows := make([]int, len(shown))
		for i, k := range shown {
			widths[i], lows[i] = t.natural(k), t.low(k)
			total += widths[i] + t.Gap
			floor += lows[i] + t.Gap
		}
		if floor <= width {
			t.share(shown, widths, lows, total-width)
			return t.layOut(shown, widths, colour)
		}
		drop := -1
		for i, k := range shown {
			if keep := t.Columns[k].Keep; keep > 0 && (drop < 0 || keep > t.Columns[shown[drop]].Keep) {
				drop = i
			}
		}
		if drop < 0 {
			return t.blocks(width, colour)
		}
		shown = append(shown[:drop:drop], shown[drop+1:]...)
	}
}

// Fits reports whether all columns fit a width, with heads wrapped and labels shortened.
func (t Table) Fits(width int) bool {
	if t.Gap == 0 {
		t.Gap = 2
	}
	floor := t.Indent - t.Gap
	for _, k := range t.notEmpty() {
		floor += t.low(k) + t.Gap
	}
	return floor <= width
}

// notEmpty returns the columns that have anything in them.
func (t Table) notEmpty() (list []int) {
	for k := range t.Columns {
		for _, row := range t.Rows {
			if k < len(row) && row[k].String() != "" {
				list = append(list, k)
				break
			}
		}
	}
	return list
}

func (t Table) cell(row []Cell, k int) Cell {
	if k < len(row) {
		return row[k]
	}
	return nil
}

// cells returns the width of a column's widest cell.
func (t Table) cells(k int) (n int) {
	for _, row := range t.Rows {
		n = max(n, Width(t.cell(row, k).String()))
	}
	return n
}

// natural is the width at which nothing of a column is wrapped.
func (t Table) natural(k int) int {
	if t.NoHead {
		return t.cells(k)
	}
	return max(t.cells(k), Width(Clean(t.Columns[k].Head)))
}

// low is the width below which a column can't go: its head wraps between words.
func (t Table) low(k int) int {
	c := t.Columns[k]
	n := t.cells(k)
	if c.Wrap {
		n = min(n, max(c.Least, least))
	} else if c.Least > 0 {
		n = min(n, c.Least)
	}
	if t.NoHead {
		return n
	}
	for _, word := range strings.Fields(c.Head) {
		n = max(n, Width(Clean(word)))
	}
	return n
}

// share takes what is too much from the columns, always from the one that is furthest above
// its least width: first from those that only their heads make wide, then from the cells.
func (t Table) share(shown, widths, lows []int, excess int) {
	heads := make([]int, len(shown))
	for i, k := range shown {
		heads[i] = max(lows[i], t.cells(k))
	}
	for ; excess > 0; excess-- {
		if !narrow(widths, heads) {
			narrow(widths, lows)
		}
	}
}

// narrow takes 1 from the width that is furthest above its least; false if none is above.
func narrow(widths, lows []int) bool {
	most := 0
	for i := range widths {
		if widths[i]-lows[i] > widths[most]-lows[most] {
			most = i
		}
	}
	if widths[most] <= lows[most] {
		return false
	}
	widths[most]--
	return true
}

// layOut writes the columns shown.
func (t Table) layOut(shown, widths []int, colour bool) []string {
	var lines []string
	if !t.NoHead {
		heads := make([][]Cell, len(shown))
		for i, k := range shown {
			head := t.Columns[k].Head
			if Width(Clean(head)) <= widths[i] { // with its spaces
				heads[i] = []Cell{Painted("2", head)}
				continue
			}
			for _, line := range Wrap(head, widths[i]) {
				heads[i] = append(heads[i], Painted("2", line))
			}
		}
		// Heads of fewer lines stand at the bottom.
		most := 0
		for _, h := range heads {
			most = max(most, len(h))
		}
		for i, h := range heads {
			heads[i] = append(make([]Cell, most-len(h)), h...)
		}
		lines = t.row(lines, shown, widths, heads, colour)
	}
	columns := make([][]string, len(shown)) // shortened
	for i, k := range shown {
		if c := t.Columns[k]; !c.Wrap && t.cells(k) > widths[i] {
			var texts []string
			for _, row := range t.Rows {
				texts = append(texts, t.cell(row, k).String())
			}
			if short, unique := shorten(texts, widths[i]); unique {
				columns[i] = short
			}
		}
	}
	for r, row := range t.Rows {
		parts := make([][]Cell, len(shown))
		for i, k := range shown {
			cell := t.cell(row, k)
			switch text := cell.String(); {
			case columns[i] != nil && columns[i][r] != text:
				parts[i] = []Cell{cell.with(columns[i][r])}
			case Width(text) > widths[i]:
				for _, line := range Wrap(text, widths[i]) {
					parts[i] = append(parts[i], cell.with(line))
				}
			default:
				parts[i] = []Cell{cell}
			}
		}
		lines = t.row(lines, shown, widths, parts, colour)
	}
	return lines
}

// row appends the lines of a row, whose columns have lines each.
func (t Table) row(lines []string, shown, widths []int, parts [][]Cell, colour bool) []string {
	height := 0
	for _, p := range parts {
		height = max(height, len(p))
	}
	for y := range height {
		line, space := "", t.Indent
		for i, k := range shown {
			var cell Cell
			if y < len(parts[i]) {
				cell = parts[i][y]
			}
			missing := max(0, widths[i]-Width(cell.String()))
			if t.Columns[k].Right {
				space += missing
				missing = 0
			}
			if cell.String() != "" {
				line += strings.Repeat(" ", space) + cell.paint(colour)
				space = 0
			} else {
				missing = 0
				if !t.Columns[k].Right {
					missing = widths[i]
				}
			}
			space += missing + t.Gap
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// blocks writes each row as lines of a head and a cell: nothing else fits the width.
func (t Table) blocks(width int, colour bool) []string {
	var lines []string
	indent := strings.Repeat(" ", t.Indent)
	for r, row := range t.Rows {
		if r > 0 {
			lines = append(lines, "")
		}
		for k, c := range t.Columns {
			cell := t.cell(row, k)
			text := cell.String()
			if text == "" {
				continue
			}
			lead := indent
			if c.Head != "" && !t.NoHead {
				lead += Clean(c.Head) + ": "
			}
			switch room := width - Width(lead); {
			case Width(text) <= room:
				lines = append(lines, lead+cell.paint(colour))
			case len(cell) > 1: // a drawing
				lines = append(lines, strings.TrimRight(lead, " "), indent+cell.paint(colour))
			default:
				for i, line := range Wrap(text, max(room, 8)) {
					if i > 0 {
						lead = strings.Repeat(" ", Width(lead))
					}
					lines = append(lines, lead+cell.with(line).paint(colour))
				}
			}
		}
	}
	return lines
}

// Package texttab lays text out in columns: the one way in which this module writes
// tables and paragraphs for a terminal.
//
// A [Table] is given the width that it may have. Columns that don't fit give way in
// this order: heads wrap, labels are shortened as far as they stay different from each
// other, the columns that matter least are left out, and at last each row becomes a
// block of lines. Widths are those of a terminal: wide runes count 2, combining ones 0.
//
//	t := texttab.Table{
//		Columns: []texttab.Column{{Head: "optimizer", Least: 12}, {Head: "accuracy", Right: true}, {Head: "interval", Keep: 2}},
//		Rows:    [][]texttab.Cell{{texttab.Text("sgd"), texttab.Painted("32", "0.93"), texttab.Text("0.92 to 0.94")}},
//	}
//	for _, line := range t.Lines(80, true) { … }
//
// Control characters in texts, which a terminal would obey, are replaced.
package texttab

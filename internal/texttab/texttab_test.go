package texttab_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/internal/texttab"
	"pgregory.net/rapid"
)

func table() texttab.Table {
	t := texttab.Table{
		Columns: []texttab.Column{{Head: "#", Right: true}, {Head: "optimizer", Least: 12}, {Head: "accuracy", Right: true},
			{Head: "interval", Keep: 5}, {Head: "steps to target", Right: true}, {Head: "speed", Keep: 1}},
		Indent: 2,
	}
	for i, r := range [][]string{
		{"smorms3", "0.951", "[0.948, 0.953]", "120", "fastest"},
		{"chain(before=[clip-norm(limit=1)],optimizer=sgd(rate=0.1))", "0.93", "[0.91, 0.94]", "1200", "about 10 times slower"},
		{"chain(before=[clip-norm(limit=1)],optimizer=sgd(rate=0.01))", "0.9", "[0.88, 0.91]", ">400", "not within 400 steps"},
	} {
		row := []texttab.Cell{texttab.Text(fmt.Sprint(i + 1))}
		for _, s := range r {
			row = append(row, texttab.Text(s))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func ExampleTable() {
	for _, width := range []int{80, 60} {
		fmt.Printf("%d columns\n%s\n", width, strings.Join(table().Lines(width, false), "\n"))
	}
	// Output:
	// 80 columns
	//                                                     steps
	//                                                        to
	//   #  optimizer           accuracy  interval        target  speed
	//   1  smorms3                0.951  [0.948, 0.953]     120  fastest
	//   2  chain(bef…te=0.1))      0.93  [0.91, 0.94]      1200  about 10 times slower
	//   3  chain(bef…e=0.01))       0.9  [0.88, 0.91]      >400  not within 400 steps
	// 60 columns
	//                                 steps
	//                                    to
	//   #  optimizer       accuracy  target  speed
	//   1  smorms3            0.951     120  fastest
	//   2  chain(b…=0.1))      0.93    1200  about 10 times slower
	//   3  chain(b…0.01))       0.9    >400  not within 400 steps
}

func TestNarrow(t *testing.T) {
	want := "  #: 1\n  optimizer: smorms3\n  accuracy: 0.951\n  interval: [0.948, 0.953]\n  steps to target: 120\n  speed: fastest\n\n  #: 2\n"
	if got := strings.Join(table().Lines(30, false), "\n"); !strings.HasPrefix(got, want) {
		t.Errorf("in 30 columns each row is a block:\n%s", got)
	}
}

// TestFits lays random tables out in random widths: no line is too wide, and in no
// column do different texts look alike.
func TestFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("abc ,=漢字é…")), 0, 30, -1)
		n := rapid.IntRange(1, 6).Draw(t, "columns")
		var tab texttab.Table
		tab.Indent = rapid.IntRange(0, 3).Draw(t, "indent")
		for range n {
			tab.Columns = append(tab.Columns, texttab.Column{
				Head:  rapid.StringOfN(rapid.SampledFrom([]rune("abc ")), 0, 14, -1).Draw(t, "head"),
				Right: rapid.Bool().Draw(t, "right"), Keep: rapid.IntRange(0, 3).Draw(t, "keep"),
				Least: rapid.SampledFrom([]int{0, 6, 12}).Draw(t, "least"), Wrap: rapid.Bool().Draw(t, "wrap"),
			})
		}
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			var row []texttab.Cell
			for range n {
				row = append(row, texttab.Text(text.Draw(t, "cell")))
			}
			tab.Rows = append(tab.Rows, row)
		}
		width := rapid.IntRange(40, 100).Draw(t, "width")
		plain := tab.Lines(width, false)
		for _, line := range plain {
			if w := texttab.Width(line); w > width {
				t.Fatalf("%q is %d wide, of %d", line, w, width)
			}
		}
		if again := tab.Lines(width, false); !slices.Equal(plain, again) {
			t.Fatal("two layouts differ")
		}
	})
}

func TestShortenedStayDifferent(t *testing.T) {
	text := strings.Join(table().Lines(72, false), "\n")
	if !strings.Contains(text, "…") || !strings.Contains(text, "0.1))") || !strings.Contains(text, "0.01))") {
		t.Errorf("labels that differ at the end:\n%s", text)
	}
	// What is alike at both ends and differs in the middle wraps.
	tab := texttab.Table{Columns: []texttab.Column{{Head: "x", Least: 8}, {Head: "y"}}, Rows: [][]texttab.Cell{
		{texttab.Text(strings.Repeat("a", 20) + "b" + strings.Repeat("c", 20)), texttab.Text("1")},
		{texttab.Text(strings.Repeat("a", 20) + "d" + strings.Repeat("c", 20)), texttab.Text("2")},
	}}
	text = strings.Join(tab.Lines(16, false), "\n")
	if strings.Contains(text, "…") || !strings.Contains(text, "b") || !strings.Contains(text, "d") {
		t.Errorf("labels that differ in the middle:\n%s", text)
	}
}

func TestColours(t *testing.T) {
	tab := texttab.Table{Columns: []texttab.Column{{Head: "v"}, {Head: "n", Right: true}},
		Rows: [][]texttab.Cell{{{{Text: "██", Code: "31"}, {Text: "█", Code: "32"}}, texttab.Painted("31", "1")}}}
	got := tab.Lines(40, true)
	if want := "\x1b[31m██\x1b[0m\x1b[32m█\x1b[0m  \x1b[31m1\x1b[0m"; got[1] != want {
		t.Errorf("%q, want %q", got[1], want)
	}
	if got := tab.Lines(40, false)[1]; got != "███  1" {
		t.Errorf("without colours %q", got)
	}
	// A text's own escape sequences are not obeyed.
	evil := texttab.Table{Columns: []texttab.Column{{Head: "\x1b]0;title\a"}}, Rows: [][]texttab.Cell{{texttab.Text("\x1b[2J")}}}
	if text := strings.Join(evil.Lines(40, false), ""); strings.ContainsAny(text, "\x1b\a") {
		t.Errorf("an escape sequence reaches the terminal: %q", text)
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"one two three", 8, "one two|three"},
		{"", 8, ""},
		{"chain(a=1,b=2,c=3)", 10, "chain(a=1,|b=2,c=3)"},
		{"漢字漢字", 5, "漢字|漢字"},
		{"漢", 1, "漢"},
	} {
		if got := strings.Join(texttab.Wrap(c.text, c.width), "|"); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
	if got := texttab.Count(1, "run") + ", " + texttab.Count(2, "layer") + ", " + texttab.Count(0, "step"); got != "1 run, 2 layers, 0 steps" {
		t.Error(got)
	}
	if got := strings.Join(texttab.Prose("- ", "aaaa bbbb cccc dddd eeee", 22), "|"); got != "- aaaa bbbb cccc dddd|  eeee" {
		t.Error(got)
	}
}

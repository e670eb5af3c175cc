package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSanitise(t *testing.T) {
	for _, c := range []struct{ text, plain, coloured string }{
		{"tanh, σ² = 1\n\tχ₁", "tanh, σ² = 1\n\tχ₁", "tanh, σ² = 1\n\tχ₁"},
		{"a\x1b[31mb\x1b[0m", `a\x1b[31mb\x1b[0m`, "a\x1b[31mb\x1b[0m"},
		{"a\x1b[2Jb", `a\x1b[2Jb`, `a\x1b[2Jb`},
		{"a\x1b]0;title\ab", `a\x1b]0;title\x07b`, `a\x1b]0;title\x07b`},
		{"a\x1b[31\x1b[1mb", `a\x1b[31\x1b[1mb`, "a\\x1b[31\x1b[1mb"},
		{"a\rb\x7f\b", `a\x0db\x7f\x08`, `a\x0db\x7f\x08`},
		{"a\u009b2Jb", `a\u009b2Jb`, `a\u009b2Jb`},
		{"a\x9b2Jb", `a\x9b2Jb`, `a\x9b2Jb`},
		{"a\u202eb\u2028", `a\u202eb\u2028`, `a\u202eb\u2028`},
		{"�", "�", "�"},
		{"a\x1b", `a\x1b`, `a\x1b`},
		{"a\x1b[38;5", `a\x1b[38;5`, `a\x1b[38;5`},
		{"a\xce", `a\xce`, `a\xce`},
	} {
		for _, colours := range []bool{false, true} {
			want := map[bool]string{false: c.plain, true: c.coloured}[colours]
			// Written at once and byte by byte, it comes out the same.
			for _, size := range []int{len(c.text), 1} {
				var b bytes.Buffer
				w := newConsole(&b)
				w.colours = colours
				for i := 0; i < len(c.text); i += size {
					if n, err := w.Write([]byte(c.text[i : i+size])); n != size || err != nil {
						t.Errorf("Write: %d, %v", n, err)
					}
				}
				w.close()
				if b.String() != want {
					t.Errorf("%q with colours %v in pieces of %d: %q, want %q", c.text, colours, size, b.String(), want)
				}
			}
		}
	}
}

// TestLiveLine checks that a live line stays below what is printed.
func TestLiveLine(t *testing.T) {
	s := newScreen(80)
	c := newConsole(s)
	c.show("1/3")
	c.Write([]byte("warning: "))
	c.show("2/3")
	c.Write([]byte("something\n"))
	c.show("3/3")
	if got, want := s.String(), "warning: something\n3/3"; got != want {
		t.Errorf("the screen shows %q, want %q", got, want)
	}
	c.keep()
	c.Write([]byte("done\n"))
	c.close()
	c.Write([]byte("late\n"))
	c.show("late")
	if got, want := s.String(), "warning: something\n3/3\ndone\n"; got != want {
		t.Errorf("the screen shows %q, want %q", got, want)
	}
}

// TestProgressLine checks the bar in terminals of all widths.
func TestProgressLine(t *testing.T) {
	for width := range 200 {
		line := progressLine(width, "12/36 runs", ", 2 diverged", 1./3, 100e9)
		n := utf8.RuneCountInString(line)
		if n > max(0, width-1) || n > longestLine {
			t.Errorf("%d columns: %q is too long", width, line)
		}
		for least, want := range map[int]string{17: "12/36 runs", 40: "33%", 41: "[", 45: "1m40s", 80: "1m40s left", 81: ", 2 diverged"} {
			if width >= least && !strings.Contains(line, want) {
				t.Errorf("%d columns: %q has no %q", width, line, want)
			}
		}
	}
	if got := progressBar(8, 0) + progressBar(8, 0.5) + progressBar(8, 1); got != ">------------>---========" && got != ">-------====>---========" {
		t.Errorf("bars %s", got)
	}
}

// TestHostileText checks that orders to a terminal don't get from files and arguments to
// the output of any command.
func TestHostileText(t *testing.T) {
	t.Chdir(t.TempDir())
	const evil = "\x1b]0;owned\a\x1b[2J\u009b5m"
	good := `name: a
task: digits
budget: {steps: 2, batch: 8}
seeds: 1
grid: {depth: 1, width: 4, activation: tanh, initializer: glorot-normal, optimizer: sgd}
`
	for name, text := range map[string]string{
		"good.yaml":   good,
		"name.yaml":   strings.Replace(good, "name: a", `name: "a`+`\e[2J\u009b5m"`, 1),
		"about.yaml":  `about: "\e]0;owned\a\e[2J"` + "\n" + good,
		"key.yaml":    good + `"\e[2J": 1` + "\n",
		"raw.yaml":    good + evil + ": 1\n",
		"value.yaml":  strings.Replace(good, "tanh", `"\e[2J"`, 1),
		evil + ".txt": good,
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"run", "name.yaml"}, {"run", "about.yaml"}, {"run", "key.yaml"}, {"run", "raw.yaml"}, {"run", "value.yaml"},
		{"run", evil + ".txt", "--out", evil}, {"report", evil}, {"report", evil + "-none"},
		{"sweep", "name.yaml"}, {"describe", "value.yaml"}, {"describe", "good.yaml", evil},
		{"theory", "--activation", evil}, {"profile", "--activation", evil}, {"speed", "--optimizer", evil},
		{"stress", "--group", evil}, {"list", evil}, {evil}, {"run", "--" + evil}, {"data", "get", evil},
		{"profile", "--plot", evil + ".foo"}, {"theory", "--plot", filepath.Join(evil, "none", "x.svg")},
	} {
		var stdout, stderr bytes.Buffer
		Run(t.Context(), args, nil, &stdout, &stderr)
		for _, out := range []string{stdout.String(), stderr.String()} {
			if i := strings.IndexFunc(out, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 }); i >= 0 {
				t.Errorf("gradflow %q prints %q", args, out[max(0, i-40):min(len(out), i+40)])
			}
		}
		if stdout.Len()+stderr.Len() == 0 {
			t.Errorf("gradflow %q prints nothing", args)
		}
	}
}

func TestWrapCommands(t *testing.T) {
	got := wrapCommands("  gradflow stress --group 'a b' --json\n  gradflow list\n  verylongcommandwithoutflags", 24)
	if want := "  gradflow stress \\\n      --group 'a b' \\\n      --json\n  gradflow list\n  verylongcommandwithoutflags"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestWrapParagraphs: lists wrap under what their terms mean, examples stay as they are.
func TestWrapParagraphs(t *testing.T) {
	got := wrapParagraphs("It has two kinds of line:\n\n  χ     factor of the squared gradient\n  long  short\n\n  an example --that is=long and stays", 24)
	want := "It has two kinds of\nline:\n\n  χ     factor of the\n        squared gradient\n  long  short\n\n  an example --that is=long and stays"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := helpLine("run", 5, "Run a study of networks", 20), "run   Run a study\n        of networks"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

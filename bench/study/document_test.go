package study_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
)

// one is a study of one run, with places for what tests vary.
const oneRun = `name: one
task: digits
budget: {steps: STEPS, batch: BATCH}
seeds: SEEDS
grid:
  depth: DEPTH
  width: WIDTH
  activation: ACTIVATION
  initializer: glorot-normal
  optimizer: OPTIMIZER
`

func oneRunWith(pairs ...string) string {
	given := map[string]string{"STEPS": "3", "BATCH": "16", "SEEDS": "1", "DEPTH": "2", "WIDTH": "8", "ACTIVATION": "tanh", "OPTIMIZER": "sgd"}
	for i := 0; i < len(pairs); i += 2 {
		given[pairs[i]] = pairs[i+1]
	}
	text := oneRun
	for k, v := range given {
		text = strings.Replace(text, k, v, 1)
	}
	return text
}

// TestNumbers: what a number is follows from how it is written.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		key, written string
		want         float64
	}{
		{"RATE", "1e-3", 1e-3}, {"RATE", "1E-3", 1e-3}, {"RATE", "5e-4", 5e-4}, {"RATE", "1e+0", 1}, {"RATE", "1e1", 10},
		{"RATE", "1.0e-3", 1e-3}, {"RATE", ".5", 0.5}, {"RATE", "1.", 1}, {"RATE", "+2", 2}, {"RATE", "1.e1", 10}, {"RATE", "1e30", 1e30},
		{"DEPTH", "2.0", 2}, {"DEPTH", "1e1", 10}, {"DEPTH", "+3", 3}, {"DEPTH", "1.2e1", 12}, {"DEPTH", "0", 0},
		{"STEPS", "1e1", 10}, {"STEPS", "2.0", 2}, {"BATCH", "1.6e1", 16}, {"SEEDS", "2e0", 2},
	} {
		pairs := []string{c.key, c.written}
		if c.key == "RATE" {
			pairs = []string{"OPTIMIZER", "{name: sgd, rate: " + c.written + "}"}
		}
		s, err := study.Parse(context.Background(), "test.yaml", []byte(oneRunWith(pairs...)))
		if err != nil {
			t.Errorf("%s: %v", c.written, err)
			continue
		}
		run := s.Configs[0]
		got := map[string]any{"RATE": run.Optimizer.Settings["rate"], "DEPTH": float64(run.Depth), "STEPS": float64(run.Steps),
			"BATCH": float64(run.Batch), "SEEDS": float64(len(s.Configs))}[c.key]
		if got != c.want {
			t.Errorf("%s %s is read as %v, want %v", c.key, c.written, got, c.want)
		}
	}
}

// TestWritten: what is refused is shown as it was written, with its place.
func TestWritten(t *testing.T) {
	for _, c := range []struct{ key, written, want string }{
		{"DEPTH", "010", "6:10: 010 does not mean the same number to every reader of YAML"},
		{"DEPTH", "08", "6:10: 08 does not mean"},
		{"DEPTH", "0x10", "6:10: 0x10 does not mean"},
		{"DEPTH", "0o17", "6:10: 0o17 does not mean"},
		{"DEPTH", "0b11", "6:10: 0b11 does not mean"},
		{"DEPTH", "1_000", "6:10: 1_000 does not mean"},
		{"OPTIMIZER", "{name: sgd, rate: 0_1.5e0}", "10:32: 0_1.5e0 does not mean"},
		{"DEPTH", `"2"`, `6:10: depth must be a whole number, not "2"`},
		{"DEPTH", `'2'`, `6:10: depth must be a whole number, not "2"`},
		{"DEPTH", "2.5", "6:10: depth must be a whole number, not 2.5"},
		{"DEPTH", "2.50", "6:10: depth must be a whole number, not 2.50"},
		{"DEPTH", "-1.0e0", "6:10: depth must be at least 0, not -1.0e0"},
		{"DEPTH", "9223372036854775808", "6:10: depth must be at most 20000, not 9223372036854775808, which would take a graph of "},
		{"DEPTH", "1e400", "6:10: 1e400 is beyond the largest number"},
		{"DEPTH", ".inf", "6:10: depth must be a whole number, not .inf"},
		{"DEPTH", "yes", "6:10: depth must be a whole number, not yes"},
		{"DEPTH", "true", "6:10: depth must be a whole number, not true"},
		{"DEPTH", "[1, [2]]", "6:14: depth must be a whole number, not a list"},
		{"DEPTH", "[1, ~]", "6:14: depth must be a whole number, not nothing"},
		{"DEPTH", "!!int 2", "6:10: a tag, !!int, has no meaning"},
		{"DEPTH", "*deep", "6:10: no anchor &deep stands before"},
		{"OPTIMIZER", "{name: sgd, rate: 1e-400}", "10:32: 1e-400 is nearer to 0"},
		{"OPTIMIZER", `{name: sgd, rate: "1e-3"}`, `10:26: optimizer sgd: rate: "1e-3" is not a number`},
		{"OPTIMIZER", "{name: sgd, rate: 0.1, rate: 0.2}", `10:37: the key "rate" is given twice, first in line 10`},
		{"ACTIVATION", "[tanh, max(z, 0)]", `8:22: max(z is cut off: inside [ ] and { } a comma or a bracket ends plain text; quote it: "max(z, 0)"`},
		{"ACTIVATION", "{name: scaled, of: max(z, 0)}", `8:34: max(z is cut off`},
		{"OPTIMIZER", "[chain(before=[clip-norm(limit=1)],optimizer=sgd)]", `10:15: chain(before= is cut off: inside [ ] and { } a comma or a bracket ends plain text; quote it: "chain(before=[clip-norm(limit=1)],optimizer=sgd)"`},
		{"OPTIMIZER", "{name: partition, rules: [{pattern: layer01/*, optimizer: sgd}, {pattern: layer07/*, optimizer: adam}, {pattern: \"*/*\", optimizer: sgd}]}", "10:14: partition: pattern layer07/* "},
		{"STEPS", "1000000000", "3:17: steps must be at most 100000000, not 1000000000, which would take 11.6 days at 1000 steps a second"},
		{"SEEDS", "2147483648", "4:8: seeds must be at most 10000, not 2147483648, which would take 2.15e+09 runs of each network"},
		{"BATCH", "320000", "3:27: batch must be at most 1077, the number of training examples of digits, not 320000"},
		{"BATCH", "2147483647", "3:27: batch must be at most 1048576, not 2147483647, which would take at least 8 GiB for each unit"},
		{"WIDTH", "1000000", "7:10: width must be at most 131072, not 1000000, which would take weights of 3.64 TiB between two layers"},
		{"WIDTH", "100000", "7:10: a network of depth 2 and width 100000 with a batch of 16 would take 4"},
	} {
		text := oneRunWith(c.key, c.written)
		_, err := study.Parse(context.Background(), "test.yaml", []byte(text))
		switch {
		case err == nil:
			t.Errorf("%s: %s is accepted", c.key, c.written)
		case !strings.HasPrefix(err.Error(), "test.yaml:"+c.want) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: %s:\n%q, want one line\n%q…", c.key, c.written, err, "test.yaml:"+c.want)
		}
	}
}

// TestDocuments: byte order marks and line ends do not matter; what is no one document is
// refused where it is wrong.
func TestDocuments(t *testing.T) {
	good := oneRunWith()
	want := parse(t, good).Configs[0].Hash()
	for what, text := range map[string]string{
		"byte order mark":           "\ufeff" + good,
		"CRLF":                      strings.ReplaceAll(good, "\n", "\r\n"),
		"both":                      "\ufeff" + strings.ReplaceAll(good, "\n", "\r\n"),
		"old Mac":                   strings.ReplaceAll(good, "\n", "\r"),
		"document start":            "---\n" + good,
		"document end":              good + "...\n",
		"an empty second one":       good + "---\n",
		"comments":                  "# a study\n" + good + "# its end\n",
		"an anchor and its aliases": strings.Replace(strings.Replace(good, "steps: 3", "steps: &n 3", 1), "probe: 0", "", 1),
		"a merge key":               strings.Replace(good, "grid:\n", "grid:\n  <<: {depth: 2, width: 9}\n", 1),
		"tab in a comment":          good + "#\tx\n",
	} {
		s, err := study.Parse(context.Background(), "test.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if got := s.Configs[0].Hash(); got != want {
			t.Errorf("%s: run %s, want %s", what, got, want)
		}
	}
	shared := strings.Replace(good, "grid:\n", "grid:\n  <<: &base {depth: 2, width: 8}\n", 1)
	shared = strings.Replace(strings.Replace(shared, "\n  depth: 2", "", 1), "\n  width: 8", "", 1)
	if got := parse(t, shared).Configs[0].Hash(); got != want {
		t.Error("what a merge key brings is lost")
	}
	for _, c := range []struct{ what, text, want string }{
		{"a second document", good + "---\nname: b\nnonsense: {depth: zzz}\n", "11:1: a second document begins here"},
		{"nothing", "", "1:1: the file is empty"},
		{"only comments", "# nothing\n", "1:1: the file is empty"},
		{"a NUL byte", strings.Replace(good, "tanh", "ta\x00nh", 1), "8:17: the control character U+0000"},
		{"an escape", "# \x1b[31m\n" + good, "1:3: the control character U+001B"},
		{"not UTF-8", strings.Replace(good, "tanh", "ta\xffnh", 1), "8:17: byte 0xff is not UTF-8"},
		{"UTF-16", "\xff\xfen\x00", "1:1: the file is in UTF-16"},
		{"a tab", strings.Replace(good, "  depth", "\tdepth", 1), "6:1: a tab can't indent"},
		{"a key twice", good + "name: two\n", `11:1: the key "name" is given twice, first in line 1`},
		{"a number as a key", good + "1: x\n", "11:1: 1 can't be a key"},
		{"a question mark", "? name\n: x\n", "1:1: a key is written as"},
		{"a directive", "%YAML 1.1\n---\n" + good, "1:1: a directive"},
		{"an alias of itself", "a: &a [*a]\n", "1:8: the alias *a stands inside what &a names"},
		{"a merge of text", "<<: x\n", "1:1: << needs a mapping"},
		{"brackets", strings.Repeat("[", 100_000), "1:65: lists and mappings are nested more than 64 deep"},
		{"braces", strings.Repeat("{a: ", 100_000), "1:257: lists and mappings are nested"},
		{"dashes", "a:\n" + strings.Repeat("- ", 100_000), "2:129: lists and mappings are nested"},
		{"indentation", deeper(1000), "65:66: lists and mappings are nested"},
		{"anchors", strings.Repeat("&a ", 100_000), "1:3001: there are more than 1000 anchors"},
		{"billion laughs", laughs(), ""},
		{"a long file", strings.Repeat("# 45678901234567\n", 70_000), "1:1: the file is longer than the 1048576 bytes"},
		{"combinations", strings.Replace(good, "depth: 2", "depth: ["+strings.Repeat("1, ", 2000)+"1]", 1) + "  dtype: [" + strings.Repeat("float32, ", 2000) + "float32]\n", "11:10: with the 2001 values of dtype and 1 seeds the study has 4.004e+06 runs or more; the limit is 100000"},
		{"combinations of settings", strings.Replace(good, "optimizer: sgd", "optimizer: {name: sgd, rate: ["+strings.Repeat("0.1, ", 500)+"0.2], momentum: ["+strings.Repeat("0.5, ", 500)+"0.2]}", 1), "10:"},
	} {
		begin := time.Now()
		_, err := study.Parse(context.Background(), "test.yaml", []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), "test.yaml:"+c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %.300v, want one line %q…", c.what, err, "test.yaml:"+c.want)
		}
		t.Logf("%s: %v in %v", c.what, err, time.Since(begin))
	}
}

// laughs has 10^9 values behind nine aliases.
func laughs() string {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		alias := "*a" + string(rune('0'+i))
		text += "a" + string(rune('1'+i)) + ": &a" + string(rune('1'+i)) + " [" + strings.Repeat(alias+", ", 9) + alias + "]\n"
	}
	return text
}

func deeper(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// TestLoadStops: loading ends with its context, also of a pipe that nobody writes to.
func TestLoadStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	path := filepath.Join(t.TempDir(), "study.yaml")
	text := strings.Replace(oneRunWith(), "depth: 2", "depth: [1, 2, 3, 4, 5, 6, 7, 8]", 1)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := study.Load(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("Load returns %v, want the context's error", err)
	}
	if _, err := study.Parse(ctx, "test.yaml", []byte(text)); !errors.Is(err, context.Canceled) {
		t.Errorf("Parse returns %v, want the context's error", err)
	}
	if _, err := study.Load(context.Background(), path+"x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := study.Load(context.Background(), filepath.Dir(path)); err == nil {
		t.Error("a directory is read")
	}
}

// TestMemoryVariable: the limit of the memory can be raised, and lowered.
func TestMemoryVariable(t *testing.T) {
	text := []byte(oneRunWith("WIDTH", "512"))
	for value, want := range map[string]string{
		"": "", "1GiB": "", "1MiB": "7:10: a network of depth 2 and width 512", "2000": "would take", "much": "GRADFLOW_MEMORY=much: want an amount of memory", "-1GiB": "want an amount",
	} {
		t.Setenv("GRADFLOW_MEMORY", value)
		_, err := study.Parse(context.Background(), "test.yaml", text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("GRADFLOW_MEMORY=%s: %v, want %q", value, err, want)
		}
	}
}

package study_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/study"
)

// TestWidths: one axis has widths of one number and widths by layer; those of one number are
// the runs that they were before there were others.
func TestWidths(t *testing.T) {
	plain := parse(t, strings.Replace(small, "depth: [1, 3]", "depth: 3", 1)).Configs
	s := parse(t, strings.NewReplacer("depth: [1, 3]", "depth: 3", "width: 8", `width: [8, "6,4, 2", "16,4 alternating"]`).Replace(small))
	axis, _ := study.AxisOf("width")
	setups := map[string]study.Config{}
	for _, c := range s.Configs {
		setups[axis.Label(c)] = c
	}
	for label, want := range map[string]struct {
		width  int
		widths string
		value  any
	}{
		"width 8":                {8, "", 8},
		"width 6,4,2":            {6, "6,4,2", "6,4,2"},
		"width 16,4 alternating": {16, "16,4 alternating", "16,4 alternating"},
	} {
		c, ok := setups[label]
		if !ok || c.Width != want.width || c.Widths != want.widths || axis.Value(c) != want.value {
			t.Errorf("%s is %d and %q, of value %v, want %v", label, c.Width, c.Widths, axis.Value(c), want)
		}
	}
	if len(s.Configs) != 3*len(plain) || len(setups) != 3 {
		t.Fatalf("%d runs of %d widths, want %d of 3", len(s.Configs), len(setups), 3*len(plain))
	}
	hashes := map[string]bool{}
	for _, c := range s.Configs {
		hashes[c.Hash()] = true
	}
	for _, c := range plain {
		if !hashes[c.Hash()] {
			t.Errorf("the run %s of width 8 has another hash beside other widths", c.Hash())
		}
	}
	if len(hashes) != len(s.Configs) {
		t.Errorf("%d hashes of %d runs", len(hashes), len(s.Configs))
	}
	a, err := study.Assemble(setups["width 6,4,2"])
	if err != nil {
		t.Fatal(err)
	}
	n, err := a.Network()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{6, 4, 2} {
		if got := n.Layers[i].Activation.Shape()[1]; got != want {
			t.Errorf("layer %d has %d units, want %d", i+1, got, want)
		}
	}
}

func TestWidthMistakes(t *testing.T) {
	for _, c := range []struct{ width, want string }{
		{`"6,4"`, "test.yaml:8:10: the widths 6,4 are of 2 layers, and the depth is 3"},
		{`"6,x,2"`, `test.yaml:8:10: width: widths "6,x,2": want a number for each hidden layer`},
		{`"6,0,2"`, `test.yaml:8:10: width: widths "6,0,2"`},
		{`"6 alternates"`, `test.yaml:8:10: width: widths "6 alternates"`},
		{`"6,999999,2"`, "test.yaml:8:10: width: width must be at most 131072, not 999999"},
		{`"wide"`, "test.yaml:8:10: width must be a whole number"},
		{"\"6,4,2\"\n  model: highway", "test.yaml:9:10: the layers of this model have one width"},
	} {
		_, err := study.Parse(context.Background(), "test.yaml", []byte(strings.NewReplacer("depth: [1, 3]", "depth: 3", "width: 8", "width: "+c.width).Replace(small)))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("width %s: %v, want %s…", c.width, err, c.want)
		}
	}
}

// TestWidthText: a flag's text is a number or the widths by layer.
func TestWidthText(t *testing.T) {
	axis, _ := study.AxisOf("width")
	for text, want := range map[string]any{
		"8": 8, "64,32,16": "64,32,16", " 64, 32 ": "64,32", "16,4 alternating": "16,4 alternating", "1,2": "1,2", "100,200": "100,200",
		"0": nil, "8,": nil, "x": nil, "1.5": nil, "[1, 2]": nil, "": nil,
	} {
		c := study.Config{Widths: "1,2"}
		err := axis.ReadText(&c, text)
		switch {
		case want == nil && (err == nil || !strings.HasPrefix(err.Error(), "--width")):
			t.Errorf("%q: %v, %+v", text, err, axis.Value(c))
		case want != nil && (err != nil || axis.Value(c) != want):
			t.Errorf("%q is %v, %v, want %v", text, axis.Value(c), err, want)
		}
	}
}

// TestWidthMemory compares the estimate for widths that repeat with that of the same widths
// as a list, which is measured whole.
func TestWidthMemory(t *testing.T) {
	needs := func(widths string) string {
		t.Helper()
		c := parse(t, strings.NewReplacer("depth: [1, 3]", "depth: 6").Replace(small)).Configs[0]
		axis, _ := study.AxisOf("width")
		if err := axis.ReadText(&c, widths); err != nil {
			t.Fatal(err)
		}
		err := study.CheckSize(c)
		if err == nil {
			t.Fatalf("%s: 1 MiB is enough", widths)
		}
		_, need, _ := strings.Cut(err.Error(), "would take")
		return need
	}
	t.Setenv("GRADFLOW_MEMORY", "1MiB")
	list, rule := needs("400,7,90,400,7,90"), needs("400,7,90 alternating")
	if list != rule {
		t.Errorf("as a list it takes %s\nas a rule %s", list, rule)
	}
}

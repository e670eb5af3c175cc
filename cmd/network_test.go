package cmd

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/study"
	"github.com/spf13/cobra"
)

// TestAxesAreFlags checks that every axis of studies is a flag, with its documentation and its
// words, of the commands that it concerns: an axis is a row and nothing else.
func TestAxesAreFlags(t *testing.T) {
	for _, c := range []struct {
		command *cobra.Command
		has     func(study.Axis) bool
	}{
		{newProfile(), ofNetwork},
		{newRemedy(), ofNetwork},
		{newDescribe(), func(a study.Axis) bool { return ofNetwork(a) && !a.Training }},
		{newSweep(), ofNetwork},
		{newSpeed(), func(a study.Axis) bool { return slices.Contains(timed, a.Key) }},
	} {
		flags := c.command.Flags()
		for _, a := range study.Axes {
			if !c.has(a) {
				continue
			}
			f := flags.Lookup(a.Key)
			if f == nil {
				t.Errorf("%s has no --%s", c.command.Name(), a.Key)
				continue
			}
			if several := c.command.Name() == "sweep" && a.Key == "optimizer"; f.Usage != a.Doc && !several {
				t.Errorf("%s --%s: %q, want %q", c.command.Name(), a.Key, f.Usage, a.Doc)
			}
			if a.Words == nil {
				continue
			}
			words, ok := c.command.GetFlagCompletionFunc(a.Key)
			if !ok {
				t.Errorf("%s --%s: the shell completes nothing", c.command.Name(), a.Key)
				continue
			}
			if got, _ := words(c.command, nil, ""); !slices.Equal(got, a.Words()) {
				t.Errorf("%s --%s: the shell offers %v, want %v", c.command.Name(), a.Key, got, a.Words())
			}
		}
	}
	for _, a := range study.Axes { // what a study has once is no flag of a network
		if a.Once && newProfile().Flags().Lookup(a.Key) != nil {
			t.Errorf("profile has --%s", a.Key)
		}
	}
}

// TestAxisFlagMistakes checks what is said of wrong flags, by commands that have the same.
func TestAxisFlagMistakes(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"profile --depth 0", "--depth must be at least 1, not 0"},
		{"describe --depth 2.5", "--depth must be a whole number, not 2.5"},
		{"speed --depth 0", "--depth must be at least 1, not 0"},
		{"sweep --depth -1", "--depth must be at least 0, not -1"},
		{"profile --depth 0x10", `--depth must be a whole number, not "0x10"`},
		{"profile --batch 320000", "--batch: batch must be at most"},
		{"profile --width 0", "--width must be at least 1, not 0"},
		{"speed --width 8,4", "--width 8,4: all layers"},
		{"sweep --width 1000000", "--width must be at most 131072, not 1000000"},
		{"profile --dtype float16", "--dtype must be float32 or float64"},
		{"speed --dtype float64 --flush-to-zero", "--flush-to-zero: float64 never flushes; leave it out"},
		{"remedy --optimizer sdg", `--optimizer: unknown optimizer "sdg"; did you mean sgd?`},
		{"sweep --activation tahn", `--activation: unknown activation "tahn"; did you mean tanh or tat?`},
		{"describe --task digitz", `--task: unknown task "digitz"; did you mean digits?`},
		{"describe --optimizer sgd", "unknown flag: --optimizer"},
	} {
		var out, wrong bytes.Buffer
		if status := Run(t.Context(), strings.Fields(c.args), nil, &out, &wrong); status != wrongUse || !strings.Contains(wrong.String(), c.want) || strings.Count(wrong.String(), "\n") != 1 {
			t.Errorf("%s: exit status %d, %q, want %q", c.args, status, wrong.String(), c.want)
		}
	}
}

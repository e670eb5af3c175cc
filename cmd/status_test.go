package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestExitStatus checks the statuses that scripts rely on.
func TestExitStatus(t *testing.T) {
	t.Chdir(t.TempDir())
	good := `name: a
task: digits
budget: {steps: 2, batch: 8}
seeds: 1
grid: {depth: 1, width: 4, activation: tanh, initializer: glorot-normal, optimizer: sgd}
`
	for name, text := range map[string]string{
		"good.yaml": good,
		"bad.yaml":  "name: a\ntask: digits\nbudget: {steps: -1, batch: 8}\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want int
		args []string
	}{
		{done, []string{"list"}},
		{done, []string{"--help"}},
		{done, []string{"run", "good.yaml"}},
		{done, []string{"report", filepath.Join("gradflow-out", "a")}},
		{done, []string{"speed", "--depth", "2", "--width", "4", "--batch", "2", "--steps", "2"}},
		{wrongUse, []string{"run", "bad.yaml"}},
		{wrongUse, []string{"run", "missing.yaml"}},
		{wrongUse, []string{"run"}},
		{wrongUse, []string{"run", "good.yaml", "--wokers", "1"}},
		{wrongUse, []string{"reprot"}},
		{wrongUse, []string{"report", "nowhere"}},
		{wrongUse, []string{"speed", "--depth", "0"}},
		{wrongUse, []string{"speed", "--optimizer", "sdg"}},
		{wrongUse, []string{"speed", "--vm", "lisp"}},
		{wrongUse, []string{"run", "good.yaml", "--out", "file"}},
		{wrongUse, []string{"run", "good.yaml", "--out", "file/below"}},
		{wrongUse, []string{"run", "."}},
		{wrongUse, []string{"sweep", "."}},
		{wrongUse, []string{"sweep", "missing.yaml"}},
		{wrongUse, []string{"describe", "."}},
		{wrongUse, []string{"describe", "missing.yaml"}},
		{wrongUse, []string{"report", "."}},
		{wrongUse, []string{"report", "file"}},
		{wrongUse, []string{"profile", "--plot", "x.foo"}},
		{wrongUse, []string{"profile", "--plot", "nowhere/x.svg"}},
		{wrongUse, []string{"theory", "--plot", "x.foo"}},
		{wrongUse, []string{"theory", "--plot", "nowhere/x.svg"}},
		{wrongUse, []string{"stress", "--plot", "x.foo"}},
		{wrongUse, []string{"stress", "--plot", "nowhere/x.svg"}},
		{wrongUse, []string{"report", filepath.Join("gradflow-out", "a"), "--out", "."}},
		{wrongUse, []string{"report", filepath.Join("gradflow-out", "a"), "--out", "nowhere/x.html"}},
		{wrongUse, []string{"report", filepath.Join("gradflow-out", "a"), "--out", strings.Repeat("x", 300)}},
		{wrongUse, []string{"theory", "--plot", strings.Repeat("x", 300) + ".svg"}},
		{done, []string{"run", "good.yaml", "--out", "[strange"}},
		{done, []string{"run", "good.yaml", "--out", "[strange"}},
		{wrongUse, []string{"theory", "--depth", "010"}},
		{wrongUse, []string{"theory", "--depth", "0x10"}},
		{wrongUse, []string{"describe", "--seed", "-1"}},
		{wrongUse, []string{"describe", "--seed", "01"}},
		{wrongUse, []string{"theory", "--activation", strings.Repeat("scaled(of=", 1000) + "tanh" + strings.Repeat(")", 1000)}},
		{wrongUse, []string{"theory", "--activation", "dks(of=tanh,depth=1000000000)"}},
		{wrongUse, []string{"describe", "--task", "copy-memory(delay=10000,length=1000,symbols=256,held-out=100000)"}},
		{wrongUse, []string{"describe", "--task", "adding(steps=10000,held-out=100000)"}},
		{wrongUse, []string{"describe", "--task", "teacher-student(depth=1000,width=256)"}},
		{wrongUse, []string{"describe", "--task", "autoencoding(of=noise-free-long-lag(lag=1000))"}},
		{wrongUse, []string{"describe", "--task", "digits(folds=1000000000000)"}},
		{wrongUse, []string{"theory", "--activation", "dks(of=tanh,depth=4,branch=1000000000000)"}},
		{wrongUse, []string{"profile", "--widths", strings.Repeat("4,", 1000) + "4"}},
		{wrongUse, []string{"profile", "extra"}},
		// Counts that can't be meant.
		{wrongUse, []string{"theory", "--depth", "9223372036854775807"}},
		{wrongUse, []string{"theory", "--depth", "9223372036854775808"}},
		{wrongUse, []string{"theory", "--weight-variance", "NaN"}},
		{wrongUse, []string{"theory", "--bias-variance", "Inf"}},
		{wrongUse, []string{"profile", "--width", "1000000"}},
		{wrongUse, []string{"profile", "--width", "100000"}},
		{wrongUse, []string{"profile", "--depth", "1000000000"}},
		{wrongUse, []string{"profile", "--batch", "320000"}},
		{wrongUse, []string{"profile", "--steps", "1000000000"}},
		{wrongUse, []string{"describe", "--depth", "20000", "--width", "100000"}},
		{wrongUse, []string{"describe", "--batch", "2147483647"}},
		{wrongUse, []string{"describe", "good.yaml", "2"}},
		{wrongUse, []string{"speed", "--width", "1000000"}},
		{wrongUse, []string{"speed", "--width", "100000"}},
		{wrongUse, []string{"speed", "--depth", "20000", "--width", "2048"}},
		{wrongUse, []string{"speed", "--batch", "2147483647"}},
		{wrongUse, []string{"speed", "--steps", "1000000000"}},
		{wrongUse, []string{"speed", "--workers", "1000000"}},
		{wrongUse, []string{"speed", "--workers", "1000", "--width", "512"}},
		{wrongUse, []string{"speed", "--split", "1000000"}},
		{wrongUse, []string{"stress", "--reps", "2147483647"}},
		{wrongUse, []string{"stress", "--steps", "1000000000"}},
		{wrongUse, []string{"stress", "--reps", "10000", "--steps", "100000"}},
		{wrongUse, []string{"stress", "--workers", "-1"}},
		{wrongUse, []string{"sweep", "--width", "1000000"}},
		{wrongUse, []string{"sweep", "--depth", "9223372036854775807"}},
		{wrongUse, []string{"sweep", "--batch", "320000"}},
		{wrongUse, []string{"sweep", "--steps", "1000000000"}},
		{wrongUse, []string{"sweep", "--seeds", "2147483648"}},
		{wrongUse, []string{"sweep", "--margin", "NaN"}},
		{wrongUse, []string{"sweep", "--margin", "Inf"}},
		{wrongUse, []string{"sweep", "--workers", "1000000"}},
		{wrongUse, []string{"run", "good.yaml", "--workers", "1000000"}},
	} {
		var stdout, stderr bytes.Buffer
		if got := Run(t.Context(), c.args, nil, &stdout, &stderr); got != c.want {
			t.Errorf("gradflow %v: exit status %d, want %d\n%s", c.args, got, c.want, stderr.String())
		}
		if c.want != done && bytes.Count(stderr.Bytes(), []byte("\n")) != 1 {
			t.Errorf("gradflow %v: %q, want one line", c.args, stderr.String())
		}
		if n := utf8.RuneCount(stderr.Bytes()); c.want != done && n > longestMessage {
			t.Errorf("gradflow %v: a message of %d characters", c.args, n)
		}
	}
}

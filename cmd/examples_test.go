package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestHelpExamples runs the examples of the help texts: none may be refused. Those that take
// long are interrupted when they have begun, and those that read the results of a study, which
// other tests run, are left out.
func TestHelpExamples(t *testing.T) {
	studies, err := filepath.Abs("../bench/studies")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("bench", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS("bench/studies", os.DirFS(studies)); err != nil {
		t.Fatal(err)
	}
	tiny := "name: tiny\ntask: two-spirals\nbudget: {steps: 20, batch: 8, evaluate: 10}\nseeds: 20\ngrid: {depth: 1, width: 4, activation: tanh, initializer: glorot-normal, optimizer: sgd}\n"
	if err := os.WriteFile("study.yaml", []byte(tiny), 0o644); err != nil {
		t.Fatal(err)
	}
	tried := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, line := range strings.Split(strings.ReplaceAll(c.Example, "\\\n", " "), "\n") {
			args := exampleArguments(line)
			if len(args) == 0 || readsResults(args) {
				continue
			}
			tried++
			t.Run(strings.Join(args, " "), func(t *testing.T) {
				if err := os.RemoveAll("gradflow-out"); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
				defer cancel()
				var out, wrong bytes.Buffer
				if status := Run(ctx, args, nil, &out, &wrong); status != done && ctx.Err() == nil {
					t.Errorf("exit status %d: %s", status, wrong.String())
				}
			})
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
	if tried < 25 {
		t.Errorf("%d examples", tried)
	}
}

// readsResults reports whether an example needs what another command has written, or the
// network.
func readsResults(args []string) bool {
	switch args[0] {
	case "export", "merge", "report", "status", "data", "new", "serve":
		return true
	}
	return strings.Contains(strings.Join(args, " "), "gradflow-out")
}

// exampleArguments returns the arguments of gradflow in a line of a shell, up to a pipe; none
// if it runs something else.
func exampleArguments(line string) []string {
	var args []string
	var word strings.Builder
	quoted, begun := false, false
	for _, r := range line + " " {
		switch {
		case r == '\'':
			quoted, begun = !quoted, true
		case quoted || !strings.ContainsRune(" |>&", r):
			word.WriteRune(r)
			begun = true
		default:
			if begun {
				args = append(args, word.String())
			}
			word.Reset()
			begun = false
			if r != ' ' {
				return args[1:]
			}
		}
	}
	if len(args) == 0 || args[0] != "gradflow" {
		return nil
	}
	return args[1:]
}

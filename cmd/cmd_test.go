package cmd

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if os.Getenv("GRADFLOW_TEST_AS_COMMAND") != "" {
		Main()
	}
	if os.Getenv("GRADFLOW_TEST_AS_VICTIM") != "" {
		victim()
	}
	testscript.Main(m, map[string]func(){
		"gradflow": func() { Main() },
	})
}

// TestScripts runs the command as users do: see testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}

// TestReadmeStudy checks that the study in README.md is one, and that its commands suit it.
func TestReadmeStudy(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	study := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(readme)
	commands := regexp.MustCompile(`(?m)^    gradflow (run how-deep\.yaml[^#\n]*)`).FindAllSubmatch(readme, -1)
	if study == nil || len(commands) < 3 {
		t.Fatalf("README.md has no study, or only %d commands for it", len(commands))
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("how-deep.yaml", study[1], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		args := strings.Fields(string(c[1]) + " --dry-run")
		var stdout, stderr bytes.Buffer
		if status := Run(t.Context(), args, nil, &stdout, &stderr); status != done {
			t.Errorf("%s: status %d: %s", c[1], status, &stderr)
		} else if want := "Compared: plain, critical, residual, with plain"; !strings.Contains(stdout.String(), want) {
			t.Errorf("%s: no %q in\n%s", c[1], want, &stdout)
		}
	}
}

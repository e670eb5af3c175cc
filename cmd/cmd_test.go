package cmd

import (
	"os"
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

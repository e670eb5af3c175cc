package cmd

import (
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
)

// suggested is a command as its reader can enter it. The text begins with gradflow; where no
// program of that name is on the path, as under go run, it begins with what started this one.
func suggested(text string) string {
	arguments, ok := strings.CutPrefix(text, "gradflow ")
	if _, err := exec.LookPath("gradflow"); err == nil || !ok {
		return text
	}
	executable, err := os.Executable()
	info, known := debug.ReadBuildInfo()
	if err != nil || !known {
		return text
	}
	return started(executable, os.Args[0], info.Path) + " " + arguments
}

// started is how a program was started: go run builds it in a directory that goes, or into
// its cache.
func started(executable, typed, pkg string) string {
	if strings.Contains(executable, "go-build") && !strings.HasSuffix(pkg, ".test") {
		return "go run " + pkg
	}
	if strings.ContainsRune(typed, os.PathSeparator) && !strings.HasSuffix(pkg, ".test") {
		return shellQuote(typed)
	}
	return "gradflow"
}

package cmd

import "testing"

func TestStarted(t *testing.T) {
	const pkg = "github.com/gradflow/gradflow/cmd/gradflow"
	for _, c := range []struct{ executable, typed, pkg, want string }{
		{"/tmp/go-build123/b001/exe/gradflow", "/tmp/go-build123/b001/exe/gradflow", pkg, "go run " + pkg},
		{"/home/a/.cache/go-build/ab/abcd-d/gradflow", "/home/a/.cache/go-build/ab/abcd-d/gradflow", "example.com/mine", "go run example.com/mine"},
		{"/home/a/my tools/gradflow", "./my tools/gradflow", pkg, "'./my tools/gradflow'"},
		{"/home/a/gradflow", "gradflow", pkg, "gradflow"},
		{"/tmp/go-build123/b001/cmd.test", "/tmp/go-build123/b001/cmd.test", "github.com/gradflow/gradflow/cmd.test", "gradflow"},
	} {
		if got := started(c.executable, c.typed, c.pkg); got != c.want {
			t.Errorf("%s: %q, want %q", c.executable, got, c.want)
		}
	}
}

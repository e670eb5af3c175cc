package cmd

import (
	"bytes"
	"context"
	"fmt"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// runNew runs gradflow new.
func runNew(args ...string) (status int, stdout, stderr string) {
	var out, wrong bytes.Buffer
	status = Run(context.Background(), append([]string{"new"}, args...), strings.NewReader(""), &out, &wrong)
	return status, out.String(), wrong.String()
}

// goTool runs a command in a module, which must not change its go.mod and go.sum.
func goTool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestNew: the module of every kind is formatted, vetted, passes its tests (the conformance
// suite, the part in each command, its study and the report) and runs its benchmark. One is
// built and run by itself.
func TestNew(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and tests a program for each kind")
	}
	root := t.TempDir()
	for i, args := range [][]string{
		{"activation", "my-part"}, {"activation", "row-part", "--rowwise"}, {"optimizer", "type"}, {"normalization", "main"},
		{"initializer", "test"}, {"model", "func"}, {"task", "bench2"}, {"quantity", "my-1st-part"},
	} {
		name := args[1]
		t.Run(args[0]+" "+name, func(t *testing.T) {
			dir := filepath.Join(root, "made here", name) // neither the directory nor its parent is there
			status, out, wrong := runNew(append(args, "--dir", dir, "--replace", "..")...)
			if status != 0 || !strings.Contains(out, "go test") {
				t.Fatalf("exit status %d: %s%s", status, out, wrong)
			}
			if unformatted := goTool(t, dir, "gofmt", "-l", "."); unformatted != "" {
				t.Errorf("gofmt would change %s", unformatted)
			}
			out = goTool(t, dir, "go", "test", "-count=1", "-v", "-run", ".", "-bench", ".", "-benchtime", "1x", ".")
			for _, want := range []string{"--- PASS: TestCommand", "--- PASS: TestStudy", "--- PASS: TestSuite", "Benchmark" + identifier(name) + "/", "reached"} {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if i > 0 {
				return
			}
			goTool(t, dir, "go", "build", "-o", "program", ".")
			program := filepath.Join(dir, "program")
			if out := goTool(t, dir, program, "list", "activations"); !strings.Contains(out, name) {
				t.Errorf("list does not show it:\n%s", out)
			}
			goTool(t, dir, program, "run", name+".yaml")
			if out := goTool(t, dir, program, "report", "gradflow-out/"+name); !strings.Contains(out, name) {
				t.Errorf("the report does not show it:\n%s", out)
			}
			if out := goTool(t, dir, program, "sweep", "--activation", name, "--optimizer", "sgd", "--rates", "0.01:0.1:decades",
				"--depth", "2", "--width", "8", "--steps", "5", "--seeds", "1"); !strings.Contains(out, name) {
				t.Errorf("the sweep does not show it:\n%s", out)
			}
		})
	}
}

// TestNewMistakes: what can't be is one line, with what could be.
func TestNewMistakes(t *testing.T) {
	full, empty := t.TempDir(), t.TempDir()
	file := filepath.Join(full, "file")
	if err := os.WriteFile(file, []byte("something"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "two arguments"},
		{[]string{"activation"}, "two arguments"},
		{[]string{"activations", "mine"}, `unknown kind "activations": there are activation, optimizer`},
		{[]string{"activation", ""}, "can't be the name"},
		{[]string{"activation", "Mine"}, "lower-case"},
		{[]string{"activation", "my_part"}, "can't be the name"},
		{[]string{"activation", "my--part"}, "can't be the name"},
		{[]string{"activation", "part-"}, "can't be the name"},
		{[]string{"activation", "1st"}, "starting with a letter"},
		{[]string{"activation", "../part"}, "can't be the name"},
		{[]string{"activation", "schön"}, "can't be the name"},
		{[]string{"activation", strings.Repeat("a", 61)}, "at most 60"},
		{[]string{"activation", "tanh"}, `the catalogue already has an activation "tanh"`},
		{[]string{"optimizer", "mine", "--rowwise"}, "--rowwise is for an activation"},
		{[]string{"activation", "mine", "--dir", full}, "is not empty"},
		{[]string{"activation", "mine", "--dir", file}, "not a directory"},
		{[]string{"activation", "mine", "--dir", filepath.Join(file, "below")}, "not a directory"},
		{[]string{"activation", "mine", "--dir", empty, "--replace", full}, "is not a checkout of github.com/gradflow/gradflow"},
		{[]string{"activation", "mine", "--dir", empty, "--replace", "../outside"}, "another module's go.mod"},
	} {
		status, out, wrong := runNew(c.args...)
		if status != wrongUse || out != "" || strings.Count(wrong, "\n") != 1 || !strings.Contains(wrong, c.want) {
			t.Errorf("new %q: exit status %d, %q, want %d and one line with %q", c.args, status, out+wrong, wrongUse, c.want)
		}
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("a mistake left %v (%v)", left, err)
	}
	if status, _, wrong := runNew("activation", "mine", "--dir", empty); status != done {
		t.Errorf("an empty directory: exit status %d, %s", status, wrong)
	}
}

// TestNewReleased: with a gradflow that was downloaded, the module requires its version, with
// the checksums that go would look up.
func TestNewReleased(t *testing.T) {
	m, err := newModuleOf("activation", "mine", false)
	if err != nil {
		t.Fatal(err)
	}
	m.Version, m.Sum = "v1.2.3", "h1:sum="
	if err := m.require(""); err != nil {
		t.Fatal(err)
	}
	files, err := m.files()
	if err != nil {
		t.Fatal(err)
	}
	mod, sum := string(files["go.mod"]), string(files["go.sum"])
	if strings.Contains(mod, "replace") || !strings.Contains(mod, "github.com/gradflow/gradflow v1.2.3\n") ||
		!strings.Contains(mod, "go4.org/unsafe/assume-no-moving-gc v0.0.0-20231121144256-b99613f794b6") {
		t.Errorf("go.mod:\n%s", mod)
	}
	if !strings.Contains(sum, "github.com/gradflow/gradflow v1.2.3 h1:sum=\n") || !strings.Contains(sum, "github.com/gradflow/gradflow v1.2.3/go.mod h1:") {
		t.Errorf("go.sum:\n%s", sum)
	}
	// As go.sum has it of a go.mod that is known.
	const known = "github.com/pkg/errors v0.9.1/go.mod "
	if got := known + goModSum("module github.com/pkg/errors\n") + "\n"; !strings.Contains(sum, got) {
		t.Errorf("%s is not in go.sum", got)
	}
}

// TestExamplesOutside copies the examples of every public package into another module, where
// they must compile, and finds packages without one that runs.
func TestExamplesOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the examples of all packages")
	}
	m, err := newModuleOf("activation", "examples", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.require(".."); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	files := map[string][]byte{"go.mod": m.goMod(nil), "go.sum": []byte(strings.Join(m.sums, "\n") + "\n")}
	packages := 0
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if name == "internal" || name == "testdata" || name == "outside" || path != ".." && strings.HasPrefix(name, ".") {
			return fs.SkipDir
		}
		public, runs := false, 0
		sources, err := filepath.Glob(filepath.Join(path, "*.go"))
		if err != nil {
			return err
		}
		for _, source := range sources {
			text, err := os.ReadFile(source)
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), source, text, parser.ParseComments)
			if err != nil {
				return err
			}
			if !strings.HasSuffix(source, "_test.go") {
				public = public || file.Name.Name != "main"
				continue
			}
			examples := doc.Examples(file)
			if len(examples) == 0 {
				continue
			}
			if !strings.HasSuffix(file.Name.Name, "_test") {
				t.Errorf("%s: examples are of package %s: want %s_test, which sees what a user does", source, file.Name.Name, file.Name.Name)
			}
			if slices.ContainsFunc(examples, func(e *doc.Example) bool { return e.Output != "" || e.EmptyOutput }) {
				runs++
			}
			files[filepath.Join("examples", strings.TrimPrefix(source, ".."))] = text
		}
		if public {
			packages++
			if runs == 0 {
				t.Errorf("%s has no example that runs", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if packages < 25 {
		t.Fatalf("%d public packages found", packages)
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintf(t.Output(), "%d packages, %d files\n", packages, len(files)-2)
	goTool(t, to, "go", "vet", "./...")
}

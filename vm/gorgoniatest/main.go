// Command gorgoniatest runs Gorgonia's own tests and examples on package vm:
//
//	go run ./vm/gorgoniatest [-run regexp] [-v]
//
// It takes Gorgonia's source, in the version that go.mod requires, from the module cache
// into a temporary directory, replaces NewTapeMachine in its tests by a machine of package
// vm with the same options, and runs all tests that make one: first with the TapeMachine,
// then with ours. It prints a table of the tests whose outcome is not "passes on both",
// and fails if one passes on the TapeMachine and not on vm, unless it stands in the list of
// those that can't, with the reason. Nothing is left behind and nothing is copied into the
// project. It needs the modules that Gorgonia's tests need, which go downloads.
package main

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

const gorgonia = "gorgonia.org/gorgonia"

// packages are those with tests that make a TapeMachine (and need no graphics processor),
// with the names of their external tests' packages.
var packages = map[string]string{".": "gorgonia_test", "ops/nn": "nnops_test"}

// machine and machineTest are added to Gorgonia's package and its tests.
var (
	//go:embed machine.go.txt
	machine string
	//go:embed machine_test.go.txt
	machineTest string
)

// unfit are the tests that vm can't pass, with the reason: see the documentation of vm.
var unfit = map[string]string{
	"Example_linearRegression":         "starts from random numbers seeded by the clock: its last digits differ, on the TapeMachine too",
	"ExampleTensordot_vectors":         "prints a tensor of one element for a node that is a number",
	"TestTensordot":                    "wants a tensor of one element for a node that is a number",
	"TestBasicArithmetic":              "wants the engine of the inputs' tensors changed, which machines may share",
	"Test_tapeMachinePointerWatchFail": "wants two nodes to share memory, which they never do",
}

// inside are the tests that read what is inside a TapeMachine: they keep it.
var inside = map[string]string{
	"Test_tapeMachine_Reset": "compares the registers of two TapeMachines",
}

func main() {
	run := flag.String("run", "", "run only the tests and examples that match this regular expression")
	verbose := flag.Bool("v", false, "list the tests that pass on both, too, and the output of those that fail")
	flag.Parse()
	ok, err := check(*run, *verbose)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gorgoniatest:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// check runs the tests, prints the table and reports whether vm passes.
func check(run string, verbose bool) (bool, error) {
	dir, err := os.MkdirTemp("", "gorgoniatest")
	if err != nil {
		return false, errors.WithStack(err)
	}
	defer os.RemoveAll(dir)
	if err := prepare(dir); err != nil {
		return false, err
	}
	tape, vm := outcomes{}, outcomes{}
	for pkg := range packages {
		if err := compare(dir, pkg, run, tape, vm); err != nil {
			return false, err
		}
	}
	if len(tape) == 0 {
		return false, errors.Errorf("no test that matches %q makes a machine", run)
	}
	return report(tape, vm, verbose), nil
}

// compare runs the tests of a package that match, and adds the outcomes of those that make
// a machine, on a TapeMachine and on vm.
func compare(dir, pkg, run string, tape, vm outcomes) error {
	binary, err := build(dir, pkg)
	if err != nil {
		return err
	}
	all, used, err := test(dir, binary, pkg, "tape", run)
	if err != nil || len(used) == 0 {
		return err
	}
	for _, name := range used {
		tape[name] = all[name]
	}
	all, _, err = test(dir, binary, pkg, "vm", "^("+strings.Join(used, "|")+")$")
	maps.Copy(vm, all)
	return err
}

// prepare puts what is compiled into dir: Gorgonia's source, and a go.mod that has the
// project use it.
func prepare(dir string) error {
	source, err := command("go", "list", "-m", "-f", "{{.Dir}}", gorgonia)
	if err != nil {
		return err
	}
	project, err := command("go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	module := filepath.Join(dir, "gorgonia")
	if err := rewritten(module, source); err != nil {
		return err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(project, name)); err != nil {
			return err
		}
	}
	_, err = command("go", "mod", "edit", "-replace", gorgonia+"="+module, filepath.Join(dir, "go.mod"))
	return err
}

// build makes the test binary of a package.
func build(dir, pkg string) (binary string, err error) {
	binary = filepath.Join(dir, packages[pkg])
	_, err = command("go", "test", "-c", "-vet=off", "-mod=mod", "-modfile="+filepath.Join(dir, "go.mod"), "-o", binary, path.Join(gorgonia, pkg))
	return binary, err
}

// command runs a program and returns what it prints.
func command(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), errors.Wrapf(err, "%s %s: %s", name, strings.Join(args, " "), strings.TrimSpace(stderr.String()))
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return errors.WithStack(err)
	}
	return errors.WithStack(os.WriteFile(to, data, 0o666))
}

// rewritten copies Gorgonia's packages from one directory to another, with tests that make
// the machine that is tested.
func rewritten(to, from string) error {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "examples" || name == "docs" || name == "media" || name == "cuda modules" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o777)
		}
		if packages[filepath.ToSlash(filepath.Dir(rel))] == "" || !strings.HasSuffix(rel, "_test.go") {
			return copyFile(filepath.Join(to, rel), path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if text, err = rewrite(path, text); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o666)
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "tested_machine.go"), []byte(machine), 0o666)
	}
	for pkg, name := range packages {
		if err == nil {
			text := strings.Replace(machineTest, "package gorgonia_test", "package "+name, 1)
			err = os.WriteFile(filepath.Join(to, pkg, "tested_machine_test.go"), []byte(text), 0o666)
		}
	}
	return errors.WithStack(err)
}

// rewrite replaces the TapeMachine in a file of tests, but in the functions that look
// inside it.
func rewrite(path string, text []byte) ([]byte, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	last := 0
	replace := func(from, to token.Pos, by string) {
		out.Write(text[last:set.Position(from).Offset])
		out.WriteString(by)
		last = set.Position(to).Offset
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && inside[f.Name.Name] != "" {
			continue
		}
		ast.Inspect(d, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.StarExpr:
				if id, ok := x.X.(*ast.Ident); ok && id.Name == "tapeMachine" {
					replace(x.Pos(), x.End(), "TestedMachine")
					return false
				}
			case *ast.Ident:
				if x.Name == "NewTapeMachine" {
					replace(x.Pos(), x.End(), "NewTestedMachine")
				}
			}
			return true
		})
	}
	out.Write(text[last:])
	return out.Bytes(), nil
}

// outcomes are those of tests and examples by their names.
type outcomes map[string]outcome

type outcome struct{ verdict, output string }

var result = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\S+)`)

// test runs the tests that match the pattern with one machine. A test that panics ends the
// process: the others are then run without it.
func test(dir, binary, pkg, which, pattern string) (all outcomes, used []string, err error) {
	all = outcomes{}
	notes := binary + "." + which
	var panicked []string
	for {
		cmd := exec.Command(binary, "-test.v", "-test.timeout=10m", "-test.run="+pattern, "-test.skip=^("+strings.Join(panicked, "|")+")$")
		cmd.Dir = filepath.Join(dir, "gorgonia", pkg)
		cmd.Env = append(os.Environ(), "TESTED_MACHINE="+which, "TESTED_MACHINE_NOTES="+notes)
		out, err := cmd.CombinedOutput()
		text := string(out)
		var running string
		starts := regexp.MustCompile(`(?m)^=== RUN   (\w+)$`).FindAllStringSubmatchIndex(text, -1)
		for i, at := range starts {
			name, end := text[at[2]:at[3]], len(text)
			if i+1 < len(starts) {
				end = starts[i+1][0]
			}
			all[name] = outcome{"", text[at[0]:end]}
			running = name
		}
		for _, m := range result.FindAllStringSubmatch(text, -1) {
			o := all[m[2]]
			o.verdict = map[string]string{"PASS": "passes", "FAIL": "fails", "SKIP": "skipped"}[m[1]]
			all[m[2]] = o
		}
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return nil, nil, errors.Wrap(err, "run the tests")
		}
		if o := all[running]; exit != nil && strings.Contains(text, "\ngoroutine ") && !slices.Contains(panicked, running) {
			o.verdict = "panics"
			all[running] = o
			panicked = append(panicked, running)
			continue
		}
		break
	}
	data, err := os.ReadFile(notes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, errors.WithStack(err)
	}
	used = strings.Fields(string(data))
	slices.Sort(used)
	return all, slices.Compact(used), nil
}

// report prints the table and reports whether vm passes.
func report(tape, vm outcomes, verbose bool) bool {
	names := make([]string, 0, len(tape))
	for name := range tape {
		names = append(names, name)
	}
	slices.Sort(names)
	passed, ok := 0, true
	for _, name := range names {
		a, b := tape[name], vm[name]
		remark := ""
		switch {
		case b.verdict == "passes" && a.verdict == "passes":
			if passed++; !verbose {
				continue
			}
		case unfit[name] != "":
			remark = unfit[name]
		case inside[name] != "":
			remark = inside[name]
		case a.verdict == "passes":
			remark, ok = "NOT WHAT IT SHOULD BE", false
		}
		fmt.Printf("%-45s TapeMachine %-8s vm %-8s %s\n", name, a.verdict, b.verdict, remark)
		if verbose && b.verdict != "passes" {
			fmt.Println(b.output)
		}
	}
	fmt.Printf("%d tests and examples make a TapeMachine; %d pass on it and on vm\n", len(names), passed)
	return ok
}

package cmd

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/template"

	"github.com/gradflow/gradflow"
	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

//go:embed templates
var templates embed.FS

// newKind is a kind of part that gradflow new can write.
type newKind struct {
	name    string // as the argument says it
	files   string // directory of its templates
	article string
	doc     string // of the example's row
	// catalogue is that which takes the row, as Go names it; imports is its package. list is
	// its name for gradflow list.
	catalogue, imports, list string
	names                    func() []string // those it has
	// commands show the part, besides list: Go's literals of their arguments.
	commands []string
	// shown is what the report shows of it, where that is not its name.
	shown string
}

var newKinds = []newKind{
	{name: "activation", article: "an", doc: "z/√(1 + (z/limit)²), an inverse square root unit",
		catalogue: "activations.Catalogue", imports: "activations", list: "activations", names: activations.Catalogue.Names,
		commands: []string{
			`"profile", "--activation", "{{.Name}}", "--depth", "5", "--width", "16", "--no-advice"`,
			`"describe", "--activation", "{{.Name}}", "--depth", "2", "--width", "16"`,
			`"theory", "--activation", "{{.Name}}"`,
			`"__complete", "profile", "--activation", ""`,
		}},
	{name: "optimizer", article: "an", doc: "steps by the gradient's mean over its mean size",
		catalogue: "optimizers.Catalogue", imports: "optimizers", list: "optimizers", names: optimizers.Catalogue.Names,
		commands: []string{
			`"stress", "--optimizer", "{{.Name}}", "--reps", "2", "--steps", "10"`,
			`"sweep", "--optimizer", "{{.Name}}", "--depth", "2", "--width", "16", "--steps", "5", "--seeds", "1", "--rates", "0.001:0.1:decades", "--out", t.TempDir() + "/sweep"`,
			`"__complete", "sweep", "--optimizer", ""`,
		}},
	{name: "normalization", article: "a", doc: "each example over its mean absolute value, then γ",
		catalogue: "normalization.Catalogue", imports: "normalization", list: "normalizations", names: normalization.Catalogue.Names,
		commands: []string{
			`"profile", "--normalization", "{{.Name}}", "--depth", "5", "--width", "16", "--no-advice"`,
			`"__complete", "profile", "--normalization", ""`,
		}},
	{name: "initializer", article: "an", doc: "random signs times gain/√fan-in",
		catalogue: "initializers.Catalogue", imports: "models/initializers", list: "initializers", names: initializers.Catalogue.Names,
		commands: []string{
			`"profile", "--initializer", "{{.Name}}", "--depth", "5", "--width", "16", "--no-advice"`,
			`"__complete", "profile", "--initializer", ""`,
		}},
	{name: "model", article: "a", doc: "layers that read the network's inputs, too",
		catalogue: "models.Catalogue", imports: "models", list: "models", names: models.Catalogue.Names,
		commands: []string{
			`"profile", "--model", "{{.Name}}", "--depth", "5", "--width", "16", "--no-advice"`,
			`"__complete", "describe", "--model", ""`,
		}},
	{name: "task", article: "a", doc: "whether a point of the plane lies in a disc, endless examples",
		catalogue: "tasks.Catalogue", imports: "bench/tasks", list: "tasks", names: tasks.Catalogue.Names,
		commands: []string{
			`"profile", "--task", "{{.Name}}", "--depth", "5", "--width", "16", "--no-advice"`,
			`"__complete", "sweep", "--task", ""`,
		}},
	{name: "quantity", article: "a", doc: "log10 of the largest |∂L/∂z| over their mean size",
		catalogue: "probe.Catalogue", imports: "bench/probe", list: "quantities", names: probe.Catalogue.Names,
		commands: []string{
			`"profile", "--depth", "5", "--width", "16", "--no-advice"`,
		}, shown: "tanh"},
}

// kindNames returns the kinds that gradflow new accepts.
func kindNames() []string {
	var names []string
	for _, k := range newKinds {
		names = append(names, k.name)
	}
	return names
}

func newNew() *cobra.Command {
	var dir, replace string
	var rowwise bool
	c := &cobra.Command{
		Use:   "new KIND NAME",
		Short: "Write a module with your own part",
		Long: `New writes a Go module to the directory NAME: a small working part of this kind (an
activation, an optimizer, ...), a test that runs the conformance suite, a study and a
benchmark that compare it with built-in parts, and a gradflow program with the part in its
catalogue. The module builds, passes its tests and runs as written; then replace the
formula with your own.

Kinds: ` + strings.Join(kindNames(), ", ") + `. NAME is the part's name in studies: lower-case letters and
digits, separated by hyphens.

The module requires this version of gradflow. If this gradflow was built from a checkout,
it has no version to download, and the module uses the checkout instead, or the directory
given with --replace.`,
		Example: `  gradflow new activation isru
  gradflow new activation --rowwise radial
  gradflow new optimizer mine --dir ~/research/mine --replace ~/gradflow`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return kindNames(), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return useError{errors.Errorf("new takes two arguments, a kind (%s) and a name, not %d; see gradflow new --help",
					strings.Join(kindNames(), ", "), len(args))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			m, err := newModuleOf(args[0], args[1], rowwise)
			if err != nil {
				return err
			}
			if err := m.require(replace); err != nil {
				return err
			}
			if dir == "" {
				dir = m.Name
			}
			files, err := m.files()
			if err != nil {
				return err
			}
			if err := writeModule(dir, files); err != nil {
				return err
			}
			w := c.OutOrStdout()
			fmt.Fprintf(w, "%s %s in %s: %s\n", m.kind.article, m.Kind, dir, strings.Join(slices.Sorted(maps.Keys(files)), ", "))
			if m.Replace != "" {
				fmt.Fprintf(w, "It uses the gradflow in %s; to use another: go mod edit -replace %s=DIR\n", m.Replace, modulePath)
			}
			_, err = fmt.Fprintf(w, `
  cd %s
  go test .                        # the conformance suite
  go run . run %s.yaml
  go test -bench . -benchtime 1x
`, shellQuote(dir), m.Name)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "directory of the module (default ./NAME)")
	f.StringVar(&replace, "replace", "", "gradflow checkout for the module to use")
	f.BoolVar(&rowwise, "rowwise", false, "write an activation that is not element-wise: it reads a row, all units of an example")
	return c
}

// shellQuote quotes a path that a shell would split.
func shellQuote(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./~+@:", r))
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// newModule is what the templates are given.
type newModule struct {
	kind newKind

	Kind, Name           string
	Ident, Lower         string // Go's names: MyPart and myPart
	Doc, Catalogue, List string
	Shown                string
	Imports, Commands    []string
	Version, Sum         string // of gradflow; without a sum nobody can download it
	Replace              string
	GoVersion            string
	indirect, sums       []string // lines of go.mod and go.sum
}

const modulePath = "github.com/gradflow/gradflow"

// newModuleOf checks the arguments.
func newModuleOf(kind, name string, rowwise bool) (*newModule, error) {
	i := slices.IndexFunc(newKinds, func(k newKind) bool { return k.name == kind })
	if i < 0 {
		return nil, useError{errors.Errorf("unknown kind %q: there are %s", kind, strings.Join(kindNames(), ", "))}
	}
	k := newKinds[i]
	k.files = k.name
	if rowwise {
		if k.name != "activation" {
			return nil, useError{errors.Errorf("--rowwise is for an activation, not for %s %s", k.article, k.name)}
		}
		k.files, k.doc = "rowwise", "z/(1 + r), r the row's root mean square; not element-wise"
		k.commands = slices.DeleteFunc(slices.Clone(k.commands), func(c string) bool { return strings.Contains(c, `"theory"`) })
	}
	if err := checkPartName(name); err != nil {
		return nil, err
	}
	if slices.Contains(k.names(), name) {
		return nil, useError{errors.Errorf("the catalogue already has %s %s %q: choose another name", k.article, k.name, name)}
	}
	version, sum := versionToRequire()
	m := &newModule{kind: k, Version: version, Sum: sum, Kind: k.name, Name: name, Ident: identifier(name),
		Doc: k.doc, Catalogue: k.catalogue, List: k.list, Shown: k.shown,
		Imports: []string{modulePath + "/" + k.imports}}
	m.Lower = strings.ToLower(m.Ident[:1]) + m.Ident[1:] + "Part"
	for _, text := range k.commands {
		m.Commands = append(m.Commands, strings.ReplaceAll(text, "{{.Name}}", name))
	}
	return m, nil
}

// longestName limits names, which also name a file and a benchmark.
const longestName = 60

// checkPartName rejects what can't be the name of a row in a catalogue.
func checkPartName(name string) error {
	ok := name != "" && len(name) <= longestName
	for i, r := range name {
		letter, digit := 'a' <= r && r <= 'z', '0' <= r && r <= '9'
		hyphen := r == '-' && i > 0 && i < len(name)-1 && name[i-1] != '-'
		ok = ok && (letter || i > 0 && (digit || hyphen))
	}
	if !ok {
		return useError{errors.Errorf("%q can't be the name of a part: want lower-case letters and digits, separated by hyphens, starting with a letter, at most %d characters", name, longestName)}
	}
	return nil
}

// identifier makes Go's exported name: my-part becomes MyPart. A capital keeps it apart from
// keywords, predeclared names and packages.
func identifier(name string) string {
	var out string
	for _, word := range strings.Split(name, "-") {
		out += strings.ToUpper(word[:1]) + word[1:]
	}
	return out
}

// require finds the contents of go.mod and go.sum. replace is the directory the user gave.
func (m *newModule) require(replace string) error {
	switch {
	case replace != "":
		abs, err := filepath.Abs(replace)
		if err == nil {
			err = checkCheckout(abs)
		}
		if err != nil {
			return useError{errors.Wrap(err, "--replace")}
		}
		m.Replace = abs
	case m.Sum == "":
		// The source directory of this program.
		_, file, _, _ := runtime.Caller(0)
		from := filepath.Dir(filepath.Dir(file))
		if !filepath.IsAbs(from) || checkCheckout(from) != nil {
			return useError{errors.Errorf("this gradflow was built without a version and its source is gone: give --replace DIR, a checkout of %s", modulePath)}
		}
		m.Replace = from
	}
	if m.Sum == "" {
		m.Version = "v0.0.0" // go.mod needs one, which the replacement overrides
	}

	goMod, sums, err := requirements()
	if err != nil {
		return err
	}
	for line := range strings.Lines(goMod) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "require "))
		switch fields := strings.Fields(line); {
		case len(fields) == 2 && fields[0] == "go":
			m.GoVersion = fields[1]
		case len(fields) >= 2 && strings.HasPrefix(fields[1], "v"):
			m.indirect = append(m.indirect, fields[0]+" "+fields[1])
		}
	}
	for line := range strings.Lines(sums) {
		m.sums = append(m.sums, strings.TrimSpace(line))
	}
	if m.Sum != "" && m.Replace == "" {
		m.sums = append(m.sums, fmt.Sprintf("%s %s %s", modulePath, m.Version, m.Sum),
			fmt.Sprintf("%s %s/go.mod %s", modulePath, m.Version, goModSum(goMod)))
		slices.Sort(m.sums)
	}
	return nil
}

// versionToRequire returns the version of gradflow in this program and its checksum, which
// is "" unless others can download it.
func versionToRequire() (version, sum string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", ""
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == modulePath && m.Replace == nil {
			return m.Version, m.Sum
		}
	}
	return "", ""
}

// checkCheckout finds gradflow's go.mod in a directory.
func checkCheckout(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return errors.Errorf("%s is not a checkout of %s: %v", dir, modulePath, errors.Unwrap(err))
	}
	for line := range strings.Lines(string(text)) {
		if strings.TrimSpace(line) == "module "+modulePath {
			return nil
		}
	}
	return errors.Errorf("%s has another module's go.mod, not that of %s", dir, modulePath)
}

// requirements returns this module's go.mod and go.sum.
func requirements() (goMod, goSum string, err error) {
	mod, err := gradflow.Module.ReadFile("go.mod")
	if err != nil {
		return "", "", errors.WithStack(err)
	}
	sum, err := gradflow.Module.ReadFile("go.sum")
	return string(mod), string(sum), errors.WithStack(err)
}

// goModSum is the checksum of a go.mod as go.sum has it: that of the list of one file.
func goModSum(text string) string {
	list := sha256.Sum256(fmt.Appendf(nil, "%x  go.mod\n", sha256.Sum256([]byte(text))))
	return "h1:" + base64.StdEncoding.EncodeToString(list[:])
}

// files returns the contents of the module's files by name.
func (m *newModule) files() (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, from := range map[string]string{
		"main.go":         "main.go.tmpl",
		"bench_test.go":   "bench_test.go.tmpl",
		"command_test.go": "command_test.go.tmpl",
		// Named by the kind, as a part may have the name of another file.
		m.Kind + ".go":      m.kind.files + "/part.go.tmpl",
		m.Kind + "_test.go": m.kind.files + "/part_test.go.tmpl",
		m.Name + ".yaml":    m.kind.files + "/study.yaml.tmpl",
	} {
		t, err := template.New(path.Base(from)).ParseFS(templates, "templates/"+from)
		if err != nil {
			return nil, errors.WithStack(err)
		}
		var text bytes.Buffer
		if err := t.Execute(&text, m); err != nil {
			return nil, errors.WithStack(err)
		}
		files[name] = text.Bytes()
		if strings.HasSuffix(name, ".go") { // imports and columns depend on the name
			if files[name], err = format.Source(text.Bytes()); err != nil {
				return nil, errors.Wrap(err, name)
			}
		}
	}
	files["go.mod"] = m.goMod(files)
	files["go.sum"] = []byte(strings.Join(m.sums, "\n") + "\n")
	return files, nil
}

// goMod writes go.mod. It requires all that gradflow does: where a module is missing, such as
// go4.org/unsafe/assume-no-moving-gc in its right version, go would have to look for it.
func (m *newModule) goMod(files map[string][]byte) []byte {
	var direct, indirect strings.Builder
	fmt.Fprintf(&direct, "\t%s %s\n", modulePath, m.Version)
	for _, line := range m.indirect {
		module, _, _ := strings.Cut(line, " ")
		imported := false
		for _, text := range files {
			imported = imported || bytes.Contains(text, []byte(`"`+module+`"`)) || bytes.Contains(text, []byte(`"`+module+`/`))
		}
		if imported {
			fmt.Fprintf(&direct, "\t%s\n", line)
		} else {
			fmt.Fprintf(&indirect, "\t%s // indirect\n", line)
		}
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "module example.com/%s\n\ngo %s\n\nrequire (\n%s)\n\nrequire (\n%s)\n", m.Name, m.GoVersion, &direct, &indirect)
	if m.Replace != "" {
		replace := m.Replace
		if strings.ContainsAny(replace, " \t\"'`(),") {
			replace = fmt.Sprintf("%q", replace)
		}
		fmt.Fprintf(&text, "\nreplace %s => %s\n", modulePath, replace)
	}
	return text.Bytes()
}

// writeModule writes the files to a new or empty directory.
func writeModule(dir string, files map[string][]byte) error {
	dir = filepath.Clean(dir)
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
			return errors.WithStack(err)
		}
		return atomicfile.WriteDirectory(dir, func(temporary string) error { return writeFiles(temporary, files) })
	case err != nil:
		return useError{errors.Errorf("%s: %v; give another directory with --dir", dir, errors.Unwrap(err))}
	case len(entries) > 0:
		return useError{errors.Errorf("%s is not empty; give another directory with --dir", dir)}
	}
	return writeFiles(dir, files)
}

func writeFiles(dir string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := atomicfile.Write(filepath.Join(dir, name), files[name]); err != nil {
			return err
		}
	}
	return nil
}

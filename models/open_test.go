package models

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// builtIn are the files of the architectures of the catalogue.
var builtIn = []string{"mlp.go", "residual.go", "highway.go", "autoencoder.go", "recurrent.go", "rbf.go"}

// nothing is an importer of empty packages: what the test asks is what this package's files
// use of each other.
type nothing struct{}

func (nothing) Import(p string) (*types.Package, error) {
	pkg := types.NewPackage(p, strings.TrimPrefix(path.Base(p), "go-"))
	pkg.MarkComplete()
	return pkg, nil
}

// TestOneDoor checks that the built-in models use nothing that those of another module can't:
// no internal package, and nothing of this package that is not exported.
func TestOneDoor(t *testing.T) {
	set := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			if files[name], err = parser.ParseFile(set, name, nil, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range builtIn {
		if files[name] == nil {
			t.Fatalf("there is no %s", name)
		}
		for _, i := range files[name].Imports {
			if p, _ := strconv.Unquote(i.Path.Value); strings.Contains(p, "/internal/") {
				t.Errorf("%s imports %s, which a model of another module can't", name, p)
			}
		}
	}
	// The catalogue's rows are of architectures whose files are in the list.
	ast.Inspect(files["catalogue.go"], func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncLit); ok && len(f.Type.Params.List) == 1 {
			if s, ok := f.Type.Params.List[0].Type.(*ast.Ident); ok && !slices.ContainsFunc(builtIn, func(name string) bool { return declares(files[name], s.Name) }) {
				t.Errorf("the architecture %s of the catalogue is in none of %v", s.Name, builtIn)
			}
		}
		return true
	})
	uses := map[*ast.Ident]types.Object{}
	pkg, _ := (&types.Config{Importer: nothing{}, Error: func(error) {}}).Check("models", set, slices.Collect(maps.Values(files)), &types.Info{Uses: uses})
	checked := 0
	for name, object := range uses {
		from := set.Position(name.Pos()).Filename
		if object.Pkg() != pkg || !slices.Contains(builtIn, from) {
			continue
		}
		checked++
		if of := set.Position(object.Pos()).Filename; of != from && !object.Exported() {
			t.Errorf("%s: %s, of %s, is not exported: a model of another module can't use it", set.Position(name.Pos()), object.Name(), of)
		}
	}
	if checked < 500 {
		t.Errorf("only %d uses were resolved", checked)
	}
}

func declares(f *ast.File, name string) bool {
	return slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
		g, ok := d.(*ast.GenDecl)
		return ok && slices.ContainsFunc(g.Specs, func(s ast.Spec) bool {
			t, ok := s.(*ast.TypeSpec)
			return ok && t.Name.Name == name
		})
	})
}

package lint

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// source is one parsed file of the tree.
type source struct {
	name      string // path from the root, with slashes
	test      bool
	generated bool
	file      *ast.File
	fset      *token.FileSet
}

// dir is the package's folder from the root: "acs/edge".
func (s source) dir() string { return path.Dir(s.name) }

// at renders a position for a message.
func (s source) at(p token.Pos) string {
	return s.name + ":" + strconv.Itoa(s.fset.Position(p).Line)
}

// imports calls visit with every imported path.
func (s source) imports(visit func(path string, at token.Pos)) {
	for _, i := range s.file.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil {
			visit(p, i.Pos())
		}
	}
}

// tree returns the module's name and its parsed files.
func tree(t *testing.T) (module string, all []source) {
	t.Helper()
	root, module := root(t)
	parsed.Do(func() { parsed.all, parsed.err = parse(root) })
	if parsed.err != nil {
		t.Fatal(parsed.err)
	}
	return module, parsed.all
}

// parsed is the tree, parsed once for all tests.
var parsed struct {
	sync.Once
	all []source
	err error
}

// parse parses all Go files below root. Nested modules and hidden folders are
// not part of it.
func parse(root string) (all []source, err error) {
	fset := token.NewFileSet()
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != root && skipped(p):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(p) != ".go":
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		all = append(all, source{filepath.ToSlash(rel), strings.HasSuffix(p, "_test.go"), ast.IsGenerated(f), f, fset})
		return err
	})
	return all, err
}

func skipped(dir string) bool {
	base := filepath.Base(dir)
	if strings.HasPrefix(base, ".") || base == "testdata" || base == "bin" || base == "data" {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// root finds the folder with go.mod above this package, and the module's name.
func root(t *testing.T) (dir, module string) {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		f, err := os.Open(filepath.Join(dir, "go.mod"))
		if err != nil {
			continue
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "module "); ok {
				return dir, strings.TrimSpace(name)
			}
		}
	}
	t.Fatal("no go.mod above this package")
	return "", ""
}

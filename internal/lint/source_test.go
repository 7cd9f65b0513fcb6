package lint

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

func TestPackageNamesSaySomething(t *testing.T) {
	_, all := tree(t)
	empty := []string{"util", "utils", "common", "manager", "helper", "helpers", "misc", "base", "shared"}
	for _, s := range all {
		if name := strings.TrimSuffix(s.file.Name.Name, "_test"); slices.Contains(empty, name) {
			t.Errorf("%s: a package called %s says nothing of what it holds", s.name, name)
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	_, all := tree(t)
	documented := map[string]bool{}
	for _, s := range all {
		if s.test {
			continue
		}
		documented[s.dir()] = documented[s.dir()] || s.file.Doc != nil || s.generated
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment: say what it does, what it leaves to others, who calls it", dir)
		}
	}
}

func TestExportedNamesHaveASentence(t *testing.T) {
	_, all := tree(t)
	for _, s := range all {
		if s.test || s.generated {
			continue
		}
		for _, d := range s.file.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: %s has no comment", s.at(d.Pos()), name)
			}
		}
	}
}

// undocumented returns the exported functions and types of d without a word.
// Methods are left out: many only fulfil an interface that has the words.
func undocumented(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Name.IsExported() && d.Doc == nil {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
				names = append(names, s.Name.Name)
			}
		}
	}
	return names
}

// Tests wait for events or use a fake clock; a sleep is either too short or a
// waste, and mostly both.
func TestNoTestSleeps(t *testing.T) {
	_, all := tree(t)
	for _, s := range all {
		if !s.test {
			continue
		}
		calls(s, "time", "Sleep", func(at ast.Node) {
			t.Errorf("%s: time.Sleep in a test; wait for the event or use testing/synctest", s.at(at.Pos()))
		})
	}
}

// Logs go to the logger that was passed in.
func TestNoGlobalLogger(t *testing.T) {
	_, all := tree(t)
	for _, s := range all {
		if s.test || within(s.dir(), "cmd") {
			continue
		}
		for _, f := range []string{"Debug", "Info", "Warn", "Error", "Log", "DebugContext", "InfoContext", "WarnContext", "ErrorContext"} {
			calls(s, "slog", f, func(at ast.Node) {
				t.Errorf("%s: slog.%s writes to the global logger; use the one passed in", s.at(at.Pos()), f)
			})
		}
	}
}

// calls visits every use of pkg.name in s.
func calls(s source, pkg, name string, visit func(ast.Node)) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == name {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == pkg {
				visit(n)
			}
		}
		return true
	})
}

// A lock names what it guards, on its line or above it, or the fields it
// guards name the lock: "guarded by mu".
func TestLocksNameWhatTheyGuard(t *testing.T) {
	_, all := tree(t)
	for _, s := range all {
		if s.test || s.generated || strings.HasSuffix(s.dir(), "test") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if st, ok := n.(*ast.StructType); ok {
				for _, f := range silentLocks(st) {
					t.Errorf("%s: lock %s does not say what it guards", s.at(f.Pos()), f.Names[0].Name)
				}
			}
			return true
		})
	}
}

// silentLocks returns the locks of st that no comment connects with a field.
func silentLocks(st *ast.StructType) (silent []*ast.Field) {
	var words strings.Builder
	for _, f := range st.Fields.List {
		words.WriteString(f.Doc.Text() + f.Comment.Text())
	}
	for _, f := range st.Fields.List {
		if len(f.Names) == 0 || !isLock(f.Type) || f.Doc != nil || f.Comment != nil {
			continue
		}
		if !strings.Contains(words.String(), "guarded by "+f.Names[0].Name) {
			silent = append(silent, f)
		}
	}
	return silent
}

func isLock(e ast.Expr) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == "sync" && (sel.Sel.Name == "Mutex" || sel.Sel.Name == "RWMutex")
}

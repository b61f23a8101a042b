package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// checkNames: identifiers have no underscores. Test, benchmark, fuzz and
// example functions may, since the Go tool gives the underscore a meaning
// there.
func checkNames(r *repo) []problem {
	var out []problem
	for _, f := range r.goFiles() {
		bad := func(name *ast.Ident) {
			if name != nil && name.Name != "_" && strings.Contains(name.Name, "_") {
				out = append(out, problem{f.path, r.line(name), "underscore in the name " + name.Name})
			}
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if !f.test || n.Recv != nil || !isTestFunc(n.Name.Name) {
					bad(n.Name)
				}
			case *ast.TypeSpec:
				bad(n.Name)
			case *ast.ValueSpec:
				for _, name := range n.Names {
					bad(name)
				}
			case *ast.Field:
				for _, name := range n.Names {
					bad(name)
				}
			case *ast.ImportSpec:
				bad(n.Name)
			case *ast.AssignStmt:
				if n.Tok == token.DEFINE {
					for _, x := range n.Lhs {
						if name, ok := x.(*ast.Ident); ok {
							bad(name)
						}
					}
				}
			case *ast.RangeStmt:
				if n.Tok == token.DEFINE {
					for _, x := range []ast.Expr{n.Key, n.Value} {
						if name, ok := x.(*ast.Ident); ok {
							bad(name)
						}
					}
				}
			}
			return true
		})
	}
	return out
}

func isTestFunc(name string) bool {
	for _, prefix := range []string{"Test", "Benchmark", "Fuzz", "Example"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// checkGlobals: package variables never change after they were set. A variable
// that is assigned in some function, or whose type exists to change, is
// refused. sync.Pool and sync.Once values are caches and pass.
func checkGlobals(r *repo) []problem {
	var out []problem
	for _, p := range r.packages() {
		vars := map[string]bool{}
		for _, f := range p.files {
			if f.test {
				continue
			}
			for _, spec := range packageVars(f.syntax) {
				for _, name := range spec.Names {
					vars[name.Name] = name.Name != "_"
				}
				if t := changing(spec.Type); t != "" {
					out = append(out, problem{f.path, r.line(spec), "package variable of type " + t + " is mutable state"})
				}
			}
		}
		for _, f := range p.files {
			if f.test {
				continue
			}
			inFile := packageVars(f.syntax)
			for _, name := range assigned(f.syntax) {
				if vars[name.Name] && isPackageVar(name, inFile) {
					out = append(out, problem{f.path, r.line(name), "package variable " + name.Name + " is assigned"})
				}
			}
		}
	}
	return out
}

func packageVars(f *ast.File) []*ast.ValueSpec {
	var out []*ast.ValueSpec
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, spec := range g.Specs {
				out = append(out, spec.(*ast.ValueSpec))
			}
		}
	}
	return out
}

// changing names the types that have no use but to change.
func changing(t ast.Expr) string {
	sel, ok := t.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	switch name := pkg.Name + "." + sel.Sel.Name; {
	case pkg.Name == "atomic", name == "sync.Mutex", name == "sync.RWMutex", name == "sync.Map", name == "sync.WaitGroup":
		return name
	}
	return ""
}

// assigned lists the identifiers at the root of every assignment's left side.
func assigned(f *ast.File) []*ast.Ident {
	var out []*ast.Ident
	add := func(x ast.Expr) {
		if name := root(x); name != nil {
			out = append(out, name)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, x := range n.Lhs {
					add(x)
				}
			}
		case *ast.IncDecStmt:
			add(n.X)
		}
		return true
	})
	return out
}

func root(x ast.Expr) *ast.Ident {
	for {
		switch y := x.(type) {
		case *ast.Ident:
			return y
		case *ast.IndexExpr:
			x = y.X
		case *ast.SelectorExpr:
			x = y.X
		case *ast.StarExpr:
			x = y.X
		case *ast.ParenExpr:
			x = y.X
		default:
			return nil
		}
	}
}

// isPackageVar reports whether name means a package variable, given those that
// its file declares: the parser resolves names within a file, and leaves those
// of other files unresolved.
func isPackageVar(name *ast.Ident, inFile []*ast.ValueSpec) bool {
	if name.Obj == nil {
		return true
	}
	spec, ok := name.Obj.Decl.(*ast.ValueSpec)
	return ok && slices.Contains(inFile, spec)
}

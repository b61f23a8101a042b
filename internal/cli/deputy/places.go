package deputy

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
)

//go:embed acl.go pathwork.go paths.go careful.go caps.go handles.go
var source embed.FS

// A Program is the files that one of the daemons consists of.
type Program []string

// The programs.
var (
	WithPaths        = Program{"paths.go", "pathwork.go", "acl.go"}
	WithMoreChecks   = Program{"careful.go", "pathwork.go", "acl.go"}
	WithCapabilities = Program{"caps.go", "handles.go"}
)

// Places counts the places in the program's text where something is decided: every branch whose
// condition is more than whether something is nil, as of an error.
func (p Program) Places() (int, error) {
	n := 0
	for _, name := range p {
		text, err := source.ReadFile(name)
		if err != nil {
			return 0, err
		}
		more, err := decisions(name, text)
		if err != nil {
			return 0, err
		}
		n += more
	}
	return n, nil
}

// decisions counts branches in a file.
func decisions(name string, text []byte) (n int, err error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return 0, err
	}
	ast.Inspect(f, func(node ast.Node) bool {
		switch x := node.(type) {
		case *ast.IfStmt:
			if !aboutNil(x.Cond) {
				n++
			}
		case *ast.BinaryExpr:
			if x.Op == token.LAND || x.Op == token.LOR {
				n++
			}
		case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
			n++
		case *ast.ForStmt:
			if x.Cond != nil {
				n++
			}
		}
		return true
	})
	return n, nil
}

func aboutNil(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.EQL && b.Op != token.NEQ {
		return false
	}
	id, ok := b.Y.(*ast.Ident)
	return ok && id.Name == "nil"
}

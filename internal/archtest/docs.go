package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// checkPackageDoc: one package comment a package, in one file, that opens in
// the form Go's documentation expects.
func checkPackageDoc(r *repo) []problem {
	var out []problem
	for _, p := range r.packages() {
		var docs []*file
		onlyTests := true
		for _, f := range p.files {
			onlyTests = onlyTests && f.test
			if f.syntax.Doc != nil && !f.test {
				docs = append(docs, f)
			}
		}
		switch {
		case onlyTests:
		case len(docs) != 1:
			out = append(out, problem{p.dir, 0, fmt.Sprintf("%d package comments, want 1", len(docs))})
		default:
			f := docs[0]
			want := "Package " + f.syntax.Name.Name + " "
			if f.syntax.Name.Name == "main" {
				want = "Command "
			}
			if text := f.syntax.Doc.Text(); !strings.HasPrefix(text, want) {
				out = append(out, problem{f.path, r.line(f.syntax.Doc), "package comment does not start with " + want})
			}
		}
	}
	return out
}

// checkExportDoc: every export that a user can reach says what it does.
func checkExportDoc(r *repo) []problem {
	var out []problem
	for _, f := range r.goFiles() {
		if f.test || f.generated || f.syntax.Name.Name == "main" || isInternal(f.dir) {
			continue
		}
		covered := 0 // the line below the last commented function or its run
		for i, d := range f.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				// A run of functions without blank lines shares the comment of its first.
				if d.Doc != nil || conventional(d) || r.line(d) == covered {
					covered = r.at(d.End()) + 1
				} else if d.Name.IsExported() && receiverExported(d) {
					out = append(out, problem{f.path, r.line(d), d.Name.Name + " has no comment"})
				}
			case *ast.GenDecl:
				if i > 0 && valuesOf(d, f.syntax.Decls[i-1]) {
					continue
				}
				for _, name := range undocumented(d) {
					out = append(out, problem{f.path, r.line(name), name.Name + " has no comment"})
				}
			}
		}
	}
	return out
}

// valuesOf reports whether d is the constants of the commented type that stands
// right above them: the type's comment speaks for them.
func valuesOf(d *ast.GenDecl, above ast.Decl) bool {
	t, ok := above.(*ast.GenDecl)
	if !ok || d.Tok != token.CONST || t.Tok != token.TYPE || t.Doc == nil || len(t.Specs) != 1 {
		return false
	}
	of, ok := d.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident)
	return ok && of.Name == t.Specs[0].(*ast.TypeSpec).Name.Name
}

// conventional reports whether a method's name alone says what it does.
func conventional(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return false
	}
	switch d.Name.Name {
	case "String", "Error", "Unwrap":
		return true
	}
	return false
}

// undocumented lists the exported names of a declaration that no comment
// covers. The comment of a parenthesised group covers its members, except
// types.
func undocumented(d *ast.GenDecl) []*ast.Ident {
	var out []*ast.Ident
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && spec.Doc == nil && spec.Comment == nil && (d.Doc == nil || d.Lparen != token.NoPos) {
				out = append(out, spec.Name)
			}
		case *ast.ValueSpec:
			if spec.Doc != nil || spec.Comment != nil || d.Doc != nil {
				continue
			}
			for _, name := range spec.Names {
				if name.IsExported() {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// receiverExported reports whether a function is no method, or the method of
// an exported type.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch u := t.(type) {
		case *ast.StarExpr:
			t = u.X
		case *ast.IndexExpr:
			t = u.X
		case *ast.IndexListExpr:
			t = u.X
		case *ast.Ident:
			return u.IsExported()
		default:
			return true
		}
	}
}

func isInternal(dir string) bool {
	return strings.Contains("/"+dir+"/", "/internal/")
}

package parser_test

import (
	"fmt"
	"strings"

	"lanyard.dev/capnp/compiler/ast"
)

// dump prints a tree as text close to the source, every implicit thing made explicit.
func dump(f *ast.File) string {
	var b strings.Builder
	for _, a := range f.Annotations {
		fmt.Fprintf(&b, "%s\n", annotation(a))
	}
	decls(&b, f.Decls, "")
	return b.String()
}

func decls(b *strings.Builder, list []*ast.Decl, indent string) {
	for _, d := range list {
		b.WriteString(indent)
		if d.Broken {
			b.WriteString("broken ")
		}
		fmt.Fprintf(b, "%s %s", d.Kind, d.Name.Text)
		if d.ID != nil {
			fmt.Fprintf(b, " id=%#x", d.ID.Value)
		}
		if d.Ordinal != nil {
			fmt.Fprintf(b, " @%d", d.Ordinal.Value)
		}
		if len(d.Params) > 0 {
			b.WriteString(" [")
			for i, p := range d.Params {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString(p.Text)
			}
			b.WriteString("]")
		}
		if d.Target != nil {
			fmt.Fprintf(b, " = %s", expr(d.Target))
		}
		if d.MethodParams != nil {
			fmt.Fprintf(b, " %s", params(d.MethodParams))
		}
		if d.MethodResults != nil {
			fmt.Fprintf(b, " -> %s", params(d.MethodResults))
		}
		if d.Kind == ast.AnnotationDecl {
			fmt.Fprintf(b, " targets=%012b", d.Targets)
		}
		if d.Type != nil {
			fmt.Fprintf(b, " :%s", expr(d.Type))
		}
		if d.Value != nil {
			fmt.Fprintf(b, " = %s", expr(d.Value))
		}
		for i, s := range d.Superclasses {
			if i == 0 {
				b.WriteString(" extends")
			}
			fmt.Fprintf(b, " %s", expr(s))
		}
		for _, a := range d.Annotations {
			fmt.Fprintf(b, " %s", annotation(a))
		}
		if d.Doc != "" {
			fmt.Fprintf(b, " #%q", d.Doc)
		}
		b.WriteByte('\n')
		decls(b, d.Decls, indent+"  ")
	}
}

func annotation(a ast.Annotation) string {
	if a.Value == nil {
		return "$" + expr(a.Name)
	}
	return fmt.Sprintf("$%s = %s", expr(a.Name), expr(a.Value))
}

func params(l *ast.ParamList) string {
	switch l.Kind {
	case ast.StreamParams:
		return "stream"
	case ast.TypeParams:
		return expr(l.Type)
	}
	var parts []string
	for _, p := range l.Params {
		var s strings.Builder
		s.WriteString(p.Name.Text + " :" + expr(p.Type))
		if p.Default != nil {
			s.WriteString(" = " + expr(p.Default))
		}
		for _, a := range p.Annotations {
			s.WriteString(" " + annotation(a))
		}
		parts = append(parts, s.String())
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

func expr(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Bad:
		return "BAD"
	case *ast.Int:
		if e.Negative {
			return fmt.Sprintf("-%d", e.Value)
		}
		return fmt.Sprint(e.Value)
	case *ast.Float:
		return fmt.Sprintf("%gf", e.Value)
	case *ast.String:
		return fmt.Sprintf("%q", e.Value)
	case *ast.Binary:
		return fmt.Sprintf("<%x>", e.Value)
	case *ast.Name:
		if e.Absolute {
			return "." + e.Name.Text
		}
		return e.Name.Text
	case *ast.Import:
		return fmt.Sprintf("import %q", e.Path.Text)
	case *ast.Embed:
		return fmt.Sprintf("embed %q", e.Path.Text)
	case *ast.List:
		var parts []string
		for _, x := range e.Elems {
			parts = append(parts, expr(x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *ast.Tuple:
		return "(" + args(e.Args) + ")"
	case *ast.Apply:
		return expr(e.Func) + "(" + args(e.Args) + ")"
	case *ast.Member:
		return expr(e.Parent) + "." + e.Name.Text
	}
	return fmt.Sprintf("%T", e)
}

func args(list []ast.Arg) string {
	var parts []string
	for _, a := range list {
		s := expr(a.Value)
		if a.Name != nil {
			s = a.Name.Text + " = " + s
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

package resolve

import (
	"strconv"
	"strings"

	"lanyard.dev/capnp/compiler/ast"
)

// maxShown bounds an expression in a message.
const maxShown = 200

// String is an expression as it is shown in messages.
func String(e ast.Expr) string {
	var p printer
	p.expr(e)
	if p.b.Len() > maxShown {
		return strings.ToValidUTF8(p.b.String()[:maxShown], "") + "…"
	}
	return p.b.String()
}

type printer struct{ b strings.Builder }

func (p *printer) expr(e ast.Expr) {
	if p.b.Len() > maxShown {
		return
	}
	switch e := e.(type) {
	case *ast.Bad:
		p.b.WriteString("<parse error>")
	case *ast.Int:
		if e.Negative {
			p.b.WriteByte('-')
		}
		p.b.WriteString(strconv.FormatUint(e.Value, 10))
	case *ast.Float:
		p.b.WriteString(strconv.FormatFloat(e.Value, 'g', -1, 64))
	case *ast.String:
		p.b.WriteString(strconv.Quote(cut(e.Value)))
	case *ast.Binary:
		p.b.WriteString(`0x"` + strings.TrimSpace(hex(e.Value[:min(len(e.Value), maxShown)])) + `"`)
	case *ast.Name:
		if e.Absolute {
			p.b.WriteByte('.')
		}
		p.b.WriteString(e.Name.Text)
	case *ast.Import:
		p.b.WriteString("import " + strconv.Quote(cut(e.Path.Text)))
	case *ast.Embed:
		p.b.WriteString("embed " + strconv.Quote(cut(e.Path.Text)))
	case *ast.List:
		p.b.WriteString("[")
		for i, x := range e.Elems {
			p.separator(i)
			p.expr(x)
		}
		p.b.WriteString("]")
	case *ast.Tuple:
		p.args(e.Args)
	case *ast.Apply:
		p.expr(e.Func)
		p.args(e.Args)
	case *ast.Member:
		p.expr(e.Parent)
		p.b.WriteString("." + e.Name.Text)
	}
}

func (p *printer) args(args []ast.Arg) {
	p.b.WriteString("(")
	for i, a := range args {
		p.separator(i)
		if a.Name != nil {
			p.b.WriteString(a.Name.Text + " = ")
		}
		p.expr(a.Value)
	}
	p.b.WriteString(")")
}

func (p *printer) separator(i int) {
	if i > 0 {
		p.b.WriteString(", ")
	}
}

func cut(s string) string { return s[:min(len(s), maxShown)] }

func hex(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
		s.WriteByte(' ')
	}
	return s.String()
}

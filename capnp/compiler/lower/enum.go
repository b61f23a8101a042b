package lower

import (
	"cmp"
	"slices"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/ir"
)

// ordered is a member with its place in the source.
type ordered struct {
	decl      *ast.Decl
	codeOrder int
}

// byOrdinal are the numbered members of one kind, in the order of their numbers.
func (u *unit) byOrdinal(kind ast.Kind) []ordered {
	var all []ordered
	for _, d := range u.decl.AST.Decls {
		if d.Kind == kind && numbered(d) {
			all = append(all, ordered{d, len(all)})
		}
	}
	if len(all) > maxOrdinal+1 {
		u.report(u.decl.NameSpan(), diag.StructTooBig, "There are more than 65536 members.")
		all = all[:maxOrdinal+1]
	}
	slices.SortStableFunc(all, func(a, b ordered) int { return cmp.Compare(a.decl.Ordinal.Value, b.decl.Ordinal.Value) })
	return all
}

func (u *unit) enum(info *ir.SourceInfo) {
	u.node.Kind = ir.EnumNode
	check := ordinals{u: u, gaps: anyBroken(u.decl.AST.Decls)}
	for _, m := range u.byOrdinal(ast.Enumerant) {
		check.check(m.decl.Ordinal)
		info.Members = append(info.Members, ir.MemberInfo{Doc: m.decl.Doc, Span: m.decl.Span})
		u.node.Enumerants = append(u.node.Enumerants, ir.Enumerant{
			Name:        m.decl.Name.Text,
			CodeOrder:   m.codeOrder,
			Annotations: u.annotations(m.decl.Annotations, ast.TargetEnumerant),
		})
	}
}

package lower

import (
	"fmt"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/ir"
	"lanyard.dev/capnp/compiler/resolve"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/compiler/typeid"
)

// streamResult is the id of StreamResult in streamFile, the result of methods
// declared `-> stream`.
const (
	streamResult = 0x995f9a3377c0b16e
	streamFile   = "/capnp/stream.capnp"
)

func (u *unit) iface(info *ir.SourceInfo) {
	u.node.Kind, u.node.Interface = ir.InterfaceNode, &ir.Interface{}
	for _, expr := range u.decl.AST.Superclasses {
		if s, ok := u.superclass(expr); ok {
			u.node.Interface.Superclasses = append(u.node.Interface.Superclasses, s)
		}
	}
	check := ordinals{u: u, gaps: anyBroken(u.decl.AST.Decls)}
	for _, m := range u.byOrdinal(ast.Method) {
		check.check(m.decl.Ordinal)
		info.Members = append(info.Members, ir.MemberInfo{Doc: m.decl.Doc, Span: m.decl.Span})
		u.node.Interface.Methods = append(u.node.Interface.Methods, u.method(m))
	}
}

func (u *unit) superclass(expr ast.Expr) (ir.Superclass, bool) {
	r, ok := u.env.Resolve(expr)
	switch {
	case !ok:
	case r.Decl == nil:
		u.report(expr.Pos(), diag.ExtendsParameter, fmt.Sprintf("'%s' is an unbound generic parameter. "+
			"Currently we don't support extending these.", r))
	case r.Decl.Kind != resolve.Interface:
		u.report(expr.Pos(), diag.NotAnInterface, fmt.Sprintf("'%s' is not an interface.", resolve.String(expr)))
	default:
		return ir.Superclass{ID: r.Decl.ID, Brand: u.env.Brand(r)}, true
	}
	return ir.Superclass{}, false
}

func (u *unit) method(m ordered) ir.Method {
	d := m.decl
	out := ir.Method{
		Name:      d.Name.Text,
		CodeOrder: m.codeOrder,
		Implicit:  names(d.Params),
	}
	params, results := d.MethodParams, d.MethodResults
	if params == nil {
		params = &ast.ParamList{}
	}
	if params.Kind == ast.StreamParams {
		u.report(params.Span, diag.StreamInput, "'stream' can only appear after '->', not before.")
	}
	if results == nil {
		results = &ast.ParamList{} // no arrow: an empty list that stands nowhere
	}
	out.ParamID, out.ParamBrand = u.paramList(d, params, false)
	out.ResultID, out.ResultBrand = u.paramList(d, results, true)
	out.Annotations = u.annotations(d.Annotations, ast.TargetMethod)
	return out
}

// paramList returns the struct that a method takes or returns.
func (u *unit) paramList(d *ast.Decl, list *ast.ParamList, results bool) (uint64, *ir.Brand) {
	switch list.Kind {
	case ast.TypeParams:
		return u.paramType(d, list.Type)
	case ast.StreamParams:
		u.checkStream(list.Span)
		return streamResult, nil
	}
	name := d.Name.Text + "$Params"
	if results {
		name = d.Name.Text + "$Results"
	}
	u.l.program.CountNode(u.module, d.Name.Span)
	node := &ir.Node{
		ID:          typeid.Params(u.node.ID, uint16(d.Ordinal.Value), results),
		DisplayName: u.node.DisplayName + "." + name,
		PrefixLen:   len(u.node.DisplayName) + 1,
		Params:      names(d.Params),
		Generic:     u.node.Generic || len(d.Params) > 0,
		Span:        list.Span,
	}
	info := &ir.SourceInfo{ID: node.ID, Span: list.Span}
	// The struct has the method's own parameters as ordinary ones.
	u.parameters(list, u.env.WithImplicit(node.ID, d.Params), node, info)
	u.aux, u.infos = append(u.aux, node), append(u.infos, info)
	return node.ID, u.env.Lexical()
}

func (u *unit) paramType(d *ast.Decl, expr ast.Expr) (uint64, *ir.Brand) {
	env := u.env.WithImplicit(0, d.Params)
	r, ok := env.Resolve(expr)
	switch {
	case !ok:
	case r.Decl == nil:
		u.report(expr.Pos(), diag.ParameterAsStruct, "Cannot use generic parameter as whole input or output of a method. "+
			"Instead, use a parameter/result list containing a field with this type.")
	case r.Decl.Kind != resolve.Struct:
		u.report(expr.Pos(), diag.NotAStruct, fmt.Sprintf("'%s' is not a struct type.", resolve.String(expr)))
	default:
		return r.Decl.ID, env.Brand(r)
	}
	return 0, nil
}

func (u *unit) checkStream(span source.Span) {
	m, err := u.l.program.Import(u.module, streamFile)
	if err != nil {
		u.report(span, diag.StreamFile, "A method declaration uses streaming, but '/capnp/stream.capnp' is not found "+
			"in the import path. This is a standard file that should always be installed with the Cap'n Proto compiler.")
		return
	}
	if !m.Declares("StreamResult") {
		u.report(span, diag.StreamFile, "The version of '/capnp/stream.capnp' found in your import path does not appear "+
			"to be the official one; it is missing the declaration of StreamResult.")
	}
}

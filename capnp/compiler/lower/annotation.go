package lower

import (
	"fmt"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/ir"
	"lanyard.dev/capnp/compiler/resolve"
)

// annotations compiles the annotations of something that is a target.
func (u *unit) annotations(all []ast.Annotation, target ast.Targets) []ir.Annotation {
	var out []ir.Annotation
	for i := range all {
		if a, ok := u.annotation(&all[i], target); ok {
			out = append(out, a)
		}
	}
	return out
}

func (u *unit) annotation(a *ast.Annotation, target ast.Targets) (ir.Annotation, bool) {
	r, ok := u.env.Resolve(a.Name)
	if !ok {
		return ir.Annotation{}, false
	}
	if r.Decl == nil || r.Decl.Kind != resolve.Annotation {
		u.report(a.Name.Pos(), diag.NotAnAnnotation, fmt.Sprintf("'%s' is not an annotation.", resolve.String(a.Name)))
		return ir.Annotation{}, false
	}
	out := ir.Annotation{ID: r.Decl.ID, Brand: u.env.Brand(r), Value: &ir.Value{}}
	def := u.l.advance(r.Decl, shaped)
	if def == nil {
		return ir.Annotation{}, false
	}
	if !def.node.Targets.Has(target) {
		u.report(a.Name.Pos(), diag.AnnotationTarget, fmt.Sprintf("'%s' cannot be applied to this kind of declaration.", resolve.String(a.Name)))
	}
	t := u.l.bind(def.node.Type, u.l.closed(out.Brand))
	switch {
	case a.Value != nil:
		u.bootstrap(a.Value, t, out.Value)
	case t.Kind != ir.Void:
		u.report(a.Name.Pos(), diag.AnnotationValue, fmt.Sprintf("'%s' requires a value.", resolve.String(a.Name)))
	}
	return out, true
}

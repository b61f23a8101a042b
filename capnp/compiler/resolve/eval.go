package resolve

import (
	"fmt"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/ir"
	"lanyard.dev/capnp/compiler/source"
)

// Env is the place where an expression stands: inside a declaration, maybe
// with the implicit parameters of a method.
type Env struct {
	program *Program
	in      *Decl
	scope   *scope

	implicit   []ast.Ident
	implicitID uint64
}

// Env returns the environment of expressions in d.
func (p *Program) Env(d *Decl) *Env { return &Env{program: p, in: d, scope: d.lexical()} }

// WithImplicit adds the implicit parameters of a method. With id 0 they mean
// the method's parameters; otherwise they are parameters of the struct with
// that id, which was made from a parameter list.
func (e *Env) WithImplicit(id uint64, params []ast.Ident) *Env {
	inner := *e
	inner.implicit, inner.implicitID = params, id
	return &inner
}

func (e *Env) report(span source.Span, code diag.Code, message string) {
	e.program.Report(e.in.Module, span, code, message)
}

// Resolve finds what an expression names. If it is nothing, that has been
// reported.
func (e *Env) Resolve(expr ast.Expr) (Ref, bool) {
	// a.b(c).d is a chain that leans to the left: walk down, then up, so that its
	// length is not the depth of the recursion.
	var chain []ast.Expr
	for {
		switch x := expr.(type) {
		case *ast.Member:
			chain = append(chain, x)
			expr = x.Parent
			continue
		case *ast.Apply:
			chain = append(chain, x)
			expr = x.Func
			continue
		}
		break
	}
	r, ok := e.head(expr)
	for i := len(chain) - 1; ok && i >= 0; i-- {
		switch x := chain[i].(type) {
		case *ast.Member:
			r, ok = e.member(r, x)
		case *ast.Apply:
			r = e.apply(r, x)
		}
	}
	return r, ok
}

// head resolves what a chain begins with.
func (e *Env) head(expr ast.Expr) (Ref, bool) {
	switch x := expr.(type) {
	case nil, *ast.Bad:
		return Ref{}, false
	case *ast.Name:
		if x.Absolute {
			return e.absolute(x)
		}
		return e.relative(x)
	case *ast.Import:
		return e.importFile(x)
	}
	e.report(expr.Pos(), diag.ExpectedName, "Expected name.")
	return Ref{}, false
}

func (e *Env) relative(x *ast.Name) (Ref, bool) {
	name := x.Name.Text
	for i, param := range e.implicit {
		if param.Text == name {
			return Ref{Param: Param{e.implicitID, i}}, true
		}
	}
	for d := e.in; d != nil; d = d.Parent {
		if r, ok := e.find(d, e.scope, name, x); ok {
			return e.note(r, x), true
		}
		for i, param := range d.Params {
			if param.Text == name {
				return e.program.parameter(e.scope, Param{d.ID, i}, x), true
			}
		}
	}
	if d := e.program.byName[name]; d != nil {
		r := Ref{Decl: d, scope: e.scope.pop(0).push(d.ID, len(d.Params)), expr: x}
		return e.note(r, x), true
	}
	return e.undefined(x)
}

func (e *Env) absolute(x *ast.Name) (Ref, bool) {
	r, ok := e.find(e.in.Module.Root, e.scope, x.Name.Text, x)
	if !ok {
		return e.undefined(x)
	}
	return e.note(r, x), true
}

func (e *Env) undefined(x *ast.Name) (Ref, bool) {
	e.report(x.Name.Span, diag.NotDefined, "Not defined: "+x.Name.Text)
	return Ref{}, false
}

// find looks a name up among the members of d, for one who stands in s.
func (e *Env) find(d *Decl, s *scope, name string, expr ast.Expr) (Ref, bool) {
	if c := d.decls[name]; c != nil {
		return Ref{Decl: c, scope: s.pop(d.ID).push(c.ID, len(c.Params)), expr: expr}, true
	}
	if a := d.aliases[name]; a != nil {
		if t := e.program.aliasTarget(a); t != nil {
			return e.instantiate(s, t, expr), true
		}
	}
	return Ref{}, false
}

// note remembers that the expression names a declaration.
func (e *Env) note(r Ref, x ast.Expr) Ref {
	if r.Decl != nil {
		m := e.in.Module
		m.Identifiers = append(m.Identifiers, Identifier{x.Pos(), r.Decl.ID})
	}
	return r
}

func (e *Env) importFile(x *ast.Import) (Ref, bool) {
	m, err := e.program.Import(e.in.Module, x.Path.Text)
	if err != nil {
		e.program.ReportHint(e.in.Module, x.Path.Span, diag.ImportFailed, "Import failed: "+x.Path.Text, err.Error())
		return Ref{}, false
	}
	return e.note(Ref{Decl: m.Root, scope: m.Root.lexical(), expr: x}, x), true
}

func (e *Env) member(r Ref, x *ast.Member) (Ref, bool) {
	if r.Decl != nil {
		if m, ok := e.find(r.Decl, r.scope, x.Name.Text, x); ok {
			return e.note(m, x), true
		}
	}
	e.report(x.Name.Span, diag.NoMember, fmt.Sprintf("'%s' has no member named '%s'", String(x.Parent), x.Name.Text))
	return Ref{}, false
}

// apply binds generic parameters. If that fails it returns r as it was.
func (e *Env) apply(r Ref, x *ast.Apply) Ref {
	args := make([]Ref, 0, len(x.Args))
	failed := false
	for _, a := range x.Args {
		if a.Name != nil {
			e.report(a.Name.Span, diag.NamedParameter, "Named parameter not allowed here.")
		}
		arg, ok := e.Resolve(a.Value)
		if !ok {
			failed = true
		}
		args = append(args, arg)
	}
	if failed {
		r.failed = true
		return r
	}
	if r.Decl == nil || !e.acceptable(r, args, x) {
		return r
	}
	bound := newScope(scope{parent: r.scope.parent, id: r.scope.id, params: r.scope.params, args: args})
	if p := e.program; bound.weight > p.limits.Brand {
		e.report(x.Span, diag.BrandTooBig, fmt.Sprintf("This generic type stands for more than %d types.", p.limits.Brand))
		return r
	}
	return Ref{Decl: r.Decl, scope: bound, expr: x}
}

// acceptable checks the arguments against the declaration.
func (e *Env) acceptable(r Ref, args []Ref, x *ast.Apply) bool {
	want := r.scope.params
	switch {
	case len(r.scope.args) > 0:
		e.report(x.Span, diag.AppliedTwice, "Double-application of generic parameters.")
	case len(args) > want && want == 0:
		e.report(x.Span, diag.NotGeneric, "Declaration does not accept generic parameters.")
	case len(args) > want:
		e.report(x.Span, diag.ParameterCount, "Too many generic parameters.")
	case len(args) < want:
		e.report(x.Span, diag.ParameterCount, "Not enough generic parameters.")
	default:
		if r.Decl.Kind != List {
			e.wantPointers(args, x)
		}
		return true
	}
	return false
}

func (e *Env) wantPointers(args []Ref, x *ast.Apply) {
	for i, a := range args {
		if a.Decl == nil {
			continue
		}
		switch a.Decl.Kind {
		case List, Text, Data, AnyPointer, Struct, Interface:
		default:
			e.report(x.Args[i].Value.Pos(), diag.PrimitiveParameter, "Sorry, only pointer types can be used as generic parameters.")
		}
	}
}

// Alias finds out what a `using` declaration stands for, reporting what is
// wrong with it.
func (p *Program) Alias(a *Alias) { p.aliasTarget(a) }

func (p *Program) aliasTarget(a *Alias) *target {
	if a.started {
		return a.target // still nil if we are asked on the way: a cycle
	}
	a.started = true
	e := p.Env(a.In)
	if p.aliasDepth >= p.limits.AliasDepth {
		e.report(a.AST.Name.Span, diag.TooDeep, fmt.Sprintf("More than %d aliases lead to one another.", p.limits.AliasDepth))
		return nil
	}
	p.aliasDepth++
	defer func() { p.aliasDepth-- }()
	r, ok := e.Resolve(a.AST.Target)
	if !ok {
		return nil
	}
	if r.Decl == nil {
		a.target = &target{param: r.Param}
		return a.target
	}
	a.target = &target{decl: r.Decl, in: a.In.ID, brand: e.Brand(r)}
	return a.target
}

// Brand is what the parameters of r are bound to; nil if nothing is.
func (e *Env) Brand(r Ref) *ir.Brand {
	if !e.spend(r.weight(), r.expr) {
		return nil
	}
	return e.brand(r.scope)
}

// Lexical is the brand of something that is declared directly in this place.
func (e *Env) Lexical() *ir.Brand { return e.brand(e.scope) }

// spend counts the types that expr stands for against the limits.
func (e *Env) spend(weight int, expr ast.Expr) bool {
	if e.program.SpendBrand(weight) {
		return true
	}
	var span source.Span
	if expr != nil {
		span = expr.Pos()
	}
	e.report(span, diag.BrandTooBig, "The generic types stand for too many types.")
	return false
}

// SpendBrand counts a brand of the given weight against the limits. It reports
// nothing.
func (p *Program) SpendBrand(weight int) bool {
	if weight == 0 {
		return true
	}
	p.brandTotal = min(p.brandTotal+weight, ir.MaxWeight)
	return weight <= p.limits.Brand && p.brandTotal <= p.limits.BrandTotal
}

// position is where complaints about r point.
func position(r Ref) source.Span {
	if r.expr == nil {
		return source.Span{}
	}
	return r.expr.Pos()
}

package resolve

import (
	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/ir"
)

// Ref is what an expression names: a declaration with its generic parameters
// bound or not, or a generic parameter itself.
type Ref struct {
	Decl  *Decl // nil for a parameter
	Param Param
	scope *scope   // of a declaration
	expr  ast.Expr // as written; nil if it came about in another way

	failed bool // its parameters are not known; that was reported
}

// Param is a generic parameter that is not bound. ScopeID 0 means the implicit
// parameters of a method.
type Param struct {
	ScopeID uint64
	Index   int
}

// String is the expression as shown in messages.
func (r Ref) String() string {
	if r.expr == nil {
		return ""
	}
	return String(r.expr)
}

func (r Ref) weight() int {
	if r.scope == nil {
		return 0
	}
	return r.scope.weight
}

// scope binds generic parameters for a declaration and what encloses it: for
// `Foo(Text).Bar` the scope of Bar, whose parent is that of Foo with Text.
// Scopes do not change once made.
type scope struct {
	parent *scope
	id     uint64
	params int // the declaration has
	// inherited: the expression stands inside the declaration, so that unbound
	// parameters are the declaration's own.
	inherited bool
	args      []Ref
	weight    int // number of args here and below, counted with repetition

	// A memo, no part of the value.
	brand      *ir.Brand
	brandKnown bool
}

func newScope(s scope) *scope {
	if s.parent != nil {
		s.weight = s.parent.weight
	}
	for _, a := range s.args {
		s.weight = min(s.weight+1+a.weight(), ir.MaxWeight)
	}
	return &s
}

// lexical is the scope of expressions that stand in d.
func (d *Decl) lexical() *scope {
	if d.scope == nil {
		s := scope{id: d.ID, params: len(d.Params), inherited: true}
		if d.Parent != nil {
			s.parent = d.Parent.lexical()
		}
		d.scope = newScope(s)
	}
	return d.scope
}

// push is the scope of a declaration directly inside s, nothing bound.
func (s *scope) push(id uint64, params int) *scope {
	return newScope(scope{parent: s, id: id, params: params})
}

// pop is the enclosing scope with the id, or an empty one outside of s.
func (s *scope) pop(id uint64) *scope {
	for t := s; t != nil; t = t.parent {
		if t.id == id {
			return t
		}
	}
	return newScope(scope{id: id})
}

// find is the enclosing scope with the id, or nil.
func (s *scope) find(id uint64) *scope {
	for t := s; t != nil; t = t.parent {
		if t.id == id {
			return t
		}
	}
	return nil
}

// lookup returns what a parameter is bound to; ok is false if it stays what it
// is because s lies inside its declaration.
func (p *Program) lookup(s *scope, param Param) (r Ref, ok bool) {
	t := s.find(param.ScopeID)
	switch {
	case t == nil:
		return Ref{Param: param}, true
	case param.Index < len(t.args):
		return t.args[param.Index], true
	case t.inherited:
		return Ref{}, false
	}
	return p.builtin(AnyPointer), true // unbound means AnyPointer
}

// builtin is a reference to a built-in type.
func (p *Program) builtin(k Kind) Ref {
	d := p.builtins[k]
	return Ref{Decl: d, scope: newScope(scope{id: d.ID, params: len(d.Params)})}
}

// brand is the scope in the form of the schema: levels with something to say,
// innermost first. Equal scopes give the same brand, so that types share parts.
func (e *Env) brand(s *scope) *ir.Brand {
	if !s.brandKnown {
		s.brand, s.brandKnown = e.makeBrand(s), true
	}
	return s.brand
}

func (e *Env) makeBrand(s *scope) *ir.Brand {
	var scopes []ir.BrandScope
	for ; s != nil; s = s.parent {
		switch {
		case s.inherited && s.params > 0 && len(s.args) == 0:
			scopes = append(scopes, ir.BrandScope{ScopeID: s.id, Inherit: true})
		case len(s.args) > 0:
			b := ir.BrandScope{ScopeID: s.id}
			for _, a := range s.args {
				t, _ := e.TypeOf(a)
				b.Bind = append(b.Bind, t)
			}
			scopes = append(scopes, b)
		}
	}
	return ir.NewBrand(scopes)
}

// target is what an alias stands for.
type target struct {
	decl  *Decl // nil for a parameter
	param Param
	in    uint64    // the scope that the alias stands in
	brand *ir.Brand // nil if nothing is bound
}

// instantiate gives an alias its meaning for one who names it in scope s: the
// alias's own brand, with parameters of the scope it stands in replaced.
func (e *Env) instantiate(s *scope, t *target, expr ast.Expr) Ref {
	if t.decl == nil {
		return e.program.parameter(s, t.param, expr)
	}
	s = s.pop(t.in)
	if t.brand != nil && e.spend(t.brand.Weight(), expr) {
		in := instance{p: e.program, client: s, made: map[*ir.Type]Ref{}}
		s = in.scope(t.decl, t.brand.Scopes)
	} else {
		s = s.push(t.decl.ID, len(t.decl.Params))
	}
	return Ref{Decl: t.decl, scope: s, expr: expr}
}

// parameter is what a generic parameter means for one who names it in s.
func (p *Program) parameter(s *scope, param Param, expr ast.Expr) Ref {
	if r, ok := p.lookup(s, param); ok {
		return r
	}
	return Ref{Param: param, expr: expr}
}

// instance is a brand becoming a scope again, as it reads in the scope client.
type instance struct {
	p      *Program
	client *scope
	made   map[*ir.Type]Ref // types share parts, so do refs
}

// scope makes the scope of d from the levels of a brand.
func (in *instance) scope(d *Decl, brand []ir.BrandScope) *scope {
	s := scope{id: d.ID, params: len(d.Params)}
	if len(brand) > 0 && brand[0].ScopeID == d.ID {
		if !brand[0].Inherit {
			for _, t := range brand[0].Bind {
				s.args = append(s.args, in.ref(t))
			}
		} else if c := in.client.find(d.ID); c != nil {
			s.inherited, s.args = c.inherited, c.args
		}
		brand = brand[1:]
	}
	if d.Parent != nil {
		s.parent = in.scope(d.Parent, brand)
	}
	return newScope(s)
}

// typeKinds maps the types that need nothing more than their name.
var typeKinds = map[ir.TypeKind]Kind{
	ir.Void: Void, ir.Bool: Bool, ir.Int8: Int8, ir.Int16: Int16, ir.Int32: Int32, ir.Int64: Int64,
	ir.Uint8: UInt8, ir.Uint16: UInt16, ir.Uint32: UInt32, ir.Uint64: UInt64,
	ir.Float32: Float32, ir.Float64: Float64, ir.Text: Text, ir.Data: Data,
}

var anyKinds = map[ir.AnyKind]Kind{
	ir.AnyAny: AnyPointer, ir.AnyStruct: AnyStruct, ir.AnyList: AnyList, ir.AnyCapability: Capability,
}

// ref turns a type back into what names it.
func (in *instance) ref(t *ir.Type) Ref {
	r, ok := in.made[t]
	if !ok {
		r = in.makeRef(t)
		in.made[t] = r
	}
	return r
}

func (in *instance) makeRef(t *ir.Type) Ref {
	switch t.Kind {
	case ir.List:
		r := in.p.builtin(List)
		r.scope = newScope(scope{id: r.Decl.ID, params: 1, args: []Ref{in.ref(t.Elem)}})
		return r
	case ir.EnumType, ir.StructType, ir.InterfaceType:
		d := in.p.byID[t.ID]
		var scopes []ir.BrandScope
		if t.Brand != nil {
			scopes = t.Brand.Scopes
		}
		return Ref{Decl: d, scope: in.scope(d, scopes)}
	case ir.AnyPointer:
		switch t.Any {
		case ir.AnyParam:
			return in.p.parameter(in.client, Param{t.ScopeID, t.Index}, nil)
		case ir.AnyImplicitParam:
			return Ref{Param: Param{0, t.Index}}
		}
		return in.p.builtin(anyKinds[t.Any])
	}
	return in.p.builtin(typeKinds[t.Kind])
}

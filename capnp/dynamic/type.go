package dynamic

import (
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// Type is the type of a field, a list's elements or a value, with type parameters bound as far as the schema says.
// The zero Type is invalid.
type Type struct {
	kind Kind
	reg  *schema.Registry
	raw  schema.Type // of lists
	id   uint64      // of enums, structs and interfaces
	node schema.Node // of the same; null if the registry lacks it
	env  *bindings
}

// Kind returns the kind.
func (t Type) Kind() Kind { return t.kind }

// Elem returns the type of a list's elements, the zero Type for other types.
func (t Type) Elem() Type {
	if t.kind != ListKind {
		return Type{}
	}
	return typeOf(t.reg, t.raw.List().ElementType(), t.env)
}

// Struct returns the struct type, if it is one.
func (t Type) Struct() StructType {
	if t.kind != StructKind {
		return StructType{}
	}
	return StructType{t.reg, t.id, t.node, t.env}
}

// Enum returns the enum type, if it is one.
func (t Type) Enum() EnumType {
	if t.kind != EnumKind {
		return EnumType{}
	}
	return EnumType{t.id, t.node}
}

// Interface returns the interface, if it is one. That of `Capability` has no id and no methods.
func (t Type) Interface() Interface {
	if t.kind != InterfaceKind {
		return Interface{}
	}
	return Interface{t.reg, t.id, t.node, t.env}
}

// ID returns the id of an enum, a struct or an interface; 0 for other types.
func (t Type) ID() uint64 { return t.id }

// String returns the type about as a schema spells it: "List(Text)".
func (t Type) String() string { return t.string(0) }

func (t Type) string(depth int) string {
	switch {
	case depth > maxScopes:
		return "…"
	case t.kind == ListKind:
		return "List(" + t.Elem().string(depth+1) + ")"
	case t.kind == InterfaceKind && t.id == 0:
		return "Capability"
	case t.kind == StructKind || t.kind == EnumKind || t.kind == InterfaceKind:
		return shortName(t.node, t.id)
	}
	return t.kind.String()
}

// plainKind is the kind of a type or value that needs no more than its variant: those are in the same order.
func plainKind(which uint16) Kind {
	if which <= uint16(schema.TypeWhichData) {
		return Kind(which) + Void
	}
	return Invalid
}

// typeOf resolves a type where env holds. A type that the schema says in a way nobody knows is AnyPointer, or
// Invalid if it may be no pointer.
func typeOf(reg *schema.Registry, t schema.Type, env *bindings) Type {
	for hop := 0; ; hop++ {
		r := Type{reg: reg, raw: t, env: env}
		var want schema.NodeWhich
		switch t.Which() {
		case schema.TypeWhichList:
			r.kind = ListKind
			return r
		case schema.TypeWhichAnyPointer:
			next, outer, bound := argument(t, env)
			if !bound || hop == maxScopes {
				return anyType(reg, t)
			}
			t, env = next, outer
			continue
		case schema.TypeWhichEnum:
			r.kind, r.id, want = EnumKind, t.Enum().TypeId(), schema.NodeWhichEnum
			r.env = nil
		case schema.TypeWhichStruct:
			r.kind, r.id, want = StructKind, t.Struct().TypeId(), schema.NodeWhichStruct
			r.env = bind(t.Struct().Brand(), env)
		case schema.TypeWhichInterface:
			r.kind, r.id, want = InterfaceKind, t.Interface().TypeId(), schema.NodeWhichInterface
			r.env = bind(t.Interface().Brand(), env)
		default:
			r.kind = plainKind(uint16(t.Which()))
			if hop > 0 && !r.kind.IsPointer() {
				return Type{kind: AnyPointer, reg: reg}
			}
			return r
		}
		if hop > 0 && r.kind == EnumKind {
			return Type{kind: AnyPointer, reg: reg}
		}
		r.raw = schema.Type{}
		if n, ok := node(reg, r.id, want); ok && !n.Struct().IsGroup() {
			r.node = n
		}
		return r
	}
}

// argument returns what a type parameter is bound to.
func argument(t schema.Type, env *bindings) (arg schema.Type, outer *bindings, ok bool) {
	if t.AnyPointer().Which() != schema.TypeAnyPointerWhichParameter {
		return arg, nil, false
	}
	p := t.AnyPointer().Parameter()
	s, ok := env.scope(p.ScopeId())
	if !ok || int(p.ParameterIndex()) >= s.args.Len() {
		return arg, nil, false
	}
	b := s.args.At(int(p.ParameterIndex()))
	if b.Which() != schema.BrandBindingWhichType {
		return arg, nil, false
	}
	return b.Type(), s.outer, true
}

func anyType(reg *schema.Registry, t schema.Type) Type {
	kind := AnyPointer
	if t.AnyPointer().Which() == schema.TypeAnyPointerWhichUnconstrained {
		switch t.AnyPointer().Unconstrained().Which() {
		case schema.TypeAnyPointerUnconstrainedWhichStruct:
			kind = AnyStruct
		case schema.TypeAnyPointerUnconstrainedWhichList:
			kind = AnyList
		case schema.TypeAnyPointerUnconstrainedWhichCapability:
			kind = InterfaceKind
		}
	}
	return Type{kind: kind, reg: reg}
}

// node returns a node of the kind wanted.
func node(reg *schema.Registry, id uint64, want schema.NodeWhich) (schema.Node, bool) {
	if reg == nil {
		return schema.Node{}, false
	}
	n, ok := reg.Node(id)
	if !ok || n.Which() != want {
		return schema.Node{}, false
	}
	return n, true
}

// lookup is node with an error.
func lookup(reg *schema.Registry, id uint64, want schema.NodeWhich) (schema.Node, error) {
	if n, ok := node(reg, id, want); ok {
		return n, nil
	}
	if reg != nil {
		if n, ok := reg.Node(id); ok {
			return schema.Node{}, fmt.Errorf("%s is no %s", shortName(n, id), want)
		}
	}
	return schema.Node{}, fmt.Errorf("no schema of @%#016x", id)
}

func isNull(n schema.Node) bool { return capnp.IsNull(n) }

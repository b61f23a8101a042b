package lower

import (
	"lanyard.dev/capnp/compiler/ir"
	"lanyard.dev/capnp/compiler/resolve"
)

// Types of values are closed: parameters in them are replaced by what the brand
// of the struct, constant or annotation says. What stays a parameter belongs
// to a generic that the value itself stands in.

// binding is the argument of one bind.
type binding struct {
	typ   *ir.Type
	brand *ir.Brand
}

var anything = &ir.Type{Kind: ir.AnyPointer}

// bind closes a type that is declared in something with the given brand.
func (l *lowerer) bind(t *ir.Type, brand *ir.Brand) *ir.Type {
	switch t.Kind {
	case ir.List, ir.EnumType, ir.StructType, ir.InterfaceType, ir.AnyPointer:
	default:
		return t
	}
	key := binding{t, brand}
	if b := l.bound[key]; b != nil {
		return b
	}
	b := t
	switch t.Kind {
	case ir.List:
		if elem := l.bind(t.Elem, brand); elem != t.Elem {
			b = &ir.Type{Kind: ir.List, Elem: elem}
		}
	case ir.AnyPointer:
		if t.Any == ir.AnyParam {
			b = argument(t, brand)
		}
	default:
		if t.Brand != nil {
			b = &ir.Type{Kind: t.Kind, ID: t.ID, Brand: l.bindBrand(t.Brand, brand)}
		}
	}
	l.bound[key] = b
	return b
}

// argument is what a parameter is bound to.
func argument(t *ir.Type, brand *ir.Brand) *ir.Type {
	s := scopeOf(brand, t.ScopeID)
	switch {
	case s == nil:
		return anything
	case s.Inherit:
		return t
	case t.Index < len(s.Bind):
		return s.Bind[t.Index]
	}
	return anything
}

func scopeOf(brand *ir.Brand, id uint64) *ir.BrandScope {
	if brand == nil {
		return nil
	}
	for i := range brand.Scopes {
		if brand.Scopes[i].ScopeID == id {
			return &brand.Scopes[i]
		}
	}
	return nil
}

// bindBrand closes a brand that stands in something with the brand client.
func (l *lowerer) bindBrand(b, client *ir.Brand) *ir.Brand {
	scopes := make([]ir.BrandScope, len(b.Scopes))
	for i, s := range b.Scopes {
		scopes[i].ScopeID = s.ScopeID
		if s.Inherit {
			if c := scopeOf(client, s.ScopeID); c != nil {
				scopes[i] = *c
			}
			continue
		}
		for _, t := range s.Bind {
			scopes[i].Bind = append(scopes[i].Bind, l.bind(t, client))
		}
	}
	bound := ir.NewBrand(scopes)
	if !l.program.SpendBrand(bound.Weight()) {
		l.brandsSpent = true
		return nil
	}
	return bound
}

// closed is a brand as it reads where no parameter means anything.
func (l *lowerer) closed(b *ir.Brand) *ir.Brand {
	if b == nil {
		return nil
	}
	return l.bindBrand(b, nil)
}

// same reports whether two closed types are the same.
func same(a, b *ir.Type) bool {
	if a == b {
		return true
	}
	if a.Kind != b.Kind || a.ID != b.ID || a.Any != b.Any || a.ScopeID != b.ScopeID || a.Index != b.Index {
		return false
	}
	if a.Kind == ir.List {
		return same(a.Elem, b.Elem)
	}
	return sameBrand(a.Brand, b.Brand)
}

func sameBrand(a, b *ir.Brand) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || len(a.Scopes) != len(b.Scopes) || a.Weight() != b.Weight() {
		return false
	}
	for _, s := range a.Scopes {
		t := scopeOf(b, s.ScopeID)
		if t == nil || s.Inherit != t.Inherit || len(s.Bind) != len(t.Bind) {
			return false
		}
		for i := range s.Bind {
			if !same(s.Bind[i], t.Bind[i]) {
				return false
			}
		}
	}
	return true
}

// structOf is the shape of a struct type; nil if it is not known.
func (l *lowerer) structOf(t *ir.Type) *ir.Node {
	d := l.program.Decl(t.ID)
	if d == nil || d.Kind != resolve.Struct {
		return nil
	}
	if u := l.advance(d, shaped); u != nil {
		return u.node
	}
	return nil
}

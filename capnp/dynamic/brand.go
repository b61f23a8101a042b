package dynamic

import (
	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// bindings are the arguments of the type parameters in scope somewhere. nil is none.
type bindings struct{ scopes []boundScope }

// boundScope is the arguments for the parameters of one node.
type boundScope struct {
	id    uint64
	args  capnp.List[schema.BrandBinding]
	outer *bindings // what parameters in args mean
}

// maxScopes bounds the scopes of one brand, and how often an argument may turn out a parameter again.
const maxScopes = 64

func (b *bindings) scope(id uint64) (boundScope, bool) {
	if b != nil {
		for _, s := range b.scopes {
			if s.id == id {
				return s, true
			}
		}
	}
	return boundScope{}, false
}

// bind returns what is bound inside a type that is used with a brand where outer holds.
func bind(brand schema.Brand, outer *bindings) *bindings {
	scopes := brand.Scopes()
	if scopes.Len() == 0 || scopes.Len() > maxScopes {
		return nil
	}
	in := &bindings{}
	for _, s := range scopes.All() {
		switch s.Which() {
		case schema.BrandScopeWhichBind:
			in.scopes = append(in.scopes, boundScope{s.ScopeId(), s.Bind(), outer})
		case schema.BrandScopeWhichInherit:
			if o, ok := outer.scope(s.ScopeId()); ok {
				in.scopes = append(in.scopes, o)
			}
		}
	}
	return in
}

package ir

// TypeKind tells what a type is. The numbers are those of schema.capnp.
type TypeKind uint8

const (
	Void TypeKind = iota
	Bool
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float32
	Float64
	Text
	Data
	List
	EnumType
	StructType
	InterfaceType
	AnyPointer
)

// AnyKind tells the kinds of AnyPointer apart.
type AnyKind uint8

const (
	AnyAny AnyKind = iota
	AnyStruct
	AnyList
	AnyCapability
	AnyParam         // a generic parameter of ScopeID
	AnyImplicitParam // a generic parameter of the method itself
)

// Type is a schema.Type. Types are shared and never change.
type Type struct {
	Kind  TypeKind
	Elem  *Type  // of a List
	ID    uint64 // of an enum, struct or interface
	Brand *Brand // of an enum, struct or interface; nil if nothing is bound

	Any     AnyKind // of an AnyPointer
	ScopeID uint64  // of an AnyParam
	Index   int     // of an AnyParam or AnyImplicitParam
}

// Weight is the number of nodes the type has when written out; types share
// parts, so it can be far more than the memory they take. It stops at MaxWeight.
func (t *Type) Weight() int {
	// Brands carry their weight, so this follows lists only.
	n := 1
	for t.Kind == List && t.Elem != nil {
		t = t.Elem
		n++
	}
	if t.Brand != nil {
		n += t.Brand.weight
	}
	return min(n, MaxWeight)
}

// MaxWeight is where Weight stops counting.
const MaxWeight = 1 << 30

// Pointer reports whether values of the type live in the pointer section.
func (t *Type) Pointer() bool {
	switch t.Kind {
	case Text, Data, List, StructType, InterfaceType, AnyPointer:
		return true
	}
	return false
}

// Brand is a schema.Brand: what the parameters of a generic are bound to,
// innermost scope first.
type Brand struct {
	Scopes []BrandScope
	weight int
}

// BrandScope binds the parameters of one scope. Inherit means they are whatever
// they are where the brand stands.
type BrandScope struct {
	ScopeID uint64
	Inherit bool
	Bind    []*Type
}

// NewBrand returns a brand of the given scopes, nil for none.
func NewBrand(scopes []BrandScope) *Brand {
	if len(scopes) == 0 {
		return nil
	}
	n := 0
	for _, s := range scopes {
		n++
		for _, t := range s.Bind {
			n = min(n+t.Weight(), MaxWeight)
		}
	}
	return &Brand{Scopes: scopes, weight: n}
}

// Weight is the number of types and scopes in the brand; 0 for nil.
func (b *Brand) Weight() int {
	if b == nil {
		return 0
	}
	return b.weight
}

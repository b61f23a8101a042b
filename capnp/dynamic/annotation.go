package dynamic

import (
	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/capnp/schemas/lanyard"
)

const (
	readOnlyAnnotation   = lanyard.ReadOnlyAnnotation
	idempotentAnnotation = lanyard.IdempotentAnnotation
	secretAnnotation     = lanyard.SecretAnnotation
)

func annotated(list capnp.List[schema.Annotation], id uint64) bool {
	for _, a := range list.All() {
		if a.Id() == id {
			return true
		}
	}
	return false
}

// annotation returns the value of an annotation. If the registry does not have the annotation's declaration the type
// is the one that the value itself says.
func annotation(reg *schema.Registry, list capnp.List[schema.Annotation], id uint64) (Value, bool) {
	for _, a := range list.All() {
		if a.Id() != id {
			continue
		}
		t := Type{reg: reg}
		if n, ok := node(reg, id, schema.NodeWhichAnnotation); ok {
			t = typeOf(reg, n.Annotation().Type(), nil)
		} else {
			t.kind = kindOfValue(a.Value())
		}
		return constant(t, a.Value()), true
	}
	return Value{}, false
}

// kindOfValue is the kind of a value as far as the value itself tells.
func kindOfValue(v schema.Value) Kind {
	switch v.Which() {
	case schema.ValueWhichList:
		return AnyList
	case schema.ValueWhichEnum:
		return Uint16
	case schema.ValueWhichStruct:
		return AnyStruct
	case schema.ValueWhichInterface:
		return InterfaceKind
	case schema.ValueWhichAnyPointer:
		return AnyPointer
	}
	return plainKind(uint16(v.Which()))
}

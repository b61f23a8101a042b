package capnp

import "lanyard.dev/internal/wire"

// ElementKind names the type of a list's elements as it is on the wire.
type ElementKind wire.Kind

// The element kinds, and the Go types that go with them. Enums are KindUint16.
const (
	KindVoid    = ElementKind(wire.KindVoid)   // struct{}
	KindBool    = ElementKind(wire.KindBit)    // bool
	KindInt8    = ElementKind(wire.Kind8)      // int8
	KindInt16   = ElementKind(wire.Kind16)     // int16
	KindInt32   = ElementKind(wire.Kind32)     // int32
	KindInt64   = ElementKind(wire.Kind64)     // int64
	KindUint8   = ElementKind(wire.Kind8)      // uint8
	KindUint16  = ElementKind(wire.Kind16)     // uint16
	KindUint32  = ElementKind(wire.Kind32)     // uint32
	KindUint64  = ElementKind(wire.Kind64)     // uint64
	KindFloat32 = ElementKind(wire.Kind32)     // float32
	KindFloat64 = ElementKind(wire.Kind64)     // float64
	KindText    = ElementKind(wire.KindText)   // string
	KindData    = ElementKind(wire.KindData)   // []byte
	KindStruct  = ElementKind(wire.KindStruct) // Struct or a generated type; building: StructBuilder or one
	KindPtr     = ElementKind(wire.KindPtr)    // Ptr; building: PtrBuilder
	KindClient  = ElementKind(wire.KindClient) // Client or a generated type
	KindAny     = ElementKind(wire.KindAny)    // as the element of KindList: AnyList
)

// KindList is the kind of elements that are themselves lists of k: List[…], building ListBuilder[…]. Lists nest at
// most 15 deep.
func KindList(k ElementKind) ElementKind { return ElementKind(wire.ListOf(wire.Kind(k))) }

// Scalar is any Go type that stands for a data type of Cap'n Proto, enums included.
type Scalar interface {
	~struct{} | ~bool | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Element is any Go type that can be an element of a List.
type Element interface {
	Scalar | ~string | ~[]byte | ~wire.StructKind | ~wire.ListKind | clientElement
}

// BuilderElement is any Go type that can be an element of a ListBuilder.
type BuilderElement interface {
	Scalar | ~string | ~[]byte | ~wire.BuilderKind | ~wire.ListBuilderKind | clientElement
}

// A nester is a list type that knows what its own elements can be.
type nester interface{ elementFits(k ElementKind) bool }

// fits tells whether elements of kind k are values of T. Package wire casts on the strength of it.
func fits[T any](k ElementKind) bool {
	w := wire.Kind(k)
	if !wire.Fits[T](w) {
		return false
	}
	if !w.Nested() {
		return true
	}
	var t T
	n, ok := any(t).(nester)
	return ok && n.elementFits(ElementKind(w.Inner()))
}

//go:noinline
func panicElement() { panic("capnp: list element type does not fit its kind") }

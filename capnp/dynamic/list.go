package dynamic

import (
	"iter"

	"lanyard.dev/capnp"
)

// List reads a list by its type. The zero List is null and empty.
type List struct {
	elem Type
	l    capnp.AnyList
}

// Elem returns the type of the elements.
func (l List) Elem() Type { return l.elem }

// Raw returns the list without its type.
func (l List) Raw() capnp.AnyList { return l.l }

// IsNull reports whether there is no list. An empty list is not null.
func (l List) IsNull() bool { return l.l.IsNull() }

// Len returns the number of elements.
func (l List) Len() int { return l.l.Len() }

// All yields the elements in order.
func (l List) All() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		for i := range l.Len() {
			if !yield(i, l.At(i)) {
				return
			}
		}
	}
}

// At returns element i. It panics, as a slice does, unless 0 ≤ i < l.Len().
func (l List) At(i int) Value {
	t := l.elem
	switch t.kind.bits() {
	case 1:
		if capnp.List[bool](l.l).At(i) {
			return scalar(t, 1)
		}
		return scalar(t, 0)
	case 8:
		return scalar(t, uint64(capnp.List[uint8](l.l).At(i)))
	case 16:
		return scalar(t, uint64(capnp.List[uint16](l.l).At(i)))
	case 32:
		return scalar(t, uint64(capnp.List[uint32](l.l).At(i)))
	case 64:
		return scalar(t, capnp.List[uint64](l.l).At(i))
	}
	switch t.kind {
	case StructKind:
		return Value{t: t, s: l.l.Struct(i)}
	case Void, Invalid:
		l.l.Struct(i) // checks i
		return Value{t: t}
	}
	return follow(t, l.l.Ptr(i), capnp.Ptr{})
}

// wireKind is how the elements of a list are told apart on the wire.
func wireKind(t Type) capnp.ElementKind {
	switch t.kind {
	case Void, Invalid:
		return capnp.KindVoid
	case Bool:
		return capnp.KindBool
	case StructKind:
		return capnp.KindStruct
	}
	switch t.kind.bits() {
	case 8:
		return capnp.KindUint8
	case 16:
		return capnp.KindUint16
	case 32:
		return capnp.KindUint32
	case 64:
		return capnp.KindUint64
	}
	return capnp.KindPtr
}

// listAs reads a list as one of elements of type t; it is null if the list is of another type.
func listAs(t Type, l capnp.AnyList) capnp.AnyList {
	switch k := wireKind(t); k {
	case capnp.KindVoid:
		return capnp.ListAs[struct{}](l, k).Any()
	case capnp.KindBool:
		return capnp.ListAs[bool](l, k).Any()
	case capnp.KindUint8:
		return capnp.ListAs[uint8](l, k).Any()
	case capnp.KindUint16:
		return capnp.ListAs[uint16](l, k).Any()
	case capnp.KindUint32:
		return capnp.ListAs[uint32](l, k).Any()
	case capnp.KindUint64:
		return capnp.ListAs[uint64](l, k).Any()
	case capnp.KindStruct:
		return capnp.ListAs[capnp.Struct](l, k).Any()
	}
	return capnp.ListAs[capnp.Ptr](l, capnp.KindPtr).Any()
}

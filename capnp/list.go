package capnp

import (
	"iter"

	"lanyard.dev/internal/wire"
)

// List reads a list. The zero value is the null list, which is empty.
type List[T Element] wire.ListKind

// ListOf returns the list that p leads to. Elements are of kind k, which must go with T; it panics otherwise.
func ListOf[T Element](p Ptr, k ElementKind) List[T] {
	if !fits[T](k) {
		panicElement()
	}
	return List[T](wire.Ptr(p).List(wire.Kind(k)))
}

// ListOfDefault is ListOf with a default for a pointer that is null or bad.
func ListOfDefault[T Element](p Ptr, k ElementKind, def Ptr) List[T] {
	if l := ListOf[T](p, k); !l.IsNull() {
		return l
	}
	return ListOf[T](def, k)
}

// FieldList returns the list that pointer i of s leads to, as ListOf does. Generated code calls it.
func FieldList[T Element](s Struct, i uint16, k ElementKind) List[T] {
	if !fits[T](k) {
		panicElement()
	}
	return List[T](wire.Struct(s).List(i, wire.Kind(k)))
}

// FieldListDefault is FieldList with a default for a pointer that is null or bad.
func FieldListDefault[T Element](s Struct, i uint16, k ElementKind, def Ptr) List[T] {
	if l := FieldList[T](s, i, k); !l.IsNull() {
		return l
	}
	return ListOf[T](def, k)
}

func (l List[T]) elementFits(k ElementKind) bool { return fits[T](k) }

// IsNull tells whether there is no list. An empty list is not null.
func (l List[T]) IsNull() bool { return wire.List(l).IsNull() }

// Len returns the number of elements.
func (l List[T]) Len() int { return wire.List(l).Len() }

// At returns element i. It panics, as a slice does, unless 0 ≤ i < l.Len().
func (l List[T]) At(i int) T {
	if wire.List(l).Fast() {
		return wire.At[T](wire.List(l), i)
	}
	return slowAt[T](wire.List(l), i)
}

// All yields the elements in order.
func (l List[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := range l.Len() {
			if !yield(i, l.At(i)) {
				return
			}
		}
	}
}

// Any returns the list untyped.
func (l List[T]) Any() AnyList { return AnyList(l) }

// Slice returns a copy of a list of data elements.
func Slice[T Scalar](l List[T]) []T {
	w := wire.List(l)
	s := make([]T, w.Len())
	switch {
	case w.Kind() == wire.KindVoid:
	case w.Fast():
		wire.CopyScalars(s, w)
	default:
		for i := range s {
			s[i] = l.At(i)
		}
	}
	return s
}

// slowAt is At for the kinds that need a call.
//
//go:noinline
func slowAt[T Element](l wire.List, i int) (t T) {
	switch k := l.Kind(); k {
	case wire.KindBit:
		return wire.Convert[T](l.Bool(i))
	case wire.KindText:
		b, _ := l.Ptr(i).Text()
		return wire.Convert[T](string(b))
	case wire.KindData:
		b, _ := l.Ptr(i).Bytes()
		return wire.Convert[T](b)
	case wire.KindPtr:
		return wire.Convert[T](l.Ptr(i))
	case wire.KindClient:
		return clientAt[T](l, i)
	default:
		p := l.Ptr(i) // checks i
		if k.Nested() {
			return wire.Convert[T](p.List(k.Inner()))
		}
		return t
	}
}

// AnyList reads a list of any type.
type AnyList wire.List

// ListAs reads a list as one of kind k, which must go with T.
func ListAs[T Element](l AnyList, k ElementKind) List[T] {
	if !fits[T](k) {
		panicElement()
	}
	return List[T](wire.List(l).As(wire.Kind(k)))
}

func (l AnyList) elementFits(k ElementKind) bool { return k == KindAny }

// IsNull tells whether there is no list. An empty list is not null.
func (l AnyList) IsNull() bool { return wire.List(l).IsNull() }

// Len returns the number of elements.
func (l AnyList) Len() int { return wire.List(l).Len() }

// ElementSize returns the size code of the elements as they were sent: 0 nothing, 1 a bit, 2 to 5 one to eight bytes,
// 6 a pointer, 7 a struct.
func (l AnyList) ElementSize() int { return wire.List(l).ElemSize() }

// Struct returns element i as a struct, whose first fields it is if it was sent as something else.
func (l AnyList) Struct(i int) Struct { return Struct(wire.List(l).Struct(i)) }

// Ptr returns element i as a pointer, or the first pointer in it.
func (l AnyList) Ptr(i int) Ptr { return Ptr(wire.List(l).Ptr(i)) }

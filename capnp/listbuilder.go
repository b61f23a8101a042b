package capnp

import (
	"iter"

	"lanyard.dev/internal/wire"
)

// ListBuilder writes a list. The zero value is the null list, which is empty. Elements that are structs, pointers or
// lists are builders, to be written in place; the others are values, for Set.
type ListBuilder[B BuilderElement] wire.ListBuilderKind

// NewFieldList makes pointer i of b lead to a new list of n elements of kind k, which must go with B and be no struct.
func NewFieldList[B BuilderElement](b StructBuilder, i uint16, k ElementKind, n int) ListBuilder[B] {
	return NewList[B](b.Ptr(i), k, n)
}

// NewFieldStructList makes pointer i of b lead to a new list of n structs.
func NewFieldStructList[B BuilderElement](b StructBuilder, i uint16, size StructSize, n int) ListBuilder[B] {
	return NewStructList[B](b.Ptr(i), size, n)
}

// EditFieldList returns the list that pointer i of b leads to. For a null pointer that is a copy of def, or the null
// list when def is null, too.
func EditFieldList[B BuilderElement](b StructBuilder, i uint16, k ElementKind, def Ptr) ListBuilder[B] {
	return EditList[B](b.Ptr(i), k, def)
}

// EditFieldStructList is EditFieldList for structs. A list whose elements are smaller than size is moved to a larger
// place.
func EditFieldStructList[B BuilderElement](b StructBuilder, i uint16, size StructSize, def Ptr) ListBuilder[B] {
	return EditStructList[B](b.Ptr(i), size, def)
}

// NewList is NewFieldList for any pointer.
func NewList[B BuilderElement](p PtrBuilder, k ElementKind, n int) ListBuilder[B] {
	if !fits[B](k) {
		panicElement()
	}
	return ListBuilder[B](wire.PtrBuilder(p).NewList(wire.Kind(k), n))
}

// NewStructList is NewFieldStructList for any pointer.
func NewStructList[B BuilderElement](p PtrBuilder, size StructSize, n int) ListBuilder[B] {
	if !fits[B](KindStruct) {
		panicElement()
	}
	return ListBuilder[B](wire.PtrBuilder(p).NewStructList(wire.Size(size), n))
}

// EditList is EditFieldList for any pointer.
func EditList[B BuilderElement](p PtrBuilder, k ElementKind, def Ptr) ListBuilder[B] {
	if !fits[B](k) {
		panicElement()
	}
	return ListBuilder[B](wire.PtrBuilder(p).EditList(wire.Kind(k), wire.Ptr(def)))
}

// EditStructList is EditFieldStructList for any pointer.
func EditStructList[B BuilderElement](p PtrBuilder, size StructSize, def Ptr) ListBuilder[B] {
	if !fits[B](KindStruct) {
		panicElement()
	}
	return ListBuilder[B](wire.PtrBuilder(p).EditStructList(wire.Size(size), wire.Ptr(def)))
}

// SetFieldList makes pointer i of b lead to a list of kind k with the values v.
func SetFieldList[T Scalar | ~string | ~[]byte](b StructBuilder, i uint16, k ElementKind, v []T) {
	if !fits[T](k) {
		panicElement()
	}
	l := wire.StructBuilder(b).Ptr(i).NewList(wire.Kind(k), len(v))
	if l.Len() != len(v) {
		return
	}
	switch wire.Kind(k) {
	case wire.KindVoid:
	case wire.KindBit:
		for j, t := range wire.Convert[[]bool](v) {
			l.SetBool(j, t)
		}
	case wire.KindText:
		for j, t := range wire.Convert[[]string](v) {
			l.Ptr(j).SetText(t)
		}
	case wire.KindData:
		for j, t := range wire.Convert[[][]byte](v) {
			l.Ptr(j).SetBytes(t)
		}
	default:
		wire.SetScalars(l, v)
	}
}

// CopyFieldList makes pointer i of b lead to a deep copy of v as it was sent, or null if v is.
func CopyFieldList[T Element](b StructBuilder, i uint16, v List[T]) {
	wire.StructBuilder(b).Ptr(i).SetList(wire.List(v))
}

func (l ListBuilder[B]) elementFits(k ElementKind) bool { return fits[B](k) }

// IsNull tells whether there is no list.
func (l ListBuilder[B]) IsNull() bool { return wire.ListBuilder(l).IsNull() }

// Len returns the number of elements.
func (l ListBuilder[B]) Len() int { return wire.ListBuilder(l).Len() }

// At returns element i: a builder to write it in place, or its value. It panics unless 0 ≤ i < l.Len().
func (l ListBuilder[B]) At(i int) B {
	if wire.ListBuilder(l).Fast() {
		return wire.BuilderAt[B](wire.ListBuilder(l), i)
	}
	return slowBuilderAt[B](wire.ListBuilder(l), i)
}

// All yields the elements in order.
func (l ListBuilder[B]) All() iter.Seq2[int, B] {
	return func(yield func(int, B) bool) {
		for i := range l.Len() {
			if !yield(i, l.At(i)) {
				return
			}
		}
	}
}

// Set writes element i of a list of values: data types, text, data, capabilities. Structs, pointers and lists are
// written through the builder that At returns, and Set panics.
func (l ListBuilder[B]) Set(i int, v B) {
	w := wire.ListBuilder(l)
	switch w.Kind() {
	case wire.KindVoid:
		w.Struct(i) // checks i
	case wire.KindBit:
		w.SetBool(i, wire.Convert[bool](v))
	case wire.Kind8, wire.Kind16, wire.Kind32, wire.Kind64:
		wire.SetAt(w, i, v)
	case wire.KindText:
		w.Ptr(i).SetText(wire.Convert[string](v))
	case wire.KindData:
		w.Ptr(i).SetBytes(wire.Convert[[]byte](v))
	case wire.KindClient:
		setClientAt(w, i, v)
	default:
		panic("capnp: Set on a list whose elements are builders")
	}
}

// NewAt makes element i of a list of lists a new list of n elements, which are no structs.
func (l ListBuilder[B]) NewAt(i, n int) B {
	w := wire.ListBuilder(l)
	if !w.Kind().Nested() {
		panic("capnp: NewAt on a list whose elements are not lists")
	}
	return wire.Convert[B](w.Ptr(i).NewList(w.Kind().Inner(), n))
}

// NewStructsAt makes element i of a list of lists of structs a new list of n structs.
func (l ListBuilder[B]) NewStructsAt(i int, size StructSize, n int) B {
	w := wire.ListBuilder(l)
	if w.Kind() != wire.ListOf(wire.KindStruct) {
		panic("capnp: NewStructsAt on a list whose elements are not lists of structs")
	}
	return wire.Convert[B](w.Ptr(i).NewStructList(wire.Size(size), n))
}

// Reader reads element values or what has been built so far. The result follows later changes.
func (l ListBuilder[B]) Reader() AnyList { return AnyList(wire.ListBuilder(l).Reader()) }

// SetStructAt makes struct i of a list equal to v: fields that v lacks get their defaults, fields for which the list's
// elements have no room are lost.
func SetStructAt[B BuilderKind, S StructKind](l ListBuilder[B], i int, v S) {
	wire.ListBuilder(l).Struct(i).Copy(wire.Struct(v))
}

// slowBuilderAt is At for the kinds that need a call.
//
//go:noinline
func slowBuilderAt[B BuilderElement](l wire.ListBuilder, i int) (v B) {
	switch k := l.Kind(); k {
	case wire.KindBit:
		return wire.Convert[B](l.Bool(i))
	case wire.KindText:
		b, _ := l.Ptr(i).Text()
		return wire.Convert[B](string(b))
	case wire.KindData:
		b, _ := l.Ptr(i).Bytes()
		return wire.Convert[B](b)
	case wire.KindPtr:
		return wire.Convert[B](l.Ptr(i))
	case wire.KindClient:
		return builderClientAt[B](l, i)
	default:
		p := l.Ptr(i) // checks i
		if !k.Nested() {
			return v
		}
		return wire.Convert[B](p.EditList(k.Inner(), wire.Ptr{}))
	}
}

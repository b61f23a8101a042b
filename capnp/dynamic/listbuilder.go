package dynamic

import (
	"errors"
	"fmt"

	"lanyard.dev/capnp"
)

// ListBuilder writes a list by its type. The zero ListBuilder is empty.
type ListBuilder struct {
	elem Type
	// l is a list of whatever the elements are; methods convert it.
	l capnp.ListBuilder[capnp.PtrBuilder]
	m *capnp.MessageBuilder
}

// maxElements is how many elements a list can have.
const maxElements = 1<<29 - 1

var errListSize = errors.New("a list cannot have that many elements")

// NewList makes a pointer lead to a new list of a type, which must be one of lists.
func NewList(p capnp.PtrBuilder, t Type, n int) (ListBuilder, error) {
	if t.kind != ListKind {
		return ListBuilder{}, fmt.Errorf("%s is no list", t)
	}
	return newList(p, t.Elem(), n)
}

// newList makes a pointer lead to a new list of elements of type t.
func newList(p capnp.PtrBuilder, t Type, n int) (ListBuilder, error) {
	b := ListBuilder{elem: t, m: capnp.BuilderOf(capnp.StructBuilder(p))}
	if n < 0 || n > maxElements {
		return b, errListSize
	}
	switch k := wireKind(t); k {
	case capnp.KindVoid:
		if t.kind == Invalid {
			return b, fmt.Errorf("no schema of the elements")
		}
		b.l = capnp.ListBuilder[capnp.PtrBuilder](capnp.NewList[struct{}](p, k, n))
	case capnp.KindBool:
		b.l = capnp.ListBuilder[capnp.PtrBuilder](capnp.NewList[bool](p, k, n))
	case capnp.KindUint8:
		b.l = capnp.ListBuilder[capnp.PtrBuilder](capnp.NewList[uint8](p, k, n))
	case capnp.KindUint16:
		b.l = capnp.ListBuilder[capnp.PtrBuilder](capnp.NewList[uint16](p, k, n))
	case capnp.KindUint32:
		b.l = capnp.ListBuilder[capnp.PtrBuilder](capnp.NewList[uint32](p, k, n))
	case capnp.KindUint64:
		b.l = capnp.ListBuilder[capnp.PtrBuilder](capnp.NewList[uint64](p, k, n))
	case capnp.KindStruct:
		if !t.Struct().Known() {
			return b, fmt.Errorf("no schema of %s", t)
		}
		b.l = capnp.ListBuilder[capnp.PtrBuilder](capnp.NewStructList[capnp.StructBuilder](p, t.Struct().Size(), n))
	default:
		b.l = capnp.NewList[capnp.PtrBuilder](p, capnp.KindPtr, n)
	}
	return b, b.Err()
}

// Elem returns the type of the elements.
func (b ListBuilder) Elem() Type { return b.elem }

// Len returns the number of elements.
func (b ListBuilder) Len() int { return b.l.Len() }

// Reader reads what has been built so far.
func (b ListBuilder) Reader() List { return List{b.elem, listAs(b.elem, b.l.Reader())} }

// Err returns what went wrong with the message that is being built.
func (b ListBuilder) Err() error {
	if b.m == nil {
		return errNoStruct
	}
	return b.m.Err()
}

// Set sets element i to a value as [StructBuilder.Set] takes them. It panics unless 0 ≤ i < b.Len().
func (b ListBuilder) Set(i int, v any) error {
	if err := b.set(i, v, 0); err != nil {
		return fmt.Errorf("[%d]: %w", i, err)
	}
	return nil
}

func (b ListBuilder) set(i int, v any, depth int) error {
	switch {
	case b.elem.kind == StructKind:
		e := b.At(i)
		if s, ok := structOf(v); ok {
			if err := sameStruct(e.t, v); err != nil {
				return err
			}
			capnp.SetStructAt(capnp.ListBuilder[capnp.StructBuilder](b.l), i, s)
			return b.Err()
		}
		return e.setAll(v, depth)
	case b.elem.kind.IsPointer():
		return setPtr(b.PtrAt(i), b.elem, v, depth)
	}
	bits, err := scalarBits(b.elem, v)
	if err != nil {
		return err
	}
	switch b.elem.kind.bits() {
	case 0:
		capnp.ListBuilder[struct{}](b.l).Set(i, struct{}{})
	case 1:
		capnp.ListBuilder[bool](b.l).Set(i, bits != 0)
	case 8:
		capnp.ListBuilder[uint8](b.l).Set(i, uint8(bits))
	case 16:
		capnp.ListBuilder[uint16](b.l).Set(i, uint16(bits))
	case 32:
		capnp.ListBuilder[uint32](b.l).Set(i, uint32(bits))
	case 64:
		capnp.ListBuilder[uint64](b.l).Set(i, bits)
	}
	return b.Err()
}

// At returns element i of a list of structs to be filled in, null for other lists. It panics unless 0 ≤ i < b.Len().
func (b ListBuilder) At(i int) StructBuilder {
	if b.elem.kind != StructKind {
		return StructBuilder{}
	}
	return StructBuilder{b.elem.Struct(), capnp.ListBuilder[capnp.StructBuilder](b.l).At(i)}
}

// NewList makes element i of a list of lists a new list of n elements. It panics unless 0 ≤ i < b.Len().
func (b ListBuilder) NewList(i, n int) (ListBuilder, error) {
	if b.elem.kind != ListKind {
		return ListBuilder{}, fmt.Errorf("[%d] is a %s, no list", i, b.elem)
	}
	l, err := newList(b.PtrAt(i), b.elem.Elem(), n)
	if err != nil {
		err = fmt.Errorf("[%d]: %w", i, err)
	}
	return l, err
}

// PtrAt returns the pointer of element i of a list whose elements are pointers, null for other lists. It panics unless
// 0 ≤ i < b.Len().
func (b ListBuilder) PtrAt(i int) capnp.PtrBuilder {
	if wireKind(b.elem) != capnp.KindPtr {
		return capnp.PtrBuilder{}
	}
	return b.l.At(i)
}

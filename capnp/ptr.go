package capnp

import "lanyard.dev/internal/wire"

// Ptr reads a pointer of any type. The zero value is null.
type Ptr wire.Ptr

// PtrKind is what a pointer leads to.
type PtrKind = wire.PtrKind

// The kinds of pointers. A bad pointer counts as null.
const (
	PtrNull   = wire.PtrNull
	PtrStruct = wire.PtrStruct
	PtrList   = wire.PtrList
	PtrCap    = wire.PtrCap
)

// IsNull tells whether the pointer is null.
func (p Ptr) IsNull() bool { return wire.Ptr(p).IsNull() }

// Kind tells what the pointer leads to.
func (p Ptr) Kind() PtrKind { return wire.Ptr(p).Kind() }

// Struct returns the struct the pointer leads to.
func (p Ptr) Struct() Struct { return Struct(wire.Ptr(p).Struct()) }

// AnyList returns the list the pointer leads to; see ListOf for one of known type.
func (p Ptr) AnyList() AnyList { return AnyList(wire.Ptr(p).List(wire.KindAny)) }

// Text returns a copy of the text the pointer leads to.
func (p Ptr) Text() string {
	b, _ := wire.Ptr(p).Text()
	return string(b)
}

// TextBytes returns the text itself, without the final NUL. It must not be changed.
func (p Ptr) TextBytes() []byte {
	b, _ := wire.Ptr(p).Text()
	return b
}

// Data returns the bytes the pointer leads to. They must not be changed.
func (p Ptr) Data() []byte {
	b, _ := wire.Ptr(p).Bytes()
	return b
}

// CapIndex returns the capability table index, if the pointer is a capability.
func (p Ptr) CapIndex() (uint32, bool) { return wire.Ptr(p).CapIndex() }

// Message returns the message the pointer lies in, nil for the zero Ptr.
func (p Ptr) Message() *Message { return (*Message)(wire.Ptr(p).Message()) }

// PtrAs follows a pointer to a struct of type S.
func PtrAs[S StructKind](p Ptr) S { return S(wire.Ptr(p).Struct()) }

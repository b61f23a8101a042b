package capnp

import "lanyard.dev/internal/wire"

// StructSize is the size of a struct's sections.
type StructSize struct {
	DataWords, Pointers uint16
}

// Struct reads a struct of any type; generated types are defined from it. The zero value is the null struct, every
// field of which has its default.
//
// Data fields are read by their place (bytes, for bools bits, from the start of the data section), pointer fields by
// their index. Defaults of data fields are the generated code's business: it XORs them.
type Struct wire.Struct

// StructKind is satisfied by Struct and the generated types.
type StructKind interface{ ~wire.StructKind }

// Bool reads one bit.
func (s Struct) Bool(bit uint32) bool { return wire.Struct(s).Bool(bit) }

// Uint8 reads the byte at off.
func (s Struct) Uint8(off uint32) uint8 { return wire.Struct(s).Uint8(off) }

// Uint16 reads two bytes at off.
func (s Struct) Uint16(off uint32) uint16 { return wire.Struct(s).Uint16(off) }

// Uint32 reads four bytes at off.
func (s Struct) Uint32(off uint32) uint32 { return wire.Struct(s).Uint32(off) }

// Uint64 reads eight bytes at off.
func (s Struct) Uint64(off uint32) uint64 { return wire.Struct(s).Uint64(off) }

// HasPtr tells whether pointer i is set.
func (s Struct) HasPtr(i uint16) bool { return wire.Struct(s).HasPtr(i) }

// Ptr returns pointer i, of whatever type it is.
func (s Struct) Ptr(i uint16) Ptr { return Ptr(wire.Struct(s).Ptr(i)) }

// Struct returns the struct that pointer i leads to.
func (s Struct) Struct(i uint16) Struct { return Struct(wire.Struct(s).Struct(i)) }

// Text returns a copy of the text that pointer i leads to.
func (s Struct) Text(i uint16) string {
	b, _ := wire.Struct(s).Text(i)
	return string(b)
}

// TextBytes returns the text itself, without the final NUL. It must not be changed, and it keeps the message in memory.
func (s Struct) TextBytes(i uint16) []byte {
	b, _ := wire.Struct(s).Text(i)
	return b
}

// Data returns the bytes that pointer i leads to. They must not be changed, and they keep the message in memory.
func (s Struct) Data(i uint16) []byte {
	b, _ := wire.Struct(s).Bytes(i)
	return b
}

// AnyList returns the list that pointer i leads to, of whatever type it is.
func (s Struct) AnyList(i uint16) AnyList { return AnyList(wire.Struct(s).List(i, wire.KindAny)) }

// CapIndex returns the capability table index in pointer i.
func (s Struct) CapIndex(i uint16) (uint32, bool) { return wire.Struct(s).CapIndex(i) }

// PtrDefault, StructDefault, TextDefault, TextBytesDefault and DataDefault return def when the pointer is null or
// bad.

// PtrDefault is Ptr with a default.
func (s Struct) PtrDefault(i uint16, def Ptr) Ptr {
	if !s.HasPtr(i) {
		return def
	}
	return s.Ptr(i)
}

// StructDefault is Struct with a default.
func (s Struct) StructDefault(i uint16, def Ptr) Struct {
	if v := s.Struct(i); !IsNull(v) {
		return v
	}
	return def.Struct()
}

// TextDefault is Text with a default.
func (s Struct) TextDefault(i uint16, def string) string {
	if b, ok := wire.Struct(s).Text(i); ok {
		return string(b)
	}
	return def
}

// TextBytesDefault is TextBytes with a default.
func (s Struct) TextBytesDefault(i uint16, def string) []byte {
	if b, ok := wire.Struct(s).Text(i); ok {
		return b
	}
	return []byte(def)
}

// DataDefault is Data with a default.
func (s Struct) DataDefault(i uint16, def string) []byte {
	if b, ok := wire.Struct(s).Bytes(i); ok {
		return b
	}
	return []byte(def)
}

// IsNull tells whether a struct is the null struct: what an accessor returns for a pointer that is null or bad.
func IsNull[S StructKind](s S) bool { return wire.Struct(s).IsNull() }

// MessageOf returns the message a struct lies in, nil for the null struct.
func MessageOf[S StructKind](s S) *Message { return (*Message)(wire.Struct(s).Message()) }

// Err returns the first defect that any reader of the struct's message met, or nil.
func Err[S StructKind](s S) error {
	if m := wire.Struct(s).Message(); m != nil {
		return m.Err()
	}
	return nil
}

// Verify is [Message.Verify].
func Verify(m *Message) error { return m.Verify() }

// Root returns the root of a message as a struct of type S.
func Root[S StructKind](m *Message) S { return S(m.wire().Root().Struct()) }

// SizeOf returns the size of a struct as it was sent, which may be less or more than its type has.
func SizeOf[S StructKind](s S) StructSize { return StructSize(wire.Struct(s).Size()) }

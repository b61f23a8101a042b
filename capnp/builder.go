package capnp

import "lanyard.dev/internal/wire"

// StructBuilder writes a struct of any type; generated builders are defined from it. The zero value is the null
// builder: it reads as zero and ignores writes. Fields are addressed as in [Struct].
type StructBuilder wire.StructBuilder

// BuilderKind is satisfied by StructBuilder and the generated builders.
type BuilderKind interface{ ~wire.BuilderKind }

// Bool reads one bit.
func (b StructBuilder) Bool(bit uint32) bool { return wire.StructBuilder(b).Bool(bit) }

// Uint8 reads the byte at off.
func (b StructBuilder) Uint8(off uint32) uint8 { return wire.StructBuilder(b).Uint8(off) }

// Uint16 reads two bytes at off.
func (b StructBuilder) Uint16(off uint32) uint16 { return wire.StructBuilder(b).Uint16(off) }

// Uint32 reads four bytes at off.
func (b StructBuilder) Uint32(off uint32) uint32 { return wire.StructBuilder(b).Uint32(off) }

// Uint64 reads eight bytes at off.
func (b StructBuilder) Uint64(off uint32) uint64 { return wire.StructBuilder(b).Uint64(off) }

// SetBool writes one bit.
func (b StructBuilder) SetBool(bit uint32, v bool) { wire.StructBuilder(b).SetBool(bit, v) }

// SetUint8 writes the byte at off.
func (b StructBuilder) SetUint8(off uint32, v uint8) { wire.StructBuilder(b).SetUint8(off, v) }

// SetUint16 writes two bytes at off.
func (b StructBuilder) SetUint16(off uint32, v uint16) { wire.StructBuilder(b).SetUint16(off, v) }

// SetUint32 writes four bytes at off.
func (b StructBuilder) SetUint32(off uint32, v uint32) { wire.StructBuilder(b).SetUint32(off, v) }

// SetUint64 writes eight bytes at off.
func (b StructBuilder) SetUint64(off uint32, v uint64) { wire.StructBuilder(b).SetUint64(off, v) }

// Ptr returns pointer i to write whatever type.
func (b StructBuilder) Ptr(i uint16) PtrBuilder { return PtrBuilder(wire.StructBuilder(b).Ptr(i)) }

// HasPtr tells whether pointer i is set.
func (b StructBuilder) HasPtr(i uint16) bool { return wire.StructBuilder(b).HasPtr(i) }

// ClearPtr makes pointer i null and zeroes what it led to.
func (b StructBuilder) ClearPtr(i uint16) { wire.StructBuilder(b).ClearPtr(i) }

// SetText makes pointer i lead to a copy of v.
func (b StructBuilder) SetText(i uint16, v string) { wire.StructBuilder(b).Ptr(i).SetText(v) }

// SetTextBytes is SetText.
func (b StructBuilder) SetTextBytes(i uint16, v []byte) { wire.StructBuilder(b).Ptr(i).SetTextBytes(v) }

// SetData makes pointer i lead to a copy of v.
func (b StructBuilder) SetData(i uint16, v []byte) { wire.StructBuilder(b).Ptr(i).SetBytes(v) }

// NewData makes pointer i lead to n zero bytes and returns them to be filled in, which must end before the message
// is sent or sealed. It returns nil when there is no room.
func (b StructBuilder) NewData(i uint16, n int) []byte {
	return wire.StructBuilder(b).Ptr(i).NewBytes(n)
}

// Text returns a copy of the text that pointer i leads to.
func (b StructBuilder) Text(i uint16) string { return b.TextDefault(i, "") }

// TextDefault is Text with a default for a null pointer.
func (b StructBuilder) TextDefault(i uint16, def string) string {
	if b.HasPtr(i) {
		if t, ok := wire.StructBuilder(b).Ptr(i).Text(); ok {
			return string(t)
		}
	}
	return def
}

// Data returns the bytes that pointer i leads to. They may be changed until the message is sent or sealed.
func (b StructBuilder) Data(i uint16) []byte {
	if !b.HasPtr(i) {
		return nil
	}
	v, _ := wire.StructBuilder(b).Ptr(i).Bytes()
	return v
}

// DataDefault is Data with a default for a null pointer, which it copies into the message.
func (b StructBuilder) DataDefault(i uint16, def string) []byte {
	if !b.HasPtr(i) && def != "" {
		b.SetData(i, []byte(def))
	}
	return b.Data(i)
}

// NewStruct makes pointer i lead to a new struct. What it led to is zeroed.
func (b StructBuilder) NewStruct(i uint16, size StructSize) StructBuilder {
	return b.Ptr(i).NewStruct(size)
}

// EditStruct returns the struct that pointer i leads to, moved to a larger place if it is smaller than size, as one
// written with an older schema is. For a null pointer that is a copy of def, or a new struct when def is null, too.
func (b StructBuilder) EditStruct(i uint16, size StructSize, def Ptr) StructBuilder {
	return b.Ptr(i).EditStruct(size, def)
}

// SetStruct makes pointer i lead to a deep copy of v, or null if v is.
func (b StructBuilder) SetStruct(i uint16, v Struct) {
	wire.StructBuilder(b).Ptr(i).SetStruct(wire.Struct(v))
}

// SetPtr makes pointer i lead to a deep copy of what v leads to.
func (b StructBuilder) SetPtr(i uint16, v Ptr) { b.Ptr(i).Set(v) }

// SetAnyList makes pointer i lead to a deep copy of v, or null if v is.
func (b StructBuilder) SetAnyList(i uint16, v AnyList) {
	wire.StructBuilder(b).Ptr(i).SetList(wire.List(v))
}

// SetCap makes pointer i the capability at index of the message's capability table.
func (b StructBuilder) SetCap(i uint16, index uint32) { wire.StructBuilder(b).Ptr(i).SetCap(index) }

// PtrBuilder writes a pointer of any type.
type PtrBuilder wire.PtrBuilder

// IsNull tells whether the pointer is null.
func (p PtrBuilder) IsNull() bool { return wire.PtrBuilder(p).IsNull() }

// Clear makes the pointer null and zeroes what it led to.
func (p PtrBuilder) Clear() { wire.PtrBuilder(p).Clear() }

// Reader reads the pointer as it is now.
func (p PtrBuilder) Reader() Ptr { return Ptr(wire.PtrBuilder(p).Reader()) }

// Set makes the pointer lead to a deep copy of what v leads to.
func (p PtrBuilder) Set(v Ptr) { wire.PtrBuilder(p).Set(wire.Ptr(v)) }

// NewStruct makes the pointer lead to a new struct.
func (p PtrBuilder) NewStruct(size StructSize) StructBuilder {
	return StructBuilder(wire.PtrBuilder(p).NewStruct(wire.Size(size)))
}

// EditStruct is [StructBuilder.EditStruct].
func (p PtrBuilder) EditStruct(size StructSize, def Ptr) StructBuilder {
	return StructBuilder(wire.PtrBuilder(p).EditStruct(wire.Size(size), wire.Ptr(def)))
}

// SetStruct makes the pointer lead to a deep copy of v, or null if v is.
func (p PtrBuilder) SetStruct(v Struct) { wire.PtrBuilder(p).SetStruct(wire.Struct(v)) }

// SetText makes the pointer lead to a copy of v.
func (p PtrBuilder) SetText(v string) { wire.PtrBuilder(p).SetText(v) }

// SetData makes the pointer lead to a copy of v.
func (p PtrBuilder) SetData(v []byte) { wire.PtrBuilder(p).SetBytes(v) }

// NewData makes the pointer lead to n zero bytes and returns them to be filled in.
func (p PtrBuilder) NewData(n int) []byte { return wire.PtrBuilder(p).NewBytes(n) }

// SetCap makes the pointer the capability at index of the message's capability table.
func (p PtrBuilder) SetCap(index uint32) { wire.PtrBuilder(p).SetCap(index) }

// View reads what a builder has built so far. It follows later changes.
func View[S StructKind, B BuilderKind](b B) S { return S(wire.StructBuilder(b).Reader()) }

// BuilderOf returns the message a struct is built in, nil for the null builder.
func BuilderOf[B BuilderKind](b B) *MessageBuilder {
	return (*MessageBuilder)(wire.StructBuilder(b).Message())
}

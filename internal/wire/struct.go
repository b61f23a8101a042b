package wire

import "unsafe"

// StructKind is the shape of every struct view, for type constraints of packages that cannot name the fields.
type StructKind = struct {
	p    unsafe.Pointer // data section, pointers behind it
	seg  *segment
	meta meta
}

// Struct reads a struct. Its zero value is the null struct, on which every getter works. What lies outside the
// sections that the sender wrote reads as zero.
type Struct StructKind

// IsNull tells whether the struct is the null struct. A struct without words is not.
func (s Struct) IsNull() bool { return s.seg == nil }

// Message is the message the struct lies in, nil for the null struct.
func (s Struct) Message() *Message {
	if s.seg == nil {
		return nil
	}
	return s.seg.msg
}

// DataBytes and NumPtrs are the sizes of the sections as sent.
func (s Struct) DataBytes() int { return int(s.meta.data()) }
func (s Struct) NumPtrs() int   { return int(s.meta.ptrs()) }

// Size is the size of the sections in words, rounded up.
func (s Struct) Size() Size {
	return Size{uint16((s.meta.data() + wordBytes - 1) / wordBytes), s.meta.ptrs()}
}

// Data is a view of the data section.
func (s Struct) Data() []byte { return s.data() }

func (s Struct) data() []byte {
	n := s.meta.data()
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(s.p), n)[:n:n]
}

// Bool reads one bit.
func (s Struct) Bool(bit uint32) bool {
	if uint64(bit>>3) >= s.meta.data() {
		return false
	}
	return load8(unsafe.Add(s.p, bit>>3))>>(bit&7)&1 != 0
}

// Uint8 reads the byte at off.
func (s Struct) Uint8(off uint32) uint8 {
	if uint64(off) >= s.meta.data() {
		return 0
	}
	return load8(unsafe.Add(s.p, off))
}

// Uint16 reads two bytes at off.
func (s Struct) Uint16(off uint32) uint16 {
	if uint64(off)+2 > s.meta.data() {
		return 0
	}
	return load16(unsafe.Add(s.p, off))
}

// Uint32 reads four bytes at off.
func (s Struct) Uint32(off uint32) uint32 {
	if uint64(off)+4 > s.meta.data() {
		return 0
	}
	return load32(unsafe.Add(s.p, off))
}

// Uint64 reads eight bytes at off.
func (s Struct) Uint64(off uint32) uint64 {
	if uint64(off)+8 > s.meta.data() {
		return 0
	}
	return load64(unsafe.Add(s.p, off))
}

// slot is the address of pointer i < NumPtrs.
func (s Struct) slot(i uint16) unsafe.Pointer {
	return unsafe.Add(s.p, s.meta.data()+uint64(i)*wordBytes)
}

// HasPtr tells whether pointer i is not null.
func (s Struct) HasPtr(i uint16) bool {
	return i < s.meta.ptrs() && load64(s.slot(i)) != 0
}

// Ptr is pointer i, not followed.
func (s Struct) Ptr(i uint16) Ptr {
	if i >= s.meta.ptrs() {
		return Ptr{}
	}
	return Ptr{s.slot(i), s.seg, metaOnePtr | s.meta&metaDepth}
}

// Struct follows pointer i to a struct.
func (s Struct) Struct(i uint16) Struct {
	if i >= s.meta.ptrs() {
		return Struct{}
	}
	return readStruct(s.slot(i), s.seg, s.meta)
}

// List follows pointer i to a list of k.
func (s Struct) List(i uint16, k Kind) List {
	if i >= s.meta.ptrs() {
		return List{}
	}
	return readList(s.slot(i), s.seg, s.meta, k)
}

// Text follows pointer i to text and returns a view of it, without the NUL.
func (s Struct) Text(i uint16) ([]byte, bool) {
	if i >= s.meta.ptrs() {
		return nil, false
	}
	return readText(s.slot(i), s.seg)
}

// Bytes follows pointer i to data and returns a view of it.
func (s Struct) Bytes(i uint16) ([]byte, bool) {
	if i >= s.meta.ptrs() {
		return nil, false
	}
	return readBytes(s.slot(i), s.seg)
}

// CapIndex is the capability table index in pointer i.
func (s Struct) CapIndex(i uint16) (uint32, bool) { return s.Ptr(i).CapIndex() }

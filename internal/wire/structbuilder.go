package wire

import "unsafe"

// BuilderKind is the shape of every struct builder view, for type constraints.
type BuilderKind = struct {
	seg  *builderSegment
	off  uint32
	meta meta
}

// StructBuilder writes a struct. Its zero value is the null builder: it reads as zero and ignores writes.
//
// live is all a getter or setter asks besides its own bounds: a view's range was allocated when it was made, and a
// segment's length never shrinks except to 0, for good.
type StructBuilder BuilderKind

func (b StructBuilder) live() bool { return b.seg.n != 0 }

// IsNull tells whether there is no struct, because allocating it failed.
func (b StructBuilder) IsNull() bool { return b.seg == nil }

// Message is the message the struct is built in, nil for the null builder.
func (b StructBuilder) Message() *MessageBuilder {
	if b.seg == nil {
		return nil
	}
	return b.seg.msg
}

// Size is the size of the sections.
func (b StructBuilder) Size() Size { return Size{uint16(b.meta.data() / wordBytes), b.meta.ptrs()} }

// refuse records a write that found no place. Writing a zero past the end loses nothing.
//
//go:noinline
func (b StructBuilder) refuse(v uint64) {
	switch {
	case b.seg == nil || b.seg.msg == nil:
	case b.seg.n == 0:
		b.seg.msg.fail(errStale)
	case v != 0:
		b.seg.msg.fail(errPastEnd)
	}
}

func (b StructBuilder) at(off uint32) unsafe.Pointer { return unsafe.Add(b.seg.base, b.off+off) }

// Bool reads one bit.
func (b StructBuilder) Bool(bit uint32) bool {
	if uint64(bit>>3) < b.meta.data() && b.live() {
		return load8(b.at(bit>>3))>>(bit&7)&1 != 0
	}
	return false
}

// Uint8 reads the byte at off.
func (b StructBuilder) Uint8(off uint32) uint8 {
	if uint64(off) < b.meta.data() && b.live() {
		return load8(b.at(off))
	}
	return 0
}

// Uint16 reads two bytes at off.
func (b StructBuilder) Uint16(off uint32) uint16 {
	if uint64(off)+2 <= b.meta.data() && b.live() {
		return load16(b.at(off))
	}
	return 0
}

// Uint32 reads four bytes at off.
func (b StructBuilder) Uint32(off uint32) uint32 {
	if uint64(off)+4 <= b.meta.data() && b.live() {
		return load32(b.at(off))
	}
	return 0
}

// Uint64 reads eight bytes at off.
func (b StructBuilder) Uint64(off uint32) uint64 {
	if uint64(off)+8 <= b.meta.data() && b.live() {
		return load64(b.at(off))
	}
	return 0
}

// SetBool writes one bit.
func (b StructBuilder) SetBool(bit uint32, v bool) {
	if uint64(bit>>3) >= b.meta.data() || !b.live() {
		b.refuse(1)
		return
	}
	p := b.at(bit >> 3)
	if v {
		store8(p, load8(p)|1<<(bit&7))
	} else {
		store8(p, load8(p)&^(1<<(bit&7)))
	}
}

// SetUint8 writes the byte at off.
func (b StructBuilder) SetUint8(off uint32, v uint8) {
	if uint64(off) < b.meta.data() && b.live() {
		store8(b.at(off), v)
		return
	}
	b.refuse(uint64(v))
}

// SetUint16 writes two bytes at off.
func (b StructBuilder) SetUint16(off uint32, v uint16) {
	if uint64(off)+2 <= b.meta.data() && b.live() {
		store16(b.at(off), v)
		return
	}
	b.refuse(uint64(v))
}

// SetUint32 writes four bytes at off.
func (b StructBuilder) SetUint32(off uint32, v uint32) {
	if uint64(off)+4 <= b.meta.data() && b.live() {
		store32(b.at(off), v)
		return
	}
	b.refuse(uint64(v))
}

// SetUint64 writes eight bytes at off.
func (b StructBuilder) SetUint64(off uint32, v uint64) {
	if uint64(off)+8 <= b.meta.data() && b.live() {
		store64(b.at(off), v)
		return
	}
	b.refuse(v)
}

// Ptr is pointer i. Past the end it is the null builder.
func (b StructBuilder) Ptr(i uint16) PtrBuilder {
	if i >= b.meta.ptrs() {
		b.refuse(1)
		return PtrBuilder{}
	}
	return PtrBuilder{b.seg, b.off + uint32(b.meta.data()) + uint32(i)*wordBytes, metaOnePtr}
}

// HasPtr tells whether pointer i is not null.
func (b StructBuilder) HasPtr(i uint16) bool {
	return i < b.meta.ptrs() && !b.Ptr(i).IsNull()
}

// ClearPtr makes pointer i null.
func (b StructBuilder) ClearPtr(i uint16) {
	if i < b.meta.ptrs() {
		b.Ptr(i).Clear()
	}
}

// Reader reads the struct as it is now and as it will be changed. The view stays safe, but not meaningful, when the
// struct is moved by being edited with a larger size. The memory is pinned.
func (b StructBuilder) Reader() Struct {
	if b.seg == nil || b.seg.n == 0 {
		return Struct{}
	}
	m := b.seg.msg.reader()
	seg := m.segment(b.seg.id)
	size := int64(b.meta.data()) + int64(b.meta.ptrs())*wordBytes
	return Struct{seg.at(int64(b.off), size), seg, b.meta&(metaData|metaPtrs) | meta(m.depth)<<48}
}

// Copy makes the struct equal to src: data and pointers that src lacks become zero, what does not fit is dropped.
func (b StructBuilder) Copy(src Struct) {
	if b.seg == nil || !b.live() {
		b.refuse(1)
		return
	}
	mb := b.seg.msg
	// Copy the pointers first: src may lie inside what they replace.
	var fresh []copied
	for i := range b.meta.ptrs() {
		if i >= src.meta.ptrs() {
			break
		}
		fresh = append(fresh, mb.copyPtr(b.seg, src.Ptr(i)))
	}
	data := append([]byte(nil), src.data()...)
	for i := range b.meta.ptrs() {
		p := b.Ptr(i)
		p.Clear()
		if int(i) < len(fresh) {
			mb.attach(b.seg, p.off, fresh[i])
		}
	}
	if n := b.meta.data(); n != 0 {
		dst := unsafe.Slice((*byte)(b.at(0)), n)
		clear(dst[copy(dst, data):])
	}
}

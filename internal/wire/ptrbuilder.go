package wire

import "unsafe"

// PtrBuilder writes one pointer. Like [Ptr] it has the shape of a struct with that pointer alone.
type PtrBuilder BuilderKind

// Root is the root pointer.
func (mb *MessageBuilder) Root() PtrBuilder { return PtrBuilder{&mb.seg0, 0, metaOnePtr} }

// ready tells whether the pointer can be written, and records why not.
func (p PtrBuilder) ready() bool {
	if p.meta.ptrs() != 0 && p.seg.n != 0 {
		return true
	}
	StructBuilder(p).refuse(1)
	return false
}

func (p PtrBuilder) slot() uint32 { return p.off + uint32(p.meta.data()) }

func (p PtrBuilder) word() uint64 {
	if p.meta.ptrs() == 0 || p.seg.n == 0 {
		return 0
	}
	return load64(p.seg.at(p.slot()))
}

// IsNull tells whether the pointer is null.
func (p PtrBuilder) IsNull() bool { return p.word() == 0 }

// Message is the message the pointer is built in, nil for the null builder.
func (p PtrBuilder) Message() *MessageBuilder { return StructBuilder(p).Message() }

// Reader reads the pointer. The memory is pinned.
func (p PtrBuilder) Reader() Ptr { return Ptr(StructBuilder(p).Reader()) }

// Clear makes the pointer null and zeroes what only it led to, so that nothing unintended is sent.
func (p PtrBuilder) Clear() {
	w := p.word()
	if w == 0 {
		return
	}
	store64(p.seg.at(p.slot()), 0)
	p.seg.msg.erase(p.seg, p.slot(), w)
}

// Forget makes the pointer null and leaves what it led to, because something else leads there or will.
func (p PtrBuilder) Forget() {
	if p.word() != 0 {
		store64(p.seg.at(p.slot()), 0)
	}
}

// NewStruct makes the pointer lead to a new struct.
func (p PtrBuilder) NewStruct(size Size) StructBuilder {
	if !p.ready() {
		return StructBuilder{}
	}
	p.Clear()
	return p.newStruct(size)
}

func (p PtrBuilder) newStruct(size Size) StructBuilder {
	mb, slot := p.seg.msg, p.slot()
	m := sections(uint32(size.DataWords)*wordBytes, uint32(size.Pointers))
	words := size.words()
	if words == 0 {
		store64(p.seg.at(slot), emptyStruct)
		return StructBuilder{p.seg, slot, m}
	}
	sp, ok := mb.allocate(p.seg, words)
	if !ok || !mb.link(p.seg, slot, sp, kindStructPtr, structHigh(size)) {
		return StructBuilder{}
	}
	return StructBuilder{sp.seg, sp.off, m}
}

// NewOrphan allocates a struct that nothing leads to yet; see PointTo.
func (mb *MessageBuilder) NewOrphan(size Size) StructBuilder {
	sp, ok := mb.allocate(&mb.seg0, size.words())
	if !ok {
		return StructBuilder{}
	}
	return StructBuilder{sp.seg, sp.off, sections(uint32(size.DataWords)*wordBytes, uint32(size.Pointers))}
}

// PointTo makes the pointer lead to a struct of the same message. One pointer should lead to an object: Clear and
// overwriting zero it without looking for others.
func (p PtrBuilder) PointTo(b StructBuilder) {
	if !p.ready() {
		return
	}
	switch {
	case b.seg == nil:
		p.Clear()
	case b.seg.n == 0:
		p.seg.msg.fail(errStale)
	case b.seg.msg != p.seg.msg:
		p.seg.msg.fail(errOtherMsg)
	default:
		p.Clear()
		size := b.Size()
		if size.words() == 0 {
			store64(p.seg.at(p.slot()), emptyStruct)
			return
		}
		p.seg.msg.link(p.seg, p.slot(), space{b.seg, b.off, false}, kindStructPtr, structHigh(size))
	}
}

// EditStruct returns the struct the pointer leads to, moved to a larger place if it is smaller than size. Where
// there is none it is a copy of def, or else new. If there is no room the result is null and the old struct stays.
func (p PtrBuilder) EditStruct(size Size, def Ptr) StructBuilder {
	if !p.ready() {
		return StructBuilder{}
	}
	if p.word() == 0 && !def.IsNull() {
		p.Set(def)
	}
	w := p.word()
	if w == 0 {
		return p.newStruct(size)
	}
	mb := p.seg.msg
	tag, seg, pos, ok := mb.resolve(p.seg, p.slot(), w)
	if !ok || tag&3 != kindStructPtr {
		if ok {
			mb.fail(errNotStruct)
		}
		return p.NewStruct(size)
	}
	old := Size{uint16(tag >> 32), uint16(tag >> 48)}
	m := sections(uint32(old.DataWords)*wordBytes, uint32(old.Pointers))
	if old.words() == 0 {
		pos = int64(p.slot())
		seg = p.seg
	}
	if !seg.holds(pos, int64(old.words())*wordBytes) {
		mb.fail(errStructBounds)
		return StructBuilder{}
	}
	was := StructBuilder{seg, uint32(pos), m}
	if old.DataWords >= size.DataWords && old.Pointers >= size.Pointers {
		return was
	}
	now := p.newStruct(Size{max(old.DataWords, size.DataWords), max(old.Pointers, size.Pointers)})
	if now.seg == nil {
		store64(p.seg.at(p.slot()), w)
		return now
	}
	mb.erasePad(w)
	now.take(was)
	return now
}

// take moves the content of old here, which has room for it and is still zero.
func (b StructBuilder) take(old StructBuilder) {
	mb := b.seg.msg
	if n := old.meta.data(); n != 0 {
		src := unsafe.Slice((*byte)(old.at(0)), n)
		copy(unsafe.Slice((*byte)(b.at(0)), n), src)
		clear(src)
	}
	for i := range old.meta.ptrs() {
		from := old.Ptr(i)
		mb.move(b.seg, b.Ptr(i).off, from)
		from.Forget()
	}
}

// move makes the pointer at byte slot of seg, which is null, lead where p does.
func (mb *MessageBuilder) move(seg *builderSegment, slot uint32, p PtrBuilder) {
	w := p.word()
	switch {
	case w&2 != 0 || uint32(w) == emptyStruct && w>>32 == 0:
		store64(seg.at(slot), w) // these do not depend on where they stand
	case w != 0:
		_, s, pos, _ := mb.resolve(p.seg, p.slot(), w)
		mb.link(seg, slot, space{s, uint32(pos), false}, uint32(w)&3, uint32(w>>32))
	}
}

// SetCap makes the pointer a capability.
func (p PtrBuilder) SetCap(index uint32) {
	if p.ready() {
		p.Clear()
		store64(p.seg.at(p.slot()), capPtr(index))
	}
}

// CapIndex is the capability table index, if the pointer is a capability.
func (p PtrBuilder) CapIndex() (uint32, bool) {
	w := p.word()
	return uint32(w >> 32), isCap(w)
}

// NewBytes makes the pointer lead to a new list of n bytes and returns them. The memory is pinned.
func (p PtrBuilder) NewBytes(n int) []byte {
	b := setBytes(p, n, "")
	if b != nil {
		p.seg.msg.pinned = true
	}
	return b
}

// SetText makes the pointer lead to a copy of s and a final NUL.
func (p PtrBuilder) SetText(s string) { setBytes(p, len(s)+1, s) }

// SetTextBytes is SetText.
func (p PtrBuilder) SetTextBytes(s []byte) { setBytes(p, len(s)+1, s) }

// SetBytes makes the pointer lead to a copy of v.
func (p PtrBuilder) SetBytes(v []byte) { setBytes(p, len(v), v) }

// setBytes makes the pointer lead to n bytes that begin with v. What the pointer led to goes only after v was
// copied, which may be a view of it.
func setBytes[B string | []byte](p PtrBuilder, n int, v B) []byte {
	if !p.ready() {
		return nil
	}
	mb := p.seg.msg
	if n < 0 || n > maxElements {
		mb.fail(errElements)
		return nil
	}
	sp, ok := mb.allocate(p.seg, uint32((n+wordBytes-1)/wordBytes))
	if !ok {
		return nil
	}
	b := []byte{}
	if n > 0 {
		b = unsafe.Slice((*byte)(sp.seg.at(sp.off)), n)[:n:n]
		copy(b, v)
	}
	p.Clear()
	if !mb.link(p.seg, p.slot(), sp, kindListPtr, listHigh(elemByte, uint32(n))) {
		return nil
	}
	return b
}

// Text returns the text the pointer leads to, without the NUL. The view does not outlive the next change.
func (p PtrBuilder) Text() ([]byte, bool) {
	b, ok := p.bytes()
	if !ok || len(b) == 0 || b[len(b)-1] != 0 {
		return nil, false
	}
	n := len(b) - 1
	return b[:n:n], true
}

// Bytes returns the data the pointer leads to. The memory is pinned.
func (p PtrBuilder) Bytes() ([]byte, bool) {
	b, ok := p.bytes()
	if ok {
		p.seg.msg.pinned = true
	}
	return b, ok
}

func (p PtrBuilder) bytes() ([]byte, bool) {
	w := p.word()
	if w == 0 {
		return nil, false
	}
	mb := p.seg.msg
	tag, seg, pos, ok := mb.resolve(p.seg, p.slot(), w)
	if !ok || tag&3 != kindListPtr || listElem(tag) != elemByte {
		mb.fail(errNotBytes)
		return nil, false
	}
	n := listCount(tag)
	switch {
	case n == 0:
		return []byte{}, true
	case !seg.holds(pos, int64(n)):
		mb.fail(errListBounds)
		return nil, false
	}
	return unsafe.Slice((*byte)(seg.at(uint32(pos))), n)[:n:n], true
}

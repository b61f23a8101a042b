package wire

import "unsafe"

// copied is a deep copy that no pointer leads to yet: either a whole pointer word that does not depend on its place
// (null, empty struct, capability), or an object.
type copied struct {
	word       uint64
	at         space
	kind, high uint32
}

// Set makes the pointer lead to a deep copy of what src leads to. src may lie inside what the pointer leads to now.
// Capabilities go through the capability tables of the two messages.
func (p PtrBuilder) Set(src Ptr) {
	if !p.ready() {
		return
	}
	mb := p.seg.msg
	c := mb.copyPtr(p.seg, src)
	p.Clear()
	mb.attach(p.seg, p.slot(), c)
}

// SetStruct makes the pointer lead to a deep copy of src, or null if src is.
func (p PtrBuilder) SetStruct(src Struct) {
	if !p.ready() {
		return
	}
	mb := p.seg.msg
	var c copied
	if !src.IsNull() {
		c = mb.copyStruct(p.seg, src)
	}
	p.Clear()
	mb.attach(p.seg, p.slot(), c)
}

// SetList makes the pointer lead to a deep copy of src as it was sent, or null if src is.
func (p PtrBuilder) SetList(src List) {
	if !p.ready() {
		return
	}
	mb := p.seg.msg
	var c copied
	if !src.IsNull() {
		c = mb.copyList(p.seg, src)
	}
	p.Clear()
	mb.attach(p.seg, p.slot(), c)
}

// attach makes the pointer at byte slot of seg, which is null, lead to the copy.
func (mb *MessageBuilder) attach(seg *builderSegment, slot uint32, c copied) {
	if c.at.seg == nil {
		store64(seg.at(slot), c.word)
		return
	}
	mb.link(seg, slot, c.at, c.kind, c.high)
}

// copyPtr copies what src leads to, near hint. What is malformed in the source becomes null.
func (mb *MessageBuilder) copyPtr(hint *builderSegment, src Ptr) copied {
	w := src.word()
	if w == 0 {
		return copied{}
	}
	if w&3 == kindOtherPtr {
		return mb.copyCap(src)
	}
	o, ok := follow(src.slot(), src.seg, w)
	if !ok {
		return copied{}
	}
	if o.tag&3 == kindStructPtr {
		if s := structAt(o.tag, o.seg, o.pos, src.meta); s.seg != nil {
			return mb.copyStruct(hint, s)
		}
		return copied{}
	}
	if l := listAt(o, src.meta); l.seg != nil {
		return mb.copyList(hint, l)
	}
	return copied{}
}

func (mb *MessageBuilder) copyCap(src Ptr) copied {
	i, ok := src.CapIndex()
	if !ok {
		return copied{}
	}
	from := src.seg.msg.caps
	if n, ok := from.(TableMaker); ok && mb.caps == nil {
		mb.caps = n.NewTable()
	}
	if mb.caps == nil {
		return copied{}
	}
	if i, ok = mb.caps.CopyCap(from, i); !ok {
		return copied{}
	}
	return copied{word: capPtr(i)}
}

func (mb *MessageBuilder) copyStruct(hint *builderSegment, src Struct) copied {
	size := src.Size()
	if size.words() == 0 {
		return copied{word: emptyStruct}
	}
	sp, ok := mb.allocate(hint, size.words())
	if !ok {
		return copied{}
	}
	mb.copySections(sp.seg, sp.off, uint32(size.DataWords)*wordBytes, src)
	return copied{at: sp, kind: kindStructPtr, high: structHigh(size)}
}

// copySections fills the fresh struct at off, with data bytes of data section, from src, which is not larger.
func (mb *MessageBuilder) copySections(seg *builderSegment, off, data uint32, src Struct) {
	if n := src.meta.data(); n != 0 {
		copy(unsafe.Slice((*byte)(seg.at(off)), n), src.data())
	}
	for i := range src.meta.ptrs() {
		if p := src.Ptr(i); p.word() != 0 {
			mb.attach(seg, off+data+uint32(i)*wordBytes, mb.copyPtr(seg, p))
		}
	}
}

func (mb *MessageBuilder) copyList(hint *builderSegment, src List) copied {
	elem, count := src.meta.elem(), uint32(src.ns)
	if elem == elemComposite {
		return mb.copyComposite(hint, src)
	}
	size := listBytes(elem, count)
	sp, ok := mb.allocate(hint, uint32(size/wordBytes))
	if !ok {
		return copied{}
	}
	c := copied{at: sp, kind: kindListPtr, high: listHigh(elem, count)}
	switch {
	case size == 0:
	case elem == elemPointer:
		for i := range int(count) {
			mb.attach(sp.seg, sp.off+uint32(i)*wordBytes, mb.copyPtr(sp.seg, src.Ptr(i)))
		}
	case elem == elemBit:
		n := (count + 7) / 8
		dst := unsafe.Slice((*byte)(sp.seg.at(sp.off)), n)
		copy(dst, unsafe.Slice((*byte)(src.p), n))
		if count%8 != 0 {
			dst[n-1] &= 1<<(count%8) - 1
		}
	default:
		n := uint64(count) * (src.ns >> 32)
		copy(unsafe.Slice((*byte)(sp.seg.at(sp.off)), n), unsafe.Slice((*byte)(src.p), n))
	}
	return c
}

func (mb *MessageBuilder) copyComposite(hint *builderSegment, src List) copied {
	count, step := uint32(src.ns), uint32(src.step())
	size := Size{uint16(src.meta.data() / wordBytes), src.meta.ptrs()}
	words := uint64(count) * uint64(step/wordBytes)
	if words+1 > maxSegmentWords {
		mb.fail(errObject)
		return copied{}
	}
	sp, ok := mb.allocate(hint, uint32(words)+1)
	if !ok {
		return copied{}
	}
	store64(sp.seg.at(sp.off), uint64(count)<<2|uint64(structHigh(size))<<32)
	if step != 0 {
		for i := range int(count) {
			off := sp.off + wordBytes + uint32(i)*step
			mb.copySections(sp.seg, off, uint32(size.DataWords)*wordBytes, src.Struct(i))
		}
	}
	return copied{at: sp, kind: kindListPtr, high: listHigh(elemComposite, uint32(words))}
}

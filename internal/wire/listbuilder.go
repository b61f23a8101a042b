package wire

import (
	"math"
	"unsafe"
)

// ListBuilderKind is the shape of every list builder view, for type constraints.
type ListBuilderKind = struct {
	seg  *builderSegment
	off  uint32
	meta meta
	ns   uint64
}

// ListBuilder writes a list. Its zero value is the null list, which is empty. A list that found no room has its length
// all the same, so that whoever fills it need not ask; what is written to it is ignored.
type ListBuilder ListBuilderKind

// IsNull tells whether there is no list, or none that found room.
func (l ListBuilder) IsNull() bool { return l.seg == nil || l.seg.base == nil }

// Len is the number of elements.
func (l ListBuilder) Len() int { return int(uint32(l.ns)) }

// Kind is the kind the list was made or opened as.
func (l ListBuilder) Kind() Kind { return l.meta.kind() }

// Message is the message the list is built in, nil for the null list.
func (l ListBuilder) Message() *MessageBuilder {
	if l.seg == nil {
		return nil
	}
	return l.seg.msg
}

// NewList makes the pointer lead to a new list of n elements of k, which is not a struct.
func (p PtrBuilder) NewList(k Kind, n int) ListBuilder {
	elem := k.elem()
	data, ptrs := elemDataBytes(elem), elemPtrs(elem)
	if !p.ready() {
		return noList(elem, data, ptrs, n, k)
	}
	mb := p.seg.msg
	if n < 0 || n > maxElements || elem == elemComposite {
		mb.fail(errElements)
		return noList(elem, data, ptrs, n, k)
	}
	p.Clear()
	sp, ok := mb.allocate(p.seg, uint32(listBytes(elem, uint32(n))/wordBytes))
	if !ok || !mb.link(p.seg, p.slot(), sp, kindListPtr, listHigh(elem, uint32(n))) {
		return noList(elem, data, ptrs, n, k)
	}
	return listBuilder(sp.seg, sp.off, elem, data, ptrs, uint32(n), k)
}

// NewStructList makes the pointer lead to a new list of n structs.
func (p PtrBuilder) NewStructList(size Size, n int) ListBuilder {
	ready := p.ready()
	if ready && (n < 0 || n > maxElements) {
		p.seg.msg.fail(errElements)
		ready = false
	}
	if !ready {
		return noList(elemComposite, uint32(size.DataWords)*wordBytes, uint32(size.Pointers), n, KindStruct)
	}
	p.Clear()
	return p.newStructList(size, uint32(n))
}

func (p PtrBuilder) newStructList(size Size, n uint32) ListBuilder {
	mb := p.seg.msg
	data, ptrs := uint32(size.DataWords)*wordBytes, uint32(size.Pointers)
	words := uint64(n) * uint64(size.words())
	if words+1 > maxSegmentWords {
		mb.fail(errObject)
		return noList(elemComposite, data, ptrs, int(n), KindStruct)
	}
	sp, ok := mb.allocate(p.seg, uint32(words)+1)
	if !ok || !mb.link(p.seg, p.slot(), sp, kindListPtr, listHigh(elemComposite, uint32(words))) {
		return noList(elemComposite, data, ptrs, int(n), KindStruct)
	}
	store64(sp.seg.at(sp.off), uint64(n)<<2|uint64(structHigh(size))<<32)
	return listBuilder(sp.seg, sp.off+wordBytes, elemComposite, data, ptrs, n, KindStruct)
}

func listBuilder(seg *builderSegment, off, elem, data, ptrs, n uint32, k Kind) ListBuilder {
	m := sections(data, ptrs) | meta(elem)<<20 | meta(k)<<56
	return ListBuilder{seg, off, m, uint64(n) | uint64(data+ptrs*wordBytes)<<32}
}

// noList stands for a list of n elements that found no room.
func noList(elem, data, ptrs uint32, n int, k Kind) ListBuilder {
	return listBuilder(nowhere, 0, elem, data, ptrs, uint32(min(max(n, 0), math.MaxInt32)), k)
}

// open returns the list the pointer leads to, with its place unchecked against a kind.
func (p PtrBuilder) open() (l ListBuilder, ok bool) {
	mb := p.seg.msg
	tag, seg, pos, ok := mb.resolve(p.seg, p.slot(), p.word())
	if !ok {
		return ListBuilder{}, false
	}
	if tag&3 != kindListPtr {
		mb.fail(errNotList)
		return ListBuilder{}, false
	}
	elem, count := listElem(tag), listCount(tag)
	data, ptrs := elemDataBytes(elem), elemPtrs(elem)
	size := listBytes(elem, count)
	if elem == elemComposite {
		size = int64(count) * wordBytes
		if !seg.holds(pos, size+wordBytes) {
			mb.fail(errListBounds)
			return ListBuilder{}, false
		}
		t := load64(seg.at(uint32(pos)))
		pos += wordBytes
		data, ptrs, count = structData(t), structPtrs(t), tagCount(t)
	}
	if size != 0 && !seg.holds(pos, size) {
		mb.fail(errListBounds)
		return ListBuilder{}, false
	}
	return listBuilder(seg, uint32(max(pos, 0)), elem, data, ptrs, count, KindAny), true
}

// EditList returns the list the pointer leads to, for elements of k, which is not a struct. Where there is none it is
// a copy of def, or else null.
func (p PtrBuilder) EditList(k Kind, def Ptr) ListBuilder {
	if !p.ready() {
		return ListBuilder{}
	}
	if p.word() == 0 {
		if def.IsNull() {
			return ListBuilder{}
		}
		p.Set(def)
	}
	l, ok := p.open()
	if !ok {
		return ListBuilder{}
	}
	if d := elemFits(l.meta, k); d != nil {
		p.seg.msg.fail(d)
		return ListBuilder{}
	}
	l.meta |= meta(k) << 56
	return l
}

// EditStructList returns the list of structs the pointer leads to, moved to a larger place if its elements are
// smaller than size or are no structs. Where there is none it is a copy of def, or else null.
func (p PtrBuilder) EditStructList(size Size, def Ptr) ListBuilder {
	l := p.EditList(KindStruct, def)
	if l.seg == nil {
		return l
	}
	m := l.meta
	if m.elem() == elemComposite && m.data() >= uint64(size.DataWords)*wordBytes && m.ptrs() >= size.Pointers {
		return l
	}
	data := uint16((m.data() + wordBytes - 1) / wordBytes)
	w := p.word()
	now := p.newStructList(Size{max(data, size.DataWords), max(m.ptrs(), size.Pointers)}, uint32(l.ns))
	if now.IsNull() {
		store64(p.seg.at(p.slot()), w)
		return now
	}
	p.seg.msg.erasePad(w)
	for i := range l.Len() {
		now.Struct(i).take(l.Struct(i))
	}
	if m.elem() == elemComposite {
		l.seg.zero(int64(l.off)-wordBytes, wordBytes)
	}
	return now
}

func (l ListBuilder) step() uint32 { return uint32(l.ns >> 32) }

// elem is the offset of element i, after the check that keeps callers inside.
func (l ListBuilder) elem(i int) uint32 {
	_ = elements[:uint32(l.ns)][i]
	return l.off + uint32(i)*l.step()
}

// Struct is element i as a struct.
func (l ListBuilder) Struct(i int) StructBuilder {
	return StructBuilder{l.seg, l.elem(i), l.meta & (metaData | metaPtrs)}
}

// Ptr is element i as a pointer, the null builder when the elements hold none.
func (l ListBuilder) Ptr(i int) PtrBuilder {
	off := l.elem(i)
	if l.meta.ptrs() == 0 {
		return PtrBuilder{}
	}
	return PtrBuilder{l.seg, off + uint32(l.meta.data()), metaOnePtr}
}

// Bool and SetBool are element i of a list of bools.
func (l ListBuilder) Bool(i int) bool {
	l.elem(i)
	if l.meta.elem() != elemBit || l.seg.n == 0 {
		return false
	}
	return load8(l.seg.at(l.off+uint32(i)>>3))>>(uint(i)&7)&1 != 0
}

// SetBool writes element i of a list of bools.
func (l ListBuilder) SetBool(i int, v bool) {
	l.elem(i)
	if l.meta.elem() != elemBit || l.seg.n == 0 {
		StructBuilder{l.seg, l.off, 0}.refuse(1)
		return
	}
	p := l.seg.at(l.off + uint32(i)>>3)
	if v {
		store8(p, load8(p)|1<<(uint(i)&7))
	} else {
		store8(p, load8(p)&^(1<<(uint(i)&7)))
	}
}

// BuilderAt is element i of a list whose kind is fast and was shown by [Fits] to go with T.
func BuilderAt[T any](l ListBuilder, i int) (t T) {
	b := l.Struct(i)
	switch unsafe.Sizeof(t) {
	case 1:
		v := b.Uint8(0)
		return *(*T)(unsafe.Pointer(&v))
	case 2:
		v := b.Uint16(0)
		return *(*T)(unsafe.Pointer(&v))
	case 4:
		v := b.Uint32(0)
		return *(*T)(unsafe.Pointer(&v))
	case 8:
		v := b.Uint64(0)
		return *(*T)(unsafe.Pointer(&v))
	case unsafe.Sizeof(b):
		return *(*T)(unsafe.Pointer(&b))
	}
	return t
}

// SetAt writes element i of a list of scalars of whole bytes whose kind was shown by [Fits] to go with T.
func SetAt[T any](l ListBuilder, i int, t T) {
	b := l.Struct(i)
	switch unsafe.Sizeof(t) {
	case 1:
		b.SetUint8(0, *(*uint8)(unsafe.Pointer(&t)))
	case 2:
		b.SetUint16(0, *(*uint16)(unsafe.Pointer(&t)))
	case 4:
		b.SetUint32(0, *(*uint32)(unsafe.Pointer(&t)))
	case 8:
		b.SetUint64(0, *(*uint64)(unsafe.Pointer(&t)))
	}
}

// SetScalars writes the first len(src) elements of a list of scalars of whole bytes whose kind was shown by [Fits]
// to go with T.
func SetScalars[T any](l ListBuilder, src []T) {
	if len(src) == 0 {
		return
	}
	l.elem(len(src) - 1)
	if l.seg.n == 0 {
		l.Struct(0).refuse(1)
		return
	}
	if size := unsafe.Sizeof(src[0]); littleEndian && uintptr(l.step()) == size {
		n := uintptr(len(src)) * size
		copy(unsafe.Slice((*byte)(l.seg.at(l.off)), n), unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(src))), n))
		return
	}
	for i := range src {
		SetAt(l, i, src[i])
	}
}

// Reader reads the list as it is now and as it will be changed. The memory is pinned.
func (l ListBuilder) Reader() List {
	if l.seg == nil || l.seg.n == 0 {
		return List{}
	}
	m := l.seg.msg.reader()
	seg := m.segment(l.seg.id)
	size := int64(l.Len()) * int64(l.step())
	if l.meta.elem() == elemBit {
		size = int64(l.Len()+7) / 8
	}
	return List{seg.at(int64(l.off), size), seg, l.meta | meta(m.depth)<<48, l.ns}
}

// Fast tells whether [BuilderAt] may be used: scalars of whole bytes, and structs.
func (l ListBuilder) Fast() bool { return l.meta.kind().fast() }

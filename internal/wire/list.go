package wire

import (
	"math"
	"unsafe"
)

// ListKind is the shape of every list view, for type constraints.
type ListKind = struct {
	p    unsafe.Pointer // first element
	seg  *segment
	meta meta   // one element's sections, its size code, and the kind asked for
	ns   uint64 // count (32 bits) | bytes from one element to the next (32 bits; 0 for bits)
}

// List reads a list. Its zero value is the null list, which is empty.
//
// A list of structs may be read as a list of scalars or pointers, which are then the first field of each, and the
// other way round; lists of bools fit nothing else (C++ since 0.6, and so do we).
type List ListKind

// IsNull tells whether there is no list. An empty list is not null.
func (l List) IsNull() bool { return l.seg == nil }

// Len is the number of elements.
func (l List) Len() int { return int(uint32(l.ns)) }

// Kind is the kind the list was read as.
func (l List) Kind() Kind { return l.meta.kind() }

// Message is the message the list lies in, nil for the null list.
func (l List) Message() *Message {
	if l.seg == nil {
		return nil
	}
	return l.seg.msg
}

func (l List) step() uintptr { return uintptr(l.ns >> 32) }

// ElemSize is the element size code as sent: 0 void, 1 bit, 2–5 one to eight bytes, 6 pointer, 7 struct.
func (l List) ElemSize() int { return int(l.meta.elem()) }

// As reads the list as a list of k. A list that does not fit is a defect, and the result null.
func (l List) As(k Kind) List {
	if l.seg == nil {
		return List{}
	}
	if d := l.fits(k); d != nil {
		l.seg.msg.fail(d)
		return List{}
	}
	l.meta = l.meta&^metaKind | meta(k)<<56
	return l
}

// fits tells what keeps the list from being read as a list of k (C++: readListPointer).
func (l List) fits(k Kind) *Defect { return elemFits(l.meta, k) }

func elemFits(m meta, k Kind) *Defect {
	if k == KindAny {
		return nil
	}
	want := k.elem()
	switch {
	case want == elemBit || m.elem() == elemBit:
		if want != m.elem() {
			return errBitList
		}
	case want == elemPointer:
		if m.ptrs() == 0 {
			return errElemPtr
		}
	case want != elemVoid && want != elemComposite:
		if m.data() < uint64(elemDataBytes(want)) {
			return errElemData
		}
	}
	return nil
}

// elements has as many elements as any list and none of them has a size: slicing and indexing it is the check that an
// index lies in a list, with the panic of a slice and without the cost of a call, which would keep At from inlining.
var elements [math.MaxInt32]struct{}

// at is the address of element i, after the one check that keeps callers inside.
func (l List) at(i int) unsafe.Pointer {
	_ = elements[:uint32(l.ns)][i]
	return unsafe.Add(l.p, uintptr(i)*uintptr(l.ns>>32))
}

// Struct is element i as a struct. The element of a list of bools is the null struct.
func (l List) Struct(i int) Struct {
	return Struct{l.at(i), l.seg, l.meta & metaStruct}
}

// Ptr is element i as a pointer, null when the elements hold none.
func (l List) Ptr(i int) Ptr {
	p := l.at(i)
	if l.meta.ptrs() == 0 {
		return Ptr{}
	}
	return Ptr{unsafe.Add(p, l.meta.data()), l.seg, metaOnePtr | l.meta&metaDepth}
}

// Bool is element i of a list of bools.
func (l List) Bool(i int) bool {
	l.at(i)
	return l.meta.elem() == elemBit && load8(unsafe.Add(l.p, uint(i)>>3))>>(uint(i)&7)&1 != 0
}

// Uint8, Uint16, Uint32 and Uint64 are the first bytes of element i, 0 when it is smaller.
func (l List) Uint8(i int) uint8   { return l.Struct(i).Uint8(0) }
func (l List) Uint16(i int) uint16 { return l.Struct(i).Uint16(0) }
func (l List) Uint32(i int) uint32 { return l.Struct(i).Uint32(0) }
func (l List) Uint64(i int) uint64 { return l.Struct(i).Uint64(0) }

// Fast tells whether [At] may be used: scalars of whole bytes, and structs.
func (l List) Fast() bool { return l.meta.kind().fast() }

// At is element i of a list whose kind is fast and was shown by [Fits] to go with T. Elements are aligned because
// segments are.
func At[T any](l List, i int) (t T) {
	p := l.at(i)
	if unsafe.Sizeof(t) == unsafe.Sizeof(Struct{}) {
		s := Struct{p, l.seg, l.meta & metaStruct}
		return *(*T)(unsafe.Pointer(&s))
	}
	if !littleEndian {
		return swapped[T](p)
	}
	return *(*T)(p)
}

// CopyScalars fills dst, whose length is at most l's, with the elements of a list of scalars of whole bytes.
// The kind was shown by [Fits] to go with T.
func CopyScalars[T any](dst []T, l List) {
	if len(dst) == 0 {
		return
	}
	l.at(len(dst) - 1)
	if size := unsafe.Sizeof(dst[0]); littleEndian && l.step() == size {
		n := uintptr(len(dst)) * size
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), n), unsafe.Slice((*byte)(l.p), n))
		return
	}
	for i := range dst {
		dst[i] = At[T](l, i)
	}
}

// raw is a view of the elements of a list of scalars of whole bytes.
func (l List) raw() []byte {
	n := uint64(uint32(l.ns)) * (l.ns >> 32)
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(l.p), n)
}

package wire

import "unsafe"

// Ptr reads one pointer of any type. It has the shape of a struct with nothing but that pointer, so that taking
// one for the other stays inside the message. Its zero value is the null pointer.
type Ptr StructKind

// PtrKind is what a pointer leads to.
type PtrKind uint8

const (
	PtrNull PtrKind = iota
	PtrStruct
	PtrList
	PtrCap
)

// word is the pointer itself, 0 for the zero Ptr.
func (p Ptr) word() uint64 {
	if p.meta.ptrs() == 0 {
		return 0
	}
	return load64(p.slot())
}

func (p Ptr) slot() unsafe.Pointer { return unsafe.Add(p.p, p.meta.data()) }

// Message is the message the pointer lies in, nil for the zero Ptr.
func (p Ptr) Message() *Message {
	if p.seg == nil {
		return nil
	}
	return p.seg.msg
}

// IsNull tells whether the pointer is null.
func (p Ptr) IsNull() bool { return p.word() == 0 }

// Kind tells what the pointer leads to. A pointer of unknown kind, or one that leads nowhere, counts as null.
func (p Ptr) Kind() PtrKind {
	w := p.word()
	if w == 0 {
		return PtrNull
	}
	if w&3 == kindFarPtr {
		o, ok := followFar(p.seg, w)
		if !ok {
			return PtrNull
		}
		w = o.tag
	}
	switch {
	case w&3 == kindStructPtr:
		return PtrStruct
	case w&3 == kindListPtr:
		return PtrList
	case isCap(w):
		return PtrCap
	}
	p.seg.msg.fail(errPointerKind)
	return PtrNull
}

// Struct follows the pointer to a struct.
func (p Ptr) Struct() Struct {
	if p.meta.ptrs() == 0 {
		return Struct{}
	}
	return readStruct(p.slot(), p.seg, p.meta)
}

// List follows the pointer to a list of k.
func (p Ptr) List(k Kind) List {
	if p.meta.ptrs() == 0 {
		return List{}
	}
	return readList(p.slot(), p.seg, p.meta, k)
}

// Text follows the pointer to text and returns a view of it, without the NUL.
func (p Ptr) Text() ([]byte, bool) {
	if p.meta.ptrs() == 0 {
		return nil, false
	}
	return readText(p.slot(), p.seg)
}

// Bytes follows the pointer to data and returns a view of it.
func (p Ptr) Bytes() ([]byte, bool) {
	if p.meta.ptrs() == 0 {
		return nil, false
	}
	return readBytes(p.slot(), p.seg)
}

// CapIndex is the capability table index, if the pointer is a capability.
func (p Ptr) CapIndex() (uint32, bool) {
	w := p.word()
	if w == 0 {
		return 0, false
	}
	if !isCap(w) {
		if w&3 == kindOtherPtr {
			p.seg.msg.fail(errPointerKind)
		} else {
			p.seg.msg.fail(errNotCap)
		}
		return 0, false
	}
	return uint32(w >> 32), true
}

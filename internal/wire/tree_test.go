package wire

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
)

// A tree is a message as a plain value: what builders are given and what readers must find.
type tree struct {
	kind   string // null, struct, list, cap
	size   Size   // struct; element of a composite list
	elem   uint32 // list
	count  int    // list
	data   []byte // struct data section, scalar list content; bits are one byte each
	ptrs   []tree // struct pointers; pointer list elements
	elems  []tree // composite list elements
	capIdx uint32
}

// String shows a tree so that two can be compared.
func (t tree) String() string {
	var b strings.Builder
	t.show(&b)
	return b.String()
}

func (t tree) show(b *strings.Builder) {
	switch t.kind {
	case "struct":
		fmt.Fprintf(b, "{%d/%d %x", t.size.DataWords, t.size.Pointers, t.data)
		for _, p := range t.ptrs {
			b.WriteByte(' ')
			p.show(b)
		}
		b.WriteByte('}')
	case "list":
		fmt.Fprintf(b, "[%d×%d %x", t.count, t.elem, t.data)
		for _, p := range append(t.ptrs, t.elems...) {
			b.WriteByte(' ')
			p.show(b)
		}
		b.WriteByte(']')
	case "cap":
		fmt.Fprintf(b, "cap%d", t.capIdx)
	default:
		b.WriteString("null")
	}
}

// grow makes a random tree of at most depth levels.
func grow(r *rand.Rand, depth int) tree {
	if depth == 0 {
		return tree{kind: "null"}
	}
	switch n := r.IntN(20); {
	case n < 2:
		return tree{kind: "null"}
	case n < 3:
		return tree{kind: "cap", capIdx: r.Uint32()}
	case n < 10:
		return growStruct(r, depth, Size{uint16(r.IntN(4)), uint16(r.IntN(4))})
	}
	t := tree{kind: "list", elem: uint32(r.IntN(8)), count: r.IntN(5)}
	switch t.elem {
	case elemVoid:
		t.count = r.IntN(100)
	case elemBit:
		t.count = r.IntN(20)
		t.data = make([]byte, t.count)
		for i := range t.data {
			t.data[i] = byte(r.IntN(2))
		}
	case elemPointer:
		for range t.count {
			t.ptrs = append(t.ptrs, grow(r, depth-1))
		}
	case elemComposite:
		t.size = Size{uint16(r.IntN(3)), uint16(r.IntN(3))}
		for range t.count {
			t.elems = append(t.elems, growStruct(r, depth, t.size))
		}
	default:
		t.data = randomBytes(r, t.count*int(elemDataBytes(t.elem)))
	}
	return t
}

func growStruct(r *rand.Rand, depth int, size Size) tree {
	t := tree{kind: "struct", size: size, data: randomBytes(r, int(size.DataWords)*8)}
	for range size.Pointers {
		t.ptrs = append(t.ptrs, grow(r, depth-1))
	}
	return t
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32() >> (r.IntN(4) * 8))
		if r.IntN(3) == 0 {
			b[i] = 0
		}
	}
	return b
}

var elemKinds = []Kind{KindVoid, KindBit, Kind8, Kind16, Kind32, Kind64, KindPtr, KindStruct}

// build writes t to p with the calls that programs use.
func (t tree) build(p PtrBuilder) {
	switch t.kind {
	case "null":
		p.Clear()
	case "cap":
		p.SetCap(t.capIdx)
	case "struct":
		t.fill(p.NewStruct(t.size))
	case "list":
		if t.elem == elemComposite {
			l := p.NewStructList(t.size, t.count)
			for i, e := range t.elems {
				e.fill(l.Struct(i))
			}
			return
		}
		l := p.NewList(elemKinds[t.elem], t.count)
		switch t.elem {
		case elemVoid:
		case elemBit:
			for i, v := range t.data {
				l.SetBool(i, v != 0)
			}
		case elemPointer:
			for i, e := range t.ptrs {
				e.build(l.Ptr(i))
			}
		case elemByte:
			SetScalars(l, t.data)
		default:
			step := int(elemDataBytes(t.elem))
			for i := range t.count {
				v := t.data[i*step:]
				switch step {
				case 2:
					SetAt(l, i, binary.LittleEndian.Uint16(v))
				case 4:
					SetAt(l, i, binary.LittleEndian.Uint32(v))
				case 8:
					SetAt(l, i, binary.LittleEndian.Uint64(v))
				}
			}
		}
	}
}

func (t tree) fill(b StructBuilder) {
	for i := range t.size.DataWords {
		b.SetUint64(uint32(i)*8, binary.LittleEndian.Uint64(t.data[i*8:]))
	}
	for i, p := range t.ptrs {
		p.build(b.Ptr(uint16(i)))
	}
}

// readTree reads all that p leads to. What is bad reads as null.
func readTree(p Ptr) tree {
	switch p.Kind() {
	case PtrStruct:
		if s := p.Struct(); !s.IsNull() {
			return readStructTree(s)
		}
	case PtrList:
		if l := p.List(KindAny); !l.IsNull() {
			return readListTree(l)
		}
	case PtrCap:
		i, _ := p.CapIndex()
		return tree{kind: "cap", capIdx: i}
	}
	return tree{kind: "null"}
}

func readStructTree(s Struct) tree {
	t := tree{kind: "struct", size: s.Size(), data: append([]byte{}, s.Data()...)}
	for i := range s.NumPtrs() {
		t.ptrs = append(t.ptrs, readTree(s.Ptr(uint16(i))))
	}
	return t
}

func readListTree(l List) tree {
	t := tree{kind: "list", elem: uint32(l.ElemSize()), count: l.Len()}
	switch t.elem {
	case elemVoid:
	case elemBit:
		for i := range t.count {
			v := byte(0)
			if l.Bool(i) {
				v = 1
			}
			t.data = append(t.data, v)
		}
	case elemPointer:
		for i := range t.count {
			t.ptrs = append(t.ptrs, readTree(l.Ptr(i)))
		}
	case elemComposite:
		if l.Len() > 0 {
			t.size = l.Struct(0).Size()
		}
		if l.step() == 0 {
			for range min(t.count, 8) { // all the same: a hostile message can have a great many
				t.elems = append(t.elems, readStructTree(l.Struct(0)))
			}
			return t
		}
		for i := range t.count {
			t.elems = append(t.elems, readStructTree(l.Struct(i)))
		}
	default:
		t.data = append([]byte{}, l.raw()...)
	}
	return t
}

// words makes a segment.
func words(w ...uint64) []byte {
	b := []byte{}
	for _, v := range w {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// Pointer words for tests. Offsets are in words, relative as on the wire.
func structWord(off int, data, ptrs int) uint64 {
	return uint64(uint32(off)<<2) | uint64(structHigh(Size{uint16(data), uint16(ptrs)}))<<32
}

func listWord(off int, elem, count uint32) uint64 {
	return uint64(uint32(off)<<2|kindListPtr) | uint64(listHigh(elem, count))<<32
}

func farWord(double bool, pos, segment uint32) uint64 { return farPtr(double, pos*8, segment) }

// tag is the first word of a composite list.
func tagWord(count uint32, data, ptrs int) uint64 {
	return uint64(count)<<2 | uint64(structHigh(Size{uint16(data), uint16(ptrs)}))<<32
}

// fakeCaps is a capability table that gives every capability it is asked for a new index.
type fakeCaps struct {
	next  uint32
	limit uint32
}

func (f *fakeCaps) CopyCap(src CapTable, index uint32) (uint32, bool) {
	if index == f.limit && f.limit != 0 {
		return 0, false
	}
	if src == CapTable(f) || src == nil {
		return index, true
	}
	f.next++
	return f.next, true
}

// sameCaps copies capability indexes unchanged.
type sameCaps struct{}

func (sameCaps) CopyCap(_ CapTable, index uint32) (uint32, bool) { return index, true }

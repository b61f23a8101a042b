package wire

import (
	"encoding/binary"
	"unsafe"
)

// Loads and stores go through byte arrays: one instruction on little-endian machines, right on the others
// and on unaligned memory. Proof of use: every caller has checked that the bytes lie inside a view.

func load8(p unsafe.Pointer) uint8   { return *(*uint8)(p) }
func load16(p unsafe.Pointer) uint16 { return binary.LittleEndian.Uint16((*[2]byte)(p)[:]) }
func load32(p unsafe.Pointer) uint32 { return binary.LittleEndian.Uint32((*[4]byte)(p)[:]) }
func load64(p unsafe.Pointer) uint64 { return binary.LittleEndian.Uint64((*[8]byte)(p)[:]) }

func store8(p unsafe.Pointer, v uint8)   { *(*uint8)(p) = v }
func store16(p unsafe.Pointer, v uint16) { binary.LittleEndian.PutUint16((*[2]byte)(p)[:], v) }
func store32(p unsafe.Pointer, v uint32) { binary.LittleEndian.PutUint32((*[4]byte)(p)[:], v) }
func store64(p unsafe.Pointer, v uint64) { binary.LittleEndian.PutUint64((*[8]byte)(p)[:], v) }

// Pointer words (encoding.md, "Pointers"). The low two bits are the kind.
const (
	kindStructPtr = 0
	kindListPtr   = 1
	kindFarPtr    = 2
	kindOtherPtr  = 3
)

// Element size codes of list pointers.
const (
	elemVoid      = 0
	elemBit       = 1
	elemByte      = 2
	elemTwo       = 3
	elemFour      = 4
	elemEight     = 5
	elemPointer   = 6
	elemComposite = 7
)

// ptrOffset is the signed distance in bytes from the end of the pointer to its target.
func ptrOffset(w uint64) int64 { return int64(int32(uint32(w))>>2) * wordBytes }

// structData and structPtrs are the section sizes of a struct pointer or tag.
func structData(w uint64) uint32 { return uint32(uint16(w>>32)) * wordBytes }
func structPtrs(w uint64) uint32 { return uint32(w >> 48) }

// listElem and listCount describe a list pointer; for composite lists the count is in words.
func listElem(w uint64) uint32  { return uint32(w>>32) & 7 }
func listCount(w uint64) uint32 { return uint32(w >> 35) }

// tagCount is the number of elements in the tag of a composite list.
func tagCount(w uint64) uint32 { return uint32(w) >> 2 }

// farDouble, farPos and farSegment describe a far pointer; the position is in bytes.
func farDouble(w uint64) bool    { return w&4 != 0 }
func farPos(w uint64) int64      { return int64(uint32(w)>>3) * wordBytes }
func farSegment(w uint64) uint32 { return uint32(w >> 32) }

// isCap tells a capability pointer; its index is in the upper half.
func isCap(w uint64) bool { return uint32(w) == kindOtherPtr }

// nearPtr makes a struct or list pointer at byte slot that leads to byte target of the same segment.
// high is the upper half, kind included in low.
func nearPtr(kind uint32, slot, target uint32, high uint32) uint64 {
	words := (int64(target) - int64(slot) - wordBytes) / wordBytes
	return uint64(uint32(words)<<2|kind) | uint64(high)<<32
}

// emptyStruct is a struct pointer that is not null although the struct has no words: its offset is −1.
const emptyStruct = 0xfffffffc

func farPtr(double bool, pos uint32, segment uint32) uint64 {
	w := uint64(pos/wordBytes)<<3 | kindFarPtr | uint64(segment)<<32
	if double {
		w |= 4
	}
	return w
}

func capPtr(index uint32) uint64 { return kindOtherPtr | uint64(index)<<32 }

func structHigh(s Size) uint32 { return uint32(s.DataWords) | uint32(s.Pointers)<<16 }

func listHigh(elem, count uint32) uint32 { return elem | count<<3 }

// elemDataBytes and elemPtrs are the sections of one element that is not a struct; bits have no whole bytes.
func elemDataBytes(elem uint32) uint32 {
	if elem < elemByte || elem > elemEight {
		return 0
	}
	return 1 << (elem - elemByte)
}

func elemPtrs(elem uint32) uint32 {
	if elem == elemPointer {
		return 1
	}
	return 0
}

// listBytes is the size of count elements in bytes, rounded up to words. Composite lists are not meant.
func listBytes(elem, count uint32) int64 {
	if elem == elemBit {
		return (int64(count) + 63) / 64 * wordBytes
	}
	n := int64(count) * int64(elemDataBytes(elem)+elemPtrs(elem)*wordBytes)
	return (n + wordBytes - 1) &^ (wordBytes - 1)
}

// meta packs what a view needs besides its place.
//
//	bits  0–19  bytes of data section (≤ 65535 words; less than a word for elements of scalar lists)
//	bits 20–22  element size code (lists only)
//	bits 32–47  pointers
//	bits 48–55  nesting levels left
//	bits 56–63  Kind (lists only)
type meta uint64

const (
	metaData  = 1<<20 - 1
	metaElem  = 7 << 20
	metaPtrs  = 0xffff << 32
	metaDepth = 0xff << 48
	metaLevel = 1 << 48
	metaKind  = 0xff << 56

	metaStruct = metaData | metaPtrs | metaDepth // what a list element keeps when it becomes a struct
	metaOnePtr = 1 << 32                         // the sections of a pointer slot
)

func sections(dataBytes, ptrs uint32) meta { return meta(dataBytes) | meta(ptrs)<<32 }

func (m meta) data() uint64  { return uint64(m & metaData) }
func (m meta) ptrs() uint16  { return uint16(m >> 32) }
func (m meta) depth() uint32 { return uint32(m>>48) & 0xff }
func (m meta) elem() uint32  { return uint32(m>>20) & 7 }
func (m meta) kind() Kind    { return Kind(m >> 56) }

package wire

import (
	"math/bits"
	"sync"
	"unsafe"
)

// Large segments of outgoing messages are used again: for those the collector would run all the
// time. Sizes have four steps to each doubling, so at most a fifth of the memory lies idle.
const (
	pooledMin = 4 << 10
	pooledMax = 2 << 20
)

var largeSegments [4 * 20]sync.Pool // of *byte, which is nothing but the address of class bytes

// sizeClass returns the class of the smallest step that holds n bytes, and its size.
func sizeClass(n int) (class, size int) {
	top := bits.Len(uint(n-1)) - 1 // 2^top <= n-1
	step := 1 << (top - 2)
	size = (n + step - 1) &^ (step - 1)
	class = 4*(top-11) + (size>>(top-2) - 4)
	return class, size
}

// newSegmentMemory returns n zero bytes, or some more.
func newSegmentMemory(n int) []byte {
	if n < pooledMin || n > pooledMax {
		return make([]byte, n)
	}
	class, size := sizeClass(n)
	if p, ok := largeSegments[class].Get().(*byte); ok {
		return unsafe.Slice(p, size)
	}
	return make([]byte, size)
}

// Recycle gives memory of a large segment back, of which the first used bytes may not be zero.
// What is no such memory is left to the collector. Nothing may point into it any more.
func Recycle(b []byte, used int) {
	n := cap(b)
	if n < pooledMin || n > pooledMax {
		return
	}
	class, size := sizeClass(n)
	if size != n {
		return
	}
	clear(b[:used])
	largeSegments[class].Put(unsafe.SliceData(b))
}

// Surrender gives up the memory of a message that has been made: views of it, old and new, read
// null from now on, and what is written through them is ignored. It appends the whole of each
// segment that may be given to Recycle, once its content has been written out, and what of it is
// in use. It reports false, and does nothing, if something outside points into the memory.
func (mb *MessageBuilder) Surrender(dst []Memory) ([]Memory, bool) {
	if mb.pinned {
		return dst, false
	}
	for _, s := range mb.more {
		if s.cap >= pooledMin {
			dst = append(dst, Memory{unsafe.Slice((*byte)(s.base), s.cap), int(s.n)})
		}
	}
	mb.empty()
	return dst, true
}

// Memory is a segment's memory and how much of it is in use.
type Memory struct {
	Bytes []byte
	Used  int
}

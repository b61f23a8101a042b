package wire

import (
	"unsafe"
)

// swapped loads a scalar of whole bytes on machines that keep them in memory the other way round.
//
//go:noinline
func swapped[T any](p unsafe.Pointer) (t T) {
	switch unsafe.Sizeof(t) {
	case 1:
		v := load8(p)
		return *(*T)(unsafe.Pointer(&v))
	case 2:
		v := load16(p)
		return *(*T)(unsafe.Pointer(&v))
	case 4:
		v := load32(p)
		return *(*T)(unsafe.Pointer(&v))
	}
	v := load64(p)
	return *(*T)(unsafe.Pointer(&v))
}

package wire

import "bytes"

// Equality is the result of comparing two objects.
type Equality uint8

const (
	NotEqual    Equality = iota
	IsEqual              // the same values everywhere
	UnknownCaps          // the same, as far as one can tell without comparing capabilities
)

func (e Equality) and(f Equality) Equality {
	switch {
	case e == NotEqual || f == NotEqual:
		return NotEqual
	case e == UnknownCaps || f == UnknownCaps:
		return UnknownCaps
	}
	return IsEqual
}

// EqualStruct compares values: trailing zeros do not matter, so structs written with different versions of a schema
// are equal when neither has what the other lacks (C++: AnyStruct::Reader::equals). The null struct equals an empty one.
func EqualStruct(a, b Struct) Equality {
	if !bytes.Equal(trimZeros(a.data()), trimZeros(b.data())) {
		return NotEqual
	}
	e := IsEqual
	for i := range max(a.meta.ptrs(), b.meta.ptrs()) {
		if e = e.and(EqualPtr(a.Ptr(i), b.Ptr(i))); e == NotEqual {
			break
		}
	}
	return e
}

func trimZeros(b []byte) []byte { return bytes.TrimRight(b, "\x00") }

// EqualPtr compares what two pointers lead to. Lists are equal only if they have the same element size.
func EqualPtr(a, b Ptr) Equality {
	ka, kb := a.Kind(), b.Kind()
	if ka != kb {
		return NotEqual
	}
	switch ka {
	case PtrStruct:
		return EqualStruct(a.Struct(), b.Struct())
	case PtrList:
		return EqualList(a.List(KindAny), b.List(KindAny))
	case PtrCap:
		return UnknownCaps
	}
	return IsEqual
}

// EqualList compares two lists as sent.
func EqualList(a, b List) Equality {
	if a.Len() != b.Len() || a.meta.elem() != b.meta.elem() && a.Len() != 0 {
		return NotEqual
	}
	e := IsEqual
	switch elem := a.meta.elem(); {
	case a.Len() == 0 || elem == elemVoid:
	case elem == elemBit:
		for i := range a.Len() {
			if a.Bool(i) != b.Bool(i) {
				return NotEqual
			}
		}
	case elem < elemPointer:
		if !bytes.Equal(a.raw(), b.raw()) {
			return NotEqual
		}
	case a.step() == 0 && b.step() == 0:
	default:
		for i := range a.Len() {
			if e = e.and(EqualStruct(a.Struct(i), b.Struct(i))); e == NotEqual {
				break
			}
		}
	}
	return e
}

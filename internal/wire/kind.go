package wire

import (
	"reflect"
	"unsafe"
)

// Kind says what the elements of a list are. The low four bits name a type, the high four how many lists are
// around it, so lists of lists nest 15 deep.
type Kind uint8

const (
	KindAny    Kind = iota // any list: only its length and untyped elements can be read
	KindVoid               // struct{}
	KindBit                // bool
	Kind8                  // int8, uint8
	Kind16                 // int16, uint16, enums
	Kind32                 // int32, uint32, float32
	Kind64                 // int64, uint64, float64
	KindStruct             // a struct view
	KindPtr                // a pointer view
	KindText               // string
	KindData               // []byte
	KindClient             // a capability
	kindBases
)

// ListOf is the kind of a list whose elements are lists of k. It panics when lists nest more than 15 deep.
func ListOf(k Kind) Kind {
	if k >= 0xf0 {
		panic("wire: lists nested too deeply")
	}
	return k + 0x10
}

// Nested tells whether the elements are lists, Inner what those hold.
func (k Kind) Nested() bool { return k >= 0x10 }
func (k Kind) Inner() Kind  { return k - 0x10 }

// fast tells the kinds that At reads without a call.
func (k Kind) fast() bool { return k-Kind8 <= KindStruct-Kind8 }

// elem is the element size code that the kind is written with.
func (k Kind) elem() uint32 {
	switch k {
	case KindAny, KindVoid:
		return elemVoid
	case KindBit:
		return elemBit
	case Kind8:
		return elemByte
	case Kind16:
		return elemTwo
	case Kind32:
		return elemFour
	case Kind64:
		return elemEight
	case KindStruct:
		return elemComposite
	}
	return elemPointer
}

// Fits tells whether values of T can stand for elements of kind k. It is the proof for [Convert] and [At]: scalars,
// text and data are told apart by their Go kind; of structs only the size is compared, because package capnp
// admits no others than views and clients as element types. Nested kinds have to be asked element by element.
func Fits[T any](k Kind) bool {
	var t T
	size := unsafe.Sizeof(t)
	switch rk := reflect.TypeFor[T]().Kind(); k {
	case KindVoid:
		return rk == reflect.Struct && size == 0
	case KindBit:
		return rk == reflect.Bool
	case Kind8:
		return rk == reflect.Uint8 || rk == reflect.Int8
	case Kind16:
		return rk == reflect.Uint16 || rk == reflect.Int16
	case Kind32:
		return rk == reflect.Uint32 || rk == reflect.Int32 || rk == reflect.Float32
	case Kind64:
		return rk == reflect.Uint64 || rk == reflect.Int64 || rk == reflect.Float64
	case KindStruct, KindPtr:
		return rk == reflect.Struct && (size == unsafe.Sizeof(Struct{}) || size == unsafe.Sizeof(StructBuilder{}))
	case KindText:
		return rk == reflect.String
	case KindData:
		return rk == reflect.Slice
	case KindClient:
		return rk == reflect.Struct
	default:
		return rk == reflect.Struct && (size == unsafe.Sizeof(List{}) || size == unsafe.Sizeof(ListBuilder{}))
	}
}

// Convert gives v the type To, which must have the same memory layout: the caller has proved it with [Fits].
func Convert[To, From any](v From) (to To) {
	if unsafe.Sizeof(v) != unsafe.Sizeof(to) {
		panic("wire: element type does not fit its kind")
	}
	return *(*To)(unsafe.Pointer(&v))
}

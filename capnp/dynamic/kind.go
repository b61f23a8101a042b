package dynamic

// Kind says what sort of type a [Type] is.
type Kind uint8

// The kinds. Invalid is that of the zero Type and the zero Value.
const (
	Invalid Kind = iota
	Void
	Bool
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float32
	Float64
	Text
	Data
	ListKind
	EnumKind
	StructKind
	InterfaceKind // a capability of a known interface, or of none (written `Capability`)
	AnyPointer    // also a type parameter that nothing is bound to
	AnyStruct
	AnyList
)

var kindNames = [...]string{
	"invalid", "Void", "Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32",
	"Float64", "Text", "Data", "List", "enum", "struct", "interface", "AnyPointer", "AnyStruct", "AnyList",
}

// String returns the kind as a schema spells it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "invalid"
}

// IsInteger reports whether it is one of the eight integer kinds.
func (k Kind) IsInteger() bool { return k >= Int8 && k <= Uint64 }

// IsFloat reports whether it is Float32 or Float64.
func (k Kind) IsFloat() bool { return k == Float32 || k == Float64 }

// IsPointer reports whether values of the kind lie behind a pointer, and so can be null.
func (k Kind) IsPointer() bool { return k >= Text && k != EnumKind }

// bits is the size of a field of the kind in the data section; 0 for Void and pointers.
func (k Kind) bits() uint64 {
	switch k {
	case Bool:
		return 1
	case Int8, Uint8:
		return 8
	case Int16, Uint16, EnumKind:
		return 16
	case Int32, Uint32, Float32:
		return 32
	case Int64, Uint64, Float64:
		return 64
	}
	return 0
}

// signed is the value that v, of which only the lowest bits are the kind's, stands for.
func (k Kind) signed(v uint64) int64 {
	shift := 64 - k.bits()
	return int64(v<<shift) >> shift
}

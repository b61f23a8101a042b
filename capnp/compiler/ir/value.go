package ir

// Value is a schema.Value.
type Value struct {
	Kind TypeKind
	Bits uint64  // of a scalar or enum, as it would stand in a struct
	Ptr  *Object // of Text, Data, List, StructType, AnyPointer; nil is null
}

// Object is what a pointer points to: wire data, but as a tree. Objects are
// shared between values; once made they do not change.
type Object struct {
	Kind  ObjectKind
	Bytes string // of text (without the NUL) or data

	// A struct. Data beyond len(Data) is zero, pointers beyond len(Ptrs) null.
	Words, Pointers uint16 // sizes of the sections
	Data            []byte
	Ptrs            []*Object

	// A list of Len elements. ElemBits is the size of one in Data, unless the
	// elements are pointers (in Ptrs) or structs of Words and Pointers (in Ptrs,
	// nil for all zero).
	Len      int
	ElemBits int

	// Size is the number of words that the object and all below it take in a
	// message, Depth the number of objects on the longest way down.
	Size, Depth int
}

// ObjectKind tells the kinds of object apart.
type ObjectKind uint8

const (
	TextObject ObjectKind = iota
	DataObject
	StructObject
	ScalarList  // ElemBits each, 0 for Void
	PointerList // Ptrs are the elements
	StructList  // Ptrs are the elements
)

// MaxSize is where Size stops counting.
const MaxSize = 1 << 40

// Measure sets Size and Depth from the object's own fields and those of the
// objects in Ptrs, which must have been measured.
func (o *Object) Measure() *Object {
	o.Depth = 1
	switch o.Kind {
	case TextObject:
		o.Size = len(o.Bytes)/8 + 1
	case DataObject:
		o.Size = (len(o.Bytes) + 7) / 8
	case ScalarList:
		o.Size = (o.Len*o.ElemBits + 63) / 64
	case StructObject:
		o.Size = int(o.Words) + int(o.Pointers)
	case PointerList:
		o.Size = o.Len
	case StructList:
		o.Size = 1 + o.Len*(int(o.Words)+int(o.Pointers))
	}
	for _, p := range o.Ptrs {
		if p == nil {
			continue
		}
		o.Size += p.Size
		if o.Kind == StructList {
			o.Size -= int(p.Words) + int(p.Pointers) // already counted
		}
		o.Size = min(o.Size, MaxSize)
		o.Depth = max(o.Depth, p.Depth+1)
	}
	return o
}

// Resized is a struct with sections of the given sizes: what does not fit is
// lost, what is new is zero.
func (o *Object) Resized(words, pointers uint16) *Object {
	if o == nil || o.Words == words && o.Pointers == pointers {
		return o
	}
	r := &Object{Kind: StructObject, Words: words, Pointers: pointers}
	r.Data = o.Data[:min(len(o.Data), int(words)*8)]
	r.Ptrs = o.Ptrs[:min(len(o.Ptrs), int(pointers))]
	return r.Measure()
}

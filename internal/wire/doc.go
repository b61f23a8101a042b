// Package wire reads and builds Cap'n Proto words: segments, pointers, structs, lists and far pointers.
//
// It knows no schemas and no capabilities, and it is the only package of this module that uses unsafe.
// Programs use package capnp, which wraps every type here; do not import this one to save a conversion.
//
// Readers ([Message], [Struct], [Ptr], [List]) are immutable and safe for many goroutines. Builders
// ([MessageBuilder], [StructBuilder], [PtrBuilder], [ListBuilder]) have one owner until they are sealed.
//
// Invariants, checked where a view is made and assumed afterwards:
//
//   - a reader view lies inside its segment: base ≤ p and p+size ≤ base+n; an empty view has p = base,
//     never a pointer past the end;
//   - a builder view lies inside the part of its segment that was allocated when the view was made; that
//     part only grows, until sealing or detaching sets the segment's length to zero and leaves its base;
//   - a view has at most four fields and 32 bytes, so that it lives in registers.
package wire

// CapTable resolves the capability pointers of one message. This package never looks inside.
type CapTable interface {
	// CopyCap puts the capability that src holds at index into this table and says where.
	// src is nil when the source message has no table. Without ok the copied pointer becomes null.
	CopyCap(src CapTable, index uint32) (newIndex uint32, ok bool)
}

// A TableMaker is a CapTable that can make an empty one for a message that has none yet and gets a
// copy of a capability.
type TableMaker interface{ NewTable() CapTable }

// Size is the size of a struct's two sections.
type Size struct {
	DataWords, Pointers uint16
}

func (s Size) words() uint32 { return uint32(s.DataWords) + uint32(s.Pointers) }

const (
	wordBytes       = 8
	maxSegmentWords = 1<<29 - 1
	maxElements     = 1<<29 - 1
)

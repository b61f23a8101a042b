package wire

// A Class groups the defects a message or a builder can have. It is an error, so that errors.Is finds it.
type Class uint8

const (
	// Malformed: a pointer leads outside its segment or is not a pointer at all.
	Malformed Class = iota + 1
	// Mistyped: a sound pointer leads to something else than what was asked for.
	Mistyped
	// Exceeded: the traversal or nesting limit was reached.
	Exceeded
	// Stale: a builder view was used after its message was sealed, sent or detached.
	Stale
	// TooLarge: a builder ran into its size limit, or an object is larger than the format allows.
	TooLarge
)

// Error returns the class in words.
func (c Class) Error() string {
	switch c {
	case Malformed:
		return "malformed message"
	case Mistyped:
		return "message does not fit the schema"
	case Exceeded:
		return "message exceeds a read limit"
	case Stale:
		return "message is already sealed"
	case TooLarge:
		return "message too large"
	}
	return "bad message"
}

// Defect is one thing wrong with a message. Defects are constants of this package, so recording one never allocates.
type Defect struct {
	class Class
	text  string
}

func (d *Defect) Error() string { return d.class.Error() + ": " + d.text }

// Unwrap returns the class.
func (d *Defect) Unwrap() error { return d.class }

var (
	errNoRoot       = &Defect{Malformed, "no root pointer"}
	errStructBounds = &Defect{Malformed, "struct pointer out of bounds"}
	errListBounds   = &Defect{Malformed, "list pointer out of bounds"}
	errFarSegment   = &Defect{Malformed, "far pointer to an unknown segment"}
	errFarBounds    = &Defect{Malformed, "far pointer out of bounds"}
	errFarPad       = &Defect{Malformed, "far pointer does not lead to a struct or list pointer"}
	errListTag      = &Defect{Malformed, "struct list without a struct tag"}
	errListOverrun  = &Defect{Malformed, "struct list elements overrun the word count"}
	errPointerKind  = &Defect{Malformed, "unknown pointer kind"}
	errSegments     = &Defect{Malformed, "segment is not a whole number of words or too large"}

	errNotStruct = &Defect{Mistyped, "struct expected"}
	errNotList   = &Defect{Mistyped, "list expected"}
	errNotBytes  = &Defect{Mistyped, "text or data expected"}
	errNoNUL     = &Defect{Mistyped, "text without a final NUL"}
	errNotCap    = &Defect{Mistyped, "capability expected"}
	errBitList   = &Defect{Mistyped, "a list of bools never fits another element type"}
	errElemData  = &Defect{Mistyped, "list elements hold too little data"}
	errElemPtr   = &Defect{Mistyped, "list elements hold no pointer"}

	errTraversal = &Defect{Exceeded, "traversal limit reached"}
	errAmplified = &Defect{Exceeded, "list of empty elements exceeds the traversal limit"}
	errDepth     = &Defect{Exceeded, "nested too deeply or in a cycle"}

	errStale     = &Defect{Stale, "builder used after its message was sealed"}
	errPastEnd   = &Defect{Mistyped, "write past the end of the struct"}
	errOtherMsg  = &Defect{Mistyped, "object belongs to another message"}
	errBuildSize = &Defect{TooLarge, "size limit of the builder reached"}
	errObject    = &Defect{TooLarge, "object exceeds the largest segment"}
	errElements  = &Defect{TooLarge, "too many list elements"}
)

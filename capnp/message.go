package capnp

import "lanyard.dev/internal/wire"

// Limits bounds what reading one message may cost. The zero value means the defaults.
type Limits struct {
	// TraversalWords is how many words readers may walk, counting again what they read again; default 8 Mi.
	TraversalWords int64
	// Depth is how many pointers deep the message may nest; default 64, at most 255.
	Depth int

	_ struct{}
}

func (l *Limits) wire() wire.Limits {
	if l == nil {
		return wire.Limits{}
	}
	return wire.Limits{TraversalWords: l.TraversalWords, Depth: l.Depth}
}

// Message is a finished message. It is immutable and safe for many goroutines.
type Message wire.Message

// OpenMessage makes a message of its segments, which belong to it from now on and must not be changed. A nil limits
// means the defaults. To read bytes from a file or a connection use package capnp/frame.
func OpenMessage(segments [][]byte, limits *Limits) *Message {
	return (*Message)(wire.NewMessage(segments, limits.wire()))
}

func (m *Message) wire() *wire.Message { return (*wire.Message)(m) }

// Root returns the root pointer.
func (m *Message) Root() Ptr { return Ptr(m.wire().Root()) }

// Err returns the first defect that any reader of the message met, or nil.
func (m *Message) Err() error { return m.wire().Err() }

// Verify walks the whole message once and returns its first defect. Afterwards readers are not counted against the
// traversal limit. It finds broken structure, not wrong types, which only accessors notice.
func (m *Message) Verify() error { return m.wire().Verify() }

// Segments returns the memory of the message, which must not be changed.
func (m *Message) Segments() [][]byte { return m.wire().Segments() }

// BuilderOptions says how a builder gets memory. The zero value, or nil, means the defaults.
type BuilderOptions struct {
	// FirstWords is the size of the first segment in words; default 128.
	FirstWords int
	// GrowWords is the size of each further segment. By default the message doubles.
	GrowWords int
	// MaxWords is the size limit of the message; default 8 Mi, which is what readers accept by default.
	MaxWords int64
	// Reserve sets aside the first words of the message for an envelope; only transports need it.
	Reserve int

	_ struct{}
}

// MessageBuilder is a message under construction. It has one owner. What goes wrong, a size limit for instance, is
// kept in it: writes that found no place are ignored, and Err and everything that sends the message report it.
type MessageBuilder wire.MessageBuilder

// NewMessage starts a message with a null root.
func NewMessage(o *BuilderOptions) *MessageBuilder {
	var w wire.BuilderOptions
	if o != nil {
		w = wire.BuilderOptions{FirstWords: o.FirstWords, GrowWords: o.GrowWords, MaxWords: o.MaxWords, Reserve: o.Reserve}
	}
	return (*MessageBuilder)(wire.NewMessageBuilder(w))
}

func (m *MessageBuilder) wire() *wire.MessageBuilder { return (*wire.MessageBuilder)(m) }

// Root returns the root pointer.
func (m *MessageBuilder) Root() PtrBuilder { return PtrBuilder(m.wire().Root()) }

// Err returns the first thing that went wrong, or nil.
func (m *MessageBuilder) Err() error { return m.wire().Err() }

// Segments returns what has been built, for writing it out. The memory is still the builder's.
func (m *MessageBuilder) Segments() [][]byte { return m.wire().Segments() }

// AppendSegments is Segments into a slice of the caller's.
func (m *MessageBuilder) AppendSegments(dst [][]byte) [][]byte { return m.wire().AppendSegments(dst) }

// Size returns the size of the message so far, in bytes without framing.
func (m *MessageBuilder) Size() int { return int(m.wire().Words()) * 8 }

// Seal finishes the message without copying it. Builders made before write nowhere from then on.
func (m *MessageBuilder) Seal() *Message { return (*Message)(m.wire().Seal()) }

// NewRootStruct makes the root a new struct.
func NewRootStruct(m *MessageBuilder, size StructSize) StructBuilder {
	return m.Root().NewStruct(size)
}

// StaticPtr returns the root of a message with one segment, for constants and defaults in generated code. It panics
// if the message is bad.
func StaticPtr(words string) Ptr {
	m := OpenMessage([][]byte{[]byte(words)}, nil)
	if err := m.Verify(); err != nil {
		panic("capnp: bad constant: " + err.Error())
	}
	return m.Root()
}

package wire

import "unsafe"

// Small messages are one allocation, header and memory together, in these sizes.
type (
	message64 struct {
		Message
		b [64]byte
	}
	message128 struct {
		Message
		b [128]byte
	}
	message256 struct {
		Message
		b [256]byte
	}
	message512 struct {
		Message
		b [512]byte
	}
	message1024 struct {
		Message
		b [1024]byte
	}
)

// Receive makes a message of one segment, whose memory, n bytes, the caller fills before anybody reads it.
// Small messages come with their memory in one piece.
func Receive(n int, limits Limits) (*Message, []byte) {
	m, b := receive(n)
	m.init(limits)
	m.setSegment(&m.seg0, b)
	return m, b
}

func receive(n int) (*Message, []byte) {
	switch {
	case n <= 64:
		m := &message64{}
		return &m.Message, m.b[:n:n]
	case n <= 128:
		m := &message128{}
		return &m.Message, m.b[:n:n]
	case n <= 256:
		m := &message256{}
		return &m.Message, m.b[:n:n]
	case n <= 512:
		m := &message512{}
		return &m.Message, m.b[:n:n]
	case n <= 1024:
		m := &message1024{}
		return &m.Message, m.b[:n:n]
	}
	return &Message{}, make([]byte, n)
}

var _ = unsafe.Sizeof(message64{}) // the arrays follow an 8-byte-aligned header, so words in them are aligned

// InitBuilder makes mb, which is zero, an empty message whose first segment is mem, which is zero, too; if that has no
// room for the reserve it is not used. Who has the builder inside a larger object saves allocations so.
func InitBuilder(mb *MessageBuilder, o BuilderOptions, mem []byte) {
	o.FirstWords = len(mem) / wordBytes
	if o.FirstWords >= max(o.Reserve, 1) {
		mb.first = mem[:o.FirstWords*wordBytes]
	}
	mb.init(o)
}

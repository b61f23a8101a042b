package frame

import "encoding/binary"

// Splitter finds where messages end in a stream whose bytes come in pieces of any size, without
// keeping any: transports need it that carry each message by itself. The zero value stands before
// a message. It bounds nothing, which is for a [Reader] to do.
type Splitter struct {
	state splitState
	word  [4]byte // of the table, while it is not complete
	have  int     // bytes of it
	words uint64  // of the table that are to come after it, or with it unless it is the first
	sizes uint64  // how many of them are sizes
	body  uint64  // bytes of segments to come
}

type splitState uint8

const (
	atCount splitState = iota
	inTable
	inBody
)

const hugeBody = 1 << 62 // where sums of sizes stop growing

// Cut takes the next piece of the stream. It returns how much of it belongs to the current message
// and whether the message ends there; call it again with the rest.
func (s *Splitter) Cut(b []byte) (n int, end bool) {
	for n < len(b) {
		if s.state == inBody {
			k := min(s.body, uint64(len(b)-n))
			n += int(k)
			s.body -= k
			if s.body == 0 {
				*s = Splitter{}
				return n, true
			}
			continue
		}
		k := copy(s.word[s.have:], b[n:])
		n += k
		if s.have += k; s.have < 4 {
			break
		}
		s.have = 0
		if s.next(uint64(binary.LittleEndian.Uint32(s.word[:]))) {
			*s = Splitter{}
			return n, true
		}
	}
	return n, false
}

// next takes a word of the table. It reports whether the message ends with it.
func (s *Splitter) next(v uint64) bool {
	if s.state == atCount {
		s.state, s.sizes = inTable, v+1
		s.words = s.sizes + (s.sizes+1)%2
		return false
	}
	if s.sizes > 0 {
		s.sizes--
		s.body = min(s.body+8*v, hugeBody)
	}
	if s.words--; s.words > 0 {
		return false
	}
	s.state = inBody
	return s.body == 0
}

// Inside reports whether the stream stands within a message.
func (s *Splitter) Inside() bool { return s.state != atCount || s.have > 0 }

// Known returns how many of the bytes that come next belong to the current message for certain; at
// least one.
func (s *Splitter) Known() int64 {
	switch s.state {
	case atCount:
		return int64(8 - s.have) // a table has two words at least
	case inTable:
		return int64(4*s.words) - int64(s.have)
	default:
		return int64(s.body)
	}
}

package wire

import (
	"sync/atomic"
	"unsafe"
)

// Limits bounds what reading one message may cost. The zero value means the defaults.
type Limits struct {
	// TraversalWords is how many words may be walked, counted at every dereference; default 8 Mi, as in C++.
	TraversalWords int64
	// Depth is how many pointers may be followed from the root; default 64, at most 255.
	Depth int

	_ struct{}
}

const (
	defaultTraversal = 8 << 20
	defaultDepth     = 64
	maxDepth         = 255
	unlimited        = 1 << 62 // a verified message has at least this much left and never counts
)

// Message is an immutable message. Any number of goroutines may read it.
type Message struct {
	err   atomic.Pointer[Defect]
	left  atomic.Int64 // words until the traversal limit
	depth uint8
	caps  CapTable
	seg0  segment
	more  []segment // segments 1…
}

// segment is read-only memory; base and n never change.
type segment struct {
	base unsafe.Pointer
	n    uint32 // bytes
	msg  *Message
}

// NewMessage makes a message of segments, which it keeps and nobody may change from now on.
// A segment that is no whole number of words is cut down to one, and that is a defect. Memory that is not aligned to
// words is copied.
func NewMessage(segments [][]byte, limits Limits) *Message {
	m := &Message{}
	m.init(limits)
	if len(segments) == 0 {
		return m
	}
	m.setSegment(&m.seg0, segments[0])
	if len(segments) > 1 {
		m.more = make([]segment, len(segments)-1)
		for i := range m.more {
			m.setSegment(&m.more[i], segments[i+1])
		}
	}
	return m
}

func (m *Message) init(limits Limits) {
	m.left.Store(defaultTraversal)
	if limits.TraversalWords > 0 {
		m.left.Store(min(limits.TraversalWords, unlimited-1))
	}
	m.depth = defaultDepth
	if limits.Depth > 0 {
		m.depth = uint8(min(limits.Depth, maxDepth))
	}
	m.seg0.msg = m
}

func (m *Message) setSegment(s *segment, b []byte) {
	n := uint64(len(b))
	if n%wordBytes != 0 || n > maxSegmentWords*wordBytes {
		m.fail(errSegments)
		n = min(n, maxSegmentWords*wordBytes) &^ (wordBytes - 1)
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%wordBytes != 0 {
		c := make([]byte, n)
		copy(c, b)
		p = unsafe.Pointer(unsafe.SliceData(c))
	}
	*s = segment{p, uint32(n), m}
}

// Caps is the capability table, nil unless SetCaps was called.
func (m *Message) Caps() CapTable { return m.caps }

// SetCaps gives the message its capability table. It must happen before the message is shared.
func (m *Message) SetCaps(t CapTable) { m.caps = t }

// Err is the first defect that any reader of this message met, or nil.
func (m *Message) Err() error {
	if d := m.err.Load(); d != nil {
		return d
	}
	return nil
}

//go:noinline
func (m *Message) fail(d *Defect) { m.err.CompareAndSwap(nil, d) }

// charge takes words from the traversal limit.
func (m *Message) charge(words int64) bool {
	if m.left.Load() >= unlimited {
		return true
	}
	if m.left.Add(-words) < 0 {
		m.left.Add(words)
		return false
	}
	return true
}

// NumSegments and Segment give the raw memory; it must not be changed.
func (m *Message) NumSegments() int { return 1 + len(m.more) }

// Segment returns segment i.
func (m *Message) Segment(i int) []byte {
	s := &m.seg0
	if i > 0 {
		s = &m.more[i-1]
	}
	return s.bytes(0, s.n)
}

// Segments returns all segments.
func (m *Message) Segments() [][]byte {
	all := make([][]byte, m.NumSegments())
	for i := range all {
		all[i] = m.Segment(i)
	}
	return all
}

// Root is the root pointer.
func (m *Message) Root() Ptr {
	if m.seg0.n < wordBytes {
		m.fail(errNoRoot)
		return Ptr{}
	}
	return Ptr{m.seg0.base, &m.seg0, metaOnePtr | meta(m.depth)<<48}
}

func (m *Message) segment(id uint32) *segment {
	if id == 0 {
		return &m.seg0
	}
	if uint64(id) > uint64(len(m.more)) {
		return nil
	}
	return &m.more[id-1]
}

// bytes is n bytes at off, which the caller has checked, with nothing behind them to append to.
func (s *segment) bytes(off, n uint32) []byte {
	if n == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(unsafe.Add(s.base, off)), n)[:n:n]
}

// holds tells whether size bytes at pos lie inside the segment.
func (s *segment) holds(pos, size int64) bool {
	return pos >= 0 && pos <= int64(s.n) && size <= int64(s.n)-pos
}

// at is the address of pos; for empty objects it is the base, because theirs may lie past the end.
func (s *segment) at(pos, size int64) unsafe.Pointer {
	if size == 0 {
		return s.base
	}
	return unsafe.Add(s.base, pos)
}

// pos is the offset of an address inside the segment.
func (s *segment) pos(p unsafe.Pointer) int64 { return int64(uintptr(p) - uintptr(s.base)) }

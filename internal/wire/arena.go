package wire

import (
	"math"
	"sync/atomic"
	"unsafe"
)

// BuilderOptions says how a builder gets memory. Zero fields mean the defaults.
type BuilderOptions struct {
	// FirstWords is the size of the first segment; default 128, and never less than Reserve.
	FirstWords int
	// GrowWords is the size of every further segment. By default each is as large as all before it together.
	GrowWords int
	// MaxWords is how many words the message may have; default 8 Mi, what readers accept by default.
	MaxWords int64
	// Reserve sets aside the first words of the message, the root pointer included, for BeginReserve.
	Reserve int

	_ struct{}
}

const (
	defaultFirstWords = 128
	defaultMaxWords   = 8 << 20
	maxAllocWords     = min(maxSegmentWords, math.MaxInt/wordBytes)
)

// MessageBuilder is a message under construction. It has one owner.
//
// The first defect sticks; from then on allocations may fail, a builder that could not be allocated is null, and
// writes to it are ignored.
type MessageBuilder struct {
	err           atomic.Pointer[Defect] // atomic because a stale view may be written from elsewhere
	caps          CapTable
	options       BuilderOptions
	words         int64  // allocated in all segments
	capacity      int64  // of all segments, in words
	reserve       uint32 // bytes of segment 0 set aside
	reserved      uint32 // bytes of them in use
	within        bool   // between BeginReserve and EndReserve
	pinned        bool   // something outside points into the memory: it must not be reused
	from          *MessageBuilder
	snapshot      *Message // of Reader, current while words is snapshotWords
	snapshotWords int64
	first         []byte // memory for segment 0 that somebody gave
	seg0          builderSegment
	more          []*builderSegment
}

// builderSegment is memory that fills up. base never changes; n only grows, until the memory goes elsewhere: then
// it is 0 for good, so that a view made before finds nothing. That is safe even against a write that races.
type builderSegment struct {
	base unsafe.Pointer
	n    uint32 // bytes allocated
	cap  uint32 // bytes
	id   uint32
	msg  *MessageBuilder
}

// nowhere is where lists that found no room lie. It has no memory, belongs to no message and never changes.
var nowhere = &builderSegment{}

// NewMessageBuilder returns an empty message with a null root.
func NewMessageBuilder(o BuilderOptions) *MessageBuilder {
	mb := &MessageBuilder{}
	mb.init(o)
	return mb
}

func (mb *MessageBuilder) init(o BuilderOptions) {
	if o.Reserve < 1 {
		o.Reserve = 1
	}
	if o.FirstWords <= 0 {
		o.FirstWords = defaultFirstWords
	}
	if o.MaxWords <= 0 {
		o.MaxWords = defaultMaxWords
	}
	o.Reserve = min(o.Reserve, maxAllocWords)
	o.FirstWords = min(max(o.FirstWords, o.Reserve), maxAllocWords)
	mb.options = o
	mb.setMemory(&mb.seg0, o.FirstWords)
	mb.seg0.n = uint32(o.Reserve) * wordBytes
	mb.words = int64(o.Reserve)
	mb.reserve, mb.reserved = mb.seg0.n, wordBytes
}

func (mb *MessageBuilder) setMemory(s *builderSegment, words int) {
	b := mb.first
	mb.first = nil
	if b == nil {
		b = newSegmentMemory(words * wordBytes)
	}
	*s = builderSegment{unsafe.Pointer(unsafe.SliceData(b)), 0, uint32(len(b)), 0, mb}
	mb.capacity += int64(words)
}

// Caps is the capability table, nil unless SetCaps was called.
func (mb *MessageBuilder) Caps() CapTable { return mb.caps }

// SetCaps gives the message its capability table, before the first capability is set or read.
func (mb *MessageBuilder) SetCaps(t CapTable) { mb.caps = t }

// Err is the first thing that went wrong while building, or nil.
func (mb *MessageBuilder) Err() error {
	if d := mb.err.Load(); d != nil {
		return d
	}
	return nil
}

//go:noinline
func (mb *MessageBuilder) fail(d *Defect) { mb.err.CompareAndSwap(nil, d) }

// Words is the size of the message so far.
func (mb *MessageBuilder) Words() int64 { return mb.words }

// Pinned tells whether something outside points into the memory, so that it must be left to the collector.
func (mb *MessageBuilder) Pinned() bool { return mb.pinned }

// BeginReserve makes allocations come from the reserve, as long as it lasts, until EndReserve.
func (mb *MessageBuilder) BeginReserve() { mb.within = true }

// EndReserve ends BeginReserve.
func (mb *MessageBuilder) EndReserve() { mb.within = false }

// NumSegments is at least 1.
func (mb *MessageBuilder) NumSegments() int { return 1 + len(mb.more) }

// Segments returns what was allocated of each segment. The memory is still the builder's: the slices are for
// writing the message out, and nothing may be built meanwhile.
func (mb *MessageBuilder) Segments() [][]byte {
	return mb.AppendSegments(make([][]byte, 0, mb.NumSegments()))
}

// AppendSegments is Segments into a slice of the caller's.
func (mb *MessageBuilder) AppendSegments(dst [][]byte) [][]byte {
	for i := range mb.NumSegments() {
		dst = append(dst, mb.segment(uint32(i)).bytes())
	}
	return dst
}

func (s *builderSegment) bytes() []byte {
	return unsafe.Slice((*byte)(s.base), s.n)[:s.n:s.n]
}

func (mb *MessageBuilder) segment(id uint32) *builderSegment {
	if id == 0 {
		return &mb.seg0
	}
	if uint64(id) > uint64(len(mb.more)) {
		return nil
	}
	return mb.more[id-1]
}

// holds tells whether size bytes at pos are allocated.
func (s *builderSegment) holds(pos, size int64) bool {
	return pos >= 0 && pos <= int64(s.n) && size <= int64(s.n)-pos
}

// at is the address of off, which the caller has checked against n.
func (s *builderSegment) at(off uint32) unsafe.Pointer { return unsafe.Add(s.base, off) }

// take allocates words from this segment. Fresh memory is zero.
func (mb *MessageBuilder) take(s *builderSegment, words uint32) (off uint32, ok bool) {
	size := int64(words) * wordBytes
	if mb.within && mb.seg0.n != 0 && s == &mb.seg0 && int64(mb.reserved)+size <= int64(mb.reserve) {
		off = mb.reserved
		mb.reserved += uint32(size)
		return off, true
	}
	if mb.seg0.n == 0 || int64(s.n)+size > int64(s.cap) || !mb.affords(words) {
		return 0, false
	}
	off = s.n
	s.n += uint32(size)
	mb.words += int64(words)
	return off, true
}

func (mb *MessageBuilder) affords(words uint32) bool {
	return mb.words+int64(words) <= mb.options.MaxWords
}

// grow adds a segment with room for words.
func (mb *MessageBuilder) grow(words uint32) (*builderSegment, bool) {
	if words > maxAllocWords {
		mb.fail(errObject)
		return nil, false
	}
	if mb.seg0.n == 0 {
		mb.fail(errStale)
		return nil, false
	}
	if !mb.affords(words) {
		mb.fail(errBuildSize)
		return nil, false
	}
	size := mb.capacity
	if mb.options.GrowWords > 0 {
		size = int64(mb.options.GrowWords)
	}
	size = min(size, mb.options.MaxWords-mb.words, maxAllocWords)
	s := &builderSegment{}
	mb.setMemory(s, int(max(size, int64(words))))
	mb.more = append(mb.more, s)
	s.id = uint32(len(mb.more))
	return s, true
}

// space is freshly allocated memory that no pointer leads to yet.
type space struct {
	seg *builderSegment
	off uint32
	pad bool // the word before off is free, for a far pointer's landing pad
}

// allocate finds words of memory, near hint when that has room.
func (mb *MessageBuilder) allocate(hint *builderSegment, words uint32) (space, bool) {
	if words > maxSegmentWords {
		mb.fail(errObject)
		return space{}, false
	}
	if off, ok := mb.take(hint, words); ok {
		return space{hint, off, false}, true
	}
	s := hint
	if len(mb.more) > 0 {
		s = mb.more[len(mb.more)-1]
	}
	off, ok := uint32(0), false
	if s != hint {
		off, ok = mb.take(s, words+1)
	}
	if !ok {
		if s, ok = mb.grow(words + 1); !ok {
			return space{}, false
		}
		off, _ = mb.take(s, words+1)
	}
	return space{s, off + wordBytes, true}, true
}

// link makes the pointer at byte slot of seg lead to the object at sp. The slot must hold nothing of value.
func (mb *MessageBuilder) link(seg *builderSegment, slot uint32, sp space, kind, high uint32) bool {
	if sp.seg == seg {
		store64(seg.at(slot), nearPtr(kind, slot, sp.off, high))
		return true
	}
	if sp.pad {
		pad := sp.off - wordBytes
		store64(sp.seg.at(pad), nearPtr(kind, pad, sp.off, high))
		store64(seg.at(slot), farPtr(false, pad, sp.seg.id))
		return true
	}
	if pad, ok := mb.take(sp.seg, 1); ok {
		store64(sp.seg.at(pad), nearPtr(kind, pad, sp.off, high))
		store64(seg.at(slot), farPtr(false, pad, sp.seg.id))
		return true
	}
	s := mb.segment(uint32(len(mb.more)))
	pad, ok := mb.take(s, 2)
	if !ok {
		if s, ok = mb.grow(2); !ok {
			store64(seg.at(slot), 0)
			return false
		}
		pad, _ = mb.take(s, 2)
	}
	store64(s.at(pad), farPtr(false, sp.off, sp.seg.id))
	store64(unsafe.Add(s.at(pad), wordBytes), uint64(kind)|uint64(high)<<32)
	store64(seg.at(slot), farPtr(true, pad, s.id))
	return true
}

// resolve follows the builder's own pointer word w, stored at byte slot of seg.
func (mb *MessageBuilder) resolve(seg *builderSegment, slot uint32, w uint64) (tag uint64, s *builderSegment, pos int64, ok bool) {
	if w&3 != kindFarPtr {
		return w, seg, int64(slot) + wordBytes + ptrOffset(w), true
	}
	s, pos = mb.segment(farSegment(w)), farPos(w)
	size := int64(wordBytes)
	if farDouble(w) {
		size = 2 * wordBytes
	}
	if s == nil || !s.holds(pos, size) {
		mb.fail(errFarBounds)
		return 0, nil, 0, false
	}
	tag = load64(s.at(uint32(pos)))
	if !farDouble(w) {
		return tag, s, pos + wordBytes + ptrOffset(tag), true
	}
	far := tag
	tag = load64(s.at(uint32(pos) + wordBytes))
	if s = mb.segment(farSegment(far)); s == nil {
		mb.fail(errFarSegment)
		return 0, nil, 0, false
	}
	return tag, s, farPos(far), true
}
